"""The default label model: naive Bayes over votes that starts from what overlap alone can say."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import softmax

from labelmodel.ballots import Ballots, Floats, Ints
from labelmodel.base import Model, clamp, read_balance
from labelmodel.evidence import evidence, expected_counts
from labelmodel.rates import prior_rates, to_likelihood, update_rates


class LabelModel(Model):
    """Weigh votes without gold, whatever kind of labeling functions cast them.

    Every labeling function has P(its vote | class), started from a prior that knows nothing but
    how often it speaks, and brought up to date by `steps` of expectation maximisation. `balance`
    (k,) is used as it is given; otherwise it is learned, half way between uniform and what the
    votes say.
    """

    def __init__(
        self,
        n_classes: int,
        balance: Sequence[float] | None = None,
        skill: float = 0.5,
        prior_items: float = 2.0,
        steps: int = 1,
    ) -> None:
        self.n_classes = n_classes
        self.balance = balance
        self.skill = skill
        self.prior_items = prior_items
        self.steps = steps

    def _fit(self, ballots: Ballots, gold: Ints) -> None:
        k, given = self.n_classes, read_balance(self.balance, self.n_classes)
        self.balance_ = np.full(k, 1 / k) if given is None else given
        prior = prior_rates(ballots, self.balance_, self.skill)
        self.likelihood_ = to_likelihood(prior)
        for _ in range(self.steps):
            posterior = clamp(softmax(self._joint_log_likelihood(ballots), axis=1), gold)
            self._update(ballots, posterior, prior, given)
        self.weights_ = weights(self.likelihood_, ballots)
        self.diagnosis_: tuple[str, ...] = ()

    def _update(
        self, ballots: Ballots, posterior: Floats, prior: Floats, given: Floats | None
    ) -> None:
        k = self.n_classes
        n_by_class = posterior.sum(axis=0)
        counts = expected_counts(ballots, posterior, self.likelihood_).reshape(ballots.m, k, k)
        rates = update_rates(counts, prior, self.prior_items, n_by_class)
        self.likelihood_ = to_likelihood(rates)
        if given is None and ballots.n:
            self.balance_ = (n_by_class / ballots.n + 1 / k) / 2

    def _joint_log_likelihood(self, ballots: Ballots) -> Floats:
        return evidence(ballots, self.likelihood_) + np.log(self.balance_)


def weights(likelihood: Floats, ballots: Ballots) -> Floats:
    """How far, on average, a vote moves the log-odds of the class it names: shape (m,)."""
    m, k = ballots.m, ballots.k
    logs = np.log(likelihood).reshape(m, k, k)
    own = np.einsum("jcc->jc", logs)
    lift = own - (logs.sum(axis=2) - own) / (k - 1)
    said = ballots.symbol_totals
    return np.asarray((lift * said).sum(axis=1) / np.maximum(said.sum(axis=1), 1e-12))
