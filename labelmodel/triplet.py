"""Accuracies from triplets of voters, in closed form (FlyingSquid), for any number of classes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import softmax

from labelmodel.ballots import Ballots, Floats, Ints
from labelmodel.base import Model, read_balance
from labelmodel.evidence import evidence
from labelmodel.majority import agreement
from labelmodel.redundancy import agreements

PARTNERS = 60  # voters each is compared with: those it shares most items with


class Triplet(Model):
    """One accuracy a labeling function, from how often voters agree (Fu et al. 2020).

    For voters independent given the class, with errors spread evenly, agreement above chance is a
    product q_j q_l of how far each is above chance. So q_j = sqrt(q_jl q_jh / q_lh) for any two
    others; the median over all pairs is taken, and voters are taken to be no worse than chance.
    A voter with fewer than two partners gets the mean of the rest. Gold, where there is some,
    counts as ten votes at the estimate do. The balance is even unless given.
    """

    def __init__(self, n_classes: int, balance: Sequence[float] | None = None) -> None:
        self.n_classes = n_classes
        self.balance = balance

    def _fit(self, ballots: Ballots, gold: Ints) -> None:
        k = self.n_classes
        given = read_balance(self.balance, k)
        self.balance_ = np.full(k, 1 / k) if given is None else given
        skill = _skills(_above_chance(ballots))
        self.accuracy_ = _with_gold(1 / k + (1 - 1 / k) * skill, ballots, gold)
        self.weights_ = np.log(self.accuracy_ * (k - 1) / (1 - self.accuracy_))

    def _proba(self, ballots: Ballots) -> Floats:
        k, right = self.n_classes, self.accuracy_[:, None, None]
        eye = np.eye(k)
        rates = (right * eye + (1 - right) / (k - 1) * (1 - eye)).reshape(-1, k)
        return np.asarray(softmax(evidence(ballots, rates) + np.log(self.balance_), axis=1))


def _above_chance(ballots: Ballots) -> Floats:
    """Agreement on shared items above chance (m, m), smoothed by two at chance; NaN if none."""
    k = ballots.k
    both = np.asarray((ballots.by_labelfn.T @ ballots.by_labelfn).todense(), dtype=np.float64)
    rate = (agreements(ballots) + 2 / k) / (both + 2)
    above = (rate - 1 / k) / (1 - 1 / k)
    above[both < 1] = np.nan
    np.fill_diagonal(above, np.nan)
    return np.asarray(above)


def _skills(above: Floats) -> Floats:
    """How far above chance each voter is, (m,), between 0.02 and 0.98."""
    skill = np.array([_skill(above, j) for j in range(len(above))])
    known = skill[np.isfinite(skill)]
    skill[~np.isfinite(skill)] = known.mean() if len(known) else 0.5
    return np.asarray(np.clip(skill, 0.02, 0.98))


def _skill(above: Floats, j: int) -> float:
    others = np.flatnonzero(np.isfinite(above[j]))[:PARTNERS]
    mine, theirs = above[j, others], above[np.ix_(others, others)]
    usable = np.isfinite(theirs) & (np.abs(theirs) > 1e-3)
    ratio = np.maximum(np.outer(mine, mine)[usable] / theirs[usable], 0.0)
    return float(np.sqrt(np.median(ratio))) if ratio.size else float("nan")


def _with_gold(accuracy: Floats, ballots: Ballots, gold: Ints) -> Floats:
    some = ballots.take(np.flatnonzero(gold >= 0))
    truth = np.eye(ballots.k)[gold[gold >= 0]]
    votes = np.asarray(some.by_labelfn.sum(axis=0)).ravel()
    seen = agreement(some, truth)
    return np.asarray((10 * accuracy + votes * seen) / (10 + votes))
