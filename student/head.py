"""The head's start: a logistic regression on frozen features, fitted to soft labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax

Floats = NDArray[np.float64]


def soft_logistic(
    features: NDArray[np.floating], shares: Floats, weights: Floats, l2: float = 0.02
) -> tuple[Floats, Floats]:
    """Weights (k, d) and biases (k,) that minimise the mean soft cross-entropy + l2/2 |W|^2.

    The problem is convex and small, so L-BFGS from zero finds the one minimum without a seed.
    """
    x = np.asarray(features, dtype=np.float64)
    (d, k), share = (x.shape[1], shares.shape[1]), weights / weights.sum()

    def loss(flat: Floats) -> tuple[float, Floats]:
        w, b = flat[: k * d].reshape(k, d), flat[k * d :]
        log_p = log_softmax(x @ w.T + b, axis=1)
        slope = (np.exp(log_p) - shares) * share[:, None]
        value = -(shares * log_p).sum(axis=1) @ share + l2 / 2 * (w * w).sum()
        return float(value), np.concatenate([(slope.T @ x + l2 * w).ravel(), slope.sum(axis=0)])

    found = minimize(
        loss, np.zeros(k * d + k), jac=True, method="L-BFGS-B", options={"maxiter": 200}
    )
    return found.x[: k * d].reshape(k, d), found.x[k * d :]
