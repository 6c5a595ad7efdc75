"""Long texts: windows that overlap, and the mean of what is said of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase

Tokens = dict[str, list[list[int]]]


def split(
    texts: Sequence[str], tokenizer: PreTrainedTokenizerBase, overlap: int | None
) -> tuple[Tokens, NDArray[np.intp]]:
    """Tokenize n texts into p pieces; also the number of the text that each piece is of, (p,).

    Without `overlap` a text is one piece, cut at the tokenizer's length. With it, a longer text
    becomes windows of that length which share `overlap` tokens.
    """
    if overlap is None:
        cut: Any = tokenizer(list(texts), truncation=True)
        return dict(cut), np.arange(len(texts))
    tokens: Any = dict(
        tokenizer(list(texts), truncation=True, stride=overlap, return_overflowing_tokens=True)
    )
    return tokens, np.asarray(tokens.pop("overflow_to_sample_mapping"), dtype=np.intp)


def pool(values: NDArray[np.float32], owner: NDArray[np.intp], n: int) -> NDArray[np.float32]:
    """Mean over the pieces of each of n texts: (p, d) becomes (n, d)."""
    if len(values) == n:
        return values
    total = np.zeros((n, values.shape[1]), dtype=np.float32)
    np.add.at(total, owner, values)
    total /= np.bincount(owner, minlength=n)[:, None]
    return total


def spread(labels: NDArray[np.float64], owner: NDArray[np.intp]) -> NDArray[np.float64]:
    """Labels (n, k) shared out over the pieces (p, k), so that a long text weighs like a short one.

    They are scaled to the same mean weight a row as before, which is what the learning rate knows.
    """
    pieces = np.bincount(owner, minlength=len(labels))
    return np.asarray((labels / pieces[:, None])[owner] * (len(owner) / len(labels)))
