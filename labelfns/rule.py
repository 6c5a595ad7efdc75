"""Labeling functions without an LLM: patterns a lawyer knows by heart, and Python functions."""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from labelfns.ask import Ask
from labelfns.errors import InputError
from labelfns.vote import ABSTAIN, Item, Status, Vote
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
    """Read a file of patterns; raises InputError with file and line."""
    top = read_yaml(read_text(file), file)
    return [_pattern(name, top.child(name), classes) for name in top.values]


def _pattern(name: str, entry: YamlMap, classes: Sequence[str]) -> Pattern:
    entry.only(("class", "any", "none"))
    entry.need(("class", "any"))
    label = entry.text("class")
    if label not in classes:
        raise entry.error(f"{label!r} is no class of this task", "class")
    return Pattern(
        name, list(classes).index(label), _expressions(entry, "any"), _expressions(entry, "none")
    )


def _expressions(entry: YamlMap, key: str) -> tuple[re.Pattern[str], ...]:
    given = entry.values.get(key, [])
    expressions = []
    for text in given if isinstance(given, list) else [given]:
        try:
            expressions.append(re.compile(str(text), FLAGS))
        except re.error as e:
            raise entry.error(f"{text!r} is no regular expression: {e}", key) from None
    return tuple(expressions)


@dataclass(frozen=True)
class Rule:
    """A Python function of the item's fields that gives a class index, a class name, or -1."""

    name: str
    function: Callable[[Mapping[str, str]], object]
    classes: tuple[str, ...] = ()

    @property
    def version(self) -> str:
        """Changes with the function's source, where that can be read."""
        try:
            source = inspect.getsource(self.function)
        except (OSError, TypeError):
            source = repr(self.function)
        return hashlib.sha256(source.encode()).hexdigest()

    async def vote(self, item: Item, ask: Ask) -> Vote:
        """Vote by the function. One that raises has failed; that is no abstain."""
        try:
            said = self.function(item.fields)
        except Exception as e:
            return Vote(status=Status.FAILED, note=f"{type(e).__name__}: {e}")
        if said is None or said == ABSTAIN:
            return Vote()
        if isinstance(said, str) and said in self.classes:
            return Vote(self.classes.index(said), Status.VOTED)
        if isinstance(said, int) and 0 <= said < len(self.classes):
            return Vote(int(said), Status.VOTED)
        return Vote(status=Status.FAILED, note=f"gave {said!r}, which is no class and not -1")


def labeling_function(
    name: str | None = None,
) -> Callable[[Callable[[Mapping[str, str]], object]], Rule]:
    """Turn a function into a labeling function: `@labeling_function()` above it."""
    if callable(name):
        raise InputError("write @labeling_function() with its parentheses")

    def wrap(function: Callable[[Mapping[str, str]], object]) -> Rule:
        return Rule(name or function.__name__, function)

    return wrap


def read_rules(file: Path, classes: Sequence[str]) -> list[Rule]:
    """Run a rules.py and give its labeling functions. It is code: only run what you trust."""
    spec = importlib.util.spec_from_file_location(f"rules_{file.parent.name}", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as e:
        line = getattr(e, "lineno", None)
        raise InputError(f"cannot be run: {type(e).__name__}: {e}", file, line) from e
    found = [v for v in vars(module).values() if isinstance(v, Rule)]
    return [Rule(r.name, r.function, tuple(classes)) for r in found]
