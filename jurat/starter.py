"""`jurat init`: a task folder from a table of texts, ready to be made better by hand."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from jurat.files import replacing
from jurat.tables import is_missing, rows
from labelfns import InputError

LABELS = ("label", "class", "category", "topic", "tag")
Row = dict[str, Any]

TASK = """\
# What is labelled, with what, and by whom. `jurat check` says what is wrong with it.
name: {name}
text: {text}                # the column that is labelled
items: items.jsonl
{gold}encoder: all-MiniLM-L6-v2    # for similarity; downloaded once

# A sentence on each class: prompts with `answers: classes` and similarity read it.
classes:
{classes}
# Who is asked. With a key: {{backend: openai, model: gpt-5-mini}} or
# {{backend: anthropic, model: claude-haiku-4-5}}; a server of your own: add base_url: http://...
models:
  default: {{backend: local, model: qwen2.5-coder-1.5b-instruct-q4_k_m}}

# Labeling functions without a language model: the class whose text is nearest.
similar:
  similar_description: name and description

label_model: {{name: LabelModel}}
student: {{model: all-MiniLM-L6-v2, epochs: 3}}
"""

ONE = """\
---
answers: {{yes: {name}, no: abstain}}
model: default
---
Read this text.
\"\"\"
{{{{ text }}}}
\"\"\"
Question: Is this text about: {about}? Answer yes or no.
"""

CHOOSE = """\
---
answers: classes
model: default
---
Read this text.
\"\"\"
{{ text }}
\"\"\"
Which of these is it about?
{% for c in choices %}{{ c.key }}. {{ c.name }}
{% endfor %}Answer with one letter.
"""


@dataclass(frozen=True)
class Columns:
    """Which column is what; `id` and `label` are empty where the table has none."""

    id: str
    text: str
    label: str


def start_task(
    folder: Path,
    table: Path,
    *,
    text: str = "",
    id: str = "",
    label: str = "",
    classes: Sequence[str] = (),
) -> Columns:
    """Write task.yaml, items, prompts (one a class, one over all), and gold from labelled rows.

    Columns that are not named are found: `text` is the longest text, `id` a column so called
    with a value of its own in every row, `label` one so called. Without `classes` they are the
    labels' values. Raises InputError where the folder holds a task already or the table does not
    do.
    """
    if (folder / "task.yaml").exists():
        raise InputError("there is a task here already; choose another folder", folder)
    found = [row for _, row in rows(table)]
    if not found:
        raise InputError("has no rows; give it some texts to label", table)
    columns = find_columns(found, Columns(id, text, label), table)
    names = _classes(found, columns, classes, table)
    items, gold = _items(found, columns), _gold(found, columns)
    _write(folder / "items.jsonl", "".join(json.dumps(i, ensure_ascii=False) + "\n" for i in items))
    if gold:
        _write_gold(folder / "gold.csv", gold)
    for name in names:
        _write(
            folder / "prompts" / f"is_{_slug(name)}.md", ONE.format(name=_yaml(name), about=name)
        )
    _write(folder / "prompts" / "choose.md", CHOOSE)
    _write(
        folder / "task.yaml", _task(folder, columns, names, bool(gold))
    )  # last: now it is a task
    return columns


def find_columns(found: Sequence[Row], given: Columns, table: Path) -> Columns:
    """Fill in the columns that were not named; raises InputError for one that is not there."""
    there = list(found[0])
    for name in (given.id, given.text, given.label):
        if name and name not in there:
            raise InputError(f"has no column {name!r}; there are {', '.join(there)}", table)
    label = given.label or next((c for c in there if c.lower() in LABELS), "")
    ids = [c for c in there if c.lower() == "id" and _is_unique([row.get(c) for row in found])]
    texts = [c for c in there if c not in (label, given.id, *ids) and isinstance(found[0][c], str)]
    if not given.text and not texts:
        raise InputError("has no column with texts; name it with --text", table)
    text = given.text or max(texts, key=lambda c: sum(len(str(row.get(c))) for row in found))
    return Columns(given.id or (ids[0] if ids else ""), text, label)


def _classes(
    found: Sequence[Row], columns: Columns, given: Sequence[str], table: Path
) -> list[str]:
    seen = Counter(_label(row, columns) for row in found)
    seen.pop("", None)
    names = list(dict.fromkeys(given)) or sorted(seen)
    if len(names) < 2:
        raise InputError(
            "at least two classes are needed; name them with --classes A,B,C or the column of "
            "labels with --label", table)  # fmt: skip
    if unknown := next((name for name in seen if name not in names), None):
        raise InputError(f"the label {unknown!r} is not among --classes", table)
    slugs = Counter(_slug(name) for name in names)
    if twice := next((name for name in names if slugs[_slug(name)] > 1), None):
        raise InputError(f"{twice!r} and another class differ in punctuation only", table)
    return names


def _items(found: Sequence[Row], columns: Columns) -> list[Row]:
    """Give the items; the column of labels is left out, so that no prompt can show it."""
    items = []
    for number, row in enumerate(found, 1):
        if is_missing(row[columns.text]):
            continue
        rest = {c: v for c, v in row.items() if c not in ("id", columns.id, columns.label)}
        items.append({"id": _id(row, columns, number), **rest})
    return items


def _gold(found: Sequence[Row], columns: Columns) -> Mapping[str, str]:
    return {
        _id(row, columns, number): _label(row, columns)
        for number, row in enumerate(found, 1)
        if _label(row, columns) and not is_missing(row[columns.text])
    }


def _id(row: Row, columns: Columns, number: int) -> str:
    return str(row[columns.id]) if columns.id else f"row-{number}"


def _label(row: Row, columns: Columns) -> str:
    value = row.get(columns.label) if columns.label else None
    return "" if is_missing(value) else str(value).strip()


def _is_unique(values: Sequence[object]) -> bool:
    return not any(is_missing(v) for v in values) and len(set(map(str, values))) == len(values)


def _task(folder: Path, columns: Columns, names: Sequence[str], gold: bool) -> str:
    return TASK.format(
        name=_yaml(folder.resolve().name),
        text=_yaml(columns.text),
        gold="gold: gold.csv          # rows whose label is known; only checks labeling functions\n"
        if gold
        else "",
        classes="".join(f"  {_yaml(name)}: {_yaml(name)}\n" for name in names),
    )


def _yaml(text: str) -> str:
    """Write a text so that YAML reads it back as that text."""
    return yaml.safe_dump(text, allow_unicode=True, width=10**6).split("\n")[0]


def _slug(name: str) -> str:
    return re.sub(r"\W+", "_", name.lower()).strip("_")


def _write(file: Path, text: str) -> None:
    with replacing(file) as partial:
        partial.write_text(text, encoding="utf-8")


def _write_gold(file: Path, gold: Mapping[str, str]) -> None:
    with replacing(file) as partial, partial.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows([("id", "label"), *gold.items()])
