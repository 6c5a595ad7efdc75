"""From the likeliest first tokens of an answer to a score for every choice."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence

LEAST_PROBABILITY = 1e-9  # what is left for tokens that were not shown is never quite nothing
LOWEST = -100.0  # servers write -inf or -9999 for what they ruled out; sums must stay finite


def scores_from_top(
    choices: Sequence[str], top: Sequence[tuple[str, float]]
) -> dict[str, float] | None:
    """Score `choices` by the first token of the answer.

    `top` holds the likeliest first tokens with their natural log-probabilities, in any order.
    Spellings of one choice ("yes", "Yes", " yes") are added up. A choice that is not among them
    cannot be likelier than the least likely token shown, nor than what all of them leave over:
    it gets the smaller of the two. Returns log-probabilities that sum to 1 over the choices, or
    None when no choice is among `top`, or when the likeliest token begins several choices alike.
    """
    top = [(token, max(score, LOWEST)) for token, score in top]
    owned: dict[str, list[float]] = {choice: [] for choice in choices}
    unclear = -math.inf
    for token, score in top:
        owners = _owners(token, choices)
        if len(owners) == 1:
            owned[owners[0]].append(score)
        elif owners:
            unclear = max(unclear, score)
    found = {choice: _logsumexp(scores) for choice, scores in owned.items() if scores}
    if not found or unclear > max(found.values()):
        return None
    floor = _floor([score for _, score in top])
    return normalised({choice: found.get(choice, floor) for choice in choices})


def normalised(scores: Mapping[str, float]) -> dict[str, float]:
    """Shift log-scores so that their probabilities sum to 1."""
    total = _logsumexp(scores.values())
    return {choice: score - total for choice, score in scores.items()}


def _owners(token: str, choices: Sequence[str]) -> list[str]:
    """Find the choices this token may begin; a whole first word beats a mere beginning."""
    start = token.strip().lstrip("\u2581\u0120").casefold()  # SentencePiece and BPE word marks
    if not start:
        return []
    whole = [c for c in choices if _first_word(c) == start]
    return whole or [c for c in choices if c.strip().casefold().startswith(start)]


def _first_word(choice: str) -> str:
    found = re.match(r"\w+", choice.strip())
    return (found[0] if found else choice.strip()).casefold()


def _floor(scores: Sequence[float]) -> float:
    left = 1.0 - sum(math.exp(score) for score in scores)
    return min(min(scores), math.log(max(left, LEAST_PROBABILITY)))


def _logsumexp(scores: Iterable[float]) -> float:
    scores = list(scores)
    highest = max(scores)
    return highest + math.log(sum(math.exp(score - highest) for score in scores))
