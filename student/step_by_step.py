"""Distilling step by step: a T5 student that learns the label and the reason (Hsieh et al. 2023).

One model, two tasks, told apart by a prefix. The reason is asked for in training only: it teaches
the encoder what to look at; predicting takes no rationale and no LLM.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax
from sklearn.base import BaseEstimator
from torch import Tensor
from torch.nn.functional import cross_entropy, log_softmax
from transformers import AutoModelForSeq2SeqLM

from student.batches import Progress, best_device, device_of, run_batched
from student.body import load_config, load_tokenizer, quiet
from student.data import Floats, check_targets, check_texts, check_weights
from student.errors import InputError
from student.train import Recipe, train

LABEL, RATIONALE = "[label] ", "[rationale] "
IGNORED = -100


class StepByStep(BaseEstimator):  # type: ignore[misc]
    """A sequence-to-sequence student: the loss is label + `rationale_weight` x rationale.

    model : folder or Hub id of a T5. classes : the names it answers with. `max_length` and
    `max_rationale` are in tokens; the rest is as for `student.Student`.
    Learned: `model_`, `tokenizer_`, `losses_`.
    """

    def __init__(
        self,
        model: str | Path = "google-t5/t5-base",
        *,
        classes: Sequence[str],
        rationale_weight: float = 1.0,
        epochs: float = 3.0,
        batch_size: int = 16,
        learning_rate: float = 3e-4,
        max_length: int = 256,
        max_rationale: int = 96,
        seed: int = 0,
    ) -> None:
        self.model = model
        self.classes = classes
        self.rationale_weight = rationale_weight
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.max_length = max_length
        self.max_rationale = max_rationale
        self.seed = seed

    def fit(
        self,
        texts: Sequence[str],
        targets: ArrayLike,
        rationales: Sequence[str | None],
        *,
        sample_weight: ArrayLike | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """Learn from n texts, targets (n, k) or (n,), and a reason for each (None: no reason).

        Where teachers disagree the label is the one with the largest share, and the row weighs as
        much as that share: the weighted vote, with its doubt.
        """
        rows = check_texts(texts)
        shares = check_targets(targets, len(rows), len(self.classes))
        if len(rationales) != len(rows):
            raise InputError(f"there are {len(rows)} texts and {len(rationales)} rationales.")
        weights = check_weights(sample_weight, len(rows)) * shares.max(axis=1)
        self._load(self.model, self.max_length)
        tasks = self._tasks(rows, shares.argmax(axis=1), weights, rationales)
        how: dict[str, Any] = {"collate": self._collate, "loss": _row_loss, "progress": progress}
        self.losses_ = train(self.model_, self.tokenizer_, tasks, self._recipe(), **how)
        self.model_.eval()
        return self

    def predict_proba(self, texts: Sequence[str], *, batch_size: int = 8) -> Floats:
        """Probabilities (n, k): how likely the model is to write each class's name."""
        if not hasattr(self, "model_"):
            raise InputError("this student has not learned yet: call fit or load first.")
        names = self._answers(self.classes)
        rows = [LABEL + text for text in check_texts(texts)]

        def likely(batch: dict[str, Tensor]) -> Tensor:
            return self._log_likelihood(batch, names)

        device = device_of(self.model_)
        scores = run_batched(rows, self.tokenizer_, likely, device, batch_size=batch_size)
        return np.asarray(softmax(scores.reshape(len(rows), -1).astype(np.float64), axis=1))

    def predict(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Index of the likeliest class of each text, shape (n,)."""
        return np.asarray(self.predict_proba(texts).argmax(axis=1), dtype=np.int64)

    def save(self, folder: str | Path) -> None:
        """Write a plain Hugging Face folder of a T5."""
        self.model_.save_pretrained(str(folder))
        self.tokenizer_.save_pretrained(str(folder))

    def load(self, folder: str | Path) -> Self:
        """Take the weights that were saved in a folder."""
        self._load(folder, int(1e9))
        self.model_.eval()
        return self

    def _load(self, model: str | Path, max_length: int) -> None:
        if not load_config(model).is_encoder_decoder:
            raise InputError(f"{model} does not write text: step by step needs a T5.")
        self.tokenizer_ = load_tokenizer(model, max_length)
        with quiet():
            body: Any = AutoModelForSeq2SeqLM.from_pretrained(str(model), dtype=torch.float32)
        self.model_ = body.to(best_device())

    def _tasks(
        self,
        rows: list[str],
        labels: NDArray[np.intp],
        weights: Floats,
        rationales: Sequence[str | None],
    ) -> list[dict[str, Any]]:
        names = [self.classes[label] for label in labels]
        reasons = [(i, reason) for i, reason in enumerate(rationales) if reason]
        return self._task(LABEL, rows, names, weights) + self._task(
            RATIONALE,
            [rows[i] for i, _ in reasons],
            [reason for _, reason in reasons],
            self.rationale_weight * weights[[i for i, _ in reasons]],
        )

    def _task(
        self, prefix: str, rows: list[str], answers: Sequence[str], weights: Floats
    ) -> list[dict[str, Any]]:
        if not rows:
            return []
        tokens: Any = self.tokenizer_([prefix + text for text in rows], truncation=True)
        written = zip(tokens["input_ids"], self._answers(answers), weights, strict=True)
        return [{"input_ids": ids, "answer": a, "weight": float(w)} for ids, a, w in written]

    def _answers(self, texts: Sequence[str]) -> list[list[int]]:
        tokens: Any = self.tokenizer_(list(texts), truncation=True, max_length=self.max_rationale)
        return list(tokens["input_ids"])

    def _collate(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
        batch: Any = self.tokenizer_.pad(
            {"input_ids": [row["input_ids"] for row in rows]}, return_tensors="pt"
        )
        answers = _padded([row["answer"] for row in rows])
        shifted = self.model_.prepare_decoder_input_ids_from_labels(labels=answers)
        # As a dictionary the labels carry each row's weight, and the Trainer counts no items.
        labels = {"answers": answers, "weights": torch.tensor([row["weight"] for row in rows])}
        return {**batch, "decoder_input_ids": shifted, "labels": labels}

    def _log_likelihood(self, batch: dict[str, Tensor], names: list[list[int]]) -> Tensor:
        inputs = {"attention_mask": batch["attention_mask"]}
        inputs["encoder_outputs"] = self.model_.get_encoder()(
            input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]
        )
        columns = []
        for name in names:
            answer = torch.tensor([name] * len(batch["input_ids"]), device=device_of(self.model_))
            logits = self.model_(**inputs, labels=answer).logits
            spelled = log_softmax(logits.float(), dim=-1).gather(-1, answer.unsqueeze(-1))
            columns.append(spelled.squeeze(-1).sum(dim=-1))
        return torch.stack(columns, dim=1)

    def _recipe(self) -> Recipe:
        return Recipe(
            epochs=self.epochs,
            batch_size=self.batch_size,
            accumulate=1,
            learning_rate=self.learning_rate,
            layer_decay=1.0,
            weight_decay=0.01,
            loss="cross_entropy",
            save_steps=50,
            seed=self.seed,
        )


def _row_loss(outputs: Any, labels: dict[str, Tensor], num_items_in_batch: Any = None) -> Tensor:
    """Weighted mean over the rows of the mean cross-entropy of a row's tokens."""
    answers, logits = labels["answers"], outputs["logits"].float()
    each = cross_entropy(
        logits.transpose(1, 2), answers, ignore_index=IGNORED, reduction="none"
    ).sum(dim=-1)
    per_row = each / (answers != IGNORED).sum(dim=-1).clamp_min(1)
    return (labels["weights"] * per_row).mean()


def _padded(rows: list[list[int]]) -> Tensor:
    width = max(len(row) for row in rows)
    return torch.tensor([row + [IGNORED] * (width - len(row)) for row in rows])
