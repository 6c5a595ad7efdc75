"""Majority vote, and majority vote in which agreement earns weight."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from labelmodel.ballots import Ballots, Floats, Ints
from labelmodel.base import Model, clamp, read_balance


def tally(ballots: Ballots, weights: Floats | None = None) -> Floats:
    """Votes a class got, each counted by the weight (m,) of who cast it: shape (n, k)."""
    k, m = ballots.k, ballots.m
    spread = np.tile(np.eye(k), (m, 1))
    if weights is not None:
        spread *= np.repeat(weights, k)[:, None]
    return np.asarray(ballots.shares @ spread)


def shared(counts: Floats, balance: Floats) -> Floats:
    """Turn counts (n, k) into shares of each row; a row without any gets the balance."""
    total = counts.sum(axis=1, keepdims=True)
    return np.where(total > 0, counts / np.where(total > 0, total, 1.0), balance)


class MajorityVote(Model):
    """The share of the votes each class got.

    `balance` (k,) answers for a row without votes; without it the share of all votes does,
    smoothed by one vote a class.
    """

    def __init__(self, n_classes: int, balance: Sequence[float] | None = None) -> None:
        self.n_classes = n_classes
        self.balance = balance

    def _fit(self, ballots: Ballots, gold: Ints) -> None:
        self.weights_ = np.ones(ballots.m)
        self._settle(ballots)

    def _settle(self, ballots: Ballots) -> None:
        given = read_balance(self.balance, self.n_classes)
        votes = ballots.symbol_totals.sum(axis=0) + 1.0
        self.balance_ = votes / votes.sum() if given is None else given

    def _proba(self, ballots: Ballots) -> Floats:
        return shared(tally(ballots, self.weights_), self.balance_)


class WeightedVote(MajorityVote):
    """Majority vote with each vote counted by how often its caster agrees with the majority.

    Known as Wawa, worker agreement with aggregate. Where gold is known it stands in for the
    majority. One pass: repeated, the few that agree most with each other take all the weight.
    """

    def _fit(self, ballots: Ballots, gold: Ints) -> None:
        self._settle(ballots)
        answer = clamp(shared(tally(ballots), self.balance_), gold)
        self.weights_ = agreement(ballots, answer)


def agreement(ballots: Ballots, answer: Floats) -> Floats:
    """How often each labeling function agrees with soft answers (n, k): shape (m,).

    Smoothed by two votes at chance, so that it is never 0 or 1.
    """
    counts = np.asarray(ballots.shares.T @ answer).reshape(ballots.m, ballots.k, ballots.k)
    agreed = np.einsum("jcc->j", counts)
    votes = counts.sum(axis=(1, 2))
    accuracy: Floats = (agreed + 2.0 / ballots.k) / (votes + 2.0)
    return accuracy
