"""What a student may be taught with: the checks, and rows as the Trainer wants them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from student.errors import InputError

Floats = NDArray[np.float64]


def check_texts(texts: Sequence[str]) -> list[str]:
    """Texts as a list; raises InputError where one is missing, empty or not a string."""
    if isinstance(texts, str):
        raise InputError("texts is one string, not a list of strings: put it in a list.")
    rows = list(texts)
    for row, text in enumerate(rows):
        if not isinstance(text, str):
            kind = type(text).__name__
            raise InputError(f"texts[{row}] is {kind}, not a string: drop the row or write it out.")
        if not text.strip():
            raise InputError(f"texts[{row}] is empty: drop the row before training or predicting.")
    return rows


def check_targets(targets: ArrayLike, n: int, k: int | None = None) -> Floats:
    """Targets as probabilities of shape (n, k).

    Hard targets are n class indices; they become ones and zeros. Soft targets are (n, k), each row
    summing to 1. Raises InputError where they are neither, or name one class only.
    """
    array = np.asarray(targets)
    if not np.issubdtype(array.dtype, np.number):
        raise InputError(f"targets are {array.dtype}, not numbers: give class indices or shares.")
    if array.ndim == 0 or len(array) != n:
        given = len(array) if array.ndim else 1
        raise InputError(f"there are {n} texts and {given} targets: give one for each text.")
    if n == 0:
        raise InputError("there is no text to learn from: give at least two rows.")
    soft = _one_hot(array, k) if array.ndim == 1 else _check_soft(array, k)
    if len(np.unique(soft.argmax(axis=1))) < 2:
        only = int(soft[0].argmax())
        raise InputError(f"every target names class {only}: a student needs at least two classes.")
    return soft


def check_weights(sample_weight: ArrayLike | None, n: int) -> Floats:
    """Weights of shape (n,), ones if none were given; raises InputError where they cannot weigh."""
    if sample_weight is None:
        return np.ones(n)
    weights = np.asarray(sample_weight, dtype=np.float64)
    if weights.shape != (n,):
        raise InputError(f"sample_weight has shape {weights.shape}, not ({n},): one for each text.")
    if not (np.isfinite(weights).all() and (weights >= 0).all() and weights.sum() > 0):
        raise InputError("sample_weight must be finite, not negative and not all zero.")
    return weights


def balanced_weights(targets: ArrayLike) -> Floats:
    """Sample weights (n,), of mean 1, under which every class with any share counts the same."""
    array = np.asarray(targets)
    shares = check_targets(array, len(array))
    total = shares.sum(axis=0)
    weights = shares @ np.divide(1.0, total, out=np.zeros_like(total), where=total > 0)
    return np.asarray(weights * len(array) / weights.sum())


def _one_hot(array: NDArray[Any], k: int | None) -> Floats:
    if not np.issubdtype(array.dtype, np.integer):
        raise InputError(f"hard targets are {array.dtype}: class indices must be whole numbers.")
    if (row := int(array.argmin())) >= 0 and array[row] < 0:
        raise InputError(f"targets[{row}] is {array[row]}: leave out rows that have no label.")
    width = int(array.max()) + 1 if k is None else k
    if (row := int(array.argmax())) >= 0 and array[row] >= width:
        raise InputError(f"targets[{row}] is class {array[row]}, but there are {width} classes.")
    return np.asarray(np.eye(width)[array])


def _check_soft(array: NDArray[Any], k: int | None) -> Floats:
    if array.ndim != 2 or array.shape[1] < 2:
        raise InputError(f"targets have shape {array.shape}: want (n,) classes or (n, k) shares.")
    if k is not None and array.shape[1] != k:
        raise InputError(f"targets have {array.shape[1]} columns, but there are {k} classes.")
    soft = array.astype(np.float64)
    finite = np.isfinite(soft).all(axis=1)
    if not finite.all():
        raise InputError(f"targets[{int(finite.argmin())}] holds NaN or infinity: drop the row.")
    bad = (soft < 0).any(axis=1) | (np.abs(soft.sum(axis=1) - 1) > 1e-3)
    if bad.any():
        row = int(bad.argmax())
        raise InputError(
            f"targets[{row}] must be shares that sum to 1; it sums to {soft[row].sum():.4g}."
        )
    return np.asarray(soft / soft.sum(axis=1, keepdims=True))


class Rows:
    """Tokenized rows; the labels of a row are its shares times its weight, so they sum to it.

    The Trainer hands its loss the labels and nothing else, so the weight travels inside them.
    """

    def __init__(self, tokens: Mapping[str, list[list[int]]], labels: Floats) -> None:
        # Small arrays instead of lists: a million texts of lists of integers would need gigabytes.
        self.tokens = {
            name: [np.array(row, dtype=np.int32) for row in column]
            for name, column in tokens.items()
        }
        self.labels = labels.astype(np.float32)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, row: int) -> dict[str, Any]:
        return {
            **{name: column[row].tolist() for name, column in self.tokens.items()},
            "labels": self.labels[row],
        }


def fingerprint(settings: Mapping[str, Any], texts: Sequence[str], *arrays: Floats) -> str:
    """SHA-256 of everything a fit depends on: a checkpoint belongs to one fingerprint only."""
    digest = hashlib.sha256(repr(sorted(settings.items())).encode())
    for text in texts:
        digest.update(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest())
    for array in arrays:
        digest.update(repr(array.shape).encode() + np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
