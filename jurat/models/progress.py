"""How far a download is, told by the size of the folder that it fills."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

Progress = Callable[[str, int, int], None]
"""Called with what is being done, the bytes done and the bytes in all; from another thread too."""


def silent(step: str, done: int, total: int) -> None:
    """Say nothing."""


@contextmanager
def watched(folder: Path, step: str, total: int, progress: Progress) -> Iterator[None]:
    """Report the folder's growth twice a second while the body runs.

    The disk is asked, not the downloader: that way one report serves the Hub's client and pip.
    """
    stop = threading.Event()

    def report() -> None:
        while not stop.wait(0.5):
            progress(step, min(_size(folder), total), total)

    thread = threading.Thread(target=report, daemon=True)
    progress(step, min(_size(folder), total), total)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _size(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):  # a temporary file that the downloader just moved
                total += os.path.getsize(os.path.join(parent, name))
    return total
