"""The head's start: a logistic regression on frozen features, fitted to soft labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax

Floats = NDArray[np.float64]


def soft_logistic(
    features: NDArray[np.floating], labels: Floats, l2: float = 0.02
) -> tuple[Floats, Floats]:
    """Weights (k, d) and biases (k,) that minimise the mean soft cross-entropy + l2/2 |W|^2.

    Rows of `labels` (n, k) are shares times the row's weight, so they sum to it. The problem is
    convex and small, so L-BFGS from zero finds the one minimum without a seed.
    """
    x = np.asarray(features, dtype=np.float64)
    y = labels / labels.sum()
    d, k = x.shape[1], labels.shape[1]

    def loss(flat: Floats) -> tuple[float, Floats]:
        w, b = flat[: k * d].reshape(k, d), flat[k * d :]
        log_p = log_softmax(x @ w.T + b, axis=1)
        slope = np.exp(log_p) * y.sum(axis=1, keepdims=True) - y
        value = -(y * log_p).sum() + l2 / 2 * (w * w).sum()
        return float(value), np.concatenate([(slope.T @ x + l2 * w).ravel(), slope.sum(axis=0)])

    found = minimize(
        loss, np.zeros(k * d + k), jac=True, method="L-BFGS-B", options={"maxiter": 200}
    )
    return found.x[: k * d].reshape(k, d), found.x[k * d :]
