"""Rows of like length together, so that next to nothing of a batch is padding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray


def batches_by_length(lengths: Sequence[int], size: int) -> Iterator[NDArray[np.intp]]:
    """Row numbers in batches of at most `size`, longest first.

    A batch that does not fit in memory then fails at once, not after an hour.
    """
    order = np.argsort(-np.asarray(lengths), kind="stable")
    for first in range(0, len(order), size):
        yield order[first : first + size]
