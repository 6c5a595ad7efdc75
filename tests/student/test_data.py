import numpy as np
import pytest

from student.data import (
    Rows,
    balanced_weights,
    check_targets,
    check_texts,
    check_weights,
    fingerprint,
)
from student.errors import InputError

BAD_TARGETS = {
    "rows that do not sum to 1": ([[0.5, 0.2], [0.1, 0.9]], "targets[0] must be shares"),
    "a share below 0": ([[1.5, -0.5], [0.1, 0.9]], "targets[0] must be shares"),
    "NaN": ([[0.5, 0.5], [np.nan, 1.0]], "targets[1] holds NaN"),
    "wrong k": ([[1.0, 0, 0], [0, 1.0, 0]], "3 columns, but there are 2 classes"),
    "lengths differ": ([[0.5, 0.5]], "2 texts and 1 targets"),
    "one class only": ([[0.9, 0.1], [0.8, 0.2]], "every target names class 0"),
    "one hard class only": ([1, 1], "every target names class 1"),
    "a class beyond k": ([0, 2], "targets[1] is class 2"),
    "an abstain": ([0, -1], "targets[1] is -1"),
    "fractions for classes": ([0.0, 1.0], "whole numbers"),
    "words": (["yes", "no"], "not numbers"),
    "three dimensions": (np.zeros((2, 2, 2)), "want (n,) classes or (n, k) shares"),
}


@pytest.mark.parametrize("targets, says", BAD_TARGETS.values(), ids=BAD_TARGETS)
def test_bad_targets_are_refused_in_one_sentence(targets, says):
    with pytest.raises(InputError) as error:
        check_targets(targets, 2, 2)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_nothing_to_learn_from_is_refused():
    with pytest.raises(InputError, match="no text"):
        check_targets(np.zeros((0, 2)), 0)


@pytest.mark.parametrize(
    "texts, says",
    [
        (["a", ""], r"texts\[1\] is empty"),
        (["a", " \n"], "empty"),
        ("abc", "one string"),
        (["a", None], "NoneType"),
        ([1.5], "float"),
    ],
)
def test_bad_texts_are_refused(texts, says):
    with pytest.raises(InputError, match=says):
        check_texts(texts)


@pytest.mark.parametrize("weights", [[1.0], [1.0, -1.0], [0.0, 0.0], [np.nan, 1.0]])
def test_bad_weights_are_refused(weights):
    with pytest.raises(InputError, match="sample_weight"):
        check_weights(weights, 2)


def test_hard_targets_become_ones_and_zeros():
    assert check_targets([2, 0], 2).tolist() == [[0, 0, 1], [1, 0, 0]]
    assert check_targets([1, 0], 2, 3).shape == (2, 3)


def test_targets_are_not_touched():
    targets = np.array([[0.5001, 0.5], [0.2, 0.8]])
    before = targets.copy()
    assert np.allclose(check_targets(targets, 2).sum(axis=1), 1)
    assert (targets == before).all()


def test_labels_of_a_row_sum_to_its_weight():
    rows = Rows({"input_ids": [[1], [2, 3]]}, np.array([[0.5, 0.5], [0.0, 3.0]]))
    assert len(rows) == 2
    assert rows[1]["input_ids"] == [2, 3]
    assert rows[1]["labels"].sum() == 3


def test_a_fingerprint_changes_with_everything_a_fit_depends_on():
    base = fingerprint({"lr": 1}, ["ab", "c"], np.eye(2))
    assert base == fingerprint({"lr": 1}, ["ab", "c"], np.eye(2))
    others = [
        fingerprint({"lr": 2}, ["ab", "c"], np.eye(2)),
        fingerprint({"lr": 1}, ["a", "bc"], np.eye(2)),
        fingerprint({"lr": 1}, ["ab", "c"], np.eye(2)[::-1]),
    ]
    assert base not in others


def test_balanced_weights_make_classes_count_the_same():
    gold = np.array([0] * 9 + [1])
    weights = balanced_weights(gold)
    assert weights.mean() == pytest.approx(1)
    assert weights[gold == 0].sum() == pytest.approx(weights[gold == 1].sum())
