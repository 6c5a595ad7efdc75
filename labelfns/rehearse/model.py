"""The model behind the rehearsed server: an answer, its log-probabilities and its tokens."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

from labelfns.rehearse.manners import Manners, Trouble


@dataclass(frozen=True, slots=True)
class Said:
    """What the model says; `top` are the likeliest first tokens with their log-probabilities."""

    text: str
    top: tuple[tuple[str, float], ...]
    input_tokens: int
    output_tokens: int
    cut: bool = False
    refused: bool = False


def say(
    manners: Manners, prompt: str, choices: Sequence[str], trouble: Trouble | None = None
) -> Said:
    """Answer a prompt: the same prompt always gets the same answer."""
    choices = choices or manners.answers
    draw = hashlib.sha256(prompt.encode()).digest()
    sure = 0.5 + draw[1] / 512
    text = (manners.says or _drawn)(prompt, choices)
    top = [(text.split()[0] if text.split() else text, math.log(sure))]
    others = [c for c in choices if c != text]
    top += [(c.split()[0], math.log((1 - sure) / len(others))) for c in others if c.split()]
    if trouble is Trouble.NONSENSE:
        text, top = "Bananas, on the whole.", [("B", 0.0)]
    if trouble is Trouble.REFUSE:
        text, top = "I cannot help with that.", []
    if trouble is Trouble.TRUNCATE:
        text, top = "Let me think about", []
    return Said(
        text,
        tuple(top),
        input_tokens=tokens(prompt),
        output_tokens=len(text.split()),
        cut=trouble is Trouble.TRUNCATE,
        refused=trouble is Trouble.REFUSE,
    )


def tokens(text: str) -> int:
    """Count four bytes as a token."""
    return math.ceil(len(text.encode()) / 4)


def _drawn(prompt: str, choices: Sequence[str]) -> str:
    return choices[hashlib.sha256(prompt.encode()).digest()[0] % len(choices)]
