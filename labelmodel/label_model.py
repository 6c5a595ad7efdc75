"""The default label model: naive Bayes over votes that starts from what overlap alone can say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import softmax

from labelmodel.ballots import Ballots, Floats, Ints
from labelmodel.base import Model, clamp, read_balance
from labelmodel.evidence import evidence, expected_counts
from labelmodel.rates import beyond_chance, prior_rates, to_likelihood, update_rates
from labelmodel.redundancy import independence


@dataclass(frozen=True)
class Stage:
    """One reading of the votes: likelihood (m * k, k), balance (k,), answer to silence (k,)."""

    likelihood: Floats
    balance: Floats
    silent: Floats


class LabelModel(Model):
    """Weigh votes without gold, whatever kind of labeling functions cast them.

    The answer is the mean of `steps` + 1 readings. The first knows only how often each labeling
    function says what; each further one is a step of expectation maximisation on from the last.
    Few steps on purpose: run to the end, EM finds whatever explains the votes best, which is
    seldom the classes. Copies share one vote (`independence_`), and of t votes on an item only
    t / (1 + (t - 1) `correlation`) are counted in the answer, the design effect of voters that
    err together. `balance` (k,) is used as given; otherwise `balance_`, learned, answers for
    items without votes.
    """

    def __init__(
        self,
        n_classes: int,
        balance: Sequence[float] | None = None,
        *,
        steps: int = 2,
        skill: float = 0.5,
        prior_items: float = 2.0,
        correlation: float = 0.2,
        gold_weight: float = 10.0,
    ) -> None:
        self.n_classes = n_classes
        self.balance = balance
        self.steps = steps
        self.skill = skill
        self.prior_items = prior_items
        self.correlation = correlation
        self.gold_weight = gold_weight

    def _fit(self, ballots: Ballots, gold: Ints) -> None:
        self.independence_ = independence(ballots)
        given = read_balance(self.balance, self.n_classes)
        even = np.full(self.n_classes, 1 / self.n_classes) if given is None else given
        prior = prior_rates(ballots, even, self.skill)
        self.stages_ = [Stage(to_likelihood(prior, self.independence_), even, even)]
        for _ in range(self.steps if ballots.voted.any() else 0):
            self.stages_.append(self._step(ballots, gold, prior, given))
        self.balance_ = np.mean([stage.silent for stage in self.stages_], axis=0)
        self.weights_ = self._weights(ballots)
        self.diagnosis_: tuple[str, ...] = ()

    def _step(self, ballots: Ballots, gold: Ints, prior: Floats, given: Floats | None) -> Stage:
        last, k = self.stages_[-1], self.n_classes
        posterior = clamp(self._read(ballots, last, 0.0), gold)
        counted = posterior * np.where(gold >= 0, self.gold_weight, 1.0)[:, None]
        n_by_class = counted.sum(axis=0)
        counts = expected_counts(ballots, counted, last.likelihood).reshape(ballots.m, k, k)
        rates = update_rates(counts, prior, self.prior_items, n_by_class)
        likelihood = to_likelihood(rates, self.independence_)
        if given is not None:
            return Stage(likelihood, given, given)
        balance = learned_balance(posterior[ballots.voted])
        votes = np.einsum("jcy,j->y", counts, self.independence_)
        return Stage(likelihood, balance, self._silent(ballots, balance, votes, n_by_class))

    def _silent(self, ballots: Ballots, balance: Floats, votes: Floats, n: Floats) -> Floats:
        """Balance of the items nobody voted on: fewer come from classes that get many votes.

        Votes an item gets are geometric rather than Poisson: some texts have more to say.
        """
        cast = np.asarray(ballots.by_labelfn @ self.independence_)
        mean = votes.sum() / n.sum()
        trust = beyond_chance(votes, mean * n, float(cast.var()) / max(mean, 1e-9))
        activity = mean + trust * (votes / np.maximum(n, 1e-9) - mean)
        silent = balance / (1 + activity)
        return np.asarray(silent / silent.sum())

    def _read(self, ballots: Ballots, stage: Stage, correlation: float) -> Floats:
        """Posterior (n, k) of one stage."""
        cast = np.asarray(ballots.by_labelfn @ self.independence_)
        effect = 1 / (1 + correlation * np.maximum(cast - 1, 0.0))
        heard = evidence(ballots, stage.likelihood, self.independence_)
        proba = softmax(effect[:, None] * heard + np.log(stage.balance), axis=1)
        proba[~ballots.voted] = stage.silent
        return np.asarray(proba)

    def _joint_log_likelihood(self, ballots: Ballots) -> Floats:
        readings = [self._read(ballots, stage, self.correlation) for stage in self.stages_]
        return np.asarray(np.log(np.maximum(np.mean(readings, axis=0), 1e-300)))

    def _weights(self, ballots: Ballots) -> Floats:
        return self.independence_ * lift(self.stages_[-1].likelihood, ballots)


def learned_balance(posterior: Floats) -> Floats:
    """Class balance from posteriors (n, k): half way to even, and even where chance explains it.

    Counted by winners: the posterior itself stays near the balance it began with.
    """
    n, k = posterior.shape
    top = posterior >= posterior.max(axis=1, keepdims=True) - 1e-9
    winners = (top / top.sum(axis=1, keepdims=True)).mean(axis=0)
    half = (winners + 1 / k) / 2
    trust = beyond_chance(n * half, np.full(k, n / k), 1.0)
    return np.asarray(1 / k + trust * (half - 1 / k))


def lift(likelihood: Floats, ballots: Ballots) -> Floats:
    """How far, on average, a vote moves the log-odds of the class it names: shape (m,)."""
    m, k = ballots.m, ballots.k
    logs = np.log(likelihood).reshape(m, k, k)
    own = np.einsum("jcc->jc", logs)
    gain = own - (logs.sum(axis=2) - own) / (k - 1)
    said = ballots.symbol_totals
    return np.asarray((gain * said).sum(axis=1) / np.maximum(said.sum(axis=1), 1e-12))
