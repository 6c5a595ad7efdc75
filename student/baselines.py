"""What a student must beat to be worth its size: words counted, and a linear model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from student.data import Floats, check_targets, check_texts, check_weights

# A share below this teaches a linear model nothing and would cost it a row.
SMALLEST_SHARE = 0.02


class TfidfLinear(BaseEstimator):  # type: ignore[misc]
    """TF-IDF of words and pairs of words, and logistic regression on soft or hard targets.

    A soft row becomes one row a class, weighted by the class's share: the same loss as soft
    cross-entropy. `c` is scikit-learn's inverse regularisation.
    """

    def __init__(self, c: float = 10.0, seed: int = 0) -> None:
        self.c = c
        self.seed = seed

    def fit(
        self, texts: Sequence[str], targets: ArrayLike, *, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Learn from n texts and targets (n, k) or (n,), checked as a student's are."""
        rows = check_texts(texts)
        shares = check_targets(targets, len(rows))
        weights = check_weights(sample_weight, len(rows))
        self.n_classes_ = shares.shape[1]
        self.vectorizer_ = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
        owner, label = np.nonzero(shares > SMALLEST_SHARE)
        self.linear_ = LogisticRegression(C=self.c, max_iter=300, random_state=self.seed)
        self.linear_.fit(
            self.vectorizer_.fit_transform(rows)[owner],
            label,
            sample_weight=shares[owner, label] * weights[owner],
        )
        return self

    def predict_proba(self, texts: Sequence[str]) -> Floats:
        """Probabilities of shape (n, k); a class that was never seen has none."""
        found = np.zeros((len(texts), self.n_classes_))
        features = self.vectorizer_.transform(check_texts(texts))
        found[:, self.linear_.classes_] = self.linear_.predict_proba(features)
        return found

    def predict(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Index of the likeliest class of each text, shape (n,)."""
        return np.asarray(self.predict_proba(texts).argmax(axis=1), dtype=np.int64)
