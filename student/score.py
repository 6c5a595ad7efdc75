"""Scores with intervals: accuracy, macro-F1, calibration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from student.errors import InputError

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]


@dataclass(frozen=True)
class Interval:
    """A number and its 95 % bootstrap interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


@dataclass(frozen=True)
class Scores:
    """What a classifier is worth on gold; `ece` is None where it gave labels only."""

    n: int
    accuracy: Interval
    macro_f1: Interval
    ece: Interval | None = None


def score(predicted: ArrayLike, gold: ArrayLike, *, draws: int = 1000, seed: int = 0) -> Scores:
    """Score labels (n,) or probabilities (n, k) against gold classes (n,).

    Intervals are percentiles of `draws` resamples of the rows. Raises InputError where there is
    nothing to score.
    """
    p, y = np.asarray(predicted), np.asarray(gold, dtype=np.intp)
    if len(p) != len(y) or len(y) == 0:
        raise InputError(f"there are {len(p)} predictions and {len(y)} gold labels to compare.")
    labels = p.argmax(axis=1) if p.ndim == 2 else p.astype(np.intp)
    samples = np.random.default_rng(seed).integers(0, len(y), (draws, len(y)))

    def interval(measure: Callable[[Ints], float]) -> Interval:
        low, high = np.quantile([measure(rows) for rows in samples], [0.025, 0.975])
        return Interval(measure(np.arange(len(y))), float(low), float(high))

    return Scores(
        n=len(y),
        accuracy=interval(lambda rows: float((labels[rows] == y[rows]).mean())),
        macro_f1=interval(lambda rows: macro_f1(labels[rows], y[rows])),
        ece=None if p.ndim == 1 else interval(lambda rows: ece(p[rows], y[rows])),
    )


def macro_f1(labels: Ints, gold: Ints) -> float:
    """Mean F1 over the classes present in gold: a class nobody could find does not count."""
    k = int(max(labels.max(), gold.max())) + 1
    truth, said = np.bincount(gold, minlength=k), np.bincount(labels, minlength=k)
    right = np.bincount(gold[labels == gold], minlength=k)
    present = truth > 0
    return float((2 * right[present] / (truth + said)[present]).mean())


def ece(probabilities: Floats, gold: Ints, bins: int = 10) -> float:
    """ECE of the likeliest class in equal-width bins (Guo et al. 2017)."""
    sure = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == gold
    place = np.minimum((sure * bins).astype(np.intp), bins - 1)
    gap = np.bincount(place, weights=right - sure, minlength=bins)
    return float(np.abs(gap).sum() / len(gold))
