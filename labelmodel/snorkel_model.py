"""Snorkel's label model behind our conventions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from labelmodel.ballots import ABSTAIN, Ballots, Floats, Ints
from labelmodel.base import Model, read_balance
from labelmodel.errors import InputError


class SnorkelModel(Model):
    """The `LabelModel` of the package snorkel (Ratner et al. 2019).

    Soft votes count as their top class. Gold fixes nothing but the class balance, which is all
    Snorkel takes it for. It needs at least three labeling functions; where its answer is not
    finite, InputError says so, for Snorkel itself does not.
    """

    def __init__(
        self,
        n_classes: int,
        balance: Sequence[float] | None = None,
        n_epochs: int = 500,
        seed: int = 0,
    ) -> None:
        self.n_classes = n_classes
        self.balance = balance
        self.n_epochs = n_epochs
        self.seed = seed

    def _fit(self, ballots: Ballots, gold: Ints) -> None:
        from snorkel.labeling.model import LabelModel as Snorkel  # heavy: it imports torch

        if ballots.m < 3:
            raise InputError(f"Snorkel needs at least 3 labeling functions, not {ballots.m}.")
        known = gold[gold >= 0]
        self.balance_ = self._balance(known)
        self.snorkel_: Any = Snorkel(cardinality=self.n_classes, verbose=False)
        self.snorkel_.fit(
            top_votes(ballots),
            class_balance=self.balance_.tolist(),
            n_epochs=self.n_epochs,
            seed=self.seed,
            progress_bar=False,
        )
        self.weights_ = np.asarray(self.snorkel_.get_weights(), dtype=np.float64)

    def _balance(self, known: Ints) -> Floats:
        given, k = read_balance(self.balance, self.n_classes), self.n_classes
        if given is not None:
            return given
        counts = np.bincount(known, minlength=k) + 1.0
        return np.asarray(counts / counts.sum())

    def _proba(self, ballots: Ballots) -> Floats:
        proba = np.asarray(self.snorkel_.predict_proba(top_votes(ballots)), dtype=np.float64)
        if not np.isfinite(proba).all():
            raise InputError("Snorkel's label model ended in NaN on these votes.")
        return proba


def top_votes(ballots: Ballots) -> Ints:
    """Votes as Snorkel wants them, (n, m) with -1; a soft vote counts as its top class."""
    best = np.zeros((ballots.n, ballots.m))
    top = np.full((ballots.n, ballots.m), ABSTAIN, dtype=np.int64)
    coo = ballots.shares.tocoo()
    order = np.argsort(coo.data, kind="stable")  # the largest share is written last
    row, symbol = coo.row[order], coo.col[order]
    top[row, symbol // ballots.k] = symbol % ballots.k
    best[row, symbol // ballots.k] = coo.data[order]
    return np.where(best > 0, top, ABSTAIN)
