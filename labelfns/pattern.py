"""Patterns: labeling functions of regular expressions and keywords an expert knows by heart."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from labelfns.ask import Ask
from labelfns.errors import InputError
from labelfns.vote import Item, Status, Vote
from labelfns.yamlfile import YamlMap, read_text, read_yaml

FLAGS = re.IGNORECASE | re.DOTALL


@dataclass(frozen=True)
class Pattern:
    """Votes for one class where any of `any_of` matches and none of `none_of` does."""

    name: str
    label: int
    any_of: tuple[re.Pattern[str], ...]
    none_of: tuple[re.Pattern[str], ...] = ()

    @property
    def version(self) -> str:
        """Changes with the class and the expressions."""
        seen = (self.label, [p.pattern for p in self.any_of], [p.pattern for p in self.none_of])
        return hashlib.sha256(repr(seen).encode()).hexdigest()

    def match(self, item: Item) -> str | None:
        """Give the words that matched, or None."""
        found = next((m for p in self.any_of if (m := p.search(item.text))), None)
        if found is None or any(p.search(item.text) for p in self.none_of):
            return None
        return found.group()

    def fires(self, item: Item) -> bool:
        """Say whether the pattern votes on this item."""
        return self.match(item) is not None

    async def vote(self, item: Item, ask: Ask) -> Vote:
        """Vote by the expressions; nothing is asked."""
        words = self.match(item)
        return Vote() if words is None else Vote(self.label, Status.VOTED, note=words)


def read_patterns(file: Path, classes: Sequence[str]) -> list[Pattern]:
    """Read a file of patterns; raises InputError with file and line.

    Each entry is a labeling function: its `class`, `any` expressions of which one must match (or
    `keywords`: a text file beside this one, a word or phrase a line), and `none` that rule it out.
    """
    top = read_yaml(read_text(file), file)
    return [_pattern(name, top.child(name), classes) for name in top.values]


def _pattern(name: str, entry: YamlMap, classes: Sequence[str]) -> Pattern:
    entry.only(("class", "any", "none", "keywords"))
    entry.need(("class",))
    label = entry.text("class")
    if label not in classes:
        raise entry.error(f"{label!r} is no class of this task", "class")
    any_of = _expressions(entry, "any") + _keywords(entry)
    if not any_of:
        raise entry.error(
            f"{name!r} has no expression that could match; write `any` or `keywords`", "any"
        )
    return Pattern(name, list(classes).index(label), any_of, _expressions(entry, "none"))


def _expressions(entry: YamlMap, key: str) -> tuple[re.Pattern[str], ...]:
    given = entry.values.get(key, [])
    expressions = []
    for text in given if isinstance(given, list) else [given]:
        if not isinstance(text, str) or not text:
            raise entry.error(f"{key!r} must be regular expressions in quotes, not {text!r}", key)
        try:
            expressions.append(re.compile(text, FLAGS))
        except re.error as e:
            raise entry.error(f"{text!r} is no regular expression: {e}", key) from None
    return tuple(expressions)


def _keywords(entry: YamlMap) -> tuple[re.Pattern[str], ...]:
    if "keywords" not in entry.values:
        return ()
    file = entry.file.parent / entry.text("keywords")
    if not file.is_file():
        raise entry.error(f"there is no file {file} of keywords", "keywords")
    lines = (line.strip() for line in read_text(file).split("\n"))
    words = [line for line in lines if line and not line.startswith("#")]
    if not words:
        raise InputError("has no keywords; write one word or phrase a line", file)
    return (keywords(words),)


def keywords(words: Iterable[str]) -> re.Pattern[str]:
    """Make one expression that finds any of the words or phrases, whole, in any spacing."""
    phrases = (r"\s+".join(map(re.escape, word.split())) for word in words)
    return re.compile(rf"(?<!\w)(?:{'|'.join(phrases)})(?!\w)", FLAGS)
