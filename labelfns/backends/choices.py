"""Holding a model to the choices: a JSON schema, and reading what comes back."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence

JSON_TOKENS = 12  # {"answer": ""} and the end of the turn, in any tokenizer seen so far


Form = Sequence[tuple[str, Sequence[str]]]


def answer_schema(choices: Sequence[str]) -> dict[str, object]:
    """Write the JSON schema of an object whose `answer` is one of the choices."""
    return form_schema([("answer", choices)])


def form_schema(form: Form) -> dict[str, object]:
    """Write the JSON schema of an object with these fields, each any text or one of some."""
    fields = {
        name: {"type": "string"} | ({"enum": list(allowed)} if allowed else {})
        for name, allowed in form
    }
    return {
        "type": "object",
        "properties": fields,
        "required": list(fields),
        "additionalProperties": False,
    }


def room_for_json(choices: Sequence[str]) -> int:
    """Bound the tokens an answer under `answer_schema` takes."""
    return JSON_TOKENS + math.ceil(max(len(c.encode()) for c in choices) / 2)


def unwrapped(text: str, choices: Sequence[str]) -> str:
    """Take the answer out of its JSON; a text that is not such JSON stays as it is."""
    if not choices or not text.lstrip().startswith("{"):
        return text
    try:
        answer = json.loads(text)["answer"]
    except (ValueError, KeyError, TypeError):
        return text
    return answer if isinstance(answer, str) else text


def opens_with_choice(text: str, choices: Sequence[str]) -> bool:
    """Say whether a text that was cut off starts with a whole choice, and so can be read."""
    start = text.strip().casefold()
    return any(re.match(re.escape(c.casefold()) + r"(\W|$)", start) for c in choices)
