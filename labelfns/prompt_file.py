"""Reading a prompt file: everything about it is checked before a cent is spent."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from labelfns.answer_map import read_answers
from labelfns.errors import InputError
from labelfns.prompt import Prompt
from labelfns.similar import Gate, Similarity
from labelfns.template import check_template
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
    answers = read_answers(head, context.classes)
    check_template(body, file, body_line, context.columns, multiple_choice=answers is None)
    return Prompt(
        name=file.stem,
        template=body,
        model=_model(head, context),
        classes=context.classes,
        answers=answers,
        gate=_gate(head, answers, context) if "ask" in head.values else None,
        offer=_offer(head, answers, context),
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


def _gate(head: YamlMap, answers: Mapping[str, tuple[int, ...]] | None, context: Context) -> Gate:
    ask = head.child("ask")
    ask.only(("similar", "patterns"))
    if not ask.values:
        raise head.error("'ask' is empty; write e.g. {similar: 5} or {patterns: [NAME]}", "ask")
    nearest = ask.count("similar") or 0
    if nearest:
        _need_encoder(head, "ask", context)
    every = range(len(context.classes))
    classes = every if answers is None else {c for means in answers.values() for c in means}
    return Gate(frozenset(classes), context.similarity, nearest, _rules(ask, context))


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
