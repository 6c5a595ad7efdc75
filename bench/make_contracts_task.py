"""Write the data of the task folder data/contracts from CUAD's clauses.

    python bench/make_contracts_task.py CLAUSES.jsonl [--out data/contracts] [--seed 0]

CLAUSES.jsonl holds one clause a line: id, contract, text, label, split (train or test, split by
contract). Written: items.jsonl, gold.csv, test.csv, reference.csv and gold_contracts.txt. The
texts are not changed. The same source and seed give the same bytes.
"""

import argparse
import csv
import json
from collections import defaultdict
from pathlib import Path
from random import Random

GOLD_ROWS = 47  # 1 % of the training rows: what an expert labels in an hour

Row = dict[str, str]


def read_clauses(path: Path) -> list[Row]:
    """All rows of the source, in its order; a repeated id is refused."""
    rows: list[Row] = [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]
    if len({row["id"] for row in rows}) != len(rows):
        raise SystemExit(f"{path}: ids are not unique")
    return rows


def clear_rows(rows: list[Row]) -> list[Row]:
    """Rows whose text carries one label only: the others are no gold for anyone."""
    labels = defaultdict(set)
    for row in rows:
        labels[row["text"].strip()].add(row["label"])
    return [row for row in rows if len(labels[row["text"].strip()]) == 1]


def few_contracts(rows: list[Row], random: Random) -> list[str]:
    """Contracts that hold every class between them: greedy set cover, ties broken by the seed."""
    classes = defaultdict(set)
    for row in rows:
        classes[row["contract"]].add(row["label"])
    names = sorted(classes)
    random.shuffle(names)
    missing = {row["label"] for row in rows}
    chosen = []
    while missing:
        best = max(names, key=lambda name: len(classes[name] & missing))
        chosen.append(best)
        missing -= classes[best]
    return chosen


def draw_gold(train: list[Row], seed: int) -> tuple[list[Row], list[str]]:
    """One row a class, then any rows, all from few contracts; returns rows and contracts."""
    random = Random(seed)
    contracts = few_contracts(clear_rows(train), random)
    pool = [row for row in clear_rows(train) if row["contract"] in contracts]
    random.shuffle(pool)
    first = {row["label"]: row for row in reversed(pool)}
    gold = list(first.values())
    taken = {row["text"].strip() for row in gold}
    rest = [row for row in pool if row["text"].strip() not in taken]
    gold += rest[: GOLD_ROWS - len(gold)]
    return sorted(gold, key=lambda row: row["id"]), contracts


def write_labels(path: Path, rows: list[Row]) -> None:
    """Write a CSV of id,label."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["id", "label"])
        writer.writerows([row["id"], row["label"]] for row in rows)


def write_items(path: Path, rows: list[Row]) -> None:
    """Write one JSON object a line: id, text, contract. No label and no split."""
    columns = ("id", "text", "contract")
    lines = (json.dumps({c: row[c] for c in columns}, ensure_ascii=False) for row in rows)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> None:
    """Read the arguments, write the folder, say what is in it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clauses", type=Path)
    parser.add_argument("--out", type=Path, default=Path("data/contracts"))
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    rows = read_clauses(args.clauses)
    train = [row for row in rows if row["split"] == "train"]
    test = [row for row in rows if row["split"] == "test"]
    gold, contracts = draw_gold(train, args.seed)
    args.out.mkdir(parents=True, exist_ok=True)
    write_items(args.out / "items.jsonl", train + test)
    write_labels(args.out / "reference.csv", train)
    write_labels(args.out / "test.csv", test)
    write_labels(args.out / "gold.csv", gold)
    (args.out / "gold_contracts.txt").write_text("\n".join(contracts) + "\n", encoding="utf-8")
    classes = len({row["label"] for row in gold})
    print(f"{len(train)} train, {len(test)} test, {len(gold)} gold rows")
    print(f"gold: {classes} classes from {len(contracts)} contracts")


if __name__ == "__main__":
    main()
