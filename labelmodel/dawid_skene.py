"""Dawid and Skene's model, with priors that keep it from collapsing, and its one-coin form."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from scipy.special import softmax
from sklearn.exceptions import ConvergenceWarning

from labelmodel.ballots import Ballots, Floats, Ints
from labelmodel.base import Model, clamp, read_balance
from labelmodel.evidence import evidence, expected_counts
from labelmodel.majority import shared, tally


class DawidSkene(Model):
    """A confusion matrix a labeling function, by expectation maximisation (Dawid, Skene 1979).

    MAP priors: every row of a confusion matrix has one pseudo-vote spread as the labeling function
    spreads its votes and `prior` more on the right class; the class balance has
    `balance_prior` x n pseudo-items spread evenly, because a labeling function that only ever
    names one class says nothing of how common that class is. `confusion_` (m, k, k) is
    P(said | true), the said class first.
    """

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
        k = self.n_classes
        posterior = clamp(shared(tally(ballots), np.full(k, 1 / k)), gold)
        self.confusion_ = np.full((ballots.m, k, k), 1 / k)
        for step in range(1, self.max_iter + 1):
            self.n_iter_ = step
            self._m_step(ballots, posterior)
            before, posterior = posterior, clamp(self._proba(ballots), gold)
            if not ballots.n or np.abs(posterior - before).max() < self.tol:
                return
        warnings.warn("Dawid-Skene did not settle; raise max_iter.", ConvergenceWarning, 2)

    def _m_step(self, ballots: Ballots, posterior: Floats) -> None:
        k, n = self.n_classes, ballots.n
        flat = self.confusion_.reshape(-1, k)
        counts = expected_counts(ballots, posterior, flat).reshape(ballots.m, k, k)
        self.confusion_ = self._confusion(counts, ballots.symbol_totals)
        given = read_balance(self.balance, k)
        pseudo = self.balance_prior * n + 1.0
        learned = (posterior.sum(axis=0) + pseudo / k) / (n + pseudo)
        self.balance_ = learned if given is None else given

    def _confusion(self, counts: Floats, said: Floats) -> Floats:
        k = self.n_classes
        spread = (said + 1) / (said.sum(axis=1, keepdims=True) + k)
        smoothed = counts + spread[:, :, None] + self.prior * np.eye(k)
        return np.asarray(smoothed / smoothed.sum(axis=1, keepdims=True))

    def _proba(self, ballots: Ballots) -> Floats:
        flat = self.confusion_.reshape(-1, self.n_classes)
        return np.asarray(softmax(evidence(ballots, flat) + np.log(self.balance_), axis=1))


class OneCoin(DawidSkene):
    """Dawid-Skene with one accuracy a labeling function, its errors spread evenly."""

    def _confusion(self, counts: Floats, said: Floats) -> Floats:
        k = self.n_classes
        right = np.einsum("jcc->j", counts) + self.prior + 1 / k
        accuracy = (right / (counts.sum(axis=(1, 2)) + self.prior + 1))[:, None, None]
        eye = np.eye(k)[None]
        return np.asarray(accuracy * eye + (1 - accuracy) / (k - 1) * (1 - eye))
