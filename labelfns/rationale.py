"""An answer with its reason: what the model is told to write, and how that is read.

The reasons are what a student learns from step by step (Hsieh et al. 2023, arXiv 2305.02301).
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

TOKENS = 256  # room for a reason of a few sentences, where a prompt file says nothing else
LINE = re.compile(r"^[\s*_#>-]*answer[\s*_]*[:=]", re.IGNORECASE | re.MULTILINE)
REASON = re.compile(r"^[\s*_#>-]*(?:reason|rationale|because)[\s*_]*[:=][\s*_]*", re.IGNORECASE)


def told(choices: Sequence[str]) -> str:
    """Write what is put below a prompt that wants a reason."""
    return (
        '\n\nFirst write one line that begins with "Reason:" and gives your reason in a sentence '
        'or two, then a last line that begins with "Answer:" and gives only the answer, '
        f"which is one of: {', '.join(choices)}."
    )


def parted(text: str) -> tuple[str, str]:
    """Part what a model wrote into answer and reason; without an answer's line there is no answer.

    A JSON object with `answer` and `reason` is read too.
    """
    if found := _from_json(text):
        return found
    lines = list(LINE.finditer(text))
    if len(lines) != 1:  # several answers are none
        return "", text.strip()
    before, after = text[: lines[0].start()].strip(), text[lines[0].end() :].strip()
    answer, _, rest = after.partition("\n")
    return answer.strip(), REASON.sub("", before or rest.strip())


def _from_json(text: str) -> tuple[str, str] | None:
    inside = re.search(r"\{.*\}", text, re.DOTALL)
    try:
        found = json.loads(inside[0]) if inside else None
    except ValueError:
        return None
    if not isinstance(found, dict) or not isinstance(found.get("answer"), str):
        return None
    return found["answer"], str(found.get("reason", found.get("rationale", "")))
