"""Write down what a run of the contracts task came to, with what it ran on.

    jurat run data/contracts && python bench/contracts.py

Reads data/contracts/out and writes bench/results/contracts.json: every contender's accuracy and
macro-F1 on the 741 test clauses, the answers by where they came from, and the seconds of each
stage.
"""

from __future__ import annotations

import csv
import json
import os
import platform
from importlib.metadata import version
from pathlib import Path

import numpy as np

from jurat.votes_file import read_votes
from labelfns import Votes
from labelfns.calibrate import calibrate

TASK = Path("data/contracts")
OUT = TASK / "out"
RESULT = Path("bench/results/contracts.json")
PACKAGES = ("numpy", "scikit-learn", "torch", "transformers", "xllamacpp")


def prompts_right() -> dict[str, dict[str, float]]:
    """How many votes the yes/no prompts cast, raw and calibrated, and what share is right."""
    truth = {}
    for name in ("reference.csv", "test.csv"):
        with (TASK / name).open(encoding="utf-8", newline="") as file:
            truth |= {row["id"]: row["label"] for row in csv.DictReader(file)}
    raw = read_votes(OUT / "votes.parquet")
    return {"raw": _right(raw, truth), "calibrated": _right(calibrate(raw), truth)}


def _right(votes: Votes, truth: dict[str, str]) -> dict[str, float]:
    yes_no = [j for j, name in enumerate(votes.labelfns) if name.startswith("is_")]
    label = np.array([list(votes.classes).index(truth[item]) for item in votes.items])
    voted = votes.L[:, yes_no] >= 0
    right = (votes.L[:, yes_no] == label[:, None])[voted]
    return {"votes": int(voted.sum()), "right": round(float(right.mean()), 4)}


def main() -> None:
    """Read the run, write the result, print the scores."""
    report = json.loads((OUT / "report.json").read_text(encoding="utf-8"))
    stages = json.loads((OUT / "stages.json").read_text(encoding="utf-8"))
    found = {
        "scores": report["scores"],
        "answers": {k: v for k, v in report["answers"].items() if k != "models"},
        "seconds": {name: stage.get("seconds") for name, stage in stages.items()},
        "yes/no prompts": prompts_right(),
        "seed": 0,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, no GPU",
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
    }
    RESULT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    for row in found["scores"]:
        print(f"{row['accuracy']['value']:.3f}  {row['macro_f1']['value']:.3f}  {row['name']}")


if __name__ == "__main__":
    main()
