"""How the rehearsed server behaves: when it is slow, when it is full, what goes wrong how often."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Trouble(StrEnum):
    """What can go wrong with one call."""

    LIMIT = "limit"  # 429 with retry-after
    FAIL = "fail"  # 500
    OVERLOADED = "overloaded"  # 529
    DROP = "drop"  # the line breaks in the middle of the answer
    RUBBISH = "rubbish"  # status 200, and a page of HTML
    NONSENSE = "nonsense"  # an answer that is none of the choices
    TRUNCATE = "truncate"  # cut off before it says anything
    REFUSE = "refuse"  # the model declines
    REJECT = "reject"  # 400
    BAD_KEY = "bad_key"  # 401


@dataclass(frozen=True, slots=True)
class Fault:
    """A trouble that hits a `share` of the calls, or only the `first` so many."""

    trouble: Trouble
    share: float = 1.0
    first: int | None = None


Says = Callable[[str, Sequence[str]], str]
"""From a prompt and the choices (those of a JSON schema, or `Manners.answers`) to an answer."""


@dataclass
class Manners:
    """What a rehearsed server does; change it while it runs.

    Times are in seconds, limits a minute. `key`: the only one accepted. `unsupported`: names of
    settings it answers with the status `objects`. `shows`: whether it gives log-probabilities.
    `says`: the answers, by default one of the choices drawn by a hash of the prompt.
    `batch_seconds` is how long a batch takes, `batch_failures` the share of its rows that fail.
    """

    delay: float = 0.0
    faults: Sequence[Fault] = ()
    retry_after: float = 0.01
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    key: str | None = None
    unsupported: Sequence[str] = ()
    objects: int = 400
    shows: bool = True
    answers: Sequence[str] = ("yes", "no")
    says: Says | None = None
    batch_seconds: float = 0.0
    batch_failures: float = 0.0
    batch_expires: bool = False
    seed: int = 0
    _calls: int = field(default=0, init=False)
    _rng: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._rng = random.Random(self.seed)

    def trouble(self) -> Trouble | None:
        """Draw what goes wrong with the next call."""
        self._calls += 1
        for fault in self.faults:
            if fault.first is not None and self._calls > fault.first:
                continue
            if self._rng.random() < fault.share:
                return fault.trouble
        return None

    def row_fails(self) -> bool:
        """Draw whether the next row of a batch fails."""
        return self._rng.random() < self.batch_failures

    def shuffled(self, rows: Sequence[str]) -> list[str]:
        """Give the rows of a batch's results in the order they come: any."""
        return self._rng.sample(list(rows), len(rows))
