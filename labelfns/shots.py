"""Few-shot examples: rows with known answers, shown in a prompt before the item."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from labelfns.errors import InputError
from labelfns.similar import Encode, Similarity
from labelfns.tame import tame
from labelfns.vote import Item
from labelfns.yamlfile import read_text

WAYS = ("fixed", "nearest", "diverse")
AnswerTo = Callable[[int], str | None]
"""From a class index to the answer a model should give, or None where none fits."""


@dataclass(frozen=True, slots=True)
class Shot:
    """One example: an item and the index of its class."""

    item: Item
    label: int


@dataclass(frozen=True)
class Shots:
    """Chooses the examples that are shown with an item; never the item itself.

    `how` is `fixed` (the first of the file), `nearest` (the most similar to the item: Liu et al.
    2022, arXiv 2101.06804) or `diverse` (the most similar of each answer in turn, so that no
    answer is favoured by being shown alone). `similarity` compares with the examples' texts, in
    their order; without one, `diverse` takes them in the file's order.
    """

    shots: tuple[Shot, ...]
    count: int
    how: str = "fixed"
    similarity: Similarity | None = None

    @property
    def version(self) -> str:
        """Changes with the examples and the way they are chosen."""
        rows = [(s.item.id, dict(s.item.fields), s.label) for s in self.shots]
        return hashlib.sha256(repr((rows, self.count, self.how)).encode()).hexdigest()

    def pick(self, item: Item, answer_to: AnswerTo) -> list[dict[str, str]]:
        """Give the columns of the chosen examples, each with its `answer`; the nearest comes last.

        The nearest stands next to the question, where it counts most. Texts are tamed.
        """
        usable = [(shot, answer) for shot in self._ranked(item)
                  if not _same(shot.item, item) and (answer := answer_to(shot.label))]  # fmt: skip
        if self.how == "diverse":
            usable = _in_turn(usable)
        return [_shown(shot, answer) for shot, answer in reversed(usable[: self.count])]

    def _ranked(self, item: Item) -> Sequence[Shot]:
        if self.how == "fixed" or self.similarity is None:
            return self.shots
        return [self.shots[i] for i in self.similarity.rank(item.text)]


def _same(one: Item, other: Item) -> bool:
    return one.id == other.id or one.text.split() == other.text.split()


def _in_turn(shots: Sequence[tuple[Shot, str]]) -> list[tuple[Shot, str]]:
    by_answer: dict[str, list[tuple[Shot, str]]] = {}
    for shot, answer in shots:
        by_answer.setdefault(answer, []).append((shot, answer))
    rounds = zip_longest(*by_answer.values())
    return [pair for one_round in rounds for pair in one_round if pair is not None]


def _shown(shot: Shot, answer: str) -> dict[str, str]:
    return {name: tame(value) for name, value in shot.item.fields.items()} | {"answer": answer}


def read_shots(
    file: Path,
    classes: Sequence[str],
    columns: Collection[str],
    scored: Mapping[str, str],
    *,
    count: int,
    how: str = "fixed",
    encode: Encode | None = None,
) -> Shots:
    """Read examples from a CSV with the columns `text`, `label` (a class name), and others.

    `id` names the item a row was taken from. Raises InputError with file and line for a class that
    is none, a column that is missing, and a row among `scored` (id -> text): an item that labeling
    functions are scored on must not be shown to them with its answer.
    """
    text = read_text(file)
    table = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    texts = {" ".join(t.split()) for t in scored.values()}
    shots = []
    try:
        _check_header(table.fieldnames or [], columns, file)
        for row in table:
            shots.append(_shot(row, file, table.line_num, classes))
            if shots[-1].item.id in scored or " ".join(shots[-1].item.text.split()) in texts:
                raise InputError(
                    "this example is a gold or test item, on which answers are scored; "
                    "choose another", file, table.line_num)  # fmt: skip
    except csv.Error as e:
        raise InputError(f"is no readable CSV: {e}", file, table.reader.line_num) from None
    if not shots:
        raise InputError("has no examples; write at least one row below the header", file)
    near = Similarity(encode, [s.item.text for s in shots]) if encode else None
    return Shots(tuple(shots), count, how, near)


def _check_header(found: Sequence[str], columns: Collection[str], file: Path) -> None:
    for name in ("text", "label"):
        if name not in found:
            raise InputError(f"has no column {name!r}; examples need text and label", file, 1)
    if "answer" in found or "answer" in columns:
        raise InputError("a column may not be called 'answer'; Jurat fills that in", file, 1)


def _shot(row: Mapping[str, str | None], file: Path, line: int, classes: Sequence[str]) -> Shot:
    fields = {name: value for name, value in row.items() if isinstance(value, str)}
    if len(fields) < len(row) or None in row:
        raise InputError("this row has not as many values as the header has names", file, line)
    label = fields.pop("label")
    if label not in classes:
        raise InputError(f"{label!r} is no class of this task", file, line)
    if not fields["text"].strip():
        raise InputError("this example has no text", file, line)
    name = fields.pop("id", "") or f"{file.name}:{line}"
    return Shot(Item(name, fields), list(classes).index(label))
