"""Checking a prompt's template: it must render, and show what it must show."""

from __future__ import annotations

import re
import traceback
from collections.abc import Collection
from pathlib import Path

from jinja2 import TemplateSyntaxError, meta

from labelfns.errors import InputError
from labelfns.prompt import JINJA, Choice

SAMPLE = "sample"
OFFERED = [Choice("A", SAMPLE, SAMPLE, 0), Choice("B", SAMPLE, SAMPLE, 1)]


def check_template(
    body: str, file: Path, first: int, columns: Collection[str], multiple_choice: bool
) -> None:
    """Refuse a template that is broken, or would be with the first item.

    `first` is the line of `file` that `body` begins at. Raises InputError with file and line.
    """
    try:
        names = meta.find_undeclared_variables(JINJA.parse(body))
    except TemplateSyntaxError as e:
        raise InputError(f"broken template: {e.message}", file, first + e.lineno - 1) from None
    own = {"choices"} if multiple_choice else set[str]()
    for name in sorted(names - set(columns) - own):
        raise InputError(_unknown(name, columns), file, first + _line_of(name, body))
    if own - names:
        raise InputError(
            "never shows the choices; write {% for c in choices %}{{ c.key }}. {{ c.name }} "
            "{% endfor %} where they belong", file, first)  # fmt: skip
    if not names - own:
        raise InputError("never shows the item; write {{ text }} where it belongs", file, first)
    _try(body, file, first, columns)


def _try(body: str, file: Path, first: int, columns: Collection[str]) -> None:
    try:
        JINJA.from_string(body).render({**dict.fromkeys(columns, SAMPLE), "choices": OFFERED})
    except Exception as e:  # whatever an expression in a template may raise
        frames = [f for f in traceback.extract_tb(e.__traceback__) if f.filename == "<template>"]
        line = (frames[-1].lineno if frames else None) or 1
        raise InputError(f"broken template: {e}", file, first + line - 1) from None


def _unknown(name: str, columns: Collection[str]) -> str:
    if name == "choices":
        return "'choices' belongs to a prompt with `answers: classes`; this one says its answers"
    there = ", ".join(sorted(columns))
    return f"the variable {name!r} is no column of the items; there are {there}"


def _line_of(name: str, body: str) -> int:
    word = re.compile(rf"\b{re.escape(name)}\b")
    lines = body.split("\n")
    in_tag = (i for i, line in enumerate(lines) if "{" in line and word.search(line))
    return next(in_tag, next((i for i, line in enumerate(lines) if word.search(line)), 0))
