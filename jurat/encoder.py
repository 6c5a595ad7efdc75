"""A sentence encoder that encodes each text once, ever: what it gave is kept in a folder."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from jurat.files import replacing
from jurat.models import Progress, resolve
from jurat.models.progress import silent

Floats = NDArray[np.float32]
CHUNK = 2048  # texts: what a killed run loses


class Encoder:
    """Texts in, unit vectors (n, d) out; nothing is loaded before a text is new."""

    def __init__(self, model: str, cache: Path) -> None:
        self.model = model
        self.cache = cache
        self._known: dict[bytes, Floats] | None = None

    def __call__(self, texts: Sequence[str]) -> Floats:
        """Encode, from memory where possible."""
        self.fill(texts)
        known = self._read()
        return np.stack([known[_key(text)] for text in texts])

    def fill(self, texts: Sequence[str], progress: Progress = silent) -> int:
        """Encode the texts that are new and keep what they gave; give how many those were."""
        known = self._read()
        new = [text for text in dict.fromkeys(texts) if _key(text) not in known]
        for start in range(0, len(new), CHUNK):
            chunk = new[start : start + CHUNK]
            vectors = self._encode(chunk, start, len(new), progress)
            self._write([_key(text) for text in chunk], vectors)
        return len(new)

    def _encode(self, texts: Sequence[str], start: int, total: int, progress: Progress) -> Floats:
        from student.encode import encode

        def tell(done: int, _: int) -> None:
            progress("reading the texts", start + done, total)

        return encode(texts, resolve(self.model, progress), progress=tell)

    @property
    def _folder(self) -> Path:
        return self.cache / hashlib.sha256(self.model.encode()).hexdigest()[:8]

    def _read(self) -> dict[bytes, Floats]:
        if self._known is None:
            self._known = {}
            for file in sorted(self._folder.glob("*.npz")):
                self._known |= _load(file)
        return self._known

    def _write(self, keys: Sequence[bytes], vectors: Floats) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        taken = [int(file.stem) for file in self._folder.glob("*.npz")]
        file = self._folder / f"{max(taken, default=0) + 1:05}.npz"
        with replacing(file) as partial, partial.open("wb") as stream:
            np.savez(stream, keys=np.array(keys, dtype="S16"), vectors=vectors)
        self._read().update(zip(keys, vectors, strict=True))


def _key(text: str) -> bytes:
    # Hexadecimal: numpy's byte strings lose zero bytes at their end.
    return hashlib.sha256(text.encode()).hexdigest()[:16].encode()


def _load(file: Path) -> dict[bytes, Floats]:
    try:
        with np.load(file) as kept:
            return dict(zip(kept["keys"].tolist(), kept["vectors"], strict=True))
    except (OSError, ValueError, KeyError, BadZipFile):
        file.unlink()  # a damaged file costs its texts being encoded again, nothing else
        return {}
