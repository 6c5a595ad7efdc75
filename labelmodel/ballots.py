"""Votes as every model here reads them: sparse, so that cost grows with votes, not n x m x k."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from labelmodel.errors import InputError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ABSTAIN = -1
BLOCK = 65_536  # items
CELLS = 2**24  # items x classes


@dataclass(frozen=True)
class Ballots:
    """The votes of m labeling functions on n items over k classes, whole votes apart from soft.

    A symbol is one labeling function naming one class: column j * k + c. `hard` (n, m * k) holds
    a 1 for every whole vote. `soft` (g, m * k) holds one row for every vote that is spread over
    classes, its shares adding up to at most 1; `owner` (g,) is the item each belongs to.
    """

    m: int
    k: int
    hard: sparse.csr_matrix
    soft: sparse.csr_matrix
    owner: Ints

    @property
    def n(self) -> int:
        """Number of items."""
        return int(self.hard.shape[0])

    @cached_property
    def shares(self) -> sparse.csr_matrix:
        """Every vote as shares, shape (n, m * k)."""
        return self.hard if not len(self.owner) else (self.hard + self._gather @ self.soft).tocsr()

    @cached_property
    def _gather(self) -> sparse.csr_matrix:
        """Indicator (n, g) of which soft vote belongs to which item."""
        g = len(self.owner)
        return sparse.csr_matrix((np.ones(g), (self.owner, np.arange(g))), shape=(self.n, g))

    def gather(self, values: Floats) -> Floats:
        """Sum the values (g, d) of soft votes by item: (n, d)."""
        return np.asarray(self._gather @ values)

    @cached_property
    def symbol_totals(self) -> Floats:
        """How often each symbol was said, shape (m, k)."""
        return np.asarray(self.shares.sum(axis=0), dtype=np.float64).reshape(self.m, self.k)

    @cached_property
    def voted(self) -> NDArray[np.bool_]:
        """Whether anybody voted on an item, shape (n,)."""
        voted: NDArray[np.bool_] = np.diff(self.hard.indptr) > 0
        voted[self.owner] = True
        return voted

    @cached_property
    def by_labelfn(self) -> sparse.csr_matrix:
        """The mass of each labeling function's vote on each item, shape (n, m)."""
        votes = self.shares
        parts = (votes.data.copy(), votes.indices // self.k, votes.indptr.copy())
        table = sparse.csr_matrix(parts, shape=(self.n, self.m))
        table.sum_duplicates()
        return table

    def rows(self, start: int, stop: int) -> Ballots:
        """Keep the items from `start` to before `stop`."""
        low, high = np.searchsorted(self.owner, [start, stop])
        hard, soft = self.hard[start:stop], self.soft[low:high]
        return Ballots(self.m, self.k, hard, soft, self.owner[low:high] - start)

    def take(self, items: Ints) -> Ballots:
        """Keep the items at these positions, which must rise."""
        position = np.full(self.n, -1)
        position[items] = np.arange(len(items))
        mine = position[self.owner] >= 0
        owner = position[self.owner[mine]]
        return Ballots(self.m, self.k, self.hard[items], self.soft[mine], owner)

    def blocks(self, rows: int | None = None) -> Iterator[tuple[int, Ballots]]:
        """Cut into runs of at most `rows` items, in order, each with the position it starts at.

        By default a run is as long as keeps (rows, k) small.
        """
        rows = rows or max(1024, min(BLOCK, CELLS // self.k))
        for start in range(0, self.n, rows):
            stop = min(start + rows, self.n)
            yield start, self if stop - start == self.n else self.rows(start, stop)


def read_votes(votes: Any, n_classes: int, m: int | None = None) -> Ballots:
    """Check votes and make them sparse.

    `votes` is an integer array (n, m) with -1 for an abstain, or any object with such an array as
    `.L` and, as `.V`, None or a sparse matrix (n, m * k) whose column j * k + c is the share of
    labeling function j's vote that class c got. `m` is what the model was fitted with.

    Raises InputError in one sentence when anything does not fit.
    """
    labels = _labels(getattr(votes, "L", votes), n_classes)
    if m is not None and labels.shape[1] != m:
        raise InputError(
            f"The votes are of {labels.shape[1]} labeling functions, but the model was fitted "
            f"with {m}: give it the same ones in the same order."
        )
    shares = getattr(votes, "V", None)
    if shares is None:
        return _whole(labels, n_classes)
    return _spread(labels, _shares(shares, labels.shape, n_classes), n_classes)


def _labels(labels: Any, k: int) -> NDArray[np.integer[Any]]:
    array = np.asarray(labels)
    if array.ndim != 2:
        raise InputError(f"Votes must be a table (n, m), not an array of shape {array.shape}.")
    if array.size and not np.issubdtype(array.dtype, np.integer):
        array = _whole_numbers(array)
    if array.size and (array.min() < ABSTAIN or array.max() >= k):
        i, j = np.argwhere((array < ABSTAIN) | (array >= k))[0]
        raise InputError(
            f"Row {i}, labeling function {j} voted {array[i, j]}; with {k} classes a vote is "
            f"0 to {k - 1}, or -1 for an abstain."
        )
    return array


def _whole_numbers(array: NDArray[Any]) -> NDArray[np.int64]:
    try:
        whole = array.astype(np.int64)
        exact = bool((whole == array).all())
    except (TypeError, ValueError):
        exact = False
    if not exact:
        raise InputError("Votes must be whole numbers: class positions, or -1 for an abstain.")
    return whole


def _shares(shares: Any, shape: tuple[int, ...], k: int) -> sparse.csr_matrix:
    matrix = sparse.csr_matrix(shares, dtype=np.float64, copy=True)
    wanted = (shape[0], shape[1] * k)
    if matrix.shape != wanted:
        raise InputError(f"Soft votes have shape {matrix.shape}, but L and k ask for {wanted}.")
    matrix.sum_duplicates()
    if matrix.nnz and (not np.isfinite(matrix.data).all() or matrix.data.min() < 0):
        raise InputError("Soft votes must be finite and not negative.")
    matrix.eliminate_zeros()
    return matrix


def _whole(labels: NDArray[np.integer[Any]], k: int) -> Ballots:
    n, m = labels.shape
    cast = labels >= 0
    indptr = np.concatenate([[0], np.cumsum(cast.sum(axis=1))])
    kind = np.int32 if max(int(indptr[-1]), m * k) < 2**31 else np.int64
    first = np.arange(m, dtype=kind) * k
    symbols = np.concatenate(
        [_symbols(labels[s : s + BLOCK], cast[s : s + BLOCK], first) for s in range(0, n, BLOCK)]
        or [np.zeros(0, dtype=kind)]
    )
    ones = np.ones(len(symbols), dtype=np.float32)
    hard = sparse.csr_matrix((ones, symbols, indptr.astype(kind)), shape=(n, m * k))
    return Ballots(m, k, hard, _none(m * k), np.zeros(0, dtype=np.int64))


def _symbols(
    labels: NDArray[Any], cast: NDArray[np.bool_], first: NDArray[Any]
) -> NDArray[np.integer[Any]]:
    """Positions of the symbols said, row by row."""
    symbols: NDArray[np.integer[Any]] = (labels.astype(first.dtype) + first)[cast]
    return symbols


def _none(width: int) -> sparse.csr_matrix:
    return sparse.csr_matrix((0, width), dtype=np.float64)


SLACK = 1e-3  # shares are kept in single precision, and rounded by whoever stores them


def _spread(labels: NDArray[Any], shares: sparse.csr_matrix, k: int) -> Ballots:
    m = labels.shape[1]
    coo = shares.tocoo()
    vote = coo.row.astype(np.int64) * m + coo.col // k
    owners, group = np.unique(vote, return_inverse=True)
    mass = np.bincount(group, weights=coo.data, minlength=len(owners))
    if len(owners) and mass.max() > 1 + SLACK:
        row, j = divmod(int(owners[mass.argmax()]), m)
        raise InputError(
            f"Row {row}, labeling function {j}: its shares add up to {mass.max():.3f}, over 1."
        )
    whole = (np.bincount(group, minlength=len(owners)) == 1) & (mass > 1 - 1e-9)
    spread = ~whole[group]
    kept, renumbered = np.unique(group[spread], return_inverse=True)
    soft = sparse.csr_matrix(
        (coo.data[spread], (renumbered, coo.col[spread])), shape=(len(kept), m * k)
    )
    rest = labels.copy()  # a vote with shares is read from them, a vote without from its label
    rest.flat[owners] = ABSTAIN
    rest.flat[vote[~spread]] = coo.col[~spread] % k
    return Ballots(m, k, _whole(rest, k).hard, soft, owners[kept] // m)
