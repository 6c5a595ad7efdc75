"""Calibration: what a prompt says of everything says nothing of one item."""

import numpy as np
import pytest

from labelfns import STATUSES, Status, Vote, Votes, gather
from labelfns.calibrate import calibrate

CLASSES = ["a", "b"]


def soft(label: int, p: float) -> Vote:
    return Vote(label if p > 0.5 else -1, Status.VOTED if p > 0.5 else Status.ABSTAINED, {label: p})


def table(n: int = 400, bias: float = 0.0, seed: int = 0) -> tuple[Votes, np.ndarray]:
    """Two one-sided prompts, the second of which says yes to nearly everything."""
    rng = np.random.default_rng(seed)
    gold = rng.integers(0, 2, n)
    z = np.where(gold[:, None] == [0, 1], 1.5, -1.5) + rng.normal(0, 1, (n, 2)) + [0.0, bias]
    p = 1 / (1 + np.exp(-z))
    votes = [[soft(0, p[i, 0]), soft(1, p[i, 1])] for i in range(n)]
    return gather(votes, [str(i) for i in range(n)], ["is_a", "is_b"], CLASSES), gold


def precision(votes: Votes, gold: np.ndarray, j: int) -> float:
    voted = votes.L[:, j] >= 0
    return float((votes.L[voted, j] == gold[voted]).mean())


def test_a_prompt_that_says_yes_to_everything_becomes_useful() -> None:
    votes, gold = table(bias=4.0)
    assert (votes.L[:, 1] >= 0).mean() > 0.9
    honest = calibrate(votes)
    assert 0.4 < (honest.L[:, 1] >= 0).mean() < 0.6
    assert precision(honest, gold, 1) > precision(votes, gold, 1) + 0.2


@pytest.mark.parametrize("shift", [-3.0, 0.0, 3.0])
def test_a_constant_bias_changes_no_ranking(shift: float) -> None:
    plain, biased = calibrate(table()[0]), calibrate(table(bias=shift)[0])
    assert (plain.L == biased.L).mean() > 0.97


def test_the_votes_given_are_not_changed() -> None:
    votes, _ = table(bias=4.0)
    L, V = votes.L.copy(), votes.V.toarray()
    calibrate(votes)
    assert (votes.L == L).all()
    assert (votes.V.toarray() == V).all()


def test_hard_votes_and_many_class_votes_stay_as_they_are() -> None:
    votes = gather(
        [[Vote(0, Status.VOTED), Vote(0, Status.VOTED, {0: 0.7, 1: 0.3})] for _ in range(50)],
        [str(i) for i in range(50)], ["rule", "choice"], CLASSES)  # fmt: skip
    same = calibrate(votes)
    assert (same.L == votes.L).all()
    assert (same.V.toarray() == votes.V.toarray()).all()


def test_few_answers_are_left_alone() -> None:
    votes, _ = table(n=5, bias=4.0)
    assert calibrate(votes) is votes


def test_unasked_stays_unasked() -> None:
    votes = [[soft(0, 0.2 + 0.6 * (i % 2)), Vote(status=Status.UNASKED)] for i in range(60)]
    honest = calibrate(gather(votes, [str(i) for i in range(60)], ["is_a", "is_b"], CLASSES))
    assert (honest.status[:, 1] == STATUSES.index(Status.UNASKED)).all()
    assert (honest.L[:, 0] == 0).sum() == 30


def test_one_question_about_one_class_of_many_votes_for_the_few_that_stand_out() -> None:
    rng = np.random.default_rng(0)
    z = rng.normal(1.0, 1.0, 400) + np.where(np.arange(400) < 20, 6.0, 0.0)
    votes = [[soft(0, p)] for p in 1 / (1 + np.exp(-z))]
    names = [f"class {c}" for c in range(20)]
    honest = calibrate(gather(votes, [str(i) for i in range(400)], ["is_0"], names))
    voted = honest.L[:, 0] == 0
    assert voted[:20].mean() > 0.8
    assert voted[20:].mean() < 0.05


def test_an_item_has_one_class() -> None:
    rng = np.random.default_rng(0)
    votes = [[soft(0, p), soft(1, q)] for p, q in rng.uniform(0.01, 0.99, (300, 2))]
    honest = calibrate(gather(votes, [str(i) for i in range(300)], ["is_a", "is_b"], CLASSES))
    assert not (honest.L >= 0).all(axis=1).any()
    assert (honest.V.sum(axis=1) <= 1 + 1e-6).all()


def test_several_questions_about_one_class_may_agree() -> None:
    votes = [[soft(i % 2, 0.9) if j % 2 == i % 2 else soft(1 - i % 2, 0.1) for j in range(6)]
             for i in range(100)]  # fmt: skip
    names = [f"q{j}" for j in range(6)]
    honest = calibrate(gather(votes, [str(i) for i in range(100)], names, CLASSES))
    assert ((honest.L >= 0).sum(axis=1) == 3).all()
