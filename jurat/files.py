"""Files that are there whole or not at all, and what tells one from another."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Yield a path to write; what is written there takes the target's place when all went well.

    A kill leaves the old target, or none; what it left half written is removed by the next one.
    """
    partial = target.with_name(f".{target.name}.partial")
    _remove(partial)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield partial
        if target.is_dir():
            shutil.rmtree(target)  # a folder is not replaced in one step, a file is
        partial.replace(target)
    finally:
        _remove(partial)


def write_json(file: Path, value: object) -> None:
    """Write a value as JSON that a person can read."""
    with replacing(file) as partial:
        partial.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def digest(*paths: Path | None) -> str:
    """SHA-256 over the names and bytes of files, and of all files of folders."""
    total = hashlib.sha256()
    for path in paths:
        for file in _files(path):
            total.update(f"{file.name}\0".encode())
            if file.is_file():
                with file.open("rb") as stream:
                    total.update(hashlib.file_digest(stream, "sha256").digest())
    return total.hexdigest()


def _files(path: Path | None) -> Iterable[Path]:
    if path is None:
        return ()
    return sorted(f for f in path.rglob("*") if f.is_file()) if path.is_dir() else (path,)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
