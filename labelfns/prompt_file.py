"""Reading a prompt file: everything about it is checked before a cent is spent."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from jinja2 import TemplateSyntaxError, meta

from labelfns.errors import InputError
from labelfns.prompt import JINJA, Prompt
from labelfns.similar import Gate, Similarity
from labelfns.vote import Item
from labelfns.yamlfile import YamlMap, read_text, read_yaml

KEYS = ("answers", "model", "ask", "offer", "max_tokens", "temperature")


@dataclass(frozen=True)
class Context:
    """What a prompt file may refer to.

    `classes` maps names to descriptions, `models` maps the names used in files to the
    identities that are asked, `patterns` maps names of rules to what says whether they fire.
    """

    classes: Mapping[str, str]
    models: Mapping[str, str]
    columns: Collection[str] = ("text",)
    similarity: Similarity | None = None
    patterns: Mapping[str, Callable[[Item], bool]] | None = None


def read_prompt(file: Path, context: Context) -> Prompt:
    """Read and check one prompt file; raises InputError with file and line."""
    head, body, body_line = _split(read_text(file), file)
    head.only(KEYS)
    head.need(["answers"])
    _check_body(body, file, body_line, set(context.columns) | {"choices"})
    answers = _answers(head, context)
    offer = head.count("offer")
    if offer and answers is not None:
        raise head.error("'offer' belongs to a prompt with `answers: classes`", "offer")
    if (offer or "ask" in head.values) and context.similarity is None:
        raise head.error(
            "needs an encoder; name one as 'encoder' in task.yaml", "offer" if offer else "ask"
        )
    alias = head.text("model", "default")
    if alias not in context.models:
        known = ", ".join(context.models) or "none"
        raise head.error(f"unknown model {alias!r}; task.yaml names {known}", "model")
    return Prompt(
        name=file.stem,
        template=body,
        model=context.models[alias],
        classes=context.classes,
        answers=answers,
        gate=_gate(head, answers, context) if "ask" in head.values else None,
        offer=offer,
        similarity=context.similarity,
        max_tokens=head.count("max_tokens") or 64,
        temperature=_temperature(head),
    )


def _split(text: str, file: Path) -> tuple[YamlMap, str, int]:
    lines = text.split("\n")
    if not text.strip():
        raise InputError(
            "is empty; a prompt file has a head between --- lines and a question", file
        )
    if lines[0].strip() != "---":
        raise InputError("must begin with a line --- that opens the head", file, 1)
    ends = [i for i, line in enumerate(lines[1:], 1) if line.strip() == "---"]
    if not ends:
        raise InputError("the head is not closed; end it with a line ---", file, 1)
    body = "\n".join(lines[ends[0] + 1 :])
    start = ends[0] + 2 + (len(body) - len(body.lstrip("\n")))
    if not body.strip():
        raise InputError("has no question below its head", file, ends[0] + 1)
    return read_yaml("\n".join(lines[1 : ends[0]]), file, 2), body.strip("\n"), start


def _check_body(body: str, file: Path, first: int, known: set[str]) -> None:
    try:
        names = meta.find_undeclared_variables(JINJA.parse(body))
    except TemplateSyntaxError as e:
        raise InputError(f"broken template: {e.message}", file, first + e.lineno - 1) from None
    for name in sorted(names - known):
        line = next((i for i, part in enumerate(body.split("\n")) if name in part), 0)
        raise InputError(
            f"the variable {name!r} is no column of the items; there are {', '.join(sorted(known))}",
            file, first + line)  # fmt: skip
    if not names - {"choices"}:
        raise InputError("never shows the item; write {{ text }} where it belongs", file, first)


def _answers(head: YamlMap, context: Context) -> dict[str, tuple[int, ...]] | None:
    if head.values["answers"] == "classes":
        return None
    if not isinstance(head.values["answers"], YamlMap):
        raise head.error(
            "'answers' must be `classes` or a mapping such as {yes: CLASS, no: abstain}", "answers"
        )
    given = head.child("answers")
    answers: dict[str, tuple[int, ...]] = {}
    for said, means in given.values.items():
        if said.casefold() in {a.casefold() for a in answers}:
            raise given.error(f"the answer {said!r} stands here twice", said)
        answers[said] = _classes(means, said, given, context)
    if not any(answers.values()):
        raise given.error("no answer leads to a class, so this prompt could never vote")
    return answers


def _classes(means: object, said: str, given: YamlMap, context: Context) -> tuple[int, ...]:
    names = list(context.classes)
    wanted = means if isinstance(means, list) else [means]
    if wanted == ["abstain"]:
        return ()
    for name in wanted:
        if name not in context.classes:
            known = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
            raise given.error(
                f"{name!r} is no class of this task; there are {known}, and abstain", said
            )
    return tuple(names.index(name) for name in wanted)


def _gate(head: YamlMap, answers: Mapping[str, tuple[int, ...]] | None, context: Context) -> Gate:
    ask = head.child("ask")
    ask.only(("similar", "patterns"))
    known = context.patterns or {}
    wanted = ask.values.get("patterns", [])
    for name in wanted if isinstance(wanted, list) else [wanted]:
        if name not in known:
            raise ask.error(f"no pattern is named {name!r}", "patterns")
    classes = (
        range(len(context.classes)) if answers is None else [c for a in answers.values() for c in a]
    )
    assert context.similarity is not None
    rules = tuple(known[name] for name in wanted)
    return Gate(frozenset(classes), context.similarity, ask.count("similar") or 0, rules)


def _temperature(head: YamlMap) -> float:
    value = head.values.get("temperature", 0.0)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 2:
        raise head.error(
            f"'temperature' must be a number from 0 to 2, not {value!r}", "temperature"
        )
    return float(value)
