"""The student: fit on texts and probabilities, predict, save as a plain Hugging Face folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax
from sklearn.base import BaseEstimator
from torch import Tensor

from student.batches import Progress, best_device, device_of, run_batched
from student.body import (
    default_rate,
    features_of,
    freeze,
    last_linear,
    load_body,
    load_tokenizer,
    load_trained,
    set_linear,
)
from student.calibrate import fit_temperature
from student.checkpoints import last_checkpoint
from student.data import Floats, Rows, check_targets, check_texts, check_weights, fingerprint
from student.errors import InputError
from student.head import soft_logistic
from student.losses import named
from student.train import Recipe, train
from student.windows import split, spread

HEAD_ROWS = 20_000

Labelled = tuple[Sequence[str], ArrayLike]
"""Texts, and their targets."""


class Student(BaseEstimator):  # type: ignore[misc]
    """A small text classifier that learns from soft labels.

    model : folder or Hub id of an encoder.
    classes : names of the k classes, in the order of the targets' columns; they go into the saved
        folder. None names them LABEL_0, LABEL_1, ...
    loss : a name of `student.losses.LOSSES`.
    epochs, batch_size, accumulate : as the Trainer means them; a step learns from
        batch_size x accumulate rows.
    learning_rate : the peak; None chooses by the width of the model.
    layer_decay : the learning rate shrinks by this factor a layer, from the top.
    frozen_layers : the embeddings and so many of the lowest layers stay as they are: faster.
    max_length : texts are cut at so many tokens ...
    overlap : ... or, with a number here, read in windows that share so many tokens.
    pooling : "first" token, "mean" over tokens, or "auto", see `student.body.load_body`.
    save_steps : steps between checkpoints, and between looks at the validation rows.
    seed : of the order of the rows, dropout and fresh weights.

    Learned: `model_` and `tokenizer_` (Hugging Face's own), `n_classes_`, `losses_`, and
    `temperature_` (None until `calibrate`).
    """

    temperature_: float | None

    def __init__(
        self,
        model: str | Path = "FacebookAI/roberta-base",
        *,
        classes: Sequence[str] | None = None,
        loss: str = "soft_cross_entropy",
        epochs: float = 3.0,
        batch_size: int = 32,
        accumulate: int = 1,
        learning_rate: float | None = None,
        layer_decay: float = 1.0,
        weight_decay: float = 0.01,
        frozen_layers: int = 0,
        max_length: int = 256,
        overlap: int | None = None,
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
        self.layer_decay = layer_decay
        self.weight_decay = weight_decay
        self.frozen_layers = frozen_layers
        self.max_length = max_length
        self.overlap = overlap
        self.pooling = pooling
        self.save_steps = save_steps
        self.seed = seed

    def fit(
        self,
        texts: Sequence[str],
        targets: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        validation: Labelled | None = None,
        checkpoints: str | Path | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """Learn from n texts and their targets: shares (n, k), rows summing to 1, or n classes.

        With `validation` rows (gold), training stops when the loss on them no longer falls. With a
        folder for `checkpoints`, a fit that was killed goes on from the last of them when it is
        called again with the same arguments. `progress` is told (rows done, rows in all). Raises
        InputError for what cannot be learned from.
        """
        named(self.loss)
        rows, held = check_texts(texts), validation or ((), ())
        shares = check_targets(targets, len(rows), len(self.classes) if self.classes else None)
        labels = shares * check_weights(sample_weight, len(rows))[:, None]
        folder = None if checkpoints is None else Path(checkpoints)
        resume = folder and self._resume_point(folder, [*rows, *held[0]], labels, held[1])
        self._load(shares.shape[1])
        if resume is None:
            self._start_head(rows, labels)
        look = None if validation is None else self._gold(*held)
        how = {"validation": look, "checkpoints": folder, "resume": resume, "progress": progress}
        self._train(self._rows(rows, labels), self.epochs, **how)
        return self

    def fit_gold(self, texts: Sequence[str], gold: ArrayLike, *, epochs: float = 5.0) -> Self:
        """Go on from what was learned, on gold alone: a last stage that roots out teachers' errors.

        `gold` is n classes or shares (n, k). A class that no target of `fit` named at all starts
        too far behind to be learned here: mix gold rows of it into `fit`.
        """
        self._fitted()
        self._train(self._gold(texts, gold), epochs)
        return self

    def calibrate(self, texts: Sequence[str], gold: ArrayLike) -> Self:
        """Fit one temperature on gold and fold it into the last layer, so that `save` keeps it."""
        y = np.asarray(gold, dtype=np.intp)
        temperature = fit_temperature(self.predict_logits(texts), y)
        head = last_linear(self._fitted(), self.n_classes_)
        set_linear(head, head.weight / temperature, head.bias / temperature)
        self.temperature_ = temperature * (self.temperature_ or 1.0)
        return self

    def predict_proba(
        self, texts: Sequence[str], *, batch_size: int = 16, progress: Progress | None = None
    ) -> Floats:
        """Probabilities of shape (n, k), rows summing to 1."""
        logits = self.predict_logits(texts, batch_size=batch_size, progress=progress)
        return np.asarray(softmax(logits, axis=1))

    def predict(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Index of the likeliest class of each text, shape (n,)."""
        return np.asarray(self.predict_logits(texts).argmax(axis=1), dtype=np.int64)

    def predict_logits(
        self, texts: Sequence[str], *, batch_size: int = 16, progress: Progress | None = None
    ) -> Floats:
        """Logits of shape (n, k)."""
        body = self._fitted().eval()
        rows = check_texts(texts)

        def logits(batch: dict[str, Tensor]) -> Tensor:
            return Tensor(body(**batch).logits)

        found = self._run(rows, logits, batch_size, progress)
        return found.reshape(len(rows), self.n_classes_).astype(np.float64)

    def score(self, texts: Sequence[str], gold: ArrayLike) -> float:
        """Share of the texts whose predicted class is the gold class."""
        return float((self.predict(texts) == np.asarray(gold)).mean())

    def save(self, folder: str | Path) -> None:
        """Write a plain Hugging Face folder; `transformers.pipeline` gives the same labels."""
        self._fitted().save_pretrained(str(folder))
        self.tokenizer_.save_pretrained(str(folder))

    @classmethod
    def load(cls, folder: str | Path, *, overlap: int | None = None) -> Self:
        """Load a student that was saved; raises InputError where the folder holds none."""
        body: Any = load_trained(folder)
        student = cls(model=folder, classes=list(body.config.id2label.values()), overlap=overlap)
        student.tokenizer_ = load_tokenizer(folder, int(1e9))
        student.max_length = student.tokenizer_.model_max_length
        student.model_ = body.to(best_device()).eval()
        student.n_classes_ = body.config.num_labels
        student.losses_, student.temperature_ = [], None
        return student

    def _resume_point(self, folder: Path, rows: list[str], *arrays: Any) -> Path | None:
        settings: dict[str, Any] = {k: str(v) for k, v in self.get_params().items()}
        return last_checkpoint(folder, fingerprint(settings, rows, *map(np.asarray, arrays)))

    def _load(self, k: int) -> None:
        self.n_classes_, self.temperature_ = k, None
        names = self.classes or [f"LABEL_{c}" for c in range(k)]
        self.tokenizer_ = load_tokenizer(self.model, self.max_length)
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            body: Any = load_body(self.model, names, self.pooling)
        self.model_ = body.to(best_device())
        freeze(self.model_, self.frozen_layers)

    def _start_head(self, rows: list[str], labels: Floats) -> None:
        body = self.model_.eval()
        head = last_linear(body, self.n_classes_)
        # A start needs no more rows than this, and a large corpus would be read once for nothing.
        some = np.random.default_rng(self.seed).permutation(len(rows))[:HEAD_ROWS]
        picked = [rows[row] for row in some]
        features = self._run(picked, lambda batch: features_of(body, head, batch))
        set_linear(head, *map(torch.from_numpy, soft_logistic(features, labels[some])))

    def _train(self, rows: Rows, epochs: float, **how: Any) -> None:
        self.losses_ = train(self.model_, self.tokenizer_, rows, self._recipe(epochs), **how)
        self.model_.eval()

    def _gold(self, texts: Sequence[str], gold: ArrayLike) -> Rows:
        rows = check_texts(texts)
        return self._rows(rows, check_targets(gold, len(rows), self.n_classes_))

    def _rows(self, texts: list[str], labels: Floats) -> Rows:
        tokens, owner = split(texts, self.tokenizer_, self.overlap)
        return Rows(tokens, spread(labels, owner))

    def _recipe(self, epochs: float) -> Recipe:
        same = {n: getattr(self, n) for n in Recipe.__annotations__ if n in self.get_params()}
        rate = self.learning_rate or default_rate(self.model_)
        return Recipe(**{**same, "epochs": epochs, "learning_rate": rate})

    def _run(
        self,
        rows: list[str],
        apply: Callable[[dict[str, Tensor]], Tensor],
        batch_size: int = 16,
        progress: Progress | None = None,
    ) -> NDArray[np.float32]:
        how: dict[str, Any] = {"batch_size": batch_size, "overlap": self.overlap}
        device = device_of(self.model_)
        return run_batched(rows, self.tokenizer_, apply, device, progress=progress, **how)

    def _fitted(self) -> Any:
        if not hasattr(self, "model_"):
            raise InputError("this student has not learned yet: call fit or Student.load first.")
        return self.model_
