"""Votes whose truth is known: to test label models, and to plan a task before it is paid for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import softmax

from labelmodel.ballots import ABSTAIN, Floats, Ints


@dataclass(frozen=True)
class Drawn:
    """Votes `L` (n, m) with -1, soft votes `V` (None or sparse (n, m * k)), the truth `y` (n,)."""

    L: Ints
    y: Ints
    V: sparse.csr_matrix | None = None


def dense(
    n: int, accuracy: list[float], k: int, coverage: float = 1.0, *, seed: int, shared: float = 0.0
) -> Drawn:
    """Voters that answer every item (or a share of them), wrong in an even way.

    With probability `shared` a voter takes over the answer all voters share on that item, which
    is right as often as their mean: errors in common.
    """
    rng = np.random.default_rng(seed)
    y = rng.integers(k, size=n)
    common = _answers(rng, y, k, float(np.mean(accuracy)))
    columns = []
    for skill in accuracy:
        own = _answers(rng, y, k, skill)
        column = np.where(rng.random(n) < shared, common, own)
        columns.append(np.where(rng.random(n) < coverage, column, ABSTAIN))
    return Drawn(np.stack(columns, axis=1), y)


def one_sided(
    n: int, balance: list[float], per_class: int, recall: float, precision: float, *, seed: int
) -> Drawn:
    """Rules that say one class or nothing, `per_class` for each class.

    Each finds `recall` of its class, and its votes are right with `precision`.
    """
    rng = np.random.default_rng(seed)
    share = np.asarray(balance) / np.sum(balance)
    y = rng.choice(len(share), size=n, p=share)
    columns = []
    for c in np.repeat(np.arange(len(share)), per_class):
        false = recall * share[c] * (1 - precision) / precision / (1 - share[c])
        fires = rng.random(n) < np.where(y == c, recall, min(false, 1.0))
        columns.append(np.where(fires, c, ABSTAIN))
    return Drawn(np.stack(columns, axis=1), y)


def prompted(n: int, k: int, *, seed: int, asked: int = 4) -> Drawn:
    """Draw a task like the contract clauses: many classes of uneven size, all kinds of voters.

    Columns: `k` soft yes/no prompts, each asked only where its class is among the `asked` most
    plausible; `k` one-sided keyword rules; 3 soft similarity voters over all classes, and 2
    multiple-choice prompts. Accuracies differ from voter to voter, and a hard item is hard for all.
    """
    rng = np.random.default_rng(seed)
    share = rng.dirichlet(np.full(k, 1.2)) + 0.2 / k
    y = rng.choice(k, size=n, p=share / share.sum())
    clear = rng.normal(2.0, 1.2, size=n)
    neighbour = rng.permutation(k)[y]
    scores = [_scores(rng, y, neighbour, clear + d) for d in (-0.3, 0.0, 0.2, 0.7, 0.9)]
    plausible = np.argsort(np.argsort(-scores[1], axis=1), axis=1) < asked
    yes = _yes_shares(rng, _scores(rng, y, neighbour, clear + 0.5), plausible)
    rules = _rules(rng, y, neighbour, k)
    soft = [softmax(1.5 * s, axis=1) for s in scores[:3]]
    choice = [np.eye(k)[s.argmax(axis=1)] for s in scores[3:]]
    shares = np.concatenate([_diagonal(yes), _diagonal(rules), *soft, *choice], axis=1)
    return Drawn(_tops(shares, k), y, sparse.csr_matrix(np.where(shares > 1e-3, shares, 0.0)))


def _answers(rng: np.random.Generator, y: Ints, k: int, accuracy: float) -> Ints:
    wrong = (y + rng.integers(1, k, size=len(y))) % k
    return np.where(rng.random(len(y)) < accuracy, y, wrong)


def _scores(rng: np.random.Generator, y: Ints, neighbour: Ints, clear: Floats) -> Floats:
    """Draw what an encoder sees (n, k): noise, the true class, and one easily taken for it."""
    scores = rng.normal(size=(len(y), int(max(y.max(), neighbour.max())) + 1))
    rows = np.arange(len(y))
    scores[rows, y] += clear
    scores[rows, neighbour] += 0.6 * clear
    return scores


def _yes_shares(rng: np.random.Generator, scores: Floats, asked: NDArray[np.bool_]) -> Floats:
    """P(yes) of one prompt a class (n, k), each with its own threshold and sharpness."""
    k = scores.shape[1]
    lean, sharp = rng.normal(1.6, 0.7, size=k), rng.uniform(1.0, 4.0, size=k)
    yes = 1 / (1 + np.exp(-sharp * (scores - lean)))
    return np.where(asked & (yes > 0.05), yes, 0.0)


def _rules(rng: np.random.Generator, y: Ints, neighbour: Ints, k: int) -> Floats:
    """One keyword a class (n, k): it misses much, and fires on the neighbour too."""
    recall, false = rng.uniform(0.1, 0.8, size=k), rng.uniform(0.0, 0.02, size=k)
    own = np.eye(k)[y] * recall
    near = np.eye(k)[neighbour] * 0.15 * recall
    return (rng.random((len(y), k)) < np.maximum(np.maximum(own, near), false)).astype(float)


def _diagonal(shares: Floats) -> Floats:
    """Shares (n, k), column c for class c alone, as k labeling functions: (n, k * k)."""
    n, k = shares.shape
    wide = np.zeros((n, k, k))
    wide[:, np.arange(k), np.arange(k)] = shares
    return wide.reshape(n, k * k)


def _tops(shares: Floats, k: int) -> Ints:
    """Name the class each labeling function leans to, (n, m), -1 where it leans to none."""
    cube = shares.reshape(len(shares), -1, k)
    return np.where(cube.sum(axis=2) > 0.5, cube.argmax(axis=2), ABSTAIN)
