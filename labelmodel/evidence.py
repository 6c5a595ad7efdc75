"""The two steps every confusion-matrix model shares: what votes say of items, and of voters."""

from __future__ import annotations

import numpy as np

from labelmodel.ballots import Ballots, Floats


def evidence(ballots: Ballots, rates: Floats, weights: Floats | None = None) -> Floats:
    """Log-likelihood (n, k) of the votes cast; `rates` (m * k, k) is P(symbol | class), positive.

    A soft vote is a symbol not seen clearly: its likelihood is the mean of its symbols' rates,
    weighed by its shares, so that equal shares mean one of these. Mass it kept back (shares
    adding up to less than 1) speaks for no class. `weights` (m,) counts votes in part.
    """
    logs = np.log(rates)
    if weights is not None:
        logs *= np.repeat(weights, ballots.k)[:, None]
    total = np.asarray(ballots.hard @ logs)
    if len(ballots.owner):
        heard = np.log(_mixed(ballots, rates))
        voter = ballots.soft.indices[ballots.soft.indptr[:-1]] // ballots.k
        total += ballots.gather(heard if weights is None else heard * weights[voter, None])
    return total


def _mixed(ballots: Ballots, rates: Floats) -> Floats:
    """Likelihood (g, k) of every soft vote."""
    seen = np.asarray(ballots.soft @ rates)
    mass = np.asarray(ballots.soft.sum(axis=1)).reshape(-1, 1)
    return np.asarray(seen + (1 - mass) / mass * seen.mean(axis=1, keepdims=True))


def expected_counts(ballots: Ballots, posterior: Floats, rates: Floats) -> Floats:
    """How often each symbol is expected to have been said in each class, shape (m * k, k).

    `posterior` is (n, k). For a soft vote the symbol is hidden too: it is divided over its
    symbols by share times rate, which is the E-step of the mixture in `evidence`.
    """
    counts = np.asarray(ballots.hard.T @ posterior)
    if len(ballots.owner):
        weight = posterior[ballots.owner] / _mixed(ballots, rates)
        counts += rates * np.asarray(ballots.soft.T @ weight)
    return counts
