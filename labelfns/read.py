"""Reading what a model said: which answer is it, if it is one."""

from __future__ import annotations

import re
from collections.abc import Mapping

AROUND = "\"'`*_() \t\n\u201c\u201d\u2018\u2019"
OPENING = re.compile(
    r"(?:(?:the|my) )?(?:(?:correct|final|best|right) )?(?:answer|option|choice|letter)"
    r"(?: is)?\b\s*[:=]?\s*",
    re.IGNORECASE,
)
BETWEEN = re.compile(r"(?:[\W_]|(?:and|or|but|also|maybe|perhaps|both)\b)+", re.IGNORECASE)
# "A clause ...", "I, as a model, ..." and "I'm" are no letters.
LETTER_END = r"(?:[):\n]|[.*\"'`](?!\w)|$)"
WORD_END = (  # "No idea" is no "no", "Yes and no" no "yes"
    r"(?:\s*[.,:;!)\n*\"'`\u2014\u2013-]|\s+(?:it|this|that|the|there|because|since)\b|$)"
)


def read(text: str, meaning: Mapping[str, tuple[int, ...]]) -> str | None:
    """Find which of the answers `text` gives: alone, or first and followed by more.

    "The answer is B." and "**Yes**, because ..." are answers. What only begins like one is none
    ("No idea"), nor is what goes on with another of a different meaning ("Yes, or no"). Returns
    None where no answer, or more than one, fits.
    """
    said = text.strip(AROUND)
    opening = OPENING.match(said)
    starts = [0] if opening is None else [0, opening.end()]
    for start in starts:
        rest = said[start:].lstrip(AROUND)
        for key in sorted(meaning, key=len, reverse=True):
            if found := _begins(rest, key):
                return None if _contradicts(rest[found:], key, meaning) else key
    return None


def _begins(said: str, key: str) -> int:
    """Count the characters of `said` that are the answer `key`; 0 where it begins otherwise."""
    end = LETTER_END if len(key) == 1 else WORD_END
    found = re.match(re.escape(key) + f"(?={end})", said, re.IGNORECASE)
    return found.end() if found else 0


def _contradicts(rest: str, key: str, meaning: Mapping[str, tuple[int, ...]]) -> bool:
    """Say whether what follows an answer is at once another one."""
    after = rest[found.end() :] if (found := BETWEEN.match(rest)) else rest
    others = (other for other in meaning if meaning[other] != meaning[key])
    return any(_begins_loosely(after, other) for other in others)


def _begins_loosely(said: str, key: str) -> bool:
    end = LETTER_END if len(key) == 1 else r"(?!\w)"
    return re.match(re.escape(key) + end, said, re.IGNORECASE) is not None
