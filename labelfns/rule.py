"""Rules: labeling functions written in Python, our own and Snorkel's."""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any, Protocol, cast

from labelfns.ask import Ask
from labelfns.errors import InputError
from labelfns.vote import ABSTAIN, Item, LabelFn, Status, Vote


class SnorkelLF(Protocol):
    """What we need of Snorkel's LabelingFunction: a name, and a call on a data point."""

    name: str

    def __call__(self, x: Any) -> int:
        """Give a class index or -1."""


@dataclass(frozen=True)
class Rule:
    """A Python function of the item's fields that gives a class index, a class name, or -1.

    Without `classes` only indices can be given; `collect` and `read_rules` fill them in.
    """

    name: str
    function: Callable[[Mapping[str, str]], object]
    classes: tuple[str, ...] = ()

    @property
    def version(self) -> str:
        """Changes with the function's source, where that can be read."""
        return _version(self.function)

    async def vote(self, item: Item, ask: Ask) -> Vote:
        """Vote by the function. One that raises has failed; that is no abstain."""
        return _cast(self.function, MappingProxyType(dict(item.fields)), self.classes)


@dataclass(frozen=True)
class SnorkelRule:
    """A LabelingFunction of Snorkel, called with the item's `id` and fields as attributes.

    Its pre-processors and resources work as they do in Snorkel. A function that raises has
    failed here, where Snorkel's appliers may count it as an abstain.
    """

    function: SnorkelLF
    classes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name it has in Snorkel."""
        return self.function.name

    @property
    def version(self) -> str:
        """Changes with the source of the function inside, where that can be read."""
        return _version(getattr(self.function, "_f", self.function))

    async def vote(self, item: Item, ask: Ask) -> Vote:
        """Vote by the function; nothing is asked."""
        return _cast(self.function, SimpleNamespace(**{**item.fields, "id": item.id}), self.classes)


def _version(function: Callable[..., object]) -> str:
    try:
        source = inspect.getsource(function)
    except (OSError, TypeError):
        source = repr(function)
    return hashlib.sha256(source.encode()).hexdigest()


def _cast(function: Callable[[Any], object], of: object, classes: Sequence[str]) -> Vote:
    try:
        said = function(of)
        label = _label(said, classes)
    except Exception as e:  # whatever a user's function may raise
        return Vote(status=Status.FAILED, note=f"{type(e).__name__}: {e}")
    if label is None:
        return Vote(status=Status.FAILED, note=f"gave {said!r}, which is no class and not -1")
    return Vote() if label == ABSTAIN else Vote(label, Status.VOTED)


def _label(said: object, classes: Sequence[str]) -> int | None:
    if said is None:
        return ABSTAIN
    if isinstance(said, str):
        return classes.index(said) if said in classes else None
    if isinstance(said, bool) or not hasattr(said, "__index__"):
        return None
    label = operator.index(said)
    return label if label == ABSTAIN or 0 <= label < (len(classes) or label + 1) else None


def bind(labelfns: Sequence[LabelFn | SnorkelLF], classes: Sequence[str]) -> list[LabelFn]:
    """Tell rules the classes, and wrap Snorkel's labeling functions; leave the rest as it is."""
    return [_bound(f, tuple(classes)) for f in labelfns]


def _bound(labelfn: LabelFn | SnorkelLF, classes: tuple[str, ...]) -> LabelFn:
    if isinstance(labelfn, Rule | SnorkelRule):
        return labelfn if labelfn.classes else replace(labelfn, classes=classes)
    if _is_snorkels(labelfn):
        return SnorkelRule(cast(SnorkelLF, labelfn), classes)
    if hasattr(labelfn, "vote"):
        return cast(LabelFn, labelfn)
    raise InputError(f"{labelfn!r} is no labeling function")


def _is_snorkels(value: object) -> bool:
    return callable(value) and isinstance(getattr(value, "name", None), str) and any(
        base.__module__.startswith("snorkel.labeling") for base in type(value).__mro__
    )  # fmt: skip


def labeling_function(
    name: str | None = None,
) -> Callable[[Callable[[Mapping[str, str]], object]], Rule]:
    """Turn a function into a labeling function: `@labeling_function()` above it."""
    if callable(name):
        raise InputError("write @labeling_function() with its parentheses")

    def wrap(function: Callable[[Mapping[str, str]], object]) -> Rule:
        return Rule(name or function.__name__, function)

    return wrap


def read_rules(file: Path, classes: Sequence[str]) -> list[LabelFn]:
    """Run a rules.py and give its labeling functions, ours and Snorkel's, in their order.

    It is code: only run what you trust. Raises InputError with file and line.
    """
    spec = importlib.util.spec_from_file_location(f"rules_{file.parent.name}", file)
    if spec is None or spec.loader is None:
        raise InputError("is no Python file", file)
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as e:  # whatever a user's file may raise
        raise InputError(f"cannot be run: {type(e).__name__}: {e}", file, _line(e, file)) from e
    found = [v for v in vars(module).values() if isinstance(v, Rule) or _is_snorkels(v)]
    return bind(found, classes)


def _line(error: Exception, file: Path) -> int | None:
    if isinstance(error, SyntaxError):
        return error.lineno
    lines = [f.lineno for f in inspect.getinnerframes(error.__traceback__)  # type: ignore[arg-type]
             if Path(f.filename) == file]  # fmt: skip
    return lines[-1] if lines else None
