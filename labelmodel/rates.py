"""How often each labeling function says each class of items of each class: prior and update."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labelmodel.ballots import Ballots, Floats

TINY = 1e-12


def prior_rates(ballots: Ballots, balance: Floats, skill: float) -> Floats:
    """P(symbol | class) before any agreement is looked at, shape (m, k, k): said, then true.

    A voter is taken to be a mixture: with probability `skill` it overlaps its class as far as the
    two frequencies allow, else it is independent of it. So a rule that fires on two items in
    three cannot be evidence of a class that one item in six has, and a model that says the same
    class nearly always says little by it: no accuracy has to be known for that.
    """
    said = (ballots.symbol_totals + 0.5 / ballots.k) / (ballots.n + 0.5)
    chance = (1 - skill) * said
    own = chance + skill * np.minimum(said / balance, 1.0)
    other = chance + skill * np.maximum(said - balance, 0.0) / (1 - balance)
    diagonal: NDArray[np.bool_] = np.eye(ballots.k, dtype=bool)[None]
    return np.where(diagonal, own[:, :, None], other[:, :, None])


def update_rates(counts: Floats, prior: Floats, prior_items: float, n_by_class: Floats) -> Floats:
    """P(symbol | class) (m, k, k) from expected counts (m, k, k), shrunk to the prior.

    A rate is how often a voter speaks at all times what it says when it does. The first is
    believed to differ between classes only as far as chance does not explain it (James-Stein),
    else the noise of hundreds of crowd workers' schedules would pass for evidence.
    """
    smoothed = counts + prior_items * prior / prior.sum(axis=1, keepdims=True)
    confusion = smoothed / smoothed.sum(axis=1, keepdims=True)
    spoken = counts.sum(axis=1) + prior_items * prior.sum(axis=1)
    response = _response(spoken, n_by_class + prior_items)
    return np.asarray(confusion * response[:, None, :])


def _response(spoken: Floats, n_by_class: Floats) -> Floats:
    """P(a voter speaks | class), shape (m, k)."""
    coverage = np.clip(spoken.sum(axis=1) / n_by_class.sum(), TINY, 1 - 1e-9)[:, None]
    expected = coverage * n_by_class
    chi2 = ((spoken - expected) ** 2 / (expected * (1 - coverage))).sum(axis=1, keepdims=True)
    trust = np.clip(1 - (spoken.shape[1] - 1) / np.maximum(chi2, TINY), 0.0, 1.0)
    own = np.maximum((spoken + coverage) / (n_by_class + 1), TINY)
    return np.asarray(np.exp(trust * np.log(own) + (1 - trust) * np.log(coverage)))


def to_likelihood(rates: Floats) -> Floats:
    """Rates (m, k, k) as the likelihood of a vote given that votes were cast, (m * k, k).

    Rates of a class are divided by their sum, as words are in multinomial naive Bayes: otherwise
    the hidden class becomes how much there is to say about a text, and everything that fires on
    long texts agrees. And a vote is never better evidence of another class than of its own.
    """
    _, k, _ = rates.shape
    share = rates / rates.sum(axis=(0, 1))
    own = np.einsum("jcc->jc", share)
    return np.maximum(np.minimum(share, own[:, :, None]), TINY).reshape(-1, k)
