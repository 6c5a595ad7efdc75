"""What a user's tables say: items and labels from JSON lines, CSV or Parquet, with lines."""

from __future__ import annotations

import csv
import json
import math
import sys
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from labelfns import InputError, Item

Row = dict[str, Any]
SUFFIXES = (".jsonl", ".csv", ".parquet")


def rows(file: Path, skip: int = 0) -> Iterator[tuple[int, Row]]:
    """Stream the rows of a file, each with its line (for Parquet: its row, from 1).

    The first `skip` rows are left out. Raises InputError where the file cannot be read.
    """
    readers = {".jsonl": _jsonl, ".csv": _csv, ".parquet": _parquet}
    if file.suffix not in readers:
        raise InputError(f"is none of {', '.join(SUFFIXES)}; save the table as one of them", file)
    if not file.is_file():
        raise InputError("there is no such file", file)
    return readers[file.suffix](file, skip)


def read_items(file: Path, text: str) -> tuple[list[Item], list[str]]:
    """Read the items, and the columns that every one of them has.

    `text` is the column that is labelled. Raises InputError with file and line for a missing
    column, an empty text, or an id that stands twice.
    """
    items: list[Item] = []
    lines: dict[str, int] = {}
    columns: dict[str, None] | None = None
    for line, row in rows(file):
        items.append(_item(row, text, file, line))
        if first := lines.get(items[-1].id):
            raise InputError(
                f"the id {items[-1].id!r} stands here twice (first in line {first}); "
                "give each row its own", file, line)  # fmt: skip
        lines[items[-1].id] = line
        here = items[-1].fields
        columns = {c: None for c in (here if columns is None else columns) if c in here}
    if not items:
        raise InputError("has no rows; give it some items to label", file)
    return items, list(columns or ())


def read_labels(file: Path, known: Collection[str], classes: Sequence[str]) -> dict[str, int]:
    """Read a CSV of `id,label`: the class index of each id.

    Raises InputError with file and line for an unknown id or class, or an id that stands twice.
    """
    if file.suffix != ".csv":
        raise InputError("labels are read from a .csv with the header id,label", file)
    labels: dict[str, int] = {}
    for line, row in rows(file):
        for column in ("id", "label"):
            if not row.get(column):
                raise InputError(_lacks(column, row), file, line)
        if row["id"] not in known:
            raise InputError(f"the id {row['id']!r} is not among the items", file, line)
        if row["id"] in labels:
            raise InputError(f"the id {row['id']!r} stands here twice; keep one", file, line)
        if row["label"] not in classes:
            raise InputError(
                f"{row['label']!r} is no class of this task; task.yaml names them", file, line
            )
        labels[row["id"]] = classes.index(row["label"])
    if not labels:
        raise InputError("has no rows; fill it, or leave the file out of task.yaml", file)
    return labels


def is_missing(value: object) -> bool:
    """Say whether a cell holds nothing: None, NaN, or blank."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return True
    return isinstance(value, str) and not value.strip()


def _item(row: Row, text: str, file: Path, line: int) -> Item:
    for column in ("id", text):
        if column not in row:
            raise InputError(_lacks(column, row), file, line)
    if is_missing(row["id"]):
        raise InputError("the id is empty; give each row its own", file, line)
    if is_missing(row[text]):
        raise InputError(f"the column {text!r} is empty; fill it or drop the row", file, line)
    if not isinstance(row[text], str):
        raise InputError(f"the column {text!r} holds {row[text]!r}, which is no text", file, line)
    fields = {name: "" if is_missing(value) else str(value) for name, value in row.items()}
    return Item(str(row["id"]), {**fields, "text": row[text]})


def _lacks(column: str, row: Row) -> str:
    if column in row:
        return f"the column {column!r} is empty; fill it or drop the row"
    return f"has no column {column!r}; there are {', '.join(row) or 'none'}"


def _lines(file: Path) -> Iterator[str]:
    """Decode line by line, so that a byte that is not UTF-8 is found where it stands."""
    with file.open("rb") as stream:
        for number, raw in enumerate(stream, 1):
            try:
                text = raw.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError:
                raise InputError("is not UTF-8; save the file as UTF-8", file, number) from None
            if "\0" in text:
                raise InputError("has a NUL byte; it is no text", file, number)
            yield text


def _jsonl(file: Path, skip: int) -> Iterator[tuple[int, Row]]:
    for number, line in enumerate(_lines(file), 1):
        if not line.strip():
            continue
        if skip:
            skip -= 1
            continue
        try:
            row = json.loads(line)
        except ValueError as e:
            raise InputError(f"is no JSON ({e}); write one object a line", file, number) from None
        if not isinstance(row, dict):
            raise InputError("is no JSON object; write {...} on each line", file, number)
        yield number, row


def _csv(file: Path, skip: int) -> Iterator[tuple[int, Row]]:
    csv.field_size_limit(sys.maxsize)  # a contract is longer than the 128 KB a field may have
    reader = csv.reader(_lines(file), strict=True)
    header: list[str] | None = None
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as e:
            raise InputError(f"is broken CSV ({e}); check its quotes", file, line) from None
        if cells is None:
            break
        if not cells:
            continue
        if header is None:
            header = _header(cells, file, line)
        elif len(cells) != len(header):
            raise InputError(
                f"has {len(cells)} cells where the header has {len(header)}; "
                'put texts with commas between "quotes"', file, line)  # fmt: skip
        elif skip:
            skip -= 1
        else:
            yield line, dict(zip(header, cells, strict=True))
    if header is None:
        raise InputError("is empty; the first line names the columns", file)


def _header(cells: Sequence[str], file: Path, line: int) -> list[str]:
    names = [cell.strip() for cell in cells]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise InputError(f"the column {twice!r} stands in the header twice", file, line)
    return names


def _parquet(file: Path, skip: int) -> Iterator[tuple[int, Row]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(file) as table:
            groups, before = _groups(table.metadata, skip)
            number = before
            for batch in table.iter_batches(batch_size=1024, row_groups=groups):
                for row in batch.to_pylist():
                    number += 1
                    if number > skip:
                        yield number, row
    except (pa.ArrowInvalid, OSError) as e:
        raise InputError(f"cannot be read as Parquet ({e})", file) from None


def _groups(metadata: Any, skip: int) -> tuple[list[int], int]:
    """Leave out the row groups wholly before `skip`; give how many rows those have, too."""
    before, first = 0, 0
    while first < metadata.num_row_groups:
        size = metadata.row_group(first).num_rows
        if before + size > skip:
            break
        before, first = before + size, first + 1
    return list(range(first, metadata.num_row_groups)), before


def count_rows(file: Path) -> int | None:
    """Give the number of rows where the file says so itself (Parquet), else None."""
    if file.suffix != ".parquet":
        return None
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return int(pq.read_metadata(file).num_rows)
    except (pa.ArrowInvalid, OSError) as e:
        raise InputError(f"cannot be read as Parquet ({e})", file) from None
