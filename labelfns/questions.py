"""One call, several votes: a sheet of questions about one text, each a labeling function."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from labelfns.answer_map import read_answers
from labelfns.prompt import Choice, Form, Meaning, Prompt
from labelfns.vote import Item
from labelfns.yamlfile import YamlMap

TOKENS = 16  # room for the answer to one question, where a prompt file says nothing else


@dataclass(frozen=True, slots=True)
class Asked:
    """One question of a sheet, as its template sees it."""

    number: int
    name: str
    ask: str
    answers: Meaning


@dataclass(frozen=True)
class Question(Prompt):
    """A labeling function that shares its call with the other questions of its `sheet`.

    All of them render the same request, which is asked once where answers are remembered. Each
    reads its own line and bears its share of the cost.
    """

    sheet: tuple[Asked, ...] = ()
    number: int = 1

    @property
    def shared_by(self) -> int:
        """How many votes come out of one answer."""
        return len(self.sheet)

    @property
    def version(self) -> str:
        """Changes with any question of the sheet: each is read together with the others."""
        return f"{super().version}:{self.number}:{hash_of(self.sheet)}"

    def form(self, choices: Sequence[Choice]) -> Form:
        """Ask for an answer to each question of the sheet."""
        return tuple((f"answer_{q.number}", tuple(q.answers)) for q in self.sheet)

    def shown(self, item: Item, choices: Sequence[Choice]) -> dict[str, object]:
        """Give the template the questions."""
        return {"questions": self.sheet}

    def said(self, text: str) -> tuple[str, str]:
        """Find the answer to this question: a line with its number, or a JSON object's value."""
        if found := self._from_json(text):
            return found, ""
        line = re.compile(rf"^[\s*_#>(-]*{self.number}[\s*_]*[.):=-][ \t*_]*(.*)$", re.MULTILINE)
        lines = line.findall(text)
        return (lines[0] if len(lines) == 1 else ""), ""  # two answers to one question are none

    def _from_json(self, text: str) -> str | None:
        try:
            found = json.loads(text)
        except ValueError:
            return None
        names = (f"answer_{self.number}", str(self.number), self.name)
        values = [found[n] for n in names if n in found] if isinstance(found, Mapping) else []
        return values[0] if len(values) == 1 and isinstance(values[0], str) else None


def hash_of(sheet: Sequence[Asked]) -> str:
    """Tell sheets apart."""
    return repr([(q.number, q.name, q.ask, dict(q.answers)) for q in sheet])


def read_questions(head: YamlMap, classes: Mapping[str, str]) -> tuple[Asked, ...]:
    """Read `questions`: names of labeling functions, each with `ask` and `answers`.

    Raises InputError with file and line.
    """
    given = head.child("questions")
    if not given.values:
        raise head.error("'questions' is empty; write NAME: {ask: ..., answers: ...}", "questions")
    return tuple(
        _question(number, name, given.child(name), classes)
        for number, name in enumerate(given.values, 1)
    )


def _question(number: int, name: str, entry: YamlMap, classes: Mapping[str, str]) -> Asked:
    entry.only(("ask", "answers"))
    entry.need(("ask", "answers"))
    answers = read_answers(entry, classes)
    if answers is None:
        raise entry.error(
            "a question of several needs its answers named, such as {yes: CLASS, no: abstain}",
            "answers",
        )
    return Asked(number, name, entry.text("ask"), answers)
