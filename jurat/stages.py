"""What has been done in an output folder, and from what: a stage that is up to date is skipped."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jurat.files import write_json


def fingerprint(*seen: object) -> str:
    """SHA-256 of everything that a stage's result depends on."""
    return hashlib.sha256(json.dumps(seen, sort_keys=True, default=str).encode()).hexdigest()


class Stages:
    """The file `stages.json` of an output folder."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.file = out / "stages.json"

    def current(self, stage: str, inputs: str, *outputs: Path) -> bool:
        """Say whether the stage was done from these inputs and what it made is there."""
        done = self.read().get(stage, {})
        return done.get("inputs") == inputs and all(output.exists() for output in outputs)

    @contextmanager
    def doing(self, stage: str, inputs: str) -> Iterator[dict[str, Any]]:
        """Note the stage as done when the block ends well; what the block yields is kept too.

        Until then the stage counts as not done: its old result may be half replaced. A block
        that sets `again` wants the stage to be done again next time.
        """
        self._write(stage, {})
        note: dict[str, Any] = {}
        start = time.perf_counter()
        yield note
        again = note.pop("again", False)
        seconds = round(time.perf_counter() - start, 1)
        self._write(stage, {"inputs": "" if again else inputs, "seconds": seconds, **note})

    def read(self) -> dict[str, Any]:
        """Give what is noted, stage by stage; nothing where the file is missing or damaged."""
        try:
            noted = json.loads(self.file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return noted if isinstance(noted, dict) else {}

    def _write(self, stage: str, note: dict[str, Any]) -> None:
        write_json(self.file, {**self.read(), stage: note})
