"""The tree of errors.

InputError          what the user wrote is wrong: one sentence, with file and line
AskError            a question got no answer
  Refused           the model declined to answer: never remembered, never a vote
  Truncated         the answer was cut off before it could be read
  Busy              the server asks for patience (408, 409, 429, 5xx, a dropped connection)
  Rejected          the server will not take this request (400, 404, 413, 422): no retry helps
  NotAsked          it was not to be asked: only remembered answers were wanted
Fatal               nothing more can be asked of this model
  BadKey            401 or 403, or no key in the environment
  OverBudget        the next call could break the budget
"""

from __future__ import annotations

from pathlib import Path


class InputError(ValueError):
    """A user's mistake, said in one sentence that starts with where it is."""

    def __init__(
        self, message: str, file: Path | str | None = None, line: int | None = None
    ) -> None:
        where = "" if file is None else f"{file}: " if line is None else f"{file}:{line}: "
        super().__init__(where + message)


class AskError(Exception):
    """A question got no answer; `cost` is what the provider charged all the same, in US dollars."""

    cost: float = 0.0


class Refused(AskError):
    """The model declined to answer."""


class Truncated(AskError):
    """The answer was cut off before it could be read."""


class Busy(AskError):
    """The server asks for patience; `retry_after` is in seconds when it said how much."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Rejected(AskError):
    """The server will not take this request; asking again gives the same."""


class NotAsked(AskError):
    """The question was not put: only remembered answers were wanted."""


class Fatal(Exception):
    """Nothing more can be asked of this model: stop before more tasks start."""


class BadKey(Fatal):
    """No key, or one the provider does not accept."""


class OverBudget(Fatal):
    """The next call could break the budget."""
