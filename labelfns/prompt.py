"""A Markdown file becomes a labeling function: `render` an item, `parse` an answer."""

from __future__ import annotations

import functools
import hashlib
import math
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jinja2 import StrictUndefined, Template
from jinja2.sandbox import ImmutableSandboxedEnvironment

from labelfns.ask import Answer, Ask, Message, Request
from labelfns.errors import AskError, InputError, NotAsked, Refused
from labelfns.rationale import parted, told
from labelfns.read import read
from labelfns.shots import Shots
from labelfns.similar import Gate, Similarity
from labelfns.tame import tame
from labelfns.vote import ABSTAIN, Item, Status, Vote

JINJA = ImmutableSandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=False)
LETTERS = string.ascii_uppercase + string.digits
Meaning = Mapping[str, tuple[int, ...]]
"""What each answer stands for: no class is an abstain, several are "one of these"."""
Form = tuple[tuple[str, tuple[str, ...]], ...]
"""See `labelfns.ask.Request`."""


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
    classes most similar to the item. `shots` are examples shown as `examples`. With `rationale`
    the model is told to give its reason too, and the answer, read from its own line, has no scores.
    """

    name: str
    template: str
    model: str
    classes: Mapping[str, str]
    answers: Meaning | None = None
    gate: Gate | None = None
    offer: int | None = None
    similarity: Similarity | None = None
    max_tokens: int = 64
    temperature: float = 0.0
    shots: Shots | None = None
    rationale: bool = False

    @property
    def version(self) -> str:
        """Changes with anything that may change a vote."""
        near = self.similarity.references if self.offer and self.similarity else ()
        seen = (self.template, self.model, dict(self.classes), self.answers and dict(self.answers),
                self.gate and self.gate.version, self.offer, near, self.max_tokens,
                self.temperature, self.shots and self.shots.version, self.rationale)  # fmt: skip
        return hashlib.sha256(repr(seen).encode()).hexdigest()

    async def vote(self, item: Item, ask: Ask) -> Vote:
        """Ask about one item. An answer that cannot be had or read is never a vote.

        Raises only what must stop everything: Fatal, or InputError from the store or the backend.
        """
        if self.gate is not None and not self.gate.opens(item):
            return Vote(status=Status.UNASKED, note="left out by the gate")
        choices = self.choices(item)
        try:
            request = self.render(item, choices)
        except InputError as e:
            return Vote(status=Status.FAILED, note=str(e))
        try:
            return self.parse(await ask(request), choices)
        except AskError as e:
            return Vote(status=_status(e), note=str(e), cost=e.cost / self.shared_by)

    def choices(self, item: Item) -> list[Choice]:
        """List the options offered for this item; empty for a prompt with `answers`."""
        if self.answers is not None:
            return []
        names = list(self.classes)
        offered = list(range(len(names)))
        if self.offer and self.similarity:
            # In the order of the classes, not of similarity: a first place is a hint to a model.
            offered = sorted(self.similarity.rank(item.text)[: self.offer].tolist())
        return [
            Choice(_key(i, len(offered)), names[c], self.classes[names[c]], c)
            for i, c in enumerate(offered)
        ]

    def render(self, item: Item, choices: Sequence[Choice]) -> Request:
        """Write the question about one item, exactly as it will be asked."""
        fields: dict[str, object] = {name: tame(value) for name, value in item.fields.items()}
        text = self._fill(item, fields | self.shown(item, choices))
        keys, form = self.keys(choices), self.form(choices)
        if self.rationale:
            text += told(keys)
        return Request(
            self.model,
            (Message("user", text),),
            () if form else keys,  # what comes first in a form is no choice: nothing to score
            self.max_tokens,
            self.temperature,
            form,
        )

    @property
    def shared_by(self) -> int:
        """How many votes come out of one answer."""
        return 1

    def keys(self, choices: Sequence[Choice]) -> tuple[str, ...]:
        """List what the model may say."""
        return tuple(c.key for c in choices) if self.answers is None else tuple(self.answers)

    def form(self, choices: Sequence[Choice]) -> Form:
        """Give the fields of an answer in several parts; none where the answer is all there is."""
        return (("reason", ()), ("answer", self.keys(choices))) if self.rationale else ()

    def shown(self, item: Item, choices: Sequence[Choice]) -> dict[str, object]:
        """Give the template what it may show beside the item's columns."""
        more: dict[str, object] = {"choices": choices} if self.answers is None else {}
        if self.shots is not None:
            more["examples"] = self.shots.pick(item, lambda c: self.answer_to(c, choices))
        return more

    def said(self, text: str) -> tuple[str, str]:
        """Part what the model wrote into answer and reason."""
        return parted(text) if self.rationale else (text, "")

    def _fill(self, item: Item, fields: Mapping[str, object]) -> str:
        try:
            return _compiled(self.template).render(fields)
        except Exception as e:  # whatever an expression in a template may raise
            raise InputError(
                f"prompt {self.name!r} cannot be rendered for item {item.id!r}: {e}"
            ) from e

    def answer_to(self, label: int, choices: Sequence[Choice]) -> str | None:
        """Give the answer that is right for an item of class `label`, or None where none is.

        An answer for that class alone is better than "one of these"; last comes an abstain.
        """
        if self.answers is None:
            return next((c.key for c in choices if c.index == label), None)
        fitting = [said for said, means in self.answers.items() if label in means or not means]
        return min(fitting, key=lambda said: len(self.answers[said]) or math.inf, default=None)  # type: ignore[index]

    def parse(self, answer: Answer, choices: Sequence[Choice]) -> Vote:
        """Read an answer: a vote, an abstain, or unreadable.

        Scores decide where there are any, but not against a text: who says more than a word and
        gives no answer, or several, has not answered, whatever the first word's scores are.
        """
        meaning = self._meaning(choices)
        text, reason = self.said(answer.text)
        said = read(text, meaning)
        spent = {"note": answer.text, "cost": answer.cost / self.shared_by,
                 "seconds": answer.seconds / self.shared_by, "rationale": reason}  # fmt: skip
        in_words = len(text.split()) > 1
        if said is None and (in_words or not answer.scores):
            return Vote(status=Status.UNREADABLE, **spent)  # type: ignore[arg-type]
        scores = answer.scores or {said or "": 0.0}
        label, status, probs = _weighed(scores, meaning)
        hard = not answer.scores and len(probs) < 2
        return Vote(label, status, None if hard else probs, **spent)  # type: ignore[arg-type]

    def _meaning(self, choices: Sequence[Choice]) -> Meaning:
        if self.answers is not None:
            return self.answers
        said: dict[str, tuple[int, ...]] = {}
        for c in choices:  # names first: a class may be called "A"
            said |= {c.name: (c.index,), c.key.lstrip("0") or c.key: (c.index,)}
        return said | {c.key: (c.index,) for c in choices}


def _status(error: AskError) -> Status:
    if isinstance(error, NotAsked):
        return Status.UNASKED
    return Status.REFUSED if isinstance(error, Refused) else Status.FAILED


def _weighed(scores: Mapping[str, float], meaning: Meaning) -> tuple[int, Status, dict[int, float]]:
    """Add up the answers that mean the same; the likeliest meaning is the vote."""
    weight: dict[tuple[int, ...], float] = {}
    for key, score in scores.items():
        weight[meaning[key]] = weight.get(meaning[key], 0.0) + math.exp(score)
    probs: dict[int, float] = {}
    for classes, share in weight.items():
        for c in classes:
            probs[c] = probs.get(c, 0.0) + share / len(classes)
    best = max(weight, key=weight.__getitem__)
    status = Status.VOTED if best else Status.ABSTAINED
    return (best[0] if len(best) == 1 else ABSTAIN), status, probs


def _key(i: int, n: int) -> str:
    # Padded, so that no key begins another one: "1" would be half of "10".
    return LETTERS[i] if n <= len(LETTERS) else str(i + 1).zfill(len(str(n)))


@functools.lru_cache(maxsize=4096)
def _compiled(template: str) -> Template:
    return JINJA.from_string(template)
