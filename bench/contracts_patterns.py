"""How often each pattern of data/contracts fires on the training clauses, and is right.

    python bench/contracts_patterns.py [--task data/contracts] [--out bench/contracts_patterns.csv]

Reads the training labels (reference.csv) to report only: no pattern was chosen or changed by them.
The test clauses are not read. The same task folder gives the same table on every machine.
"""

import argparse
import json
from pathlib import Path

import pandas as pd
import yaml
from scipy.stats import binomtest

from labelfns.pattern import Pattern, read_patterns
from labelfns.vote import Item


def read_train(task: Path) -> tuple[list[Item], list[str]]:
    """Read the training clauses and their labels, in the order of reference.csv."""
    labels = pd.read_csv(task / "reference.csv").set_index("id")["label"]
    rows = [json.loads(line) for line in (task / "items.jsonl").open(encoding="utf-8")]
    texts = {row["id"]: row["text"] for row in rows}
    return [Item(i, {"text": texts[i]}) for i in labels.index], labels.tolist()


def score(pattern: Pattern, name: str, items: list[Item], labels: list[str]) -> dict[str, object]:
    """Compute one line of the table; the interval is Wilson's, 95 %."""
    voted = [label for item, label in zip(items, labels, strict=True) if pattern.fires(item)]
    right = sum(label == name for label in voted)
    line: dict[str, object] = {
        "pattern": pattern.name,
        "class": name,
        "clauses of the class": labels.count(name),
        "votes": len(voted),
        "coverage": round(len(voted) / len(items), 4),
        "recall": round(right / labels.count(name), 3),
    }
    if voted:
        interval = binomtest(right, len(voted)).proportion_ci(method="wilson")
        line |= {"precision": round(right / len(voted), 3)}
        line |= {"low": round(interval.low, 3), "high": round(interval.high, 3)}
    return line


def main() -> None:
    """Write the table and print it with three totals."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--task", type=Path, default=Path("data/contracts"))
    parser.add_argument("--out", type=Path, default=Path("bench/contracts_patterns.csv"))
    args = parser.parse_args()
    classes = list(yaml.safe_load((args.task / "task.yaml").read_text("utf-8"))["classes"])
    patterns = read_patterns(args.task / "patterns.yaml", classes)
    items, labels = read_train(args.task)
    table = pd.DataFrame([score(p, classes[p.label], items, labels) for p in patterns])
    table.to_csv(args.out, index=False)
    covered = sum(any(p.fires(item) for p in patterns) for item in items)
    right = (table["votes"] * table["precision"].fillna(0)).sum()
    print(table.to_string(index=False))
    votes = table["votes"].sum()
    print(f"{len(patterns)} patterns, {covered / len(items):.1%} of {len(items)} clauses covered,")
    print(f"{votes / len(items):.2f} votes a clause, {right / votes:.1%} of them right")


if __name__ == "__main__":
    main()
