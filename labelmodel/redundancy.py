"""Who repeats whom, found from the votes alone, and what that leaves of each vote."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from labelmodel.ballots import Ballots, Floats

PAIRS = 10_000_000  # co-votes looked at; beyond it, evenly spaced items stand for all
LEAST = 1_000  # items, however many voted on each


def similarity(ballots: Ballots) -> Floats:
    """How alike two labeling functions vote, shape (m, m): 1 the same, 0 as chance would have it.

    The share of all their votes that are the same vote on the same item (Jaccard), corrected for
    chance. It counts silence as different: two rules are copies when they fire together.
    """
    some = _sample(ballots)
    same = agreements(some)
    votes = np.asarray(some.by_labelfn.sum(axis=0), dtype=np.float64).ravel()
    rate = some.symbol_totals / max(some.n, 1)
    either = votes[:, None] + votes[None, :]
    chance = _jaccard(rate @ rate.T * some.n, either)
    alike = _jaccard(same, either)
    room = np.maximum(1 - chance, 1e-9)
    score = np.where(alike > 1 - 1e-9, 1.0, (alike - chance) / room)
    np.fill_diagonal(score, 1.0)
    return np.asarray(score)


def independence(ballots: Ballots, tolerance: float = 0.5) -> Floats:
    """Tell the share of each labeling function's vote that is its own, shape (m,), in (0, 1].

    Twenty copies count a twentieth each. Likeness up to `tolerance` is what good independent
    voters show too, and costs nothing.
    """
    excess = np.clip((similarity(ballots) - tolerance) / (1 - tolerance), 0.0, 1.0)
    return np.asarray(1 / (excess**2).sum(axis=1))


def _jaccard(both: Floats, either: Floats) -> Floats:
    return both / np.maximum(either - both, 1e-9)


def _sample(ballots: Ballots) -> Ballots:
    votes = np.diff(ballots.shares.indptr).astype(np.float64)
    step = int(min(votes @ votes / PAIRS, ballots.n / LEAST))
    return ballots if step < 2 else ballots.take(np.arange(0, ballots.n, step))


def agreements(ballots: Ballots) -> Floats:
    """Count the votes that two labeling functions share, (m, m)."""
    coo = ballots.shares.tocoo()
    labelfn, said = np.divmod(coo.col.astype(np.int64), ballots.k)
    key = coo.row.astype(np.int64) * ballots.k + said
    order, position = np.unique(key, return_inverse=True)
    shape = (len(order), ballots.m)
    table = sparse.csr_matrix((coo.data.astype(np.float64), (position, labelfn)), shape=shape)
    return np.asarray((table.T @ table).todense())
