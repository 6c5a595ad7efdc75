"""A folder of checkpoints belongs to one fit; what a kill left half written is passed over."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import torch
from safetensors import safe_open

from student.errors import InputError

OWNER = "fit.json"


def last_checkpoint(folder: Path, fingerprint: str) -> Path | None:
    """Newest whole checkpoint of this very fit, or None; checkpoints of another are removed.

    Raises InputError where a checkpoint says that it is whole and its weights cannot be read, or
    where the folder holds something that is not ours.
    """
    if _owner(folder) != fingerprint:
        _claim(folder, fingerprint)
        return None
    whole = [path for path in folder.glob("checkpoint-*") if _is_whole(path)]
    if not whole:
        return None
    newest = max(whole, key=lambda path: int(path.name.split("-")[1]))
    _check_weights(newest)
    return newest


def _owner(folder: Path) -> str | None:
    try:
        return str(json.loads((folder / OWNER).read_text(encoding="utf-8"))["fingerprint"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _claim(folder: Path, fingerprint: str) -> None:
    strangers = [p.name for p in folder.glob("*") if p.name != OWNER and not _is_ours(p)]
    if strangers:
        raise InputError(
            f"{folder} holds {strangers[0]}: give a folder of its own for checkpoints."
        )
    for path in folder.glob("checkpoint-*"):
        shutil.rmtree(path)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / OWNER).write_text(json.dumps({"fingerprint": fingerprint}), encoding="utf-8")


def _is_ours(path: Path) -> bool:
    return path.name.startswith("checkpoint-") and path.is_dir()


def _is_whole(path: Path) -> bool:
    # The Trainer writes its state last, so a state that parses means that the rest is there.
    try:
        json.loads((path / "trainer_state.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return True


def _check_weights(path: Path) -> None:
    try:
        with safe_open(path / "model.safetensors", framework="np") as weights:
            weights.keys()
        for name in ("optimizer.pt", "scheduler.pt"):
            torch.load(path / name, map_location="cpu", weights_only=True)
    except Exception as error:  # an unpickler fed with rubbish may raise anything
        raise InputError(f"{path} is damaged ({error}): delete it and train again.") from error
