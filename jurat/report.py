"""What people look at: one page on a run, and the same numbers for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jurat import plots
from jurat.asking import read_tallies, unanswered
from jurat.labelfn_table import labelfn_table
from jurat.pipeline import labels_of
from jurat.scoring import held_out, rows_of
from jurat.stages import Stages
from jurat.task import Task
from labelfns import ABSTAIN, Votes, agreement

Floats = NDArray[np.float64]
TEMPLATE = Path(__file__).with_name("report.html")


def numbers(task: Task) -> dict[str, Any]:
    """Everything the page shows; raises InputError where collect and weigh were not run."""
    votes, soft = labels_of(task)
    stages = Stages(task.out).read()
    weights = stages.get("weigh", {}).get("weights", [])
    found: dict[str, Any] = {
        "task": {
            "name": task.name, "items": len(task.items), "test": len(task.test),
            "gold": len(task.gold), "covered": int((votes.coverage > 0).sum()),
            "label model": task.label_model["name"], "student": str(task.student["model"]),
            "trained on": stages.get("train", {}).get("rows"),
        },
        "answers": _answers(task, votes),
        "labeling functions": labelfn_table(task, votes, weights),
        "agreement": _agreement(task, votes),
        "classes": _classes(task, soft),
    }  # fmt: skip
    if (task.out / "scores.json").exists():
        found |= json.loads((task.out / "scores.json").read_text(encoding="utf-8"))
        found["reliability"] = _reliability(task, soft)
        _add_recall(found)
    return found


def page(found: Mapping[str, Any]) -> str:
    """Write the numbers as one HTML page that needs no other file."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True,
                              lstrip_blocks=True)  # fmt: skip
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    return template.render(found=found, plots=plots.all_of(found))


def _answers(task: Task, votes: Votes) -> dict[str, Any]:
    tallies = read_tallies(task.out).values()
    total: dict[str, Any] = {key: sum(t[key] for t in tallies) for key in ("recorded", "asked")}
    for name, spent in (("cost", votes.cost), ("seconds", votes.seconds)):
        total[name] = 0.0 if spent is None else float(spent.sum())
    items, questions = unanswered(votes)
    return {**total, "unasked items": items, "unasked questions": questions,
            "models": sorted({p.model for p in task.prompts})}  # fmt: skip


def _agreement(task: Task, votes: Votes) -> dict[str, Any]:
    """Order the labeling functions that voted by the class they name most: blocks are classes."""
    k = len(task.classes)
    named = [np.bincount(column[column != ABSTAIN], minlength=k) for column in votes.L.T]
    voted = [j for j, counts in enumerate(named) if counts.any()]
    order = sorted(voted, key=lambda j: (_breadth(named[j]), int(named[j].argmax())))
    table = agreement(votes)[np.ix_(order, order)]
    cells = [[None if np.isnan(x) else round(float(x), 3) for x in row] for row in table]
    return {"names": [votes.labelfns[j] for j in order], "cells": cells}


def _breadth(counts: NDArray[np.int64]) -> bool:
    """Say whether a labeling function names several classes; those come last."""
    return int((counts > 0).sum()) > 1


def _classes(task: Task, soft: Floats) -> list[dict[str, Any]]:
    share = np.bincount(soft.argmax(axis=1), minlength=len(task.classes)) / len(soft)
    return [{"name": name, "description": description, "share": float(share[c])}
            for c, (name, description) in enumerate(task.classes.items())]  # fmt: skip


def _reliability(task: Task, soft: Floats) -> dict[str, Any]:
    from labelmodel.calibration import calibration

    rows, gold = rows_of(task, held_out(task)[1])
    result = calibration(soft[rows], gold)
    return {"ece": result.ece, "bins": result.reliability.to_dict("records")}


def _add_recall(found: dict[str, Any]) -> None:
    """Add the student's precision and recall to each class, None where nothing can be counted."""
    table = np.array(found["confusion"])
    for c, entry in enumerate(found["classes"]):
        right, said, true = int(table[c, c]), int(table[:, c].sum()), int(table[c].sum())
        entry |= {"held out": true, "recall": right / true if true else None,
                  "precision": right / said if said else None}  # fmt: skip
