"""Soft labels as a Parquet file: what the label model makes of the votes on each item, and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from jurat.files import replacing
from jurat.task import Task
from labelfns import STATUSES, InputError, Status, Votes

Floats = NDArray[np.float64]


def write_soft_labels(task: Task, votes: Votes, soft: Floats, file: Path) -> None:
    """Write the columns id, test, votes, label, confidence, probs (in the order of the classes)."""
    names = list(task.classes)
    columns = {
        "id": pa.array([item.id for item in task.items]),
        "test": pa.array([item.id in task.test for item in task.items]),
        "votes": pa.array((votes.status == STATUSES.index(Status.VOTED)).sum(axis=1), pa.int32()),
        "label": pa.array([names[c] for c in soft.argmax(axis=1)]),
        "confidence": pa.array(soft.max(axis=1), pa.float32()),
        "probs": pa.FixedSizeListArray.from_arrays(
            pa.array(soft.ravel(), pa.float64()), len(names)
        ),
    }
    with replacing(file) as partial:
        pq.write_table(pa.table(columns), partial, compression="zstd")


def read_soft_labels(file: Path, k: int) -> Floats:
    """Read the probabilities (n, k) back; raises InputError where the file holds none."""
    try:
        probs = pq.read_table(file, columns=["probs"])["probs"].combine_chunks()
        return np.asarray(probs.flatten().to_numpy().reshape(-1, k))
    except FileNotFoundError:
        raise InputError("there are no soft labels yet; `jurat weigh` makes them", file) from None
    except (pa.ArrowInvalid, OSError, KeyError, ValueError) as e:
        raise InputError(f"is damaged ({e}); delete it and run again", file) from None
