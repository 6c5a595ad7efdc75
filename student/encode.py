"""Sentence embeddings: the mean over the tokens, of length one (Reimers & Gurevych 2019)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import normalize
from transformers import AutoModel

from student.batches import Progress, best_device, device_of, run_batched
from student.body import load_tokenizer, quiet
from student.errors import InputError


def encode(
    texts: Sequence[str],
    model: str | Path,
    *,
    batch_size: int = 32,
    max_length: int = 256,
    progress: Progress | None = None,
) -> NDArray[np.float32]:
    """Embeddings of shape (n, d), rows of length 1, so that a dot product is a cosine similarity.

    `model` is the folder or the Hub id of a sentence encoder. Texts are cut at `max_length` tokens.
    Raises InputError where the folder is not a model.
    """
    tokenizer = load_tokenizer(model, max_length)
    try:
        with quiet():
            encoder = AutoModel.from_pretrained(str(model), dtype=torch.float32).eval()
    except Exception as error:  # safetensors, transformers and the hub raise kinds of their own
        raise InputError(f"{model}: its weights could not be loaded ({error}).") from error
    encoder.to(best_device())

    def embed(batch: dict[str, Tensor]) -> Tensor:
        return normalize(mean_over_tokens(encoder(**batch)[0], batch["attention_mask"]), dim=-1)

    return run_batched(
        texts, tokenizer, embed, device_of(encoder), batch_size=batch_size, progress=progress
    )


def mean_over_tokens(hidden: Tensor, mask: Tensor) -> Tensor:
    """Mean (b, d) of hidden states (b, t, d) over the tokens that the mask (b, t) keeps."""
    kept = mask.unsqueeze(-1).to(hidden.dtype)
    return (hidden * kept).sum(dim=1) / kept.sum(dim=1).clamp_min(1)
