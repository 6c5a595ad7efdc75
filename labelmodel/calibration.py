"""Are the probabilities true? Reliability, ECE, Brier score and log loss on gold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from labelmodel.ballots import Floats, Ints
from labelmodel.base import read_gold
from labelmodel.errors import InputError


@dataclass(frozen=True)
class Calibration:
    """How far probabilities can be believed, on n items with gold.

    `reliability` has a row a bin that holds any item: `low` and `high` of the bin, `items`,
    `confidence` (mean probability of the top class) and `accuracy` (share where it is right).
    `ece` is their mean gap, weighed by items. `brier` is the squared error summed over classes
    (0 to 2), `log_loss` is in nats.
    """

    n: int
    accuracy: float
    ece: float
    brier: float
    log_loss: float
    reliability: pd.DataFrame


def calibration(proba: Floats, gold: ArrayLike, bins: int = 10) -> Calibration:
    """Compare probabilities (n, k) with gold (n,), -1 where unknown.

    Raises InputError when no gold is known.
    """
    array = np.asarray(proba, dtype=np.float64)
    truth = read_gold(gold, array.shape[0], array.shape[1])
    known = np.flatnonzero(truth >= 0)
    if not len(known):
        raise InputError("There is no gold to calibrate against: every row is -1.")
    return _compare(array[known], truth[known], bins)


def _compare(proba: Floats, truth: Ints, bins: int) -> Calibration:
    n, k = proba.shape
    right = (proba.argmax(axis=1) == truth).astype(np.float64)
    table = _reliability(proba.max(axis=1), right, bins)
    gap = (table["confidence"] - table["accuracy"]).abs()
    own = np.clip(proba[np.arange(n), truth], 1e-15, 1.0)
    return Calibration(
        n=n,
        accuracy=float(right.mean()),
        ece=float((gap * table["items"]).sum() / n),
        brier=float(((proba - np.eye(k)[truth]) ** 2).sum(axis=1).mean()),
        log_loss=float(-np.log(own).mean()),
        reliability=table,
    )


def _reliability(confidence: Floats, right: Floats, bins: int) -> pd.DataFrame:
    position = np.minimum((confidence * bins).astype(int), bins - 1)
    items = np.bincount(position, minlength=bins)
    some = np.flatnonzero(items)
    return pd.DataFrame(
        {
            "low": some / bins,
            "high": (some + 1) / bins,
            "items": items[some],
            "confidence": np.bincount(position, confidence, bins)[some] / items[some],
            "accuracy": np.bincount(position, right, bins)[some] / items[some],
        }
    )
