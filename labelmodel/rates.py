"""How often each labeling function says each class of items of each class: prior and update."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labelmodel.ballots import Ballots, Floats

TINY = 1e-12


def said_rates(ballots: Ballots, balance: Floats) -> Floats:
    """How often each symbol is said of any item, (m, k).

    A voter whose words are as common as the classes, but for chance, is taken to say them so.
    """
    votes = ballots.symbol_totals.sum(axis=1, keepdims=True)
    expected = votes * balance
    trust = beyond_chance(ballots.symbol_totals, expected, 1.0)
    totals = expected + trust * (ballots.symbol_totals - expected)
    return np.asarray((totals + 0.5 / ballots.k) / (ballots.n + 0.5))


def overlap_rates(said: Floats, balance: Floats, skill: Floats | float) -> tuple[Floats, Floats]:
    """P(symbol | its own class) and P(symbol | any other), (m, k) each; see `prior_rates`."""
    chance = (1 - skill) * said
    own = chance + skill * np.minimum(said / balance, 1.0)
    other = chance + skill * np.maximum(said - balance, 0.0) / (1 - balance)
    return own, other


def skills(right: Floats, said: Floats, balance: Floats, n: int, before: float) -> Floats:
    """Find the skill (m, 1) at which overlap makes as many votes right as seem to be, (m,).

    Ten votes at the skill believed `before` are added, for voters with few.
    """
    chance = (said * balance).sum(axis=1)
    most = np.minimum(said, balance).sum(axis=1)
    extra = 10 * (chance + before * (most - chance)) / said.sum(axis=1)
    seen = (right + extra) / (n * said.sum(axis=1) + 10) * said.sum(axis=1)
    found = (seen - chance) / np.maximum(most - chance, TINY)
    return np.asarray(np.clip(found, 0.01, 0.99)[:, None])


def prior_rates(ballots: Ballots, balance: Floats, skill: Floats | float) -> Floats:
    """P(symbol | class) before any agreement is looked at, shape (m, k, k): said, then true.

    A voter is taken to be a mixture: with probability `skill` it overlaps its class as far as the
    two frequencies allow, else it is independent of it. So a rule that fires on two items in
    three cannot be evidence of a class that one item in six has, and a model that says the same
    class nearly always says little by it: no accuracy has to be known for that.
    """
    own, other = overlap_rates(said_rates(ballots, balance), balance, skill)
    diagonal: NDArray[np.bool_] = np.eye(ballots.k, dtype=bool)[None]
    return np.where(diagonal, own[:, :, None], other[:, :, None])


def update_rates(counts: Floats, prior: Floats, prior_items: float, n_by_class: Floats) -> Floats:
    """P(symbol | class) (m, k, k) from expected counts (m, k, k), shrunk to the prior.

    `n_by_class` (m, k) is how many items of each class a voter could have voted on.

    A rate is how often a voter speaks at all times what it says when it does. Both are believed
    to depend on the class only as far as chance does not explain it (James-Stein): otherwise the
    noise of hundreds of crowd workers' schedules, and of their guesses, would pass for evidence.
    """
    smoothed = counts + prior_items * prior / prior.sum(axis=1, keepdims=True)
    confusion = smoothed / smoothed.sum(axis=1, keepdims=True)
    spoken = counts.sum(axis=1) + prior_items * prior.sum(axis=1)
    response = _response(spoken, n_by_class + prior_items)
    rates = confusion * response[:, None, :]
    return _toward(rates, rates.mean(axis=2, keepdims=True), _trust(counts)[:, None, None])


def _toward(rates: Floats, rest: Floats, trust: Floats) -> Floats:
    """Between `rest` (trust 0) and `rates` (trust 1), evenly in logarithms."""
    low = np.log(np.maximum(rest, TINY))
    return np.asarray(np.exp(low + trust * (np.log(np.maximum(rates, TINY)) - low)))


def _trust(counts: Floats) -> Floats:
    """How much of what a voter's words have to do with the class is more than chance, (m,).

    One minus four times the degrees of freedom over Pearson's chi-squared of its table of said
    by true; four times, because what stands for the truth the voter helped to make. A voter of
    one word has no such table: all it has to say is when it speaks.
    """
    table = counts + 1e-6
    total = table.sum(axis=(1, 2), keepdims=True)
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=2, keepdims=True) / total
    chi2 = ((table - expected) ** 2 / expected).sum(axis=(1, 2))
    words = (counts.sum(axis=2) > 1e-9).sum(axis=1)
    freedom = np.maximum(words - 1, 0) * (counts.shape[2] - 1)
    return np.asarray(np.clip(1 - 4 * freedom / np.maximum(chi2, TINY), 0.0, 1.0))


def _response(spoken: Floats, n_by_class: Floats) -> Floats:
    """P(a voter speaks | class), shape (m, k)."""
    coverage = spoken.sum(axis=1, keepdims=True) / n_by_class.sum(axis=1, keepdims=True)
    coverage = np.clip(coverage, TINY, 1 - 1e-9)
    trust = beyond_chance(spoken, coverage * n_by_class, 1 - coverage)
    own = np.maximum((spoken + coverage) / (n_by_class + 1), TINY)
    return _toward(own, coverage, trust)


def beyond_chance(seen: Floats, expected: Floats, spread: Floats | float) -> Floats:
    """James-Stein's factor for counts over k classes (..., k): 0 noise, 1 certain; (..., 1).

    `spread` is the variance of a count over its expectation.
    """
    chi2 = ((seen - expected) ** 2 / np.maximum(expected * spread, TINY)).sum(-1, keepdims=True)
    return np.asarray(np.clip(1 - (seen.shape[-1] - 1) / np.maximum(chi2, TINY), 0.0, 1.0))


def to_likelihood(rates: Floats, independence: Floats) -> Floats:
    """Rates (m, k, k) as the likelihood of a vote given that votes were cast, (m * k, k).

    Rates of a class are divided by their sum, as words are in multinomial naive Bayes: otherwise
    the hidden class becomes how much there is to say about a text, and everything that fires on
    long texts agrees. And a vote is never better evidence of another class than of its own.
    `independence` (m,) keeps copies from filling the sum.
    """
    k = rates.shape[2]
    share = rates / np.einsum("jcy,j->y", rates, independence)
    own = np.einsum("jcc->jc", share)
    return np.asarray(np.maximum(np.minimum(share, own[:, :, None]), TINY).reshape(-1, k))
