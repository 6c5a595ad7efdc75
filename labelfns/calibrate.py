"""Soft votes made honest: when a model's "yes" is worth a vote.

A small model says yes too often, and to some questions more than to others: raw probabilities of
one prompt cannot be compared with those of another. Two things are known without any gold. What a
prompt says of everything says nothing of one item: its mean log-odds over the items it was asked
about are taken off (batch calibration, Zhou et al. 2024, arXiv 2309.17249). And an item has one
class: the questions about it compete, with each other and with "none of these".
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import brentq

from labelfns.vote import ABSTAIN, STATUSES, Status, Votes

PSEUDO = 10
"""A prompt's mean log-odds count as if it had been asked this often more with the mean of all."""

FEWEST = 20
"""Below so many soft answers there is no batch to calibrate on."""


def calibrate(votes: Votes) -> Votes:
    """Recalibrate the soft one-sided votes; every other vote stays as it is.

    A labeling function is soft and one-sided when all its shares are for one class and some lie
    strictly between 0 and 1. Its votes become votes where the calibrated probability is over one
    half, else abstains; `V` keeps the calibrated probability of the votes. Few soft answers
    (under `FEWEST` in all) are left alone. The votes given are not changed.
    """
    if votes.V is None:
        return votes
    k = len(votes.classes)
    shares = votes.V.tocoo()
    columns = shares.col // k, shares.col % k
    soft = np.isin(columns[0], _one_sided(columns, shares.data, len(votes.labelfns)))
    if soft.sum() < FEWEST:
        return votes
    rows, (labelfn, label) = shares.row[soft], (c[soft] for c in columns)
    p = _compete(_centred(_log_odds(shares.data[soft]), labelfn), rows, label, k)
    return _with(votes, shares, soft, p, (rows, labelfn, label))


def _one_sided(
    columns: tuple[NDArray[np.int32], NDArray[np.int32]], data: NDArray[np.float32], m: int
) -> list[int]:
    labelfn, label = columns
    found = []
    for j in range(m):
        mine = labelfn == j
        between = (data[mine] > 0) & (data[mine] < 1)
        if between.any() and len(np.unique(label[mine])) == 1:
            found.append(j)
    return found


def _log_odds(p: NDArray[np.float32]) -> NDArray[np.float64]:
    q = np.clip(p.astype(np.float64), 1e-6, 1 - 1e-6)
    odds: NDArray[np.float64] = np.log(q) - np.log1p(-q)
    return odds


def _centred(odds: NDArray[np.float64], labelfn: NDArray[np.int32]) -> NDArray[np.float64]:
    count = np.bincount(labelfn)
    mean = (np.bincount(labelfn, odds) + PSEUDO * odds.mean()) / (count + PSEUDO)
    centred: NDArray[np.float64] = odds - mean[labelfn]
    return centred


def _compete(
    odds: NDArray[np.float64], rows: NDArray[np.int32], label: NDArray[np.int32], k: int
) -> NDArray[np.float64]:
    """Turn log-odds into probabilities of which an item's classes share one, with "none".

    "None" has even odds against an average question, or more where few of the k classes are
    asked about at all: then only so many items can be expected to have one of them. Several
    questions about one class stand against the other classes with their mean.
    """
    _, cell, of_cell = np.unique(
        rows.astype(np.int64) * k + label, return_inverse=True, return_counts=True
    )
    odds = np.minimum(odds, 50.0)
    item = np.unique(rows, return_inverse=True)[1]
    mine = np.exp(odds)
    mean = mine / of_cell[cell]
    of_class, of_item = np.bincount(cell, mean)[cell], np.bincount(item, mean)[item]
    rivals = np.maximum(of_item - of_class, 0.0)
    expected = len(np.unique(label)) / k * (item.max() + 1)

    def shares(none: float) -> NDArray[np.float64]:
        p: NDArray[np.float64] = mine / (mine + rivals + np.exp(none))
        return p

    def surplus(none: float) -> float:
        return float((shares(none) / of_cell[cell]).sum() - expected)

    return shares(brentq(surplus, 0.0, 100.0) if surplus(0.0) > 0 else 0.0)


def _with(
    votes: Votes,
    shares: sparse.coo_matrix,
    soft: NDArray[np.bool_],
    p: NDArray[np.float64],
    where: tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]],
) -> Votes:
    rows, labelfn, label = where
    L, status = votes.L.copy(), votes.status.copy()
    yes = p > 0.5
    L[rows, labelfn] = np.where(yes, label, ABSTAIN)
    voted, abstained = STATUSES.index(Status.VOTED), STATUSES.index(Status.ABSTAINED)
    status[rows, labelfn] = np.where(yes, voted, abstained)
    data = shares.data.copy()
    data[soft] = np.where(yes, p, 0)
    V = sparse.csr_matrix((data, (shares.row, shares.col)), shape=shares.shape)
    V.eliminate_zeros()
    return replace(votes, L=L, status=status, V=V)
