"""Dawid and Skene's model, with priors that keep it from collapsing, and its one-coin form."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import softmax
from sklearn.exceptions import ConvergenceWarning

from labelmodel.ballots import Ballots, Floats, Ints, read_votes
from labelmodel.base import Model, check_classes, clamp, read_balance, read_gold
from labelmodel.evidence import evidence, expected_counts
from labelmodel.majority import shared, tally


class DawidSkene(Model):
    """A confusion matrix a labeling function, by expectation maximisation (Dawid, Skene 1979).

    MAP priors: every row of a confusion matrix has one pseudo-vote spread as the labeling function
    spreads its votes and `prior` more on the right class; the class balance has
    `balance_prior` x n pseudo-items spread evenly, because a labeling function that only ever
    names one class says nothing of how common that class is. `confusion_` (m, k, k) is
    P(said | true), the said class first. Should all items with votes end in one class although
    votes name several, EM has collapsed: the step that still told them apart is kept and
    `collapsed_` says so. A labeling function of one word has no confusion to learn; what counts
    is how often it speaks in each class, so its row holds that, the highest rate as 1.
    """

    confusion_: Floats
    balance_: Floats

    def __init__(
        self,
        n_classes: int,
        balance: Sequence[float] | None = None,
        prior: float = 1.0,
        balance_prior: float = 0.1,
        max_iter: int = 100,
        tol: float = 1e-4,
    ) -> None:
        self.n_classes = n_classes
        self.balance = balance
        self.prior = prior
        self.balance_prior = balance_prior
        self.max_iter = max_iter
        self.tol = tol

    def _fit(self, ballots: Ballots, gold: Ints) -> None:
        posterior = clamp(self._start(ballots), gold)
        several = _classes_won(posterior, ballots) > 1
        self.collapsed_ = False
        for step in range(1, self.max_iter + 1):
            self.n_iter_ = step
            kept = (self.confusion_, self.balance_) if step > 1 else None
            self._m_step(ballots, posterior)
            before, posterior = posterior, clamp(self._proba(ballots), gold)
            if several and kept and _classes_won(posterior, ballots) < 2:
                self.confusion_, self.balance_ = kept
                self.collapsed_ = True
                return
            if not ballots.n or np.abs(posterior - before).max() < self.tol:
                return
        warnings.warn("Dawid-Skene did not settle; raise max_iter.", ConvergenceWarning, 2)

    def _start(self, ballots: Ballots) -> Floats:
        """Majority vote, before anything is learned."""
        k = self.n_classes
        for name in ("confusion_", "balance_"):
            if hasattr(self, name):
                delattr(self, name)
        self.counts_ = np.zeros((ballots.m, k, k))
        self.items_ = np.zeros(k)
        return shared(tally(ballots), np.full(k, 1 / k))

    def partial_fit(self, votes: Any, gold: ArrayLike | None = None) -> Self:
        """Learn from more items without keeping the old ones (stepwise EM, one pass each)."""
        check_classes(self.n_classes)
        ballots = read_votes(votes, self.n_classes, getattr(self, "n_labelfns_", None))
        if not hasattr(self, "n_labelfns_"):
            return self.fit(votes, gold)
        truth = read_gold(gold, ballots.n, self.n_classes)
        self._m_step(ballots, clamp(self._proba(ballots), truth), keep=True)
        return self

    def _m_step(self, ballots: Ballots, posterior: Floats, keep: bool = False) -> None:
        k = self.n_classes
        flat = getattr(self, "confusion_", np.full((ballots.m, k, k), 1 / k)).reshape(-1, k)
        counts = expected_counts(ballots, posterior, flat).reshape(ballots.m, k, k)
        items = posterior.sum(axis=0)
        self.counts_ = counts + self.counts_ if keep else counts
        self.items_ = items + self.items_ if keep else items
        self.confusion_ = self._confusion(self.counts_, self.counts_.sum(axis=2))
        given = read_balance(self.balance, k)
        pseudo = self.balance_prior * self.items_.sum() + 1.0
        learned = (self.items_ + pseudo / k) / (self.items_.sum() + pseudo)
        self.balance_ = learned if given is None else given

    def _pseudo(self, said: Floats) -> Floats:
        """Pseudo-counts of the prior, (m, k, k)."""
        k = self.n_classes
        spread = (said + 1) / (said.sum(axis=1, keepdims=True) + k)
        return np.asarray(spread[:, :, None] + self.prior * np.eye(k))

    def _confusion(self, counts: Floats, said: Floats) -> Floats:
        smoothed = counts + self._pseudo(said)
        return self._one_word(smoothed / smoothed.sum(axis=1, keepdims=True), counts)

    def _one_word(self, confusion: Floats, counts: Floats) -> Floats:
        """Confusions with those of one-word voters replaced by how often they speak."""
        j, word = np.nonzero(counts.sum(axis=2) > 0)
        single = np.flatnonzero(np.bincount(j, minlength=len(counts))[j] == 1)
        j, word = j[single], word[single]
        mean = counts[j, word].sum(axis=1, keepdims=True) / self.items_.sum()
        rate = (counts[j, word] + self.prior * mean) / (self.items_ + self.prior)
        own = rate[np.arange(len(j)), word][:, None]
        replaced = confusion.copy()
        replaced[j, word] = np.minimum(rate, own) / own
        return replaced

    def _proba(self, ballots: Ballots) -> Floats:
        flat = self.confusion_.reshape(-1, self.n_classes)
        return np.asarray(softmax(evidence(ballots, flat) + np.log(self.balance_), axis=1))

    @property
    def weights_(self) -> Floats:
        """Mean log-odds a vote of each labeling function adds to the class it names, (m,)."""
        logs = np.log(self.confusion_)
        own = np.einsum("jcc->jc", logs)
        lift = own - (logs.sum(axis=2) - own) / (self.n_classes - 1)
        said = self.counts_.sum(axis=2)
        return np.asarray((lift * said).sum(axis=1) / np.maximum(said.sum(axis=1), 1e-12))


class OneCoin(DawidSkene):
    """Dawid-Skene with one accuracy a labeling function, its errors spread evenly."""

    def _confusion(self, counts: Floats, said: Floats) -> Floats:
        k = self.n_classes
        right = np.einsum("jcc->j", counts) + self.prior + 1 / k
        accuracy = (right / (counts.sum(axis=(1, 2)) + self.prior + 1))[:, None, None]
        eye = np.eye(k)[None]
        return np.asarray(accuracy * eye + (1 - accuracy) / (k - 1) * (1 - eye))


def _classes_won(posterior: Floats, ballots: Ballots) -> int:
    return len(np.unique(posterior[ballots.voted].argmax(axis=1)))
