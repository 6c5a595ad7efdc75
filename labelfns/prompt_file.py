"""Reading a prompt file: everything about it is checked before a cent is spent."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from labelfns.answer_map import read_answers
from labelfns.errors import InputError
from labelfns.prompt import Meaning, Prompt
from labelfns.questions import TOKENS as ANSWER_TOKENS
from labelfns.questions import Asked, Question, read_questions
from labelfns.rationale import TOKENS
from labelfns.shots import WAYS, Shots, read_shots
from labelfns.similar import Gate, Similarity
from labelfns.template import NOBODY, OFFERED, check_template
from labelfns.vote import Item
from labelfns.yamlfile import YamlMap, read_text, read_yaml

SHARED = ("model", "ask", "max_tokens", "temperature")
ONE = ("answers", "offer", "examples", "rationale")
SHOTS = 4  # examples shown where a file does not say how many


@dataclass(frozen=True)
class Context:
    """What a prompt file may refer to.

    `classes` maps names to descriptions, `models` maps the names used in files to the
    identities that are asked, `patterns` maps names of rules to what says whether they fire.
    `scored` maps the ids of gold and test items to their texts: none may serve as an example.
    """

    classes: Mapping[str, str]
    models: Mapping[str, str]
    columns: Collection[str] = ("text",)
    similarity: Similarity | None = None
    patterns: Mapping[str, Callable[[Item], bool]] | None = None
    scored: Mapping[str, str] = field(default_factory=dict)


def read_prompts(file: Path, context: Context) -> list[Prompt]:
    """Read and check one prompt file: one labeling function, or one for each of its `questions`.

    Raises InputError with file and line.
    """
    head, body, body_line = _split(read_text(file), file)
    if "questions" in head.values:
        head.only(("questions", *SHARED))
        sheet = read_questions(head, context.classes)
        check_template(body, file, body_line, context.columns, {"questions": sheet})
        return list(_sheet(head, body, sheet, context))
    head.only((*ONE, *SHARED))
    head.need(["answers"])
    answers = read_answers(head, context.classes)
    shots = _shots(head, context) if "examples" in head.values else None
    check_template(body, file, body_line, context.columns, _given(answers, shots))
    return [_prompt(head, body, answers, shots, context)]


def read_prompt(file: Path, context: Context) -> Prompt:
    """Read a prompt file that is one labeling function; raises InputError with file and line."""
    prompts = read_prompts(file, context)
    if len(prompts) > 1:
        raise InputError("holds several questions; read it with read_prompts", file)
    return prompts[0]


def _given(answers: Meaning | None, shots: Shots | None) -> dict[str, object]:
    """Give samples of what the template may show, without an encoder."""
    given: dict[str, object] = {} if answers is not None else {"choices": OFFERED}
    if shots is not None:
        given["examples"] = replace(shots, how="fixed").pick(NOBODY, lambda label: "A")
    return given


def _prompt(
    head: YamlMap, body: str, answers: Meaning | None, shots: Shots | None, context: Context
) -> Prompt:
    rationale = head.flag("rationale")
    return Prompt(
        name=head.file.stem,
        template=body,
        model=_model(head, context),
        classes=context.classes,
        answers=answers,
        gate=_gate(head, [answers], context) if "ask" in head.values else None,
        offer=_offer(head, answers, context),
        similarity=context.similarity,
        max_tokens=head.count("max_tokens") or (TOKENS if rationale else 64),
        temperature=_temperature(head),
        shots=shots,
        rationale=rationale,
    )


def _sheet(
    head: YamlMap, body: str, sheet: tuple[Asked, ...], context: Context
) -> Iterator[Question]:
    gate = _gate(head, [q.answers for q in sheet], context) if "ask" in head.values else None
    for asked in sheet:
        yield Question(
            name=asked.name,
            template=body,
            model=_model(head, context),
            classes=context.classes,
            answers=asked.answers,
            gate=gate,
            similarity=context.similarity,
            max_tokens=head.count("max_tokens") or ANSWER_TOKENS * len(sheet),
            temperature=_temperature(head),
            sheet=sheet,
            number=asked.number,
        )


def _shots(head: YamlMap, context: Context) -> Shots:
    given = head.child("examples")
    given.only(("file", "choose", "count"))
    given.need(("file",))
    how = given.text("choose", WAYS[0])
    if how not in WAYS:
        raise given.error(f"'choose' must be one of {', '.join(WAYS)}, not {how!r}", "choose")
    if how == "nearest":
        _need_encoder(given, "choose", context)
    file = head.file.parent / given.text("file")
    if not file.is_file():
        raise given.error(f"there is no file {file} of examples", "file")
    encode = context.similarity.encode if context.similarity and how != "fixed" else None
    return read_shots(file, list(context.classes), context.columns, context.scored,
                      count=given.count("count") or SHOTS, how=how, encode=encode)  # fmt: skip


def _split(text: str, file: Path) -> tuple[YamlMap, str, int]:
    lines = text.split("\n")
    if not text.strip():
        raise InputError(
            "is empty; a prompt file has a head between --- lines and a question", file
        )
    if lines[0].strip() != "---":
        raise InputError("must begin with a line --- that opens the head", file, 1)
    end = next((i for i, line in enumerate(lines[1:], 1) if line.strip() == "---"), None)
    if end is None:
        raise InputError("the head is not closed; end it with a line ---", file, 1)
    body = "\n".join(lines[end + 1 :])
    start = end + 2 + (len(body) - len(body.lstrip("\n")))
    if not body.strip():
        raise InputError("has no question below its head", file, end + 1)
    return read_yaml("\n".join(lines[1:end]), file, 2), body.strip("\n"), start


def _model(head: YamlMap, context: Context) -> str:
    alias = head.text("model", "default")
    if alias not in context.models:
        known = ", ".join(context.models) or "none"
        raise head.error(f"unknown model {alias!r}; task.yaml names {known}", "model")
    return context.models[alias]


def _offer(head: YamlMap, answers: object, context: Context) -> int | None:
    offer = head.count("offer")
    if offer is None:
        return None
    if answers is not None:
        raise head.error("'offer' belongs to a prompt with `answers: classes`", "offer")
    if not 1 < offer <= len(context.classes):
        raise head.error(
            f"'offer' must be from 2 to the number of classes, {len(context.classes)}", "offer"
        )
    _need_encoder(head, "offer", context)
    return offer


def _gate(head: YamlMap, answers: Sequence[Meaning | None], context: Context) -> Gate:
    ask = head.child("ask")
    ask.only(("similar", "patterns"))
    if not ask.values:
        raise head.error("'ask' is empty; write e.g. {similar: 5} or {patterns: [NAME]}", "ask")
    nearest = ask.count("similar") or 0
    if nearest:
        _need_encoder(head, "ask", context)
    classes = {c for each in answers if each is not None for means in each.values() for c in means}
    every = frozenset(range(len(context.classes)))
    asked = every if None in answers else frozenset(classes)
    return Gate(asked, context.similarity, nearest, _rules(ask, context))


def _rules(ask: YamlMap, context: Context) -> tuple[Callable[[Item], bool], ...]:
    known = context.patterns or {}
    names = ask.words("patterns")
    for name in names:
        if name not in known:
            some = ", ".join(list(known)[:8]) or "none"
            raise ask.error(f"no pattern is named {name!r}; there are {some}", "patterns")
    return tuple(known[name] for name in names)


def _need_encoder(head: YamlMap, key: str, context: Context) -> None:
    if context.similarity is None:
        raise head.error(
            f"{key!r} needs an encoder to say what is similar; "
            "name one as 'encoder' in task.yaml", key)  # fmt: skip


def _temperature(head: YamlMap) -> float:
    value = head.values.get("temperature", 0.0)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 2:
        raise head.error(
            f"'temperature' must be a number from 0 to 2, not {value!r}", "temperature"
        )
    return float(value)
