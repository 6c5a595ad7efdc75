"""The tables an expert reads: what each labeling function did, and who says the same as whom."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from labelfns.errors import InputError
from labelfns.vote import ABSTAIN, STATUSES, Status, Votes

if TYPE_CHECKING:
    import pandas as pd

Z = 1.959964  # standard deviations on each side of a 95 % interval
Gold = Mapping[str, str | int]
"""Item id -> name or index of its true class."""


def summary(votes: Votes, gold: Gold | None = None) -> pd.DataFrame:
    """Describe every labeling function, a row each, indexed by name.

    `coverage`, `overlap` and `conflict` are shares of all items: where it voted, where another
    voted too, and where another voted against it. `polarity` are the names of the classes it
    voted for. `accuracy` is over its `gold` votes, those on items with a true label, between `low`
    and `high` (Wilson 95 %); a vote for "one of these classes" is right where it holds the
    true one. Then a count for each status, `cost` in US dollars and `seconds`, both as the
    answers took when they were asked. Raises InputError for a gold label that is no class.
    """
    support = _support(votes)
    voted, against = votes.voted, _against(votes, support)
    others = voted.sum(axis=1, keepdims=True) > voted
    table: dict[str, Any] = {
        "coverage": voted.mean(axis=0),
        "overlap": (voted & others).mean(axis=0),
        "conflict": against.mean(axis=0),
        "polarity": _polarity(votes, support),
    }
    table |= _accuracy(_right(votes, support, gold or {}))
    table |= {str(s): (votes.status == i).sum(axis=0) for i, s in enumerate(STATUSES)}
    for name, spent in (("cost", votes.cost), ("seconds", votes.seconds)):
        table[name] = np.nan if spent is None else spent.sum(axis=0)
    frame = _frame(table, index=list(votes.labelfns))
    return frame.rename_axis("labelfn")


def agreement(votes: Votes) -> NDArray[np.float64]:
    """Share of the items both voted on where they agree, shape (m, m); NaN where there is none.

    Votes for several classes agree where they have a class in common.
    """
    voted = sparse.csr_matrix(votes.voted.astype(np.int64))
    both = (voted.T @ voted).toarray()
    return np.asarray(np.divide(_agreed(votes), both, out=np.full(both.shape, np.nan),
                                where=both > 0))  # fmt: skip


def twins(votes: Votes, least: float = 0.95, items: int = 10) -> pd.DataFrame:
    """Find labeling functions that are the same voter twice: columns a, b, same, items.

    Of the items that at least one of the two voted on (at least `items`), `same` is the share
    where both voted and agree. Pairs with at least `least` of it, most alike first.
    """
    voted = sparse.csr_matrix(votes.voted.astype(np.int64))
    each, both = votes.voted.sum(axis=0), (voted.T @ voted).toarray()
    either = each[:, None] + each[None, :] - both
    same = _agreed(votes) / np.maximum(either, 1)
    found = np.argwhere(np.triu((same >= least) & (either >= items), 1))
    rows = [(votes.labelfns[a], votes.labelfns[b], same[a, b], either[a, b]) for a, b in found]
    table = _frame(rows, columns=["a", "b", "same", "items"])
    return table.sort_values("same", ascending=False, ignore_index=True)


def examples(
    votes: Votes,
    labelfn: str,
    what: str = "voted",
    *,
    other: str | None = None,
    gold: Gold | None = None,
    most: int = 5,
) -> pd.DataFrame:
    """Show items behind a cell of `summary` or `agreement`: columns item, label, note, ....

    `what` is a status, or overlap, conflict, right or wrong (the last two by `gold`). With `other`
    only the items that other labeling function voted on count, and `conflict` means against it;
    its label and note are shown too. Raises InputError for an unknown name.
    """
    j, names = _position(votes, labelfn), [labelfn]
    chosen = _chosen(votes, j, what, gold or {})
    if other is not None:
        o = _position(votes, other)
        names.append(other)
        chosen &= votes.voted[:, o]
        if what == "conflict":
            chosen &= _against(_only(votes, [j, o]), _support(_only(votes, [j, o])))[:, 0]
    rows = np.flatnonzero(chosen)[:most]
    table: dict[str, Any] = {"item": [votes.items[i] for i in rows]}
    for name, end in zip(names, ("", " of other"), strict=False):
        position = _position(votes, name)
        table[f"label{end}"] = [_name(votes, votes.L[i, position]) for i in rows]
        table[f"note{end}"] = [votes.notes.get((int(i), position), "") for i in rows]
    if gold:
        truth = _truth(votes, gold)
        table["gold"] = [_name(votes, truth[i]) for i in rows]
    return _frame(table)


def wilson(right: int, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share, `right` of `n` (Wilson 1927); NaN for none."""
    if n == 0:
        return math.nan, math.nan
    share, extra = right / n, Z * Z / n
    middle = (share + extra / 2) / (1 + extra)
    half = Z * math.sqrt(share * (1 - share) / n + extra / (4 * n)) / (1 + extra)
    return max(0.0, middle - half), min(1.0, middle + half)


def _frame(*content: Any, **more: Any) -> pd.DataFrame:
    import pandas as pd  # a second that nobody should wait who only asks

    return pd.DataFrame(*content, **more)


def _support(votes: Votes) -> sparse.csr_matrix:
    """Mark the classes each vote is for, shape (n * k, m): one, or several for "one of these"."""
    k = len(votes.classes)
    i, j = np.nonzero(votes.voted & (votes.L != ABSTAIN))
    rows, columns = [i * k + votes.L[i, j]], [j]
    several = votes.voted & (votes.L == ABSTAIN)
    if votes.V is not None and several.any():
        shares = votes.V.tocoo()
        partial = several[shares.row, shares.col // k] & (shares.data > 0)
        rows.append(shares.row[partial].astype(np.int64) * k + shares.col[partial] % k)
        columns.append(shares.col[partial] // k)
    at = np.concatenate(rows), np.concatenate(columns)
    shape = (len(votes.items) * k, len(votes.labelfns))
    return sparse.csr_matrix((np.ones(len(at[0]), dtype=np.int64), at), shape=shape)


def _against(votes: Votes, support: sparse.csr_matrix) -> NDArray[np.bool_]:
    """Say where another labeling function voted against each vote, shape (n, m)."""
    n, k = votes.L.shape[0], len(votes.classes)
    backers = np.asarray(support.sum(axis=1)).reshape(n, k)
    with_me = np.zeros(votes.L.shape, dtype=np.int64)
    i, j = np.nonzero(votes.voted & (votes.L != ABSTAIN))
    with_me[i, j] = backers[i, votes.L[i, j]]
    for i, j in np.argwhere(votes.voted & (votes.L == ABSTAIN)):  # rare: "one of these classes"
        rows = support[i * k : (i + 1) * k]
        mine = rows[:, [j]].nonzero()[0]
        with_me[i, j] = np.count_nonzero(rows[mine].sum(axis=0))
    return np.asarray(votes.voted & (with_me < votes.voted.sum(axis=1, keepdims=True)))


def _agreed(votes: Votes) -> NDArray[np.int64]:
    """Count the items on which each two agree, shape (m, m)."""
    support = _support(votes)
    agreed: NDArray[np.int64] = (support.T @ support).toarray()
    partial = np.flatnonzero((votes.voted & (votes.L == ABSTAIN)).any(axis=0))
    n, k = len(votes.items), len(votes.classes)
    for a in partial:  # two votes for several classes may share more than one: count items
        for b in partial:
            shared = (support[:, [a]].multiply(support[:, [b]])).tocoo().row // k
            agreed[a, b] = np.bincount(shared, minlength=n).astype(bool).sum()
    return agreed


def _polarity(votes: Votes, support: sparse.csr_matrix) -> list[tuple[str, ...]]:
    at, k = support.tocoo(), len(votes.classes)
    seen = np.zeros((len(votes.labelfns), k), dtype=bool)
    seen[at.col, at.row % k] = True
    return [tuple(votes.classes[c] for c in np.flatnonzero(row).tolist()) for row in seen]


def _right(votes: Votes, support: sparse.csr_matrix, gold: Gold) -> NDArray[np.int8]:
    """Say which votes are right, shape (n, m): 1 right, 0 wrong, -1 nobody knows."""
    truth, k = _truth(votes, gold), len(votes.classes)
    known = np.flatnonzero(truth != ABSTAIN)
    right = np.full(votes.L.shape, -1, dtype=np.int8)
    right[known] = support[known * k + truth[known]].toarray()
    return np.where(votes.voted, right, -1).astype(np.int8)


def _accuracy(right: NDArray[np.int8]) -> dict[str, Any]:
    n, good = (right >= 0).sum(axis=0), (right == 1).sum(axis=0)
    bounds = [wilson(int(g), int(a)) for g, a in zip(good, n, strict=True)]
    accuracy = np.divide(good, n, out=np.full(len(n), np.nan), where=n > 0)
    low, high = [low for low, _ in bounds], [high for _, high in bounds]
    return {"accuracy": accuracy, "low": low, "high": high, "gold": n}


def _truth(votes: Votes, gold: Gold) -> NDArray[np.int64]:
    index = {name: c for c, name in enumerate(votes.classes)}
    for item, label in gold.items():
        if label not in index and not (isinstance(label, int) and 0 <= label < len(index)):
            raise InputError(f"the gold label {label!r} of the item {item!r} is no class")
    labels = {item: label if isinstance(label, int) else index[label]
              for item, label in gold.items()}  # fmt: skip
    return np.array([labels.get(item, ABSTAIN) for item in votes.items], dtype=np.int64)


def _chosen(votes: Votes, j: int, what: str, gold: Gold) -> NDArray[np.bool_]:
    support = _support(votes)
    if what in STATUSES:
        return np.asarray(votes.status[:, j] == STATUSES.index(Status(what)))
    if what == "overlap":
        return np.asarray(votes.voted[:, j] & (votes.voted.sum(axis=1) > 1))
    if what == "conflict":
        return np.asarray(_against(votes, support)[:, j])
    if what in ("right", "wrong"):
        return np.asarray(_right(votes, support, gold)[:, j] == (what == "right"))
    known = ", ".join([*STATUSES, "overlap", "conflict", "right", "wrong"])
    raise InputError(f"{what!r} is nothing a vote can be; there are {known}")


def _only(votes: Votes, columns: list[int]) -> Votes:
    k = len(votes.classes)
    wide = np.concatenate([np.arange(j * k, (j + 1) * k) for j in columns])
    V = None if votes.V is None else votes.V[:, wide]
    names = [votes.labelfns[j] for j in columns]
    return Votes(votes.items, names, votes.classes, votes.L[:, columns],
                 votes.status[:, columns], V)  # fmt: skip


def _position(votes: Votes, labelfn: str) -> int:
    if labelfn not in votes.labelfns:
        raise InputError(f"no labeling function is named {labelfn!r}")
    return list(votes.labelfns).index(labelfn)


def _name(votes: Votes, label: int) -> str:
    return "" if label == ABSTAIN else votes.classes[label]
