"""Time and memory of our LabelModel and of Snorkel 0.10's, each case in a fresh process.

    python bench/label_model_speed.py [--cases small|snorkel|large|slopes|all] [--epochs 20]
        [--out bench/results/label_model_speed.csv]

Votes are synthetic: 60 % coverage, accuracy 0.7, errors even, seed 0. Seconds are of the processor
(all threads), so that a busy machine does not count; memory is the peak resident size of the
process, votes included. Snorkel trains for 500 epochs by default; where that would take minutes it
is run for `--epochs` and for twice that, and the line through both says what 500 cost: such rows
carry `epochs`, and `fit_s` is the extrapolated time.
"""

import argparse
import csv
import json
import platform
import resource
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np

CASES = {
    "small": [(10_000, 10, 2)],
    "snorkel": [(100_000, 20, 10), (1_000_000, 20, 2), (10_000, 30, 100)],
    "large": [(300_000, 15, 1461), (100_000, 1200, 56)],
    "slopes": [
        *((n, 20, 5) for n in (10_000, 30_000, 100_000, 300_000)),
        *((30_000, m, 5) for m in (10, 30, 90)),
        *((30_000, 20, k) for k in (2, 8, 32, 128, 512)),
    ],
}
Run = tuple[float, float, np.ndarray]
LONG = {(10_000, 30, 100)}  # Snorkel needs minutes for its 500 epochs


def draw(n: int, m: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Votes (n, m) as int16, a column at a time."""
    rng = np.random.default_rng(0)
    y = rng.integers(k, size=n, dtype=np.int16)
    votes = np.empty((n, m), dtype=np.int16)
    for j in range(m):
        guess = rng.integers(k, size=n, dtype=np.int16)
        said = np.where(rng.random(n, dtype=np.float32) < 0.7, y, guess)
        votes[:, j] = np.where(rng.random(n, dtype=np.float32) < 0.6, said, -1)
    return votes, y


def ours(votes: np.ndarray, k: int) -> Run:
    """Seconds to fit and to predict, block by block."""
    from labelmodel import LabelModel

    start = time.process_time()
    model = LabelModel(k).fit(votes)
    middle = time.process_time()
    top = np.concatenate([block.argmax(axis=1) for block in model.predict_blocks(votes)])
    return middle - start, time.process_time() - middle, top


def snorkel(votes: np.ndarray, k: int, epochs: int) -> Run:
    """Take the same of Snorkel."""
    from snorkel.labeling.model import LabelModel

    model = LabelModel(cardinality=k, verbose=False)
    start = time.process_time()
    model.fit(votes, n_epochs=epochs, seed=0, progress_bar=False)
    middle = time.process_time()
    proba = model.predict_proba(votes)
    return middle - start, time.process_time() - middle, proba.argmax(axis=1)


def one(who: str, n: int, m: int, k: int, epochs: int) -> None:
    """Run one case here and print what it took as JSON."""
    warnings.simplefilter("ignore")
    votes, y = draw(n, m, k)
    run = ours(votes, k) if who == "ours" else snorkel(votes.astype(np.int64), k, epochs)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    score = float((run[2] == y).mean())
    print(json.dumps({"fit_s": run[0], "predict_s": run[1], "peak_mb": peak, "accuracy": score}))


def apart(who: str, n: int, m: int, k: int, epochs: int) -> dict[str, float] | None:
    """Run one case in a fresh process; None if it died."""
    case = [str(x) for x in (who, n, m, k, epochs)]
    done = subprocess.run(
        [sys.executable, __file__, "--one", *case], capture_output=True, text=True, check=False
    )
    return json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else None


def peer(n: int, m: int, k: int, epochs: int) -> dict[str, float]:
    """Snorkel's row, extrapolated to 500 epochs where it is slow."""
    if (n, m, k) not in LONG:
        return {**(apart("snorkel", n, m, k, 500) or {}), "epochs": 500}
    short, longer = (apart("snorkel", n, m, k, e) for e in (epochs, 2 * epochs))
    if not short or not longer:
        return {"epochs": epochs}
    each = (longer["fit_s"] - short["fit_s"]) / epochs
    return {**short, "fit_s": short["fit_s"] + each * (500 - epochs), "epochs": epochs}


def main() -> None:
    """Run the cases asked for and add them to the file."""
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    a.add_argument("--cases", choices=[*CASES, "all"], default="all")
    a.add_argument("--epochs", type=int, default=20)
    a.add_argument("--out", type=Path, default=Path("bench/results/label_model_speed.csv"))
    a.add_argument("--one", nargs=5, help=argparse.SUPPRESS)
    o = a.parse_args()
    if o.one:
        return one(o.one[0], *map(int, o.one[1:]))
    rows = []
    for group in CASES if o.cases == "all" else [o.cases]:
        for n, m, k in CASES[group]:
            found = [("ours", {**(apart("ours", n, m, k, 0) or {}), "epochs": ""})]
            if group in ("small", "snorkel"):
                found.append(("snorkel", peer(n, m, k, o.epochs)))
            for who, took in found:
                rows.append({"group": group, "model": who, "n": n, "m": m, "k": k, **took})
                print(rows[-1], flush=True)
    return write(rows, o.out)


def write(rows: list[dict], out: Path) -> None:
    """Add rows to a CSV, with the machine beside them."""
    names = ["group", "model", "n", "m", "k", "fit_s", "predict_s", "peak_mb", "accuracy"]
    names += ["epochs", "machine"]
    out.parent.mkdir(parents=True, exist_ok=True)
    new = not out.exists()
    with out.open("a", newline="") as file:
        table = csv.DictWriter(file, names)
        if new:
            table.writeheader()
        for row in rows:
            machine = f"{platform.machine()} python {platform.python_version()}"
            table.writerow({**row, "machine": machine})


if __name__ == "__main__":
    main()
