"""The first source: the publisher's repository on the Hugging Face Hub, at a pinned commit."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url
from huggingface_hub.utils.tqdm import (
    are_progress_bars_disabled,
    disable_progress_bars,
    enable_progress_bars,
)

from jurat.models.cache import check_room, is_whole
from jurat.models.model import File, Model
from jurat.models.progress import Progress, watched

PATIENCE = 3.0  # seconds for the one question that tells whether the Hub is there


class Unavailable(Exception):
    """A source cannot give the model; the next one is tried."""


def fetch(model: Model, staging: Path, progress: Progress) -> Path:
    """Download the model's files into `staging/hub`; a broken download goes on where it was.

    Raises `Unavailable` when the Hub is not reached, is switched off (`HF_HUB_OFFLINE`), or has
    other bytes than the pinned ones.
    """
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}:
        raise Unavailable("HF_HUB_OFFLINE is set")
    folder = staging / "hub"
    folder.mkdir(parents=True, exist_ok=True)
    check_room(folder, sum(file.bytes for file in model.files if not (folder / file.path).exists()))
    try:
        _ask_first(model)
        with watched(folder, "from the Hugging Face Hub", model.bytes, progress), _quiet():
            # Small files first: one that differs costs nothing.
            for file in sorted(model.files, key=lambda file: file.bytes):
                _download(model, file, folder)
    except Unavailable:
        raise
    except Exception as error:
        # Not reached, no such commit, cut off, rate-limited: whatever it is, the next source may
        # do, and the reason is kept for when it does not.
        reason = str(error).strip().split("\n")[0]
        raise Unavailable(f"{type(error).__name__}: {reason}") from error
    shutil.rmtree(folder / ".cache", ignore_errors=True)  # the client's notes on what it fetched
    return folder


def _ask_first(model: Model) -> None:
    """Ask once, briefly, without a retry, whether the Hub is there and has the pinned weights."""
    weights = max(model.files, key=lambda file: file.bytes)
    url = hf_hub_url(
        model.repo,
        weights.upstream or weights.path,
        revision=model.revision,
        endpoint=os.environ.get("HF_ENDPOINT"),
    )
    etag = get_hf_file_metadata(url, token=False, timeout=PATIENCE).etag
    if etag is not None and len(etag) == 64 and etag != weights.sha256:
        raise Unavailable(f"{weights.path} is not the pinned file there")


def _download(model: Model, file: File, folder: Path) -> None:
    target = folder / file.path
    if is_whole(target, file):
        return
    got = Path(
        hf_hub_download(
            model.repo,
            file.upstream or file.path,
            revision=model.revision,
            local_dir=folder,
            token=False,  # the models are public: no token leaves the machine
            endpoint=os.environ.get("HF_ENDPOINT"),
        )
    )
    if not is_whole(got, file):
        got.unlink()
        raise Unavailable(f"{file.path} is not the pinned file there")
    got.replace(target)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the client's own bars off: ours counts the whole model, not file after file."""
    if are_progress_bars_disabled():
        yield
        return
    disable_progress_bars()
    try:
        yield
    finally:
        enable_progress_bars()
