"""Training by Hugging Face's Trainer: our loss, our checkpoints, its everything else."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import (
    DataCollatorWithPadding,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)
from transformers.trainer_callback import PrinterCallback, ProgressCallback

from student.batches import Progress
from student.data import Rows
from student.losses import trainer_loss


@dataclass(frozen=True)
class Recipe:
    """How to train; `learning_rate` is the peak, reached after a tenth of the steps."""

    epochs: float = 3.0
    batch_size: int = 32
    accumulate: int = 1
    learning_rate: float = 1e-4
    weight_decay: float = 0.01
    loss: str = "soft_cross_entropy"
    save_steps: int = 50
    seed: int = 0


def train(
    body: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    rows: Rows,
    recipe: Recipe,
    checkpoints: Path | None = None,
    resume: Path | None = None,
    progress: Progress | None = None,
) -> list[float]:
    """Train `body` in place; the losses logged on the way, one every tenth of an epoch or so."""
    with _own_generators(), tempfile.TemporaryDirectory() as scratch:
        args = _arguments(recipe, len(rows), checkpoints, scratch)
        trainer = Trainer(
            model=body,
            args=args,
            train_dataset=rows,
            data_collator=DataCollatorWithPadding(tokenizer),
            compute_loss_func=trainer_loss(recipe.loss),
            callbacks=[_Tell(progress, len(rows))] if progress else None,
        )
        for noisy in (PrinterCallback, ProgressCallback):
            trainer.remove_callback(noisy)
        trainer.train(resume_from_checkpoint=str(resume) if resume else None)
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


def _arguments(recipe: Recipe, n: int, checkpoints: Path | None, scratch: str) -> TrainingArguments:
    steps_an_epoch = max(1, n // (recipe.batch_size * recipe.accumulate))
    return TrainingArguments(
        output_dir=str(checkpoints or scratch),
        num_train_epochs=recipe.epochs,
        per_device_train_batch_size=recipe.batch_size,
        gradient_accumulation_steps=recipe.accumulate,
        learning_rate=recipe.learning_rate,
        weight_decay=recipe.weight_decay,
        warmup_steps=max(1, int(steps_an_epoch * recipe.epochs / 10)),
        lr_scheduler_type="linear",
        train_sampling_strategy="group_by_length",
        logging_steps=max(1, steps_an_epoch // 10),
        save_strategy="no" if checkpoints is None else "steps",
        save_steps=recipe.save_steps,
        save_total_limit=2,
        bf16=torch.cuda.is_available() and torch.cuda.is_bf16_supported(),
        seed=recipe.seed,
        dataloader_pin_memory=torch.cuda.is_available(),
        disable_tqdm=True,
        report_to="none",
    )


@contextmanager
def _own_generators() -> Iterator[None]:
    """Give the caller's global generators back as they were: the Trainer seeds them all."""
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
        torch.set_rng_state(states[2])


class _Tell(TrainerCallback):
    """Tells how many rows have been learned from, of all epochs' rows."""

    def __init__(self, progress: Progress, rows: int) -> None:
        self.progress, self.rows = progress, rows

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        total = int(self.rows * state.num_train_epochs)
        self.progress(min(total, total * state.global_step // max(1, state.max_steps)), total)
