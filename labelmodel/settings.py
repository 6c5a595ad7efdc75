"""What every reading of votes is told, and what all of them share: balance, silence, echoes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labelmodel.ballots import Ballots, Floats, Ints
from labelmodel.rates import beyond_chance


@dataclass(frozen=True)
class Settings:
    """The settings of a label model; `given` is the class balance (k,) if there is one."""

    k: int
    given: Floats | None
    skill: float
    prior_items: float
    trusted_votes: float

    @property
    def start(self) -> Floats:
        """The balance before anything is learned, (k,)."""
        return np.full(self.k, 1 / self.k) if self.given is None else self.given


def voices(ballots: Ballots, own: Floats) -> Floats:
    """How many votes an item got, copies counted once, (n,)."""
    return np.asarray(ballots.shares @ np.repeat(own, ballots.k))


def design_effect(ballots: Ballots, own: Floats, correlation: float) -> Floats:
    """Share of its votes that an item's answer may count, (n,): voters err together."""
    if correlation == 0:
        return np.ones(ballots.n)
    return np.asarray(1 / (1 + correlation * np.maximum(voices(ballots, own) - 1, 0.0)))


def settle_balance(winners: Floats) -> Floats:
    """Class balance (k,) from how many items each class won.

    Half way to even, and even where chance explains it. Winners, because the posterior itself
    stays near the balance it began with.
    """
    n, k = winners.sum(), len(winners)
    half = (winners / n + 1 / k) / 2
    trust = beyond_chance(n * half, np.full(k, n / k), 1.0)
    return np.asarray(1 / k + trust * (half - 1 / k))


def silence(balance: Floats, votes: Floats, items: Floats, ballots: Ballots, own: Floats) -> Floats:
    """Balance (k,) of the items nobody voted on: fewer come from classes that get many votes.

    `votes` (k,) were cast on `items` (k,). How many an item gets is geometric rather than
    Poisson, for some texts have more to say.
    """
    mean = votes.sum() / items.sum()
    spread = float(voices(ballots, own).var()) / max(mean, 1e-9)
    trust = beyond_chance(votes, mean * items, spread)
    activity = mean + trust * (votes / np.maximum(items, 1e-9) - mean)
    silent = balance / (1 + np.maximum(activity, 0.0))
    return np.asarray(silent / silent.sum())


def corrected(
    balance: Floats, silent: Floats, gold: Ints, voted: NDArray[np.bool_], belief: float = 10.0
) -> tuple[Floats, Floats]:
    """Both balances after seeing gold (n,); before, each was worth `belief` items."""
    k = len(balance)
    heard = np.bincount(gold[(gold >= 0) & voted], minlength=k)
    unheard = np.bincount(gold[(gold >= 0) & ~voted], minlength=k)
    return (
        (heard + belief * balance) / (heard.sum() + belief),
        (unheard + belief * silent) / (unheard.sum() + belief),
    )
