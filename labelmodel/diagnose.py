"""What an expert reads: who is right, who repeats whom, and why an item got its answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import sparse
from scipy.stats import beta

from labelmodel.ballots import Ballots, Floats, Ints, read_votes
from labelmodel.base import Model, read_gold
from labelmodel.redundancy import independence, similarity


def labelfn_table(
    model: Model,
    votes: Any,
    gold: ArrayLike | None = None,
    names: Sequence[str] | None = None,
) -> pd.DataFrame:
    """One row a labeling function.

    `votes` cast and `coverage`; `overlap` and `conflict`: share of items where it votes and so
    does, or differently does, another; `weight` in the fitted model; `accuracy` as the model
    sees it, with the 95 % interval `low` to `high`; `independence`: the share of its vote that
    is no copy. With gold also `gold_votes`, `gold_accuracy`, `gold_low`, `gold_high`. Accuracies
    are of the items it voted on; NaN where there are none.
    """
    ballots = read_votes(votes, model.n_classes)
    table = pd.DataFrame({"labelfn": _names(names, ballots.m)})
    mass = ballots.by_labelfn
    table["votes"] = mass.getnnz(axis=0)
    table["coverage"] = table["votes"] / max(ballots.n, 1)
    table["overlap"], table["conflict"] = _overlap_conflict(ballots)
    table["weight"] = np.asarray(getattr(model, "weights_", np.full(ballots.m, np.nan)))
    cast = np.asarray(mass.sum(axis=0)).ravel()
    known = getattr(model, "accuracy_", None)
    right = _right(ballots, model.predict_proba(votes)) if known is None else known * cast
    table[["accuracy", "low", "high"]] = _interval(right, cast)
    table["independence"] = independence(ballots)
    truth = read_gold(gold, ballots.n, ballots.k)
    return table if gold is None else table.join(_on_gold(ballots, truth))


def redundant_pairs(
    votes: Any, n_classes: int, names: Sequence[str] | None = None, least: float = 0.5
) -> pd.DataFrame:
    """Pairs `a`, `b` that vote alike: `similarity` of at least `least`, the closest first.

    1 is a copy, 0 is chance; see `labelmodel.redundancy.similarity`.
    """
    ballots = read_votes(votes, n_classes)
    label = np.asarray(_names(names, ballots.m), dtype=object)
    alike = similarity(ballots)
    a, b = np.triu_indices(ballots.m, 1)
    keep = alike[a, b] >= least
    pairs = {"a": label[a[keep]], "b": label[b[keep]], "similarity": alike[a[keep], b[keep]]}
    return pd.DataFrame(pairs).sort_values("similarity", ascending=False, ignore_index=True)


def effective_voters(votes: Any, n_classes: int, correlation: float = 0.2) -> float:
    """How many independent voters an item that got votes has heard, on average.

    Copies count once, and t voters that err together with `correlation` count as
    t / (1 + (t - 1) correlation), the design effect of cluster samples (Kish 1965).
    """
    ballots = read_votes(votes, n_classes)
    cast = np.asarray(ballots.by_labelfn @ independence(ballots))[ballots.voted]
    return float((cast / (1 + correlation * np.maximum(cast - 1, 0))).mean()) if len(cast) else 0.0


def conflicts(votes: Any, n_classes: int, classes: Sequence[str] | None = None) -> pd.DataFrame:
    """Items on which one labeling function said the row's class and another the column's, (k, k).

    The diagonal counts the items on which at least two said that class.
    """
    ballots = read_votes(votes, n_classes)
    coo = ballots.shares.tocoo()
    shape = (ballots.n, ballots.k)
    says = sparse.csr_matrix((np.ones(coo.nnz), (coo.row, coo.col % ballots.k)), shape=shape)
    some = says.sign()
    table = np.asarray((some.T @ some).todense())
    np.fill_diagonal(table, np.asarray((says > 1).sum(axis=0)).ravel())
    label = _names(classes, ballots.k)
    return pd.DataFrame(table.astype(int), index=label, columns=label)


def lineage(
    model: Model,
    votes: Any,
    item: int,
    names: Sequence[str] | None = None,
    classes: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Why item number `item` got its answer: one row a vote it got, the strongest push first.

    `said` is the class most of the vote went to, `share` how much of it did; `push` is what the
    vote adds to the log-odds of the answer, and `without` what the answer would be had it not
    been cast. Found by taking each vote away, so that it means the same for every model.
    """
    one = read_votes(votes, model.n_classes).rows(item, item + 1)
    shares = np.asarray(one.shares.todense()).reshape(one.m, one.k)
    voters = np.flatnonzero(shares.sum(axis=1) > 0)
    proba = model.predict_proba(_Without(shares, voters))
    label = np.asarray(_names(classes, one.k), dtype=object)
    top = int(proba[-1].argmax())
    odds = np.log(np.maximum(proba[:, top], 1e-15)) - np.log(np.maximum(1 - proba[:, top], 1e-15))
    table = {
        "labelfn": np.asarray(_names(names, one.m), dtype=object)[voters],
        "said": label[shares[voters].argmax(axis=1)],
        "share": shares[voters].max(axis=1),
        "push": odds[-1] - odds[:-1],
        "without": label[proba[:-1].argmax(axis=1)],
    }
    order = np.argsort(-np.abs(table["push"]), kind="stable")
    return pd.DataFrame(table).iloc[order].reset_index(drop=True)


class _Without:
    """One item as many: each row lacks one of its votes, the last lacks none."""

    def __init__(self, shares: Floats, voters: Ints) -> None:
        copies = np.repeat(shares[None], len(voters) + 1, axis=0)
        copies[np.arange(len(voters)), voters] = 0.0
        self.L = np.full((len(voters) + 1, len(shares)), -1)
        self.V = sparse.csr_matrix(copies.reshape(len(voters) + 1, -1))


def _names(names: Sequence[str] | None, count: int) -> list[str]:
    return [str(i) for i in range(count)] if names is None else list(names)


def _overlap_conflict(ballots: Ballots) -> tuple[Floats, Floats]:
    """Share of all items where each labeling function meets another vote, and another class."""
    mass = ballots.by_labelfn
    voters = np.asarray(mass.sign().sum(axis=1)).ravel()
    shares = ballots.shares
    spread = np.asarray(
        shares @ sparse.vstack([sparse.eye(ballots.k)] * ballots.m).tocsr().todense()
    )
    coo = shares.tocoo()
    alone = spread[coo.row, coo.col % ballots.k] < voters[coo.row] - 1e-9
    met = np.asarray(mass.sign().T @ (voters > 1)).ravel()
    shape = (ballots.n, ballots.m)
    split = sparse.csr_matrix((alone.astype(float), (coo.row, coo.col // ballots.k)), shape=shape)
    n = max(ballots.n, 1)
    return met / n, np.asarray(split.sign().sum(axis=0)).ravel() / n


def _right(ballots: Ballots, proba: Floats) -> Floats:
    """Count the votes of each labeling function that are expected to be right, (m,)."""
    coo = ballots.shares.tocoo()
    gain = coo.data * proba[coo.row, coo.col % ballots.k]
    return np.asarray(np.bincount(coo.col // ballots.k, gain, ballots.m), dtype=np.float64)


def _on_gold(ballots: Ballots, truth: Ints) -> pd.DataFrame:
    some = ballots.take(np.flatnonzero(truth >= 0))
    votes = np.asarray(some.by_labelfn.sum(axis=0)).ravel()
    right = _right(some, np.eye(ballots.k)[truth[truth >= 0]])
    table = pd.DataFrame({"gold_votes": some.by_labelfn.getnnz(axis=0)})
    table[["gold_accuracy", "gold_low", "gold_high"]] = _interval(right, votes)
    return table


def _interval(right: Floats, votes: Floats) -> Floats:
    """Accuracy and its 95 % interval (m, 3), Jeffreys' (Brown, Cai, DasGupta 2001)."""
    wrong = np.maximum(votes - right, 0.0)
    low, high = beta.ppf([[0.025], [0.975]], right + 0.5, wrong + 0.5)
    accuracy = np.where(votes > 0, right / np.maximum(votes, 1e-12), np.nan)
    return np.column_stack([accuracy, np.where(votes > 0, low, 0), np.where(votes > 0, high, 1)])
