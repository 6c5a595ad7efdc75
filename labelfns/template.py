"""Checking a prompt's template: it must render, and show what it must show."""

from __future__ import annotations

import re
import traceback
from collections.abc import Collection, Mapping
from pathlib import Path

from jinja2 import TemplateSyntaxError, meta

from labelfns.errors import InputError
from labelfns.prompt import JINJA, Choice
from labelfns.vote import Item

SAMPLE = "sample"
OFFERED = [Choice("A", SAMPLE, SAMPLE, 0), Choice("B", SAMPLE, SAMPLE, 1)]
NOBODY = Item("", {"text": SAMPLE})
LOOPS = {
    "choices": "{% for c in choices %}{{ c.key }}. {{ c.name }} {% endfor %}",
    "examples": "{% for e in examples %}{{ e.text }}: {{ e.answer }} {% endfor %}",
    "questions": "{% for q in questions %}{{ q.number }}. {{ q.ask }} {% endfor %}",
}
BELONGS = {
    "choices": "`answers: classes`; this one says its answers",
    "examples": "`examples: {file: NAME.csv}` in its head",
    "questions": "`questions:` in its head",
}


def check_template(
    body: str, file: Path, first: int, columns: Collection[str], given: Mapping[str, object]
) -> None:
    """Refuse a template that is broken, or would be with the first item.

    `first` is the line of `file` that `body` begins at. `given` are samples of what stands beside
    the columns, and must be shown: `choices`, `examples`. Raises InputError with file and line.
    """
    try:
        names = meta.find_undeclared_variables(JINJA.parse(body))
    except TemplateSyntaxError as e:
        raise InputError(f"broken template: {e.message}", file, first + e.lineno - 1) from None
    for name in sorted(names - set(columns) - set(given)):
        raise InputError(_unknown(name, columns), file, first + _line_of(name, body))
    for name in sorted(set(given) - names):
        raise InputError(f"never shows the {name}; write {LOOPS[name]} where they belong",
                         file, first)  # fmt: skip
    if not names - set(given):
        raise InputError("never shows the item; write {{ text }} where it belongs", file, first)
    _try(body, file, first, {**dict.fromkeys(columns, SAMPLE), **given})


def _try(body: str, file: Path, first: int, sample: Mapping[str, object]) -> None:
    try:
        JINJA.from_string(body).render(sample)
    except Exception as e:  # whatever an expression in a template may raise
        frames = [f for f in traceback.extract_tb(e.__traceback__) if f.filename == "<template>"]
        line = (frames[-1].lineno if frames else None) or 1
        raise InputError(f"broken template: {e}", file, first + line - 1) from None


def _unknown(name: str, columns: Collection[str]) -> str:
    if name in BELONGS:
        return f"{name!r} belongs to a prompt with {BELONGS[name]}"
    there = ", ".join(sorted(columns))
    return f"the variable {name!r} is no column of the items; there are {there}"


def _line_of(name: str, body: str) -> int:
    word = re.compile(rf"\b{re.escape(name)}\b")
    lines = body.split("\n")
    in_tag = (i for i, line in enumerate(lines) if "{" in line and word.search(line))
    return next(in_tag, next((i for i, line in enumerate(lines) if word.search(line)), 0))
