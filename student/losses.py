"""Losses for noisy soft labels, each behind one name.

Every one takes logits (b, k) and shares (b, k), rows summing to 1, and gives one loss a row (b,).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import kl_div, log_softmax

from student.errors import InputError

RowLoss = Callable[[Tensor, Tensor], Tensor]

KL_TEMPERATURE = 2.0
SMOOTHING = 0.1
GCE_Q = 0.7


def soft_cross_entropy(logits: Tensor, shares: Tensor) -> Tensor:
    """-sum_c t_c log p_c: what the expected log-likelihood under the label model asks for."""
    return -(shares * log_softmax(logits, dim=-1)).sum(dim=-1)


def kl_temperature(logits: Tensor, shares: Tensor) -> Tensor:
    """KL between teacher and student, both softened (Hinton, Vinyals & Dean 2015)."""
    heat = KL_TEMPERATURE
    teacher = log_softmax(shares.clamp_min(1e-8).log() / heat, dim=-1)
    student = log_softmax(logits / heat, dim=-1)
    # heat**2 keeps the gradient's size independent of the temperature (section 2 of the paper).
    return kl_div(student, teacher, reduction="none", log_target=True).sum(dim=-1) * heat**2


def confidence_weighted(logits: Tensor, shares: Tensor) -> Tensor:
    """Soft cross-entropy times 1 - H(t) / log k: unsure rows teach less (Yu et al. 2021)."""
    entropy = -torch.xlogy(shares, shares).sum(dim=-1)
    sure = 1 - entropy / torch.log(torch.tensor(float(shares.shape[-1])))
    return sure.clamp_min(0) * soft_cross_entropy(logits, shares)


def label_smoothing(logits: Tensor, shares: Tensor) -> Tensor:
    """Soft cross-entropy to shares mixed with the uniform (Szegedy et al. 2016)."""
    smooth = (1 - SMOOTHING) * shares + SMOOTHING / shares.shape[-1]
    return soft_cross_entropy(logits, smooth)


def generalised_cross_entropy(logits: Tensor, shares: Tensor) -> Tensor:
    """sum_c t_c (1 - p_c^q) / q: robust to wrong labels (Zhang & Sabuncu 2018)."""
    p = log_softmax(logits, dim=-1).mul(GCE_Q).exp()
    return (shares * (1 - p)).sum(dim=-1) / GCE_Q


LOSSES: dict[str, RowLoss] = {
    "soft_cross_entropy": soft_cross_entropy,
    "kl_temperature": kl_temperature,
    "confidence_weighted": confidence_weighted,
    "label_smoothing": label_smoothing,
    "generalised_cross_entropy": generalised_cross_entropy,
}


def named(name: str) -> RowLoss:
    """Find the loss of that name; raises InputError where there is none."""
    if name not in LOSSES:
        raise InputError(f"loss is {name!r}: it must be one of {', '.join(LOSSES)}.")
    return LOSSES[name]


def trainer_loss(name: str) -> Callable[..., Tensor]:
    """Loss as the Trainer calls it: weighted rows, averaged over the whole accumulated batch.

    The Trainer does not divide a loss of our own by the accumulation steps, and counts label
    elements, which is rows x classes here; so the sum is divided by that count over k.
    """
    row_loss = named(name)

    def loss(
        outputs: Any, labels: Tensor, num_items_in_batch: Tensor | int | None = None
    ) -> Tensor:
        logits = outputs["logits"].float()
        weights = labels.sum(dim=-1)
        shares = labels / weights.clamp_min(1e-12).unsqueeze(-1)
        rows = len(labels) if num_items_in_batch is None else num_items_in_batch / labels.shape[-1]
        return (weights * row_loss(logits, shares)).sum() / rows

    return loss
