"""Texts through a model in batches of like length: no time is spent on padding."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase

from student.lengths import batches_by_length
from student.windows import Tokens, pool, split

Progress = Callable[[int, int], None]
"""Told (rows done, rows in all)."""

# Tokenizing every text of a large corpus at once would need more memory than the model.
CHUNK = 4096


def run_batched(
    texts: Sequence[str],
    tokenizer: PreTrainedTokenizerBase,
    apply: Callable[[dict[str, Tensor]], Tensor],
    device: torch.device,
    *,
    batch_size: int = 16,
    overlap: int | None = None,
    progress: Progress | None = None,
) -> NDArray[np.float32]:
    """`apply` on every text, in the order of the texts; `apply` gives one row a text (b, d).

    A text longer than the tokenizer's length is cut, or read in windows that share `overlap`
    tokens; the rows of its windows are averaged.
    """
    found = []
    for start in range(0, len(texts), CHUNK):
        part = texts[start : start + CHUNK]
        tokens, owner = split(part, tokenizer, overlap)

        def tell(share: float, start: int = start, size: int = len(part)) -> None:
            if progress is not None:
                progress(start + round(share * size), len(texts))

        values = _run(tokens, tokenizer, apply, device, batch_size, tell)
        found.append(pool(values, owner, len(part)))
    return np.concatenate(found) if found else np.empty((0, 0), dtype=np.float32)


def _run(
    tokens: Tokens,
    tokenizer: PreTrainedTokenizerBase,
    apply: Callable[[dict[str, Tensor]], Tensor],
    device: torch.device,
    batch_size: int,
    tell: Callable[[float], None],
) -> NDArray[np.float32]:
    lengths = [len(ids) for ids in tokens["input_ids"]]
    out: dict[int, NDArray[np.float32]] = {}
    for rows in batches_by_length(lengths, batch_size):
        part = {name: [column[row] for row in rows] for name, column in tokens.items()}
        batch = tokenizer.pad(part, return_tensors="pt")
        with torch.inference_mode():
            values = apply({k: v.to(device) for k, v in batch.items()}).float().cpu().numpy()
        out.update(zip(rows.tolist(), values, strict=True))
        tell(len(out) / len(lengths))
    return np.stack([out[row] for row in range(len(lengths))])


def device_of(model: nn.Module) -> torch.device:
    """Where the model's weights are."""
    return next(model.parameters()).device


def best_device() -> torch.device:
    """Choose the first GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
