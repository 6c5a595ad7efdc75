"""Independent Bayesian classifier combination: Dawid-Skene that keeps its doubts."""

from __future__ import annotations

import numpy as np
from scipy.special import digamma

from labelmodel.ballots import Floats
from labelmodel.dawid_skene import DawidSkene


class IBCC(DawidSkene):
    """Dawid-Skene by variational Bayes (Kim and Ghahramani 2012).

    Confusions and priors are those of `DawidSkene`, but a confusion counts by the mean of its
    logarithm under the Dirichlet posterior, so that one seen rarely counts for less.
    `confusion_` holds the exponential of that mean: its columns add up to less than 1.
    """

    def _confusion(self, counts: Floats, said: Floats) -> Floats:
        alpha = self._pseudo(said) + counts
        total = alpha.sum(axis=1, keepdims=True)
        return np.asarray(np.exp(digamma(alpha) - digamma(total)))
