"""Votes as a Parquet file: one row for each labeling function and item, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from scipy import sparse

from jurat.files import replacing
from labelfns import ABSTAIN, STATUSES, InputError, Votes

NAMES = ("items", "labelfns", "classes")


def write_votes(votes: Votes, file: Path) -> None:
    """Write the columns item, labelfn, label, status, note, p, and more.

    `label` is null where there is no hard vote; `shares` says how the vote was shared among
    `classes`, and `p` is the largest share.
    """
    with replacing(file) as partial:
        pq.write_table(_table(votes), partial, compression="zstd")


def read_votes(file: Path) -> Votes:
    """Read the votes back; raises InputError where the file holds none."""
    try:
        table = pq.read_table(file)
        names = [json.loads(table.schema.metadata[name.encode()]) for name in NAMES]
    except FileNotFoundError:
        raise InputError("there are no votes yet; `jurat collect` makes them", file) from None
    except (pa.ArrowInvalid, OSError, KeyError, TypeError) as e:
        raise InputError(f"is damaged ({e}); delete it and run again", file) from None
    items, labelfns, classes = names
    shape = (len(items), len(labelfns))
    return Votes(
        items, labelfns, classes,
        _hard(table, classes).reshape(shape), _statuses(table).reshape(shape),
        _soft(table, shape, len(classes)), _read_texts(table, "note", shape[1]),
        _read_numbers(table, "cost", shape), _read_numbers(table, "seconds", shape),
        _read_texts(table, "rationale", shape[1]))  # fmt: skip


def _table(votes: Votes) -> pa.Table:
    n, m = votes.L.shape
    k = len(votes.classes)
    V = sparse.csr_matrix((n, m * k), dtype=np.float32) if votes.V is None else votes.V.copy()
    V.sort_indices()
    cells = np.repeat(np.arange(n), np.diff(V.indptr)) * m + V.indices // k
    ends = np.concatenate([[0], np.cumsum(np.bincount(cells, minlength=n * m))]).astype(np.int32)
    p = np.zeros(n * m, dtype=np.float32)
    np.maximum.at(p, cells, V.data)
    columns = {
        "item": _words(np.repeat(np.arange(n), m), votes.items),
        "labelfn": _words(np.tile(np.arange(m), n), votes.labelfns),
        "label": _words(votes.L.ravel(), votes.classes),
        "status": _words(votes.status.ravel(), [str(s) for s in STATUSES]),
        "note": _texts(votes.notes, n, m),
        "p": pa.array(p, mask=np.diff(ends) == 0),
        "classes": pa.ListArray.from_arrays(ends, pa.array(V.indices % k, pa.int32())),
        "shares": pa.ListArray.from_arrays(ends, pa.array(V.data, pa.float32())),
        "cost": _numbers(votes.cost, n * m),
        "seconds": _numbers(votes.seconds, n * m),
        "rationale": _texts(votes.rationales, n, m),
    }
    names = {name: json.dumps(list(getattr(votes, name)), ensure_ascii=False) for name in NAMES}
    return pa.table(columns).replace_schema_metadata(names)


def _texts(texts: Mapping[tuple[int, int], str], n: int, m: int) -> pa.Array:
    cells = np.full(n * m, None, dtype=object)
    for (i, j), text in texts.items():
        cells[i * m + j] = text
    return pa.array(cells, pa.string())


def _numbers(values: NDArray[np.float64] | None, cells: int) -> pa.Array:
    return pa.nulls(cells, pa.float64()) if values is None else pa.array(values.ravel())


def _words(codes: np.ndarray, words: Sequence[str]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(
        pa.array(codes.astype(np.int32), mask=codes == ABSTAIN), pa.array(words, pa.string())
    )


def _codes(column: pa.ChunkedArray, words: list[str]) -> np.ndarray:
    """Give the position of each value among `words`, -1 where it is null."""
    plain = column.combine_chunks()
    if isinstance(plain, pa.DictionaryArray):
        plain = plain.dictionary_decode()
    found = pa.compute.index_in(plain, pa.array(words, pa.string()))
    return np.asarray(found.fill_null(ABSTAIN).to_numpy(zero_copy_only=False))


def _hard(table: pa.Table, classes: list[str]) -> np.ndarray:
    return _codes(table["label"], classes).astype(np.int32)


def _statuses(table: pa.Table) -> np.ndarray:
    return _codes(table["status"], [str(s) for s in STATUSES]).astype(np.int8)


def _soft(table: pa.Table, shape: tuple[int, int], k: int) -> sparse.csr_matrix:
    n, m = shape
    shares, classes = table["shares"].combine_chunks(), table["classes"].combine_chunks()
    lengths = np.diff(np.asarray(shares.offsets))
    cells = np.repeat(np.arange(n * m), lengths)
    columns = (cells % m) * k + classes.flatten().to_numpy()
    data = shares.flatten().to_numpy()
    return sparse.csr_matrix((data, (cells // m, columns)), shape=(n, m * k), dtype=np.float32)


def _read_texts(table: pa.Table, column: str, m: int) -> dict[tuple[int, int], str]:
    texts = table[column].to_pylist()
    return {divmod(cell, m): text for cell, text in enumerate(texts) if text is not None}


def _read_numbers(table: pa.Table, column: str, shape: tuple[int, int]) -> NDArray[np.float64]:
    """Give the numbers (n, m), 0 where they are not known."""
    return np.asarray(table[column].fill_null(0.0).to_numpy().reshape(shape))
