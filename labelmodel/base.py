"""What every label model promises: fit, predict_proba, predict, score, as in scikit-learn."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from labelmodel.ballots import Ballots, Floats, Ints, read_votes
from labelmodel.errors import InputError


class Model(BaseEstimator, ABC):  # type: ignore[misc]
    """Votes in, probabilities out.

    Votes are an integer array (n, m) with -1 for an abstain, or an object with `.L` (n, m) and
    `.V` (None, or sparse (n, m * k): column j * k + c is the share of labeling function j's vote
    that class c got; shares may add up to less than 1, and equal shares mean one of these).
    Gold is an integer array (n,) with -1 where it is not known.

    A subclass owes `_fit`, and `_proba`: probabilities (n, k) of items it may never have seen.
    Every method raises `labelmodel.errors.InputError` on input that does not fit.
    """

    n_classes: int

    @abstractmethod
    def _fit(self, ballots: Ballots, gold: Ints) -> None: ...

    @abstractmethod
    def _proba(self, ballots: Ballots) -> Floats: ...

    def fit(self, votes: Any, gold: ArrayLike | None = None) -> Self:
        """Learn from votes and, where there is some, gold (n,) with -1 for unknown."""
        check_classes(self.n_classes)
        ballots = read_votes(votes, self.n_classes)
        self.n_labelfns_ = ballots.m
        self.classes_ = np.arange(self.n_classes)
        self._fit(ballots, read_gold(gold, ballots.n, self.n_classes))
        return self

    def predict_blocks(self, votes: Any, rows: int | None = None) -> Iterator[Floats]:
        """Probabilities of at most `rows` items at a time, for tables too big to hold (n, k)."""
        check_is_fitted(self, "n_labelfns_")
        ballots = read_votes(votes, self.n_classes, self.n_labelfns_)
        for _, block in ballots.blocks(rows):
            yield self._proba(block)

    def predict_proba(self, votes: Any) -> Floats:
        """Probability of every class for every item, shape (n, k); rows sum to 1."""
        blocks = list(self.predict_blocks(votes))
        return np.concatenate(blocks) if blocks else np.zeros((0, self.n_classes))

    def predict(self, votes: Any) -> NDArray[np.int64]:
        """Name the most probable class of every item, shape (n,); of equals, the first."""
        tops = [block.argmax(axis=1) for block in self.predict_blocks(votes)]
        return np.concatenate(tops) if tops else np.zeros(0, dtype=np.int64)

    def score(self, votes: Any, gold: ArrayLike) -> float:
        """Accuracy on the items whose gold is known."""
        top = self.predict(votes)
        known = read_gold(gold, len(top), self.n_classes)
        if not (known >= 0).any():
            raise InputError("There is no gold to score against: every row is -1.")
        return float((top == known)[known >= 0].mean())


def check_classes(n_classes: Any) -> None:
    """Raise InputError unless there are at least two classes."""
    if not isinstance(n_classes, int | np.integer) or n_classes < 2:
        raise InputError(f"n_classes must be a whole number of at least 2, not {n_classes!r}.")


def read_gold(gold: ArrayLike | None, n: int, k: int) -> Ints:
    """Gold as an integer array (n,), -1 where unknown; None is all unknown."""
    if gold is None:
        return np.full(n, -1, dtype=np.int64)
    array = np.asarray(gold)
    if array.shape != (n,):
        raise InputError(f"Gold must have one entry a row, shape ({n},), not {array.shape}.")
    if array.size and (array.min() < -1 or array.max() >= k or (array != array.astype(int)).any()):
        raise InputError(f"Gold must be 0 to {k - 1}, or -1 where it is not known.")
    return array.astype(np.int64)


def read_balance(balance: ArrayLike | None, k: int) -> Floats | None:
    """Check a class balance (k,) and make it sum to 1; None stays None."""
    if balance is None:
        return None
    array = np.asarray(balance, dtype=np.float64)
    if array.shape != (k,) or not np.isfinite(array).all() or (array <= 0).any():
        raise InputError(f"A class balance is {k} positive numbers, one a class.")
    return np.asarray(array / array.sum())


def clamp(posterior: Floats, gold: Ints) -> Floats:
    """Set the posterior of known gold to it, in a copy."""
    known = np.flatnonzero(gold >= 0)
    if not len(known):
        return posterior
    clamped = posterior.copy()
    clamped[known] = 0.0
    clamped[known, gold[known]] = 1.0
    return clamped
