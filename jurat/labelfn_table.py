"""The expert's table of a task: one row a labeling function, with where its answers came from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from jurat.asking import read_tallies
from jurat.task import Task, kind_of
from labelfns import STATUSES, Votes, summary


def labelfn_table(task: Task, votes: Votes, weights: Sequence[float] = ()) -> list[dict[str, Any]]:
    """One row a labeling function: `labelfns.summary`, its kind, its weight, its answers.

    `recorded` answers came with the task, `asked` ones were asked here. What is not known
    (accuracy without gold, weight without a label model that has weights) is None.
    """
    table, tallies = summary(votes, task.gold), read_tallies(task.out)
    rows: list[dict[str, Any]] = []
    for j, (name, row) in enumerate(table.to_dict("index").items()):
        tally = tallies.get(str(name), {})
        known: dict[str, Any] = {str(key): _plain(value) for key, value in row.items()}
        known |= {str(status): int(row[str(status)]) for status in STATUSES}
        known |= {key: tally.get(key, 0) for key in ("recorded", "asked")}
        known |= {"kind": kind_of(task.labelfns[j]), "weight": None}
        known |= {"weight": float(weights[j])} if len(weights) else {}
        rows.append({"name": str(name), **known})
    return rows


def _plain(value: Any) -> Any:
    """Give a value as JSON knows it."""
    if isinstance(value, tuple):
        return list(value)
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and math.isnan(value) else value
