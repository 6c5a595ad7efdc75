"""The expert's table: one row a labeling function, and who agrees with whom."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jurat.asking import read_tallies
from jurat.scoring import rows_of
from jurat.task import Task, kind_of
from labelfns import ABSTAIN, STATUSES, Status, Votes

Floats = NDArray[np.float64]
Z = 1.959964  # of a 95 % interval
SILENT = (Status.UNREADABLE, Status.REFUSED, Status.FAILED, Status.UNASKED)


def labelfn_table(task: Task, votes: Votes, weights: Floats | None = None) -> list[dict[str, Any]]:
    """One row a labeling function.

    `coverage`, `overlap` and `conflict` are shares of all items: where it votes, where it and
    another do, where another says otherwise. `accuracy` is on the gold items it voted on, with
    Wilson's 95 % interval `low` to `high`. `unreadable`, `refused`, `failed` and `unasked` count
    items; `questions` were answered for `cost` US dollars in `seconds`.
    """
    L = np.asarray(votes.L)
    meets, clashes = _meets(L)
    known, truth = rows_of(task, task.gold)
    tallies = read_tallies(task.out)
    table = []
    for j, labelfn in enumerate(task.labelfns):
        statuses = np.bincount(votes.status[:, j], minlength=len(STATUSES))
        count = dict(zip(STATUSES, statuses.tolist(), strict=True))
        row: dict[str, Any] = {"name": labelfn.name, "kind": kind_of(labelfn)}
        row |= {"votes": count[Status.VOTED], "coverage": count[Status.VOTED] / len(L)}
        row |= {"overlap": float(meets[:, j].mean()), "conflict": float(clashes[:, j].mean())}
        row |= _on_gold(L[known, j], truth)
        row |= {str(status): count[status] for status in SILENT}
        row |= _spent(tallies.get(labelfn.name, {}))
        row["weight"] = None if weights is None or not len(weights) else float(weights[j])
        table.append(row)
    return table


def agreement(votes: Votes) -> Floats:
    """How often two labeling functions say the same where both vote, (m, m); NaN where never."""
    voted = (np.asarray(votes.L) != ABSTAIN).astype(np.float64)
    both = voted.T @ voted
    same = np.zeros_like(both)
    for c in range(len(votes.classes)):
        says = (np.asarray(votes.L) == c).astype(np.float64)
        same += says.T @ says
    with np.errstate(invalid="ignore"):
        return np.asarray(same / both)


def wilson(right: int, n: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927)."""
    if n == 0:
        return 0.0, 1.0
    p = right / n
    middle, half = p + Z * Z / (2 * n), Z * math.sqrt(p * (1 - p) / n + Z * Z / (4 * n * n))
    return (middle - half) / (1 + Z * Z / n), (middle + half) / (1 + Z * Z / n)


def _meets(L: NDArray[Any]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Where each labeling function votes beside another, and where another says otherwise."""
    voted = L != ABSTAIN
    beside = voted & (voted.sum(axis=1, keepdims=True) > 1)
    high = np.where(voted, L, -1).max(axis=1, keepdims=True)
    low = np.where(voted, L, np.iinfo(L.dtype).max).min(axis=1, keepdims=True)
    return beside, voted & (low != high)


def _on_gold(said: NDArray[Any], truth: NDArray[Any]) -> dict[str, Any]:
    n = int((said != ABSTAIN).sum())
    right = int((said == truth).sum())
    low, high = wilson(right, n)
    known = {"accuracy": right / n, "low": low, "high": high} if n else {}
    return {"gold": n, "accuracy": None, "low": None, "high": None} | known


def _spent(tally: Mapping[str, Any]) -> dict[str, Any]:
    questions = tally.get("recorded", 0) + tally.get("asked", 0)
    return {"questions": questions, "cost": tally.get("cost", 0.0),
            "seconds": tally.get("seconds", 0.0)}  # fmt: skip
