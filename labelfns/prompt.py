"""A Markdown file becomes a labeling function: `render` an item, `parse` an answer."""

from __future__ import annotations

import hashlib
import math
import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jinja2 import StrictUndefined, Template
from jinja2.sandbox import ImmutableSandboxedEnvironment

from labelfns.ask import Answer, Ask, Message, Request
from labelfns.errors import AskError, InputError, NotAsked, Refused
from labelfns.similar import Gate, Similarity
from labelfns.vote import ABSTAIN, Item, Status, Vote

JINJA = ImmutableSandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=False)
LETTERS = string.ascii_uppercase + string.digits


@dataclass(frozen=True, slots=True)
class Choice:
    """One option of a multiple-choice prompt, as its template sees it."""

    key: str
    name: str
    description: str
    index: int


@dataclass(frozen=True)
class Prompt:
    """A prompt labeling function.

    `answers` maps what the model may say to class indices: none is an abstain, several are "one
    of these". Where it is None the prompt is multiple choice over `classes`, or over the `offer`
    classes most similar to the item.
    """

    name: str
    template: str
    model: str
    classes: Mapping[str, str]
    answers: Mapping[str, tuple[int, ...]] | None = None
    gate: Gate | None = None
    offer: int | None = None
    similarity: Similarity | None = None
    max_tokens: int = 64
    temperature: float = 0.0

    @property
    def version(self) -> str:
        """Changes with anything that may change a vote."""
        gate = self.gate and (sorted(self.gate.classes), self.gate.nearest, len(self.gate.rules))
        answers = None if self.answers is None else dict(self.answers)
        seen = (self.template, self.model, dict(self.classes), answers, gate, self.offer,
                self.max_tokens, self.temperature)  # fmt: skip
        return hashlib.sha256(repr(seen).encode()).hexdigest()

    async def vote(self, item: Item, ask: Ask) -> Vote:
        """Ask about one item. An answer that cannot be had or read is never a vote.

        Raises only what must stop everything (`labelfns.errors.Fatal`).
        """
        if self.gate is not None and not self.gate.opens(item):
            return Vote(status=Status.UNASKED, note="left out by the gate")
        choices = self.choices(item)
        try:
            return self.parse(await ask(self.render(item, choices)), choices)
        except NotAsked as e:
            return Vote(status=Status.UNASKED, note=str(e))
        except Refused as e:
            return Vote(status=Status.REFUSED, note=str(e))
        except (AskError, InputError) as e:
            return Vote(status=Status.FAILED, note=str(e))

    def choices(self, item: Item) -> list[Choice]:
        """List the options offered for this item; empty for a prompt with `answers`."""
        if self.answers is not None:
            return []
        names = list(self.classes)
        offered = range(len(names))
        if self.offer and self.similarity:
            # In the order of the classes, not of similarity: a first place is a hint to a model.
            offered = sorted(self.similarity.rank(item.text)[: self.offer].tolist())  # type: ignore[assignment]
        return [
            Choice(_key(i, len(offered)), names[c], self.classes[names[c]], c)
            for i, c in enumerate(offered)
        ]

    def render(self, item: Item, choices: Sequence[Choice]) -> Request:
        """Write the question about one item, exactly as it will be asked."""
        fields = {name: tame(value) for name, value in item.fields.items()}
        try:
            text = _compiled(self.template).render(**fields, choices=choices)
        except Exception as e:
            raise InputError(
                f"prompt {self.name!r} cannot be rendered for item {item.id!r}: {e}"
            ) from e
        keys = tuple(c.key for c in choices) if self.answers is None else tuple(self.answers)
        return Request(
            self.model, (Message("user", text),), keys, self.max_tokens, self.temperature
        )

    def parse(self, answer: Answer, choices: Sequence[Choice]) -> Vote:
        """Read an answer: a vote, an abstain, or unreadable."""
        meaning = self._meaning(choices)
        said = read(answer.text, meaning)
        if said is None and not answer.scores:
            return Vote(status=Status.UNREADABLE, note=answer.text)
        if not answer.scores:
            return _vote(meaning[said or ""], None, answer.text)
        best = max(answer.scores, key=answer.scores.__getitem__)
        probs: dict[int, float] = {}
        for key, score in answer.scores.items():
            for c in meaning[key]:
                probs[c] = probs.get(c, 0.0) + math.exp(score) / len(meaning[key])
        return _vote(meaning[best], probs, answer.text)

    def _meaning(self, choices: Sequence[Choice]) -> dict[str, tuple[int, ...]]:
        if self.answers is not None:
            return dict(self.answers)
        return {c.key: (c.index,) for c in choices} | {c.name: (c.index,) for c in choices}


def _vote(classes: tuple[int, ...], probs: Mapping[int, float] | None, note: str) -> Vote:
    if not classes:
        return Vote(ABSTAIN, Status.ABSTAINED, probs, note)
    if len(classes) > 1 and probs is None:
        probs = {c: 1 / len(classes) for c in classes}
    return Vote(classes[0] if len(classes) == 1 else ABSTAIN, Status.VOTED, probs, note)


def _key(i: int, n: int) -> str:
    return LETTERS[i] if n <= len(LETTERS) else str(i + 1)


_COMPILED: dict[str, Template] = {}


def _compiled(template: str) -> Template:
    if template not in _COMPILED:
        _COMPILED[template] = JINJA.from_string(template)
    return _COMPILED[template]


def tame(value: str) -> str:
    """Make a text unable to leave its slot: no closing quotes, no chat markers of any model."""
    return str(value).replace('"""', "'''").replace("<|", "< |").replace("|>", "| >")


def read(text: str, meaning: Mapping[str, tuple[int, ...]]) -> str | None:
    """Find which answer a text gives: alone, or first and followed by more.

    A single letter must stand alone or before punctuation: "A clause ..." is not answer A.
    Returns None where no answer, or more than one, fits.
    """
    said = text.strip().strip("\"'`*() \n").casefold()
    for key in sorted(meaning, key=len, reverse=True):
        end = r"(?:[.):,\n]|$)" if len(key) == 1 else r"(?!\w)"
        if re.match(re.escape(key.casefold()) + end, said):
            return key
    return None
