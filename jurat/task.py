"""A folder becomes a Task: all of it is read and checked before anything is spent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jurat.encoder import Encoder
from jurat.settings import check_label_model, check_student
from jurat.tables import read_items, read_labels
from jurat.teachers import Teacher, read_teachers
from labelfns import (
    Context,
    InputError,
    Item,
    LabelFn,
    Pattern,
    Prompt,
    Similarity,
    SimilarTo,
    describe,
    read_patterns,
    read_prompts,
    read_rules,
)
from labelfns.yamlfile import YamlMap, read_text, read_yaml

KEYS = ("name", "text", "items", "gold", "test", "reference", "encoder", "classes", "models",
        "similar", "label_model", "student", "budget", "recorded", "ask")  # fmt: skip
COMPARED = ("name", "description", "name and description")
RESERVED = ("abstain", "classes")
KINDS = {Prompt: "prompts", Pattern: "patterns", SimilarTo: "similarity"}


@dataclass(frozen=True)
class Task:
    """A task folder, read and checked.

    `gold`, `test` and `reference` map ids of items to class indices. `live` is how many items
    that the recorded answers do not cover are asked about; None is all of them.
    """

    folder: Path
    name: str
    text: str
    items: Sequence[Item]
    items_file: Path
    classes: Mapping[str, str]
    labelfns: Sequence[LabelFn]
    teachers: Mapping[str, Teacher]
    encoder: Encoder | None
    similarities: Sequence[Similarity]
    gold: Mapping[str, int]
    test: Mapping[str, int]
    reference: Mapping[str, int]
    label_model: Mapping[str, Any] = field(default_factory=dict)
    student: Mapping[str, Any] = field(default_factory=dict)
    budget: float | None = None
    recorded: Path | None = None
    live: int | None = None

    @property
    def out(self) -> Path:
        """The folder that runs write into."""
        return self.folder / "out"

    @property
    def prompts(self) -> list[Prompt]:
        """The labeling functions that ask a model."""
        return [f for f in self.labelfns if isinstance(f, Prompt)]

    @property
    def training_items(self) -> list[Item]:
        """The items that models are fitted on: all but those kept for the test."""
        return [item for item in self.items if item.id not in self.test]


def kind_of(labelfn: LabelFn) -> str:
    """Say what a labeling function is, in a word."""
    return next((word for kind, word in KINDS.items() if isinstance(labelfn, kind)), "rules")


def read_task(folder: Path | str) -> Task:
    """Read and check a task folder; raises `labelfns.InputError` with file and line."""
    folder = Path(folder)
    file = folder / "task.yaml"
    if not file.is_file():
        raise InputError("there is no task here; `jurat init` makes one from a CSV", file)
    top = read_yaml(read_text(file), file)
    top.only(KEYS)
    top.need(("items", "classes"))
    classes, teachers = _classes(top), read_teachers(_child(top, "models"))
    settings: dict[str, Any] = {"budget": _budget(top), "live": _live(top)}
    settings |= {"label_model": check_label_model(top), "student": check_student(top)}
    text, items_file = top.text("text", "text"), _file(top, "items") or folder
    items, columns = read_items(items_file, text)
    encoder = _encoder(top)
    near = _Similarities(classes, encoder)
    labels = _labels(top, items, list(classes))
    scored = {i.id: i.text for i in items if i.id in labels["gold"] or i.id in labels["test"]}
    labelfns = _labelfns(top, classes, teachers, [*columns, "text"], near, scored)
    return Task(
        folder, top.text("name", folder.resolve().name), text, items, items_file, classes,
        labelfns, teachers, encoder, near.made, **labels, recorded=_recorded(top), **settings,
    )  # fmt: skip


@dataclass
class _Similarities:
    """One `Similarity` for each way to describe the classes, shared by all who need it."""

    classes: Mapping[str, str]
    encoder: Encoder | None
    by: dict[str, Similarity] = field(default_factory=dict)

    def to(self, by: str) -> Similarity:
        assert self.encoder is not None
        if by not in self.by:
            self.by[by] = Similarity(self.encoder, describe(self.classes, by))
        return self.by[by]

    @property
    def made(self) -> list[Similarity]:
        return list(self.by.values())


def _labelfns(
    top: YamlMap,
    classes: Mapping[str, str],
    teachers: Mapping[str, Teacher],
    columns: Sequence[str],
    near: _Similarities,
    scored: Mapping[str, str],
) -> list[LabelFn]:
    folder, names = top.file.parent, list(classes)
    patterns = _read_if_there(folder / "patterns.yaml", read_patterns, names)
    rules = _read_if_there(folder / "rules.py", read_rules, names)
    context = Context(
        classes,
        {alias: teacher.identity for alias, teacher in teachers.items()},
        columns,
        near.to("description") if near.encoder else None,
        {p.name: p.fires for p in patterns if isinstance(p, Pattern)},
        scored,
    )
    files = sorted((folder / "prompts").glob("*.md"))
    prompts = [(file, prompt) for file in files for prompt in read_prompts(file, context)]
    similar: list[tuple[Path, LabelFn]] = [(top.file, f) for f in _similar(top, near)]
    found = [*prompts, *similar, *((folder / "patterns.yaml", p) for p in patterns)]
    return _named_apart([*found, *((folder / "rules.py", r) for r in rules)], top)


def _read_if_there(
    file: Path, read: Callable[[Path, Sequence[str]], Sequence[LabelFn]], classes: Sequence[str]
) -> Sequence[LabelFn]:
    return read(file, classes) if file.is_file() else []


def _named_apart(found: Sequence[tuple[Path, LabelFn]], top: YamlMap) -> list[LabelFn]:
    where: dict[str, Path] = {}
    for file, labelfn in found:
        if labelfn.name in where:
            raise InputError(
                f"a labeling function of {where[labelfn.name].name} is called {labelfn.name!r} "
                "too; give each its own name", file)  # fmt: skip
        where[labelfn.name] = file
    if not found:
        raise top.error(
            "the task has no labeling function; write prompts/NAME.md, patterns.yaml or rules.py"
        )
    return [labelfn for _, labelfn in found]


def _similar(top: YamlMap, near: _Similarities) -> list[SimilarTo]:
    entries = _child(top, "similar")
    if entries.values and near.encoder is None:
        raise top.error("'similar' needs an encoder; name one as 'encoder'", "similar")
    for name in entries.values:
        if entries.text(name) not in COMPARED:
            raise entries.error(f"{name!r} must be one of {', '.join(COMPARED)}", name)
    return [SimilarTo(name, near.to(entries.text(name))) for name in entries.values]


def _classes(top: YamlMap) -> dict[str, str]:
    given = top.child("classes")
    if len(given.values) < 2:
        raise top.error("'classes' needs at least two lines NAME: description", "classes")
    for name, description in given.values.items():
        if name in RESERVED or not name.strip():
            raise given.error(f"{name!r} cannot be the name of a class; choose another", name)
        if isinstance(description, (YamlMap, list)):
            raise given.error(f"the description of {name!r} must be a text", name)
    return {name: "" if d is None else str(d) for name, d in given.values.items()}


def _labels(top: YamlMap, items: Sequence[Item], classes: list[str]) -> dict[str, Any]:
    known = {item.id for item in items}
    labels: dict[str, dict[str, int]] = {}
    for key in ("gold", "test", "reference"):
        file = _file(top, key)
        labels[key] = read_labels(file, known, classes) if file else {}
    for key in ("gold", "reference"):
        if both := next((i for i in labels["test"] if i in labels[key]), None):
            raise top.error(
                f"the item {both!r} is in 'test' and in {key!r}; a test item may be seen by "
                "nothing that is fitted or chosen", key)  # fmt: skip
    return labels


def _child(top: YamlMap, key: str) -> YamlMap:
    return top.child(key) if key in top.values else YamlMap(top.file, top.line, {}, {})


def _recorded(top: YamlMap) -> Path | None:
    """Find the recorded answers; a copy of the task that lacks them asks for itself."""
    file = _file(top, "recorded")
    return file if file and file.is_file() else None


def _encoder(top: YamlMap) -> Encoder | None:
    if "encoder" not in top.values:
        return None
    return Encoder(top.text("encoder"), top.file.parent / "out" / "embeddings")


def _file(top: YamlMap, key: str) -> Path | None:
    return top.file.parent / top.text(key) if key in top.values else None


def _budget(top: YamlMap) -> float | None:
    value = top.values.get("budget")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= 0:
        raise top.error(f"'budget' must be US dollars, at least 0, not {value!r}", "budget")
    return float(value)


def _live(top: YamlMap) -> int | None:
    ask = _child(top, "ask")
    ask.only(("live",))
    return ask.count("live")
