"""Make the answers that ship with a task: those of its stores, without the questions.

    python bench/record_answers.py STORE.sqlite ... --out data/contracts/recorded.sqlite

Each answer stays under the hash of exactly what was asked, with its scores, tokens and seconds.
The questions are left out: rendering the prompts gives them again, and they are most of the size.
How many answers there are, and how long they took, is printed.
"""

from __future__ import annotations

import argparse
import sqlite3
from pathlib import Path

from labelfns import Store


def record(stores: list[Path], out: Path) -> None:
    """Merge the answers of `stores` into a new file `out`."""
    out.unlink(missing_ok=True)
    with Store(out) as merged:
        for store in stores:
            merged.seed(store)
        merged.connection.execute("UPDATE answers SET question = NULL")
        merged.connection.commit()
        merged.connection.execute("PRAGMA journal_mode = DELETE")
        merged.connection.execute("VACUUM")
    for left in out.parent.glob(out.name + "*"):
        if left != out:
            left.unlink()


def main() -> None:
    """Read the arguments, record, and print what was recorded."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("stores", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    record(args.stores, args.out)
    rows = sqlite3.connect(args.out).execute(
        "SELECT model, count(*), sum(input_tokens - cached_tokens), sum(seconds) "
        "FROM answers GROUP BY model")  # fmt: skip
    for model, answers, tokens, seconds in rows:
        print(f"{model}: {answers:,} answers, {tokens:,} tokens read, {seconds / 3600:.1f} hours")
    print(f"{args.out}: {args.out.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
