import numpy as np
import pytest
from sklearn.metrics import f1_score

from student.errors import InputError
from student.score import ece, macro_f1, score


def test_macro_f1_is_scikit_learns_over_the_classes_in_gold():
    rng = np.random.default_rng(0)
    gold, labels = rng.integers(0, 5, 200), rng.integers(0, 7, 200)
    expected = f1_score(gold, labels, average="macro", labels=np.unique(gold), zero_division=0)
    assert macro_f1(labels, gold) == pytest.approx(expected)


def test_ece_of_a_calibrated_and_of_an_overconfident_model():
    gold = np.array([0, 0, 0, 1])
    assert ece(np.tile([0.75, 0.25], (4, 1)), gold) == pytest.approx(0)
    assert ece(np.tile([1.0, 0.0], (4, 1)), gold) == pytest.approx(0.25)


def test_scores_carry_intervals_that_hold_the_value():
    rng = np.random.default_rng(1)
    gold = rng.integers(0, 3, 300)
    p = rng.dirichlet(np.ones(3), 300) + 0.5 * np.eye(3)[gold]
    p /= p.sum(axis=1, keepdims=True)
    found = score(p, gold, draws=200)
    assert found.accuracy.value == pytest.approx((p.argmax(axis=1) == gold).mean())
    assert found.accuracy.low < found.accuracy.value < found.accuracy.high
    assert found.macro_f1.low < found.macro_f1.high
    assert found.ece is not None
    assert found == score(p, gold, draws=200)
    assert str(found.accuracy).startswith(f"{found.accuracy.value:.3f} [")


def test_labels_alone_have_no_calibration():
    found = score([0, 1, 1], [0, 1, 0], draws=10)
    assert found.ece is None
    assert found.accuracy.value == pytest.approx(2 / 3)


@pytest.mark.parametrize("labels, gold", [([], []), ([1], [1, 2])])
def test_nothing_to_compare_is_refused(labels, gold):
    with pytest.raises(InputError, match="to compare"):
        score(labels, gold)
