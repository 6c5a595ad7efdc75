"""Readings for very many classes: errors spread evenly, and only the classes named are touched."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labelmodel.ballots import Ballots, Floats, Ints
from labelmodel.rates import overlap_rates, said_rates, skills
from labelmodel.settings import Settings, corrected, design_effect, settle_balance, silence


@dataclass(frozen=True)
class EvenErrors:
    """One reading: what a whole vote adds to the log-odds of its class, `gain` (m * k,).

    A class nobody named on an item keeps its prior odds, so that cost grows with votes, not
    with n x k.
    """

    gain: Floats
    balance: Floats
    silent: Floats
    accuracy: Floats | None = None

    def read(self, ballots: Ballots, own: Floats, correlation: float) -> Floats:
        """Posterior (n, k); `own` (m,) is the share of each vote that is no copy."""
        cells = Cells.of(ballots)
        rest, extra = self.odds(cells, own, design_effect(ballots, own, correlation))
        proba = rest[:, None] * self.balance
        proba[cells.row, cells.named] += extra
        proba[~ballots.voted] = self.silent
        return np.asarray(proba)

    def odds(self, cells: Cells, own: Floats, effect: Floats) -> tuple[Floats, Floats]:
        """Write the posterior as rest (n,) x balance (k,) + extra (cells,) for classes named."""
        k = len(self.balance)
        single = np.log1p(cells.share * np.expm1(self.gain[cells.symbol]))
        heard = np.bincount(cells.cell, single * own[cells.symbol // k], len(cells.row))
        above = self.balance[cells.named] * np.expm1(np.minimum(heard * effect[cells.row], 500.0))
        rest = 1 / (1 + np.bincount(cells.row, above, len(effect)))
        return rest, above * rest[cells.row]

    def lift(self, m: int) -> Floats:
        """How far a vote moves the log-odds of the class it names, (m, k)."""
        return self.gain.reshape(m, -1)


@dataclass(frozen=True)
class Cells:
    """Votes (symbol, share) gathered into cells: an item and a class that was named on it."""

    symbol: Ints
    share: Floats
    cell: Ints
    row: Ints
    named: Ints

    @staticmethod
    def of(ballots: Ballots) -> Cells:
        """Gather the votes of ballots."""
        votes = ballots.shares
        row = np.repeat(np.arange(ballots.n), np.diff(votes.indptr))
        symbol = votes.indices.astype(np.int64)
        key, cell = np.unique(row * ballots.k + symbol % ballots.k, return_inverse=True)
        share = np.minimum(votes.data.astype(np.float64), 1.0)
        return Cells(symbol, share, cell, key // ballots.k, key % ballots.k)


def first_even(ballots: Ballots, settings: Settings) -> EvenErrors:
    """Read what frequencies of votes say before any agreement is looked at."""
    own, other = overlap_rates(said_rates(ballots, settings.start), settings.start, settings.skill)
    return EvenErrors(_gain(own.ravel(), other.ravel()), settings.start, settings.start)


def next_even(
    last: EvenErrors, ballots: Ballots, gold: Ints, own: Floats, settings: Settings
) -> EvenErrors:
    """One step of expectation maximisation, in blocks of items."""
    m, k = ballots.m, ballots.k
    right, items, winners, votes = np.zeros(m * k), np.zeros(k), np.zeros(k), np.zeros(k)
    for start, block in ballots.blocks():
        cells = Cells.of(block)
        rest, extra = last.odds(cells, own, np.ones(block.n))
        chance = rest[cells.row] * last.balance[cells.named] + extra
        chance = _told(chance, cells, gold[start : start + block.n])
        right += np.bincount(cells.symbol, cells.share * chance[cells.cell], m * k)
        items += rest.sum() * last.balance + np.bincount(cells.named, extra, k)
        winners += _winners(cells, chance, k)
        votes += np.bincount(cells.named, chance, k)
    gain = _updated(right, items, ballots, settings)
    said = np.maximum(ballots.symbol_totals.sum(axis=1), 1e-12)
    accuracy = right.reshape(m, k).sum(axis=1) / said
    if settings.given is not None:
        return EvenErrors(gain, settings.given, settings.given, accuracy)
    balance = settle_balance(winners + 1e-3)
    silent = silence(balance, votes, items, ballots, own)
    return EvenErrors(gain, *corrected(balance, silent, gold, ballots.voted), accuracy)


def _updated(right: Floats, items: Floats, ballots: Ballots, settings: Settings) -> Floats:
    m, k, weight = ballots.m, ballots.k, settings.prior_items
    share = np.maximum(items / max(items.sum(), 1e-12), 1e-9)
    rates = said_rates(ballots, settings.start)
    skill = skills(right.reshape(m, k).sum(axis=1), rates, share, ballots.n, settings.skill)
    own, other = overlap_rates(rates, settings.start, skill)
    said = ballots.symbol_totals.ravel()
    mine = np.tile(items, m)
    theirs = np.maximum(items.sum() - mine, 0.0)
    # the prior of the other classes is worth the same items in each of them
    spread = weight * (k - 1)
    return _gain(
        (right + weight * own.ravel()) / (mine + weight),
        (np.maximum(said - right, 0.0) + spread * other.ravel()) / (theirs + spread),
    )


def _gain(own: Floats, other: Floats) -> Floats:
    """Log-odds of a vote; never against the class it names."""
    return np.asarray(np.maximum(np.log(np.maximum(own, 1e-12) / np.maximum(other, 1e-12)), 0.0))


def _told(chance: Floats, cells: Cells, gold: Ints) -> Floats:
    """Set the chance (cells,) of a class named to be right to gold where it is known."""
    truth = gold[cells.row]
    return np.where(truth >= 0, (truth == cells.named).astype(np.float64), chance)


def _winners(cells: Cells, chance: Floats, k: int) -> Floats:
    """How many items each class won among the classes named, ties shared, (k,)."""
    best = np.zeros(int(cells.row.max(initial=-1)) + 1)
    np.maximum.at(best, cells.row, chance)
    top = chance >= best[cells.row] - 1e-9
    ties = np.bincount(cells.row, top, len(best))
    return np.asarray(np.bincount(cells.named, top / np.maximum(ties[cells.row], 1), k))
