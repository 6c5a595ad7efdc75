"""What the student is worth, beside everything that could have been used instead of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jurat.task import Task
from labelfns import ABSTAIN, InputError, Votes

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
STUDENT = "student"
LABEL_MODEL = "label model"


def held_out(task: Task) -> tuple[str, Mapping[str, int]]:
    """Give what to score on, and its name: the test items, or gold where there are none.

    Raises InputError where the task has neither.
    """
    if task.test:
        return "test", task.test
    if task.gold:
        return "gold", task.gold
    raise InputError(
        "the task names neither 'test' nor 'gold', so there is nothing to score on; "
        "label some rows in a CSV id,label and name it", task.folder / "task.yaml")  # fmt: skip


def rows_of(task: Task, labels: Mapping[str, int]) -> tuple[Ints, Ints]:
    """Give the positions of the labelled items among the task's items, and their classes."""
    rows = [i for i, item in enumerate(task.items) if item.id in labels]
    return np.array(rows, dtype=int), np.array([labels[task.items[i].id] for i in rows], dtype=int)


def predictions(task: Task, votes: Votes, soft: Floats, student: Floats) -> dict[str, NDArray[Any]]:
    """Labels (n,) or probabilities (n, k) of every contender on the held-out items.

    `soft` (N, k) are the label model's probabilities of all items, `student` (n, k) the
    student's of the held-out ones. A single labeling function that is silent is wrong.
    """
    rows, gold = rows_of(task, held_out(task)[1])
    found: dict[str, NDArray[Any]] = {STUDENT: student, LABEL_MODEL: soft[rows]}
    found["majority vote"] = _majority(task, votes)[rows]
    found.update(_tfidf(task, votes, soft, rows))
    found.update(_best_single(task, votes, rows, gold))
    if task.reference:
        found["full supervision: TF-IDF + linear SVM"] = _supervised(task, rows)
    return found


def scores(task: Task, found: Mapping[str, NDArray[Any]]) -> list[dict[str, Any]]:
    """Accuracy and macro-F1 with 95 % bootstrap intervals, one entry a contender."""
    from student.score import score

    _, gold = rows_of(task, held_out(task)[1])
    k = len(task.classes)
    table = []
    for name, said in found.items():
        heard = np.where(said == ABSTAIN, k, said) if said.ndim == 1 else said
        table.append({"name": name, **asdict(score(heard, gold))})
    return table


def confusion(gold: Ints, labels: Ints, k: int) -> list[list[int]]:
    """Count each (gold, label), shape (k, k)."""
    table = np.zeros((k, k), dtype=int)
    np.add.at(table, (gold, labels), 1)
    return [[int(count) for count in row] for row in table]


def _texts(task: Task, rows: Sequence[int] | Ints) -> list[str]:
    return [task.items[int(i)].text for i in rows]


def training_rows(task: Task, votes: Votes) -> Ints:
    """Positions of the items a student learns from: not of the test, and voted on."""
    held = np.array([item.id in task.test for item in task.items])
    return np.flatnonzero(~held & (votes.coverage > 0))


def _majority(task: Task, votes: Votes) -> Floats:
    from labelmodel import MajorityVote

    return np.asarray(MajorityVote(len(task.classes)).fit(votes).predict_proba(votes))


def _tfidf(task: Task, votes: Votes, soft: Floats, rows: Ints) -> dict[str, NDArray[Any]]:
    from student.baselines import TfidfLinear

    train = training_rows(task, votes)
    linear = TfidfLinear().fit(_texts(task, train), soft[train])
    return {"TF-IDF + linear on the same soft labels": linear.predict_proba(_texts(task, rows))}


def _best_single(task: Task, votes: Votes, rows: Ints, gold: Ints) -> dict[str, NDArray[Any]]:
    """Find the best labeling function by gold, as a user could, and by the held-out items."""
    found: dict[str, NDArray[Any]] = {}
    if task.gold:
        known, truth = rows_of(task, task.gold)
        j = int((votes.L[known] == truth[:, None]).mean(axis=0).argmax())
        found[f"best single labeling function by gold: {votes.labelfns[j]}"] = votes.L[rows, j]
    j = int((votes.L[rows] == gold[:, None]).mean(axis=0).argmax())
    found[f"best single labeling function in hindsight: {votes.labelfns[j]}"] = votes.L[rows, j]
    return found


def _supervised(task: Task, rows: Ints) -> Ints:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import LinearSVC

    known, truth = rows_of(task, task.reference)
    words = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    model = make_pipeline(words, LinearSVC(random_state=0))
    return np.asarray(model.fit(_texts(task, known), truth).predict(_texts(task, rows)))
