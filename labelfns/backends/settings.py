"""The settings a model may not take: tried best first, given up for good when it objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


class Settings:
    """For each optional setting, the values to try in order; after the last it is left out.

    Models differ in what they take (a thinking model has no temperature, an older one no
    effort) and no list of them stays true. So each objection is heard once: the question goes out
    again without what was objected to, and so do all after it.
    """

    def __init__(self, ladders: Mapping[str, Sequence[object]]) -> None:
        self._ladders = {name: list(values) for name, values in ladders.items()}

    def now(self) -> dict[str, object]:
        """Give the value to send of each setting that is still tried."""
        return {name: values[0] for name, values in self._ladders.items() if values}

    def refuse(self, name: str, value: object) -> None:
        """Step down from `value`, unless another question already did."""
        values = self._ladders[name]
        if values and values[0] == value:
            values.pop(0)
