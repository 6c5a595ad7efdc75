"""YAML that knows its lines, so that every complaint can say where."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from labelfns.errors import InputError


@dataclass(frozen=True)
class YamlMap:
    """A mapping read from a file: its values, and the line each key stands on."""

    file: Path
    line: int
    values: dict[str, Any]
    lines: dict[str, int]

    def error(self, message: str, key: str | None = None) -> InputError:
        """Build the complaint about one key (or about the whole mapping)."""
        return InputError(message, self.file, self.lines.get(key or "", self.line))

    def only(self, known: Collection[str]) -> None:
        """Refuse keys that nobody reads: a typo must not pass for a setting."""
        for key in self.values:
            if key not in known:
                raise self.error(f"unknown key {key!r}; known are {', '.join(known)}", key)

    def need(self, keys: Iterable[str]) -> None:
        """Refuse a mapping that lacks one of `keys`."""
        for key in keys:
            if key not in self.values:
                raise self.error(f"the key {key!r} is missing")

    def child(self, key: str) -> YamlMap:
        """Give the mapping under `key`, or a complaint that it is none."""
        value = self.values[key]
        if not isinstance(value, YamlMap):
            raise self.error(f"{key!r} must be a mapping (name: value), not {value!r}", key)
        return value

    def text(self, key: str, default: str = "") -> str:
        """Give the value of `key` as text."""
        value = self.values.get(key, default)
        if isinstance(value, (YamlMap, list)) or value is None:
            raise self.error(f"{key!r} must be a text", key)
        return str(value)

    def words(self, key: str) -> list[str]:
        """Give the value of `key`, one word or a list of them, as a list; empty where absent."""
        value = self.values.get(key)
        words = value if isinstance(value, list) else [] if value is None else [value]
        if any(isinstance(w, (YamlMap, list, dict)) or w is None for w in words):
            raise self.error(f"{key!r} must be a name or a list of names", key)
        return [str(word) for word in words]

    def flag(self, key: str) -> bool:
        """Give the value of `key` as true or false; false where it is absent."""
        value = self.values.get(key, False)
        if not isinstance(value, bool):
            raise self.error(f"{key!r} must be true or false, not {value!r}", key)
        return value

    def count(self, key: str) -> int | None:
        """Give the value of `key` as a whole number of at least 1, or None where it is absent."""
        value = self.values.get(key)
        if value is not None and (
            isinstance(value, bool) or not isinstance(value, int) or value < 1
        ):
            raise self.error(f"{key!r} must be a whole number of at least 1, not {value!r}", key)
        return value

    def plain(self) -> dict[str, Any]:
        """Give the mapping and all below it as ordinary dicts."""
        return {k: v.plain() if isinstance(v, YamlMap) else v for k, v in self.values.items()}


class _Loader(yaml.SafeLoader):
    """YAML in which `yes` and `no` are the words they are: answers are made of them."""


_BOOLEANS = "tag:yaml.org,2002:bool"
_Loader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if tag != _BOOLEANS or letter in "tTfF"]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_text(file: Path) -> str:
    """Read a file that a person wrote: UTF-8, with or without a BOM, any line ends."""
    try:
        content = file.read_bytes()
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        line = content[: e.start].count(b"\n") + 1
        raise InputError("is not UTF-8 here; save the file as UTF-8", file, line) from None
    except OSError as e:
        raise InputError(f"cannot be read ({e.strerror})", file) from None
    if "\0" in text:
        raise InputError(
            "has a NUL byte; it is no text", file, text[: text.index("\0")].count("\n") + 1
        )
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_yaml(text: str, file: Path, first_line: int = 1) -> YamlMap:
    """Parse `text`, which starts at `first_line` of `file`, into a mapping.

    Raises InputError with file and line for broken YAML, a repeated key, or no mapping at all.
    """
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if not isinstance(node, yaml.MappingNode):
            raise InputError("must be a mapping of key: value lines", file, first_line)
        return _mapping(loader, node, file, first_line)
    except RecursionError:
        raise InputError("broken YAML: it holds itself, or is too deep", file, first_line) from None
    except yaml.reader.ReaderError as e:
        line = first_line + text[: e.position].count("\n")
        raise InputError("has a control character; it is no text", file, line) from None
    except yaml.MarkedYAMLError as e:
        line = first_line + (e.problem_mark.line if e.problem_mark else 0)
        problem = e.problem or "cannot be parsed"
        raise InputError(f"broken YAML: {problem}", file, line) from None


def _mapping(loader: _Loader, node: yaml.MappingNode, file: Path, first: int) -> YamlMap:
    values: dict[str, Any] = {}
    lines: dict[str, int] = {}
    for key_node, value_node in node.value:
        line = first + key_node.start_mark.line
        key = str(loader.construct_object(key_node, deep=True))
        if key in values:
            raise InputError(
                f"the key {key!r} stands here twice (first in line {lines[key]})", file, line
            )
        values[key] = (
            _mapping(loader, value_node, file, first)
            if isinstance(value_node, yaml.MappingNode)
            else loader.construct_object(value_node, deep=True)
        )
        lines[key] = line
    return YamlMap(file, first + node.start_mark.line, values, lines)
