"""The beginning that questions share: worth keeping on the provider's side."""

from __future__ import annotations

from collections import deque

SHORTEST = 4096  # characters, about 1,024 tokens: providers keep nothing shorter
RECENT = 8  # prompts that are compared; as many labeling functions usually take turns
COMPARED = 200_000  # characters of each


class SharedPrefix:
    """Finds where a prompt parts from the ones before it.

    Nothing is marked at first sight: to keep a beginning costs a quarter more than to read it,
    and pays only when it comes back.
    """

    def __init__(self) -> None:
        self._recent: deque[str] = deque(maxlen=RECENT)

    def split(self, text: str) -> tuple[str, str]:
        """Cut `text` into a beginning seen before and the rest; the beginning may be empty.

        The cut is after a line's end, so that no word falls apart.
        """
        seen = text[:COMPARED]
        shared = max((_shared(seen, old) for old in self._recent), default=0)
        if seen not in self._recent:
            self._recent.append(seen)
        end = seen.rfind("\n", 0, shared) + 1
        end = end if end < len(text) else 0
        return (text[:end], text[end:]) if end >= SHORTEST else ("", text)


def _shared(one: str, other: str) -> int:
    """Count the characters two texts have in common at their start, halving the guess."""
    least, most = 0, min(len(one), len(other))
    while least < most:
        middle = (least + most + 1) // 2
        least, most = (middle, most) if one[:middle] == other[:middle] else (least, middle - 1)
    return least
