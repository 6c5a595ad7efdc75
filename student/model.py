"""The student: fit on texts and probabilities, predict, save as a plain Hugging Face folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax
from sklearn.base import BaseEstimator
from torch import Tensor

from student.batches import Progress, device_of, run_batched
from student.body import (
    freeze,
    last_linear,
    load_body,
    load_tokenizer,
    load_trained,
    to_features,
)
from student.checkpoints import last_checkpoint
from student.data import Floats, Rows, check_targets, check_texts, check_weights, fingerprint
from student.errors import InputError
from student.head import soft_logistic
from student.losses import LOSSES
from student.train import Recipe, train


class Student(BaseEstimator):  # type: ignore[misc]
    """A small text classifier that learns from soft labels.

    model : folder or Hub id of an encoder.
    classes : names of the k classes, in the order of the targets' columns; they go into the saved
        folder. None names them LABEL_0, LABEL_1, ...
    loss : a name of `student.losses.LOSSES`.
    epochs, batch_size, accumulate, learning_rate : as the Trainer means them; a step learns from
        batch_size x accumulate rows.
    max_length : texts are cut at so many tokens.
    frozen_layers : the embeddings and so many of the lowest layers stay as they are: faster.
    pooling : "first" token, "mean" over tokens, or "auto", see `student.body.load_body`.
    save_steps : steps between checkpoints, where `fit` is given a folder for them.
    seed : of the order of the rows, dropout and fresh weights.

    Learned: `model_` and `tokenizer_` (Hugging Face's own), `n_classes_`, `losses_`.
    """

    def __init__(
        self,
        model: str | Path = "FacebookAI/roberta-base",
        *,
        classes: Sequence[str] | None = None,
        loss: str = "soft_cross_entropy",
        epochs: float = 3.0,
        batch_size: int = 32,
        accumulate: int = 1,
        learning_rate: float = 1e-4,
        max_length: int = 256,
        frozen_layers: int = 0,
        pooling: str = "auto",
        save_steps: int = 50,
        seed: int = 0,
    ) -> None:
        self.model = model
        self.classes = classes
        self.loss = loss
        self.epochs = epochs
        self.batch_size = batch_size
        self.accumulate = accumulate
        self.learning_rate = learning_rate
        self.max_length = max_length
        self.frozen_layers = frozen_layers
        self.pooling = pooling
        self.save_steps = save_steps
        self.seed = seed

    def fit(
        self,
        texts: Sequence[str],
        targets: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        checkpoints: str | Path | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """Learn from n texts and their targets: shares (n, k), rows summing to 1, or n classes.

        With a folder for `checkpoints`, a fit that was killed goes on from the last of them when
        it is called again with the same arguments. `progress` is told (rows done, rows in all).
        Raises InputError for what cannot be learned from.
        """
        self._check()
        rows = check_texts(texts)
        shares = check_targets(targets, len(rows), len(self.classes) if self.classes else None)
        weights = check_weights(sample_weight, len(rows))
        resume = self._resume_point(checkpoints, rows, shares, weights)
        self._start(rows, shares, weights, fresh=resume is None)
        data = Rows(self.tokenizer_(rows, truncation=True), shares * weights[:, None])
        folder = None if checkpoints is None else Path(checkpoints)
        self.losses_ = train(
            self.model_, self.tokenizer_, data, self._recipe(), folder, resume, progress
        )
        self.model_.eval()
        return self

    def predict_proba(
        self, texts: Sequence[str], *, batch_size: int = 64, progress: Progress | None = None
    ) -> Floats:
        """Probabilities of shape (n, k), rows summing to 1."""
        return np.asarray(softmax(self.predict_logits(texts, batch_size, progress), axis=1))

    def predict(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Index of the likeliest class of each text, shape (n,)."""
        return np.asarray(self.predict_logits(texts).argmax(axis=1), dtype=np.int64)

    def predict_logits(
        self, texts: Sequence[str], batch_size: int = 64, progress: Progress | None = None
    ) -> Floats:
        """Logits of shape (n, k)."""
        body = self._fitted().eval()

        def logits(batch: dict[str, Tensor]) -> Tensor:
            return Tensor(body(**batch).logits)

        rows = check_texts(texts)
        found = run_batched(rows, self.tokenizer_, logits, device_of(body), batch_size, progress)
        return found.reshape(len(rows), self.n_classes_).astype(np.float64)

    def score(self, texts: Sequence[str], gold: ArrayLike) -> float:
        """Share of the texts whose predicted class is the gold class."""
        return float((self.predict(texts) == np.asarray(gold)).mean())

    def save(self, folder: str | Path) -> None:
        """Write a plain Hugging Face folder; `transformers.pipeline` gives the same labels."""
        self._fitted().save_pretrained(str(folder))
        self.tokenizer_.save_pretrained(str(folder))

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Load a student that was saved; raises InputError where the folder holds none."""
        body: Any = load_trained(folder)
        student = cls(model=folder, classes=list(body.config.id2label.values()))
        student.tokenizer_ = load_tokenizer(folder, int(1e9))
        student.max_length = student.tokenizer_.model_max_length
        student.model_ = body.to(_device()).eval()
        student.n_classes_ = body.config.num_labels
        student.losses_ = []
        return student

    def _check(self) -> None:
        if self.loss not in LOSSES:
            raise InputError(f"loss is {self.loss!r}: it must be one of {', '.join(LOSSES)}.")
        if self.pooling not in ("auto", "first", "mean"):
            raise InputError(f"pooling is {self.pooling!r}: it must be auto, first or mean.")

    def _resume_point(
        self, folder: str | Path | None, rows: list[str], shares: Floats, weights: Floats
    ) -> Path | None:
        if folder is None:
            return None
        settings: dict[str, Any] = {k: str(v) for k, v in self.get_params().items()}
        return last_checkpoint(Path(folder), fingerprint(settings, rows, shares, weights))

    def _start(self, rows: list[str], shares: Floats, weights: Floats, fresh: bool) -> None:
        self.n_classes_ = shares.shape[1]
        names = self.classes or [f"LABEL_{c}" for c in range(self.n_classes_)]
        self.tokenizer_ = load_tokenizer(self.model, self.max_length)
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            body: Any = load_body(self.model, names, self.pooling)
        self.model_ = body.to(_device())
        freeze(self.model_, self.frozen_layers)
        if fresh:
            self._start_head(rows, shares, weights)

    def _start_head(self, rows: list[str], shares: Floats, weights: Floats) -> None:
        body = self.model_.eval()
        head = last_linear(body, self.n_classes_)
        features = run_batched(
            rows, self.tokenizer_, lambda batch: to_features(body, head, batch), device_of(body)
        )
        w, b = soft_logistic(features, shares, weights)
        with torch.no_grad():
            head.weight.copy_(torch.from_numpy(w))
            head.bias.copy_(torch.from_numpy(b))

    def _recipe(self) -> Recipe:
        names = asdict(Recipe()).keys() & self.get_params().keys()
        return Recipe(**{name: getattr(self, name) for name in names})

    def _fitted(self) -> Any:
        if not hasattr(self, "model_"):
            raise InputError("this student has not learned yet: call fit or Student.load first.")
        return self.model_


def _device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
