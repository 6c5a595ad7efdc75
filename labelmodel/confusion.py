"""Readings of votes by a full confusion matrix for each labeling function."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import softmax

from labelmodel.ballots import Ballots, Floats, Ints
from labelmodel.base import clamp
from labelmodel.evidence import evidence, expected_counts
from labelmodel.rates import prior_rates, said_rates, skills, to_likelihood, update_rates
from labelmodel.settings import Settings, corrected, design_effect, settle_balance, silence


@dataclass(frozen=True)
class Confusions:
    """One reading of the votes.

    Likelihood (m * k, k), balance (k,), what silence is answered with (k,), and, not in the first
    reading, the share of each labeling function's votes taken to be right (m,).
    """

    likelihood: Floats
    balance: Floats
    silent: Floats
    accuracy: Floats | None = None

    def read(self, ballots: Ballots, own: Floats, correlation: float) -> Floats:
        """Posterior (n, k); `own` (m,) is the share of each vote that is no copy."""
        heard = evidence(ballots, self.likelihood, own)
        heard *= design_effect(ballots, own, correlation)[:, None]
        proba = np.asarray(softmax(heard + np.log(self.balance), axis=1))
        proba[~ballots.voted] = self.silent
        return proba

    def lift(self, m: int) -> Floats:
        """How far a vote moves the log-odds of the class it names, (m, k)."""
        k = len(self.balance)
        logs = np.log(self.likelihood).reshape(m, k, k)
        own = np.einsum("jcc->jc", logs)
        return np.asarray(own - (logs.sum(axis=2) - own) / (k - 1))


def first_reading(ballots: Ballots, own: Floats, settings: Settings) -> Confusions:
    """Read what frequencies of votes say before any agreement is looked at."""
    start = settings.start
    likelihood = to_likelihood(prior_rates(ballots, start, settings.skill), own)
    return Confusions(likelihood, start, start)


def next_reading(
    last: Confusions, ballots: Ballots, gold: Ints, own: Floats, settings: Settings
) -> Confusions:
    """One step of expectation maximisation, in blocks of items."""
    m, k = ballots.m, ballots.k
    counts, items, winners = np.zeros((m * k, k)), np.zeros(k), np.zeros(k)
    for start, block in ballots.blocks():
        known = gold[start : start + block.n]
        posterior = clamp(last.read(block, own, 0.0), known)
        counts += expected_counts(block, posterior, last.likelihood)
        items += posterior.sum(axis=0)
        winners += winners_of(posterior[block.voted])
    cube = counts.reshape(m, k, k)
    extra, told = _told(ballots, gold, settings.trusted_votes)
    right = np.einsum("jcc->j", cube)
    said, share = said_rates(ballots, settings.start), items / max(items.sum(), 1e-12)
    skill = skills(right, said, share, ballots.n, settings.skill)
    prior = prior_rates(ballots, settings.start, skill)
    rates = update_rates(cube + extra, prior, settings.prior_items, items + told)
    likelihood = to_likelihood(rates, own)
    accuracy = right / np.maximum(cube.sum(axis=(1, 2)), 1e-12)
    if settings.given is not None:
        return Confusions(likelihood, settings.given, settings.given, accuracy)
    balance = settle_balance(winners)
    silent = silence(balance, np.einsum("jcy,j->y", cube, own), items, ballots, own)
    told_balances = corrected(balance, silent, gold, ballots.voted)
    return Confusions(likelihood, *told_balances, accuracy)


def winners_of(posterior: Floats) -> Floats:
    """How many rows of a posterior (n, k) each class wins, ties shared, (k,)."""
    top = posterior >= posterior.max(axis=1, keepdims=True) - 1e-9
    return np.asarray((top / top.sum(axis=1, keepdims=True)).sum(axis=0))


def _told(ballots: Ballots, gold: Ints, trusted_votes: float) -> tuple[Floats, Floats]:
    """Count (m, k, k) votes and (m, k) items more, so that gold outweighs mere agreement.

    Agreement over any number of votes is trusted like `trusted_votes` votes on gold.
    """
    k = ballots.k
    known = np.flatnonzero(gold >= 0)
    truth = np.eye(k)[gold[known]]
    counts = np.asarray(ballots.take(known).shares.T @ truth).reshape(ballots.m, k, k)
    votes = ballots.symbol_totals.sum(axis=1)
    again = np.maximum(votes / trusted_votes - 1, 0.0)
    return again[:, None, None] * counts, again[:, None] * truth.sum(axis=0)
