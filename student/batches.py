"""Texts through a model in batches of like length: no time is spent on padding."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase

Progress = Callable[[int, int], None]
"""Told (rows done, rows in all)."""

# Tokenizing every text of a large corpus at once would need more memory than the model.
CHUNK = 4096


def run_batched(
    texts: Sequence[str],
    tokenizer: PreTrainedTokenizerBase,
    apply: Callable[[dict[str, Tensor]], Tensor],
    device: torch.device,
    batch_size: int = 32,
    progress: Progress | None = None,
) -> NDArray[np.float32]:
    """`apply` on every text, in the order of the texts; `apply` gives one row a text (b, d)."""
    out: NDArray[np.float32] | None = None
    done = 0
    for rows, batch in _batches(texts, tokenizer, batch_size):
        with torch.inference_mode():
            values = apply({k: v.to(device) for k, v in batch.items()}).float().cpu().numpy()
        if out is None:
            out = np.empty((len(texts), values.shape[1]), dtype=np.float32)
        out[rows] = values
        done += len(rows)
        if progress is not None:
            progress(done, len(texts))
    return np.empty((0, 0), dtype=np.float32) if out is None else out


def _batches(
    texts: Sequence[str], tokenizer: PreTrainedTokenizerBase, batch_size: int
) -> Iterator[tuple[NDArray[np.intp], dict[str, Tensor]]]:
    for start in range(0, len(texts), CHUNK):
        tokens = tokenizer(list(texts[start : start + CHUNK]), truncation=True)
        lengths = np.array([len(ids) for ids in tokens["input_ids"]])
        # Longest first: a batch that does not fit in memory fails at once, not after an hour.
        order = np.argsort(-lengths, kind="stable")
        for first in range(0, len(order), batch_size):
            rows = order[first : first + batch_size]
            part = {name: [column[row] for row in rows] for name, column in tokens.items()}
            yield rows + start, dict(tokenizer.pad(part, return_tensors="pt"))


def device_of(model: nn.Module) -> torch.device:
    """Where the model's weights are."""
    return next(model.parameters()).device
