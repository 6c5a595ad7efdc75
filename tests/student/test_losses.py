import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from student.losses import LOSSES, trainer_loss

ONE_HOT = torch.eye(3)[[0, 2]]


def logits(*rows):
    return torch.tensor(rows, dtype=torch.float32)


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_is_finite_and_falls_towards_the_target(name):
    far, near = logits([-2, 2, 0], [2, 0, -2]), logits([2, -2, 0], [-2, 0, 2])
    row_loss = LOSSES[name]
    assert row_loss(far, ONE_HOT).shape == (2,)
    assert torch.isfinite(row_loss(logits([90, -90, 0], [0, 0, 0]), ONE_HOT)).all()
    assert (row_loss(near, ONE_HOT) < row_loss(far, ONE_HOT)).all()


@pytest.mark.parametrize("name", ["soft_cross_entropy", "kl_temperature"])
def test_the_target_itself_is_the_minimum(name):
    shares = torch.tensor([[0.7, 0.2, 0.1]])
    best = shares.log().requires_grad_()
    LOSSES[name](best, shares).sum().backward()
    assert best.grad.abs().max() < 1e-5


def test_on_hard_targets_soft_cross_entropy_is_the_plain_one():
    z = logits([1, 2, 3], [0, 1, 0])
    assert torch.allclose(
        LOSSES["soft_cross_entropy"](z, ONE_HOT).mean(), cross_entropy(z, torch.tensor([0, 2]))
    )


def test_a_row_nobody_is_sure_of_teaches_nothing_when_weighted_by_confidence():
    flat = torch.full((1, 3), 1 / 3)
    assert LOSSES["confidence_weighted"](logits([1, 2, 3]), flat).abs() < 1e-6


def test_generalised_cross_entropy_is_bounded_so_one_wrong_label_cannot_rule():
    loss = LOSSES["generalised_cross_entropy"](logits([-50, 50, 0]), torch.eye(3)[[0]])
    assert loss.item() == pytest.approx(1 / 0.7, rel=1e-4)


def test_weights_travel_in_the_labels_and_rows_are_averaged_over_the_accumulated_batch():
    loss, z = trainer_loss("soft_cross_entropy"), logits([1, 2, 3], [0, 1, 0])
    rows = LOSSES["soft_cross_entropy"](z, ONE_HOT)
    assert torch.allclose(loss({"logits": z}, ONE_HOT), rows.mean())
    weights = torch.tensor([[2.0], [0.0]])
    assert torch.allclose(loss({"logits": z}, ONE_HOT * weights), rows[0])
    # 8 rows x 3 classes were counted over the accumulated batch, of which these are two rows.
    assert np.isclose(loss({"logits": z}, ONE_HOT, num_items_in_batch=24), rows.sum() / 8)
