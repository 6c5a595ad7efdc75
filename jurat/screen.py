"""What the command line shows: progress on standard error, short tables on standard output."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Table

from jurat.models import Progress

WIDE = 120  # characters
EVERY = 30.0  # seconds between lines where nobody watches a bar


@contextmanager
def progress() -> Iterator[Progress]:
    """Yield what stages report to: a bar on a terminal, an occasional line elsewhere."""
    if not sys.stderr.isatty():
        yield _lines()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
               TimeRemainingColumn())  # fmt: skip
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        tasks = {}

        def report(step: str, done: int, total: int) -> None:
            if step not in tasks:
                tasks[step] = bar.add_task(step, total=total)
            bar.update(tasks[step], completed=done, total=total, visible=done < total)

        yield report


def _lines() -> Progress:
    last: dict[str, float] = {}

    def report(step: str, done: int, total: int) -> None:
        now = time.monotonic()
        # A step that is over before the first line is due is not worth one.
        if now - last.setdefault(step, now) >= EVERY:
            last[step] = now
            say(f"{step}: {done:,} of {total:,}")

    return report


def say(sentence: str) -> None:
    """Print one line on standard error."""
    print(sentence, file=sys.stderr, flush=True)  # noqa: T201


def table(headings: Sequence[str], rows: Sequence[Sequence[object]], title: str = "") -> None:
    """Print a short table; the first column is text, the others are flush right."""
    shown = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), title=title or None,
                  title_justify="left", title_style="bold")  # fmt: skip
    for position, heading in enumerate(headings):
        shown.add_column(heading, justify="right" if position else "left",
                         overflow="fold", no_wrap=position > 0)  # fmt: skip
    for row in rows:
        shown.add_row(*(escape(str(cell)) for cell in row))
    # A file or a pipe has no width; a table that is cut there is lost.
    Console(width=None if sys.stdout.isatty() else WIDE).print(shown)
