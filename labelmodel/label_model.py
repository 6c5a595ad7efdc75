"""The default label model: naive Bayes over votes that starts from what overlap alone can say."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from labelmodel.ballots import Ballots, Floats, Ints
from labelmodel.base import Model, read_balance
from labelmodel.confusion import Confusions, first_reading, next_reading
from labelmodel.even import EvenErrors, first_even, next_even
from labelmodel.redundancy import independence
from labelmodel.settings import Settings

MANY = 200  # classes; beyond it no one has the votes to fill k x k confusions


class LabelModel(Model):
    """Weigh votes without gold, whatever kind of labeling functions cast them.

    The answer is the mean of `steps` + 1 readings. The first knows only how often each labeling
    function says what; each further one is a step of expectation maximisation on from the last.
    Few steps on purpose: run to the end, EM finds whatever explains the votes best, which is
    seldom the classes. Copies share one vote (`independence_`), and of t votes on an item only
    t / (1 + (t - 1) `correlation`) are counted in the answer, the design effect of voters that
    err together (Kish 1965). `balance` (k,) is used as given; otherwise `balance_`, learned,
    answers for items without votes. Agreement with other votes is trusted like `trusted_votes`
    votes on gold at most. Over 200 classes a labeling function's errors are taken to be even.
    """

    def __init__(
        self,
        n_classes: int,
        balance: Sequence[float] | None = None,
        *,
        steps: int = 2,
        skill: float = 0.5,
        prior_items: float = 15.0,
        correlation: float = 0.2,
        trusted_votes: float = 50.0,
    ) -> None:
        self.n_classes = n_classes
        self.balance = balance
        self.steps = steps
        self.skill = skill
        self.prior_items = prior_items
        self.correlation = correlation
        self.trusted_votes = trusted_votes

    def _fit(self, ballots: Ballots, gold: Ints) -> None:
        given = read_balance(self.balance, self.n_classes)
        settings = Settings(self.n_classes, given, self.skill, self.prior_items, self.trusted_votes)
        self.independence_ = independence(ballots)
        self.readings_ = self._readings(ballots, gold, settings)
        self.balance_ = np.mean([reading.silent for reading in self.readings_], axis=0)
        self.accuracy_ = self.readings_[-1].accuracy
        said = ballots.symbol_totals
        mean = (self.readings_[-1].lift(ballots.m) * said).sum(axis=1) / (said.sum(axis=1) + 1e-12)
        self.weights_ = self.independence_ * mean
        self.diagnosis_ = self._diagnose(ballots, gold)

    def _readings(
        self, ballots: Ballots, gold: Ints, settings: Settings
    ) -> Sequence[Confusions | EvenErrors]:
        steps = self.steps if ballots.voted.any() else 0
        own = self.independence_
        if self.n_classes > MANY:
            even = [first_even(ballots, settings)]
            for _ in range(steps):
                even.append(next_even(even[-1], ballots, gold, own, settings))
            return even
        full = [first_reading(ballots, own, settings)]
        for _ in range(steps):
            full.append(next_reading(full[-1], ballots, gold, own, settings))
        return full

    def _diagnose(self, ballots: Ballots, gold: Ints) -> tuple[str, ...]:
        """Sentences on what the votes could not tell, and what was done instead."""
        said = np.flatnonzero(ballots.symbol_totals.sum(axis=0) > 0)
        several = int((np.diff(ballots.shares.indptr) > 1).sum())
        copies = int((self.independence_ < 0.5).sum())
        noise = int((self.weights_ < 0.05).sum())
        found = [
            (not ballots.voted.any(), "Nobody voted: every item gets the class balance."),
            (len(said) == 1, f"Only class {said[:1]} was ever voted for."),
            (
                bool(ballots.voted.any()) and several < 30 and not (gold >= 0).any(),
                f"Only {several} items have several votes, too few to tell who is right: "
                "what counts is how often each labeling function says what.",
            ),
            (copies > 0, f"{copies} labeling functions mostly repeat others and share their vote."),
            (noise > 0, f"{noise} labeling functions say nothing that could be told from chance."),
        ]
        return tuple(sentence for true, sentence in found if true)

    def _proba(self, ballots: Ballots) -> Floats:
        total = np.zeros((ballots.n, self.n_classes))
        for reading in self.readings_:
            total += reading.read(ballots, self.independence_, self.correlation)
        return total / len(self.readings_)
