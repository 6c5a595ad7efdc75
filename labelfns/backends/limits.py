"""Rate limits as OpenAI's, Anthropic's and compatible servers' headers tell them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from labelfns.pace import Limit

# x-ratelimit-limit-requests, x-ratelimit-remaining-tokens; anthropic-ratelimit-requests-limit
OPENAI = re.compile(r"x-ratelimit-(limit|remaining)-(requests|tokens)$")
ANTHROPIC = re.compile(
    r"anthropic-ratelimit-((?:input-|output-)?tokens|requests)-(limit|remaining)$"
)


def limits(headers: Mapping[str, str]) -> dict[str, Limit]:
    """Read the limits a minute: by kind (requests, tokens, input-tokens, output-tokens)."""
    told: dict[str, dict[str, float]] = {}
    for name, value in headers.items():
        if "ratelimit" not in name.lower():
            continue
        if found := OPENAI.match(name.lower()):
            told.setdefault(found[2], {})[found[1]] = _number(value)
        elif found := ANTHROPIC.match(name.lower()):
            told.setdefault(found[1], {})[found[2]] = _number(value)
    return {
        kind: Limit(parts["limit"], parts["remaining"])
        for kind, parts in told.items()
        if parts.keys() == {"limit", "remaining"} and min(parts.values()) >= 0
    }


def _number(value: str) -> float:
    try:
        return float(value)
    except ValueError:
        return -1.0  # no number is no limit
