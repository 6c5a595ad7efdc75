"""What both wire formats need of a provider's half: one small protocol."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Protocol

from labelfns.rehearse.manners import Manners
from labelfns.rehearse.model import Said
from labelfns.rehearse.wire import Reply

Json = dict[str, Any]


class Dialect(Protocol):
    """How one provider's messages look on the wire."""

    def key(self, headers: Mapping[str, str]) -> str:
        """Find the key a call came with."""

    def question(self, body: Json) -> tuple[str, list[str]]:
        """Read the prompt and the choices (of a JSON schema) out of a call."""

    def answer(self, body: Json, said: Said, manners: Manners) -> Json:
        """Write an answer."""

    def error(self, status: int, message: str, parameter: str | None = None) -> Reply:
        """Write an error."""

    def limits(self, kind: str, limit: float, left: float) -> dict[str, str]:
        """Write the headers that tell of a limit; `kind` is requests or tokens."""


def enum_of(schema: object) -> list[str]:
    """Give the choices of a schema whose answer is one of some texts, or none."""
    try:
        return list(schema["properties"]["answer"]["enum"])  # type: ignore[index]
    except (KeyError, TypeError):
        return []


def filled(schema: Json | None, said: Said) -> str:
    """Write what the model says, as an object of `schema` where there is one."""
    if not schema or said.cut:
        return said.text
    fields = {}
    for name, field in schema["properties"].items():
        allowed = [] if name == "answer" else field.get("enum") or []
        drawn = allowed[len(said.text) % len(allowed)] if allowed else said.text
        fields[name] = said.text if said.text in allowed else drawn
    return json.dumps(fields)
