"""Self-training: rows that nobody voted on are taught by the student itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import entr

from student.data import check_targets, check_texts
from student.model import Student


def self_train(
    student: Student,
    texts: Sequence[str],
    targets: ArrayLike,
    unlabeled: Sequence[str],
    *,
    rounds: int = 1,
) -> Student:
    """Fit on n texts with targets (n, k) or (n,), then `rounds` times with `unlabeled` texts too.

    The student's probabilities are the targets of the unlabeled rows; a row weighs as much as the
    student is sure of it, 1 - H(p) / log k (Yu et al. 2021, section 3.3). The votes keep their
    weight of 1, so the student cannot talk itself out of what it was told.
    """
    rows, extra = check_texts(texts), check_texts(unlabeled)
    shares = check_targets(targets, len(rows))
    student.fit(rows, shares)
    for _ in range(rounds):
        own = student.predict_proba(extra)
        sure = 1 - entr(own).sum(axis=1) / np.log(own.shape[1])
        weights = np.r_[np.ones(len(rows)), sure.clip(0, 1)]
        student.fit(rows + extra, np.r_[shares, own], sample_weight=weights)
    return student
