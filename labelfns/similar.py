"""Which classes a text is most like, by an encoder: a labeling function, a gate, a short list."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labelfns.ask import Ask
from labelfns.vote import Item, Status, Vote

Encode = Callable[[Sequence[str]], NDArray[np.float32]]
"""Texts in, unit vectors (n, d) out."""


class Similarity:
    """Cosine similarity of texts to one reference text a class, shape (k,) a text.

    Everything is encoded in one go by `prepare`; afterwards a look-up costs nothing. A text that
    was not prepared is encoded when it is looked up, and leaves the mean as it is: what one item
    gets must not depend on which others came before it.
    """

    def __init__(self, encode: Encode, references: Sequence[str]) -> None:
        self.encode = encode
        self.references = tuple(references)
        self._classes: NDArray[np.float32] | None = None
        self._known: dict[str, NDArray[np.float32]] = {}
        self._mean = np.zeros(len(self.references), dtype=np.float32)

    def prepare(self, texts: Sequence[str]) -> None:
        """Encode the texts that are not known yet, all at once, and take the mean over all."""
        self._encode(texts)
        if self._known:
            self._mean = np.mean(np.stack(list(self._known.values())), axis=0)

    def of(self, text: str) -> NDArray[np.float32]:
        """Similarity of `text` to each class, shape (k,)."""
        if text not in self._known:
            self._encode([text])
        return self._known[text]

    def _encode(self, texts: Sequence[str]) -> None:
        new = [t for t in dict.fromkeys(texts) if t not in self._known]
        if self._classes is None:
            self._classes = self.encode(self.references)
        if new:
            self._known.update(zip(new, self.encode(new) @ self._classes.T, strict=True))

    def rank(self, text: str) -> NDArray[np.intp]:
        """Class indices, most similar first, shape (k,)."""
        order: NDArray[np.intp] = np.argsort(-self.of(text), kind="stable")
        return order

    def mean(self) -> NDArray[np.float32]:
        """Mean similarity of the prepared texts to each class, shape (k,)."""
        return self._mean


@dataclass(frozen=True)
class SimilarTo:
    """The labeling function of a Similarity: a soft vote for every class, hard for the nearest.

    Similarities are centred on their mean over the prepared texts, class by class, so that a
    description that is near to everything wins nothing by it: batch calibration (Zhou et al.
    2024, arXiv 2309.17249). `temperature` turns differences of cosines into odds.
    """

    name: str
    similarity: Similarity
    temperature: float = 0.05
    floor: float = 0.01

    @property
    def version(self) -> str:
        """Changes with the reference texts and the temperature."""
        seen = repr((self.similarity.references, self.temperature, self.floor))
        return hashlib.sha256(seen.encode()).hexdigest()

    async def vote(self, item: Item, ask: Ask) -> Vote:
        """Vote by similarity; nothing is asked."""
        z = (self.similarity.of(item.text) - self.similarity.mean()) / self.temperature
        p = np.exp(z - z.max())
        p /= p.sum()
        probs = {int(c): float(p[c]) for c in np.flatnonzero(p > self.floor)}
        best = int(p.argmax())
        return Vote(
            best, Status.VOTED, probs, f"similarity {self.similarity.of(item.text)[best]:.2f}"
        )


@dataclass(frozen=True)
class Gate:
    """When a question is worth its money: one of its classes is near, or one of its rules fires.

    `nearest` is how many of the most similar classes count as near; 0 leaves that to the rules.
    """

    classes: frozenset[int]
    similarity: Similarity | None
    nearest: int
    rules: tuple[Callable[[Item], bool], ...] = ()

    @property
    def version(self) -> str:
        """Changes with what is near, and with the rules where they have a version."""
        rules = [getattr(getattr(r, "__self__", r), "version", repr(r)) for r in self.rules]
        references = self.similarity.references if self.nearest and self.similarity else ()
        seen = (sorted(self.classes), self.nearest, references, rules)
        return hashlib.sha256(repr(seen).encode()).hexdigest()

    def opens(self, item: Item) -> bool:
        """Say whether the item is worth asking about."""
        return self._near(item) or any(fires(item) for fires in self.rules)

    def _near(self, item: Item) -> bool:
        if not self.nearest or self.similarity is None:
            return False
        near = self.similarity.rank(item.text)[: self.nearest].tolist()
        return not self.classes.isdisjoint(near)


def describe(classes: Mapping[str, str], by: str) -> list[str]:
    """Write the reference text of each class: its `name`, `description`, or both."""
    texts = {
        "name": list(classes),
        "description": [d or c for c, d in classes.items()],
        "name and description": [f"{c}. {d}" for c, d in classes.items()],
    }
    return texts[by]
