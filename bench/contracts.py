"""Write down what a run of the contracts task came to, with what it ran on.

    jurat run data/contracts && python bench/contracts.py

Reads data/contracts/out and writes bench/results/contracts.json: every contender's accuracy and
macro-F1 on the 741 test clauses, the answers by where they came from, and the seconds of each
stage.
"""

from __future__ import annotations

import json
import os
import platform
from importlib.metadata import version
from pathlib import Path

OUT = Path("data/contracts/out")
RESULT = Path("bench/results/contracts.json")
PACKAGES = ("numpy", "scikit-learn", "torch", "transformers", "xllamacpp")


def main() -> None:
    """Read the run, write the result, print the scores."""
    report = json.loads((OUT / "report.json").read_text(encoding="utf-8"))
    stages = json.loads((OUT / "stages.json").read_text(encoding="utf-8"))
    found = {
        "scores": report["scores"],
        "answers": {k: v for k, v in report["answers"].items() if k != "models"},
        "seconds": {name: stage.get("seconds") for name, stage in stages.items()},
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
