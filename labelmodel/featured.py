"""Votes and features inform each other, and items without votes get answers too."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, clone
from sklearn.linear_model import LogisticRegression
from sklearn.utils.validation import check_is_fitted

from labelmodel.ballots import Floats, Ints
from labelmodel.base import Model, clamp, read_gold
from labelmodel.errors import InputError
from labelmodel.label_model import LabelModel


class FeaturedModel(BaseEstimator):  # type: ignore[misc]
    """A label model helped by features (n, d), any embedding of the items.

    A logistic regression learns the label model's answers in `folds` parts, each item read by a
    part that has not seen its votes: what it says is then evidence the item's own votes do not
    already hold, so the model cannot feed on itself. It is believed only as far as it foretells
    the votes' answers on items it has not seen (`trust_`, Cohen's kappa, 0 when it cannot), at
    half weight beside votes, for it learned their errors too.
    """

    def __init__(self, n_classes: int, model: Model | None = None, folds: int = 5) -> None:
        self.n_classes = n_classes
        self.model = model
        self.folds = folds

    def fit(self, votes: Any, features: ArrayLike, gold: ArrayLike | None = None) -> Self:
        """Learn from votes, features (n, d) and, where there is some, gold (n,), -1 unknown.

        Raises InputError when features do not fit the votes.
        """
        base = LabelModel(self.n_classes) if self.model is None else clone(self.model)
        self.model_ = base.fit(votes, gold)
        answer = self.model_.predict_proba(votes)
        table = _table(features, len(answer))
        answer = clamp(answer, read_gold(gold, len(answer), self.n_classes))
        # items that say no more than the balance does have nothing to teach
        self.balance_ = np.asarray(self.model_.balance_)
        taught = np.flatnonzero(np.abs(answer - self.balance_).sum(axis=1) > 1e-9)
        self.mean_, self.scale_ = _centre(table)
        self._read(self._scaled(table), answer, taught)
        return self

    def _read(self, table: Floats, answer: Floats, taught: Ints) -> None:
        """Fit one regression a fold, and find how far they may be believed."""
        fold = np.random.default_rng(0).permutation(len(taught)) % self.folds
        parts = [(taught[fold != f], taught[fold == f]) for f in range(self.folds)]
        self.fold_of_ = {_key(table[i]): f for f, (_, rest) in enumerate(parts) for i in rest}
        self.readers_ = [_taught(table[part], answer[part]) for part, _ in parts]
        unseen = [self._says(f, table[rest]) for f, (_, rest) in enumerate(parts)]
        said = np.concatenate(unseen) if len(taught) else np.zeros((0, self.n_classes))
        held = np.concatenate([rest for _, rest in parts])
        self.trust_ = _kappa(said, answer[held])

    def _says(self, fold: int, table: Floats) -> Floats:
        reader, proba = self.readers_[fold], np.tile(self.balance_, (len(table), 1))
        if reader is None or not len(table):
            return proba
        seen = np.full((len(table), self.n_classes), 1e-6)
        seen[:, reader.classes_] += reader.predict_proba(table)
        return np.asarray(seen / seen.sum(axis=1, keepdims=True))

    def predict_proba(self, votes: Any, features: ArrayLike) -> Floats:
        """Probability of every class for every item, shape (n, k)."""
        check_is_fitted(self, "readers_")
        answer = self.model_.predict_proba(votes)
        table = self._scaled(_table(features, len(answer)))
        every = np.stack([self._says(f, table) for f in range(self.folds)])
        # an item it was fitted on is read by the fold that has not seen it, a new one by all
        fold = np.array([self.fold_of_.get(_key(row), -1) for row in table], dtype=np.int64)
        read = np.where(
            (fold >= 0)[:, None], every[fold, np.arange(len(table))], every.mean(axis=0)
        )
        silent = np.abs(answer - self.balance_).sum(axis=1) <= 1e-9
        alone = self.trust_ * read + (1 - self.trust_) * answer
        both = np.maximum(answer, 1e-12) * (read / self.balance_) ** (self.trust_ / 2)
        mixed = np.where(silent[:, None], alone, both)
        return np.asarray(mixed / mixed.sum(axis=1, keepdims=True))

    def predict(self, votes: Any, features: ArrayLike) -> Ints:
        """Name the most probable class of every item, (n,)."""
        return np.asarray(self.predict_proba(votes, features).argmax(axis=1))

    def _scaled(self, table: Floats) -> Floats:
        return (table - self.mean_) / self.scale_


def _table(features: ArrayLike, n: int) -> Floats:
    table = np.asarray(features, dtype=np.float64)
    if table.ndim != 2 or len(table) != n or not np.isfinite(table).all():
        raise InputError(f"Features must be finite numbers, one row an item: ({n}, d).")
    return table


def _centre(table: Floats) -> tuple[Floats, float]:
    """Mean of each feature, and one scale for all of them: directions keep their size."""
    mean = table.mean(axis=0) if len(table) else np.zeros(table.shape[1])
    return mean, max(float((table - mean).std()) if table.size else 1.0, 1e-9)


def _key(row: Floats) -> bytes:
    return row.tobytes()


def _taught(table: Floats, answer: Floats) -> LogisticRegression | None:
    """Fit a regression on soft answers: each item once for each of its two likeliest classes."""
    top = np.argsort(-answer, axis=1, kind="stable")[:, :2]
    weight = np.take_along_axis(answer, top, axis=1)
    if not len(table) or len(np.unique(top)) < 2:
        return None
    reader = LogisticRegression(C=0.05, max_iter=300)
    return reader.fit(np.repeat(table, 2, axis=0), top.ravel(), weight.ravel() + 1e-9)


def _kappa(said: Floats, answer: Floats) -> float:
    """Cohen's kappa of the two tops, not below 0."""
    if not len(said):
        return 0.0
    a, b, k = said.argmax(axis=1), answer.argmax(axis=1), said.shape[1]
    chance = float((np.bincount(a, minlength=k) * np.bincount(b, minlength=k)).sum()) / len(a) ** 2
    return max(0.0, float((a == b).mean()) - chance) / max(1 - chance, 1e-9)
