"""Training by Hugging Face's Trainer: our loss, our checkpoints, its everything else."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import (
    DataCollatorWithPadding,
    EarlyStoppingCallback,
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
from student.optimizer import layered_adamw

# Evaluations without a better loss before training stops and the best weights are taken back.
PATIENCE = 3


@dataclass(frozen=True)
class Recipe:
    """How to train; `learning_rate` is the peak, reached after a tenth of the steps."""

    epochs: float
    batch_size: int
    accumulate: int
    learning_rate: float
    layer_decay: float
    weight_decay: float
    loss: str
    save_steps: int
    seed: int


def train(
    body: Any,
    tokenizer: PreTrainedTokenizerBase,
    rows: Any,
    recipe: Recipe,
    *,
    collate: Callable[[list[Any]], Any] | None = None,
    loss: Callable[..., Any] | None = None,
    validation: Rows | None = None,
    checkpoints: Path | None = None,
    resume: Path | None = None,
    progress: Progress | None = None,
) -> list[float]:
    """Train `body` in place; the losses logged on the way, about ten an epoch.

    `rows` give a dictionary each; `collate` makes a batch of them and `loss` is called as the
    Trainer calls one: by default, padding and the recipe's loss on shares. With `validation`,
    training stops when the loss on it no longer falls, and the best weights are taken back.
    """
    with _own_generators(), tempfile.TemporaryDirectory() as scratch:
        keep = checkpoints is not None or validation is not None
        trainer = Trainer(
            model=body,
            args=_arguments(recipe, len(rows), str(checkpoints or scratch), keep, validation),
            train_dataset=rows,
            eval_dataset=validation,
            data_collator=collate or DataCollatorWithPadding(tokenizer),
            compute_loss_func=loss or trainer_loss(recipe.loss),
            optimizers=(_optimizer(body, recipe), None),
            callbacks=_callbacks(progress, len(rows), validation),
        )
        for noisy in (PrinterCallback, ProgressCallback):
            trainer.remove_callback(noisy)
        trainer.train(resume_from_checkpoint=str(resume) if resume else None)
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


def _optimizer(body: Any, recipe: Recipe) -> torch.optim.Optimizer:
    return layered_adamw(body, recipe.learning_rate, recipe.layer_decay, recipe.weight_decay)


def _arguments(
    recipe: Recipe, n: int, folder: str, keep: bool, validation: Rows | None
) -> TrainingArguments:
    steps_an_epoch = max(1, n // (recipe.batch_size * recipe.accumulate))
    return TrainingArguments(
        output_dir=folder,
        num_train_epochs=recipe.epochs,
        per_device_train_batch_size=recipe.batch_size,
        per_device_eval_batch_size=recipe.batch_size,
        gradient_accumulation_steps=recipe.accumulate,
        warmup_steps=max(1, int(steps_an_epoch * recipe.epochs / 10)),
        lr_scheduler_type="linear",
        train_sampling_strategy="group_by_length",
        logging_steps=max(1, steps_an_epoch // 10),
        save_strategy="steps" if keep else "no",
        save_steps=recipe.save_steps,
        save_total_limit=2,
        eval_strategy="no" if validation is None else "steps",
        eval_steps=recipe.save_steps,
        load_best_model_at_end=validation is not None,
        bf16=torch.cuda.is_available() and torch.cuda.is_bf16_supported(),
        dataloader_pin_memory=torch.cuda.is_available(),
        remove_unused_columns=False,
        seed=recipe.seed,
        disable_tqdm=True,
        report_to="none",
    )


def _callbacks(
    progress: Progress | None, rows: int, validation: Rows | None
) -> list[TrainerCallback]:
    tell = [_Tell(progress, rows)] if progress else []
    stop = [EarlyStoppingCallback(PATIENCE)] if validation is not None else []
    return [*tell, *stop]


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
