"""Student against what it must beat, on rows no teacher saw.

    python bench/student_quality.py --clauses clauses.jsonl --model MODEL_FOLDER --targets gold
    python bench/student_quality.py --clauses clauses.jsonl --model MODEL_FOLDER --targets soft.npz

Clauses: a JSON Lines file with text, label, split. `soft.npz` holds `targets` (n, k) for the train
rows, in their order, and `classes` (k,). With `--loss`, `--epochs`, `--rate`, `--frozen`,
`--rows` a setting is compared; every run appends one line to bench/student_quality.jsonl.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

from student import Student
from student.baselines import TfidfLinear
from student.score import score

RESULTS = Path(__file__).with_name("student_quality.jsonl")


def read(path: Path) -> tuple[list[str], list[str], list[str], list[str]]:
    """Texts and labels of the train rows, then of the test rows."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    parts = [[row for row in rows if row["split"] == split] for split in ("train", "test")]
    train, test = ([(row["text"], row["label"]) for row in part] for part in parts)
    return *map(list, zip(*train, strict=True)), *map(list, zip(*test, strict=True))


def targets_of(
    source: str, labels: list[str], test: list[str]
) -> tuple[np.ndarray[Any, Any], list[str]]:
    """Targets of the train rows and the classes in the order of their columns."""
    if source != "gold":
        with np.load(source) as file:
            return file["targets"], list(map(str, file["classes"]))
    classes = sorted({*labels, *test})
    return np.eye(len(classes))[[classes.index(label) for label in labels]], classes


def measure(
    model: Any, texts: list[str], targets: Any, held: list[str], gold: Any
) -> dict[str, Any]:
    """Fit, predict and score one model; seconds are of this machine."""
    start = time.perf_counter()
    model.fit(texts, targets)
    fitted = time.perf_counter()
    found = score(model.predict_proba(held), gold)
    seconds = {"fit_s": fitted - start, "predict_s": time.perf_counter() - fitted}
    return {**asdict(found), **{k: round(v, 1) for k, v in seconds.items()}}


def machine() -> dict[str, Any]:
    """Name what the numbers depend on."""
    return {
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "python": platform.python_version(),
        "threads": torch.get_num_threads(),
        "cpu": platform.processor() or platform.machine(),
    }


def arguments() -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--clauses", type=Path, required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--targets", default="gold", help="gold, or an .npz of soft labels")
    parser.add_argument("--loss", default="soft_cross_entropy")
    parser.add_argument("--epochs", type=float, default=3.0)
    parser.add_argument("--rate", type=float, default=None)
    parser.add_argument("--frozen", type=int, default=0)
    parser.add_argument("--rows", type=int, default=None, help="learn from so many train rows")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def main() -> None:
    """Score the student and the linear baseline on the test rows, and append the line."""
    args = arguments()
    texts, labels, held, test = read(args.clauses)
    targets, classes = targets_of(args.targets, labels, test)
    gold = np.array([classes.index(label) for label in test])
    pick = np.random.default_rng(args.seed).permutation(len(texts))[: args.rows]
    texts, targets = [texts[i] for i in pick], targets[pick]
    settings = {"loss": args.loss, "epochs": args.epochs, "learning_rate": args.rate}
    student = Student(args.model, frozen_layers=args.frozen, seed=args.seed, **settings)
    result = {
        "settings": {**vars(args), "clauses": args.clauses.name, "model": Path(args.model).name},
        "rows": len(texts),
        "tfidf_linear": measure(TfidfLinear(), texts, targets, held, gold),
        "student": measure(student, texts, targets, held, gold),
        "machine": machine(),
    }
    with RESULTS.open("a", encoding="utf-8") as file:
        file.write(json.dumps(result) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
