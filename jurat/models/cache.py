"""Where the models lie on this machine, and whether they are what they should be."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from pathlib import Path

from jurat.models.model import File, Model, ModelError, find


def root() -> Path:
    """Name the folder of the models: `$JURAT_HOME/models`, or `~/.cache/jurat/models`."""
    home = os.environ.get("JURAT_HOME")
    return (Path(home).expanduser() if home else Path.home() / ".cache" / "jurat") / "models"


def place(model: Model) -> Path:
    """Say where the model lies or will lie: one `.gguf` file, or a folder."""
    return root() / (model.files[0].path if model.kind == "gguf" else model.name)


def where(name: str) -> Path | None:
    """Find the model's file or folder; None when it is not in the cache.

    What is there is whole: it is moved into its place only after every hash agreed.
    """
    path = place(find(name))
    return path if path.exists() else None


def verify(name: str) -> Path:
    """Read every byte of a cached model again; the path is returned when all hashes agree.

    Raises `ModelError` when it is not cached, or naming the file that is missing or damaged.
    """
    model, path = find(name), where(name)
    if path is None:
        raise ModelError(f"{name} is not in {root()}: fetch it with `jurat models get {name}`.")
    for file in model.files:
        one = path if model.kind == "gguf" else path / file.path
        if not is_whole(one, file):
            raise ModelError(
                f"{one} is missing or damaged (its SHA-256 is not {file.sha256}): delete {path} "
                f"and fetch it again with `jurat models get {name}`."
            )
    return path


def is_whole(path: Path, pinned: File) -> bool:
    """Tell whether the file is there, byte for byte as pinned."""
    if not path.is_file() or path.stat().st_size != pinned.bytes:
        return False
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest() == pinned.sha256


def check_room(folder: Path, need: int) -> None:
    """Raise the `OSError` of a full disk before `need` bytes are written into the folder."""
    free = shutil.disk_usage(folder).free
    if free < need:
        raise OSError(errno.ENOSPC, f"{free / 1e6:,.0f} MB free, {need / 1e6:,.0f} MB needed")
