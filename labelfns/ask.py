"""From question to answer: one type, `Ask`, for a backend and for every layer around one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field, fields


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat; `role` is system, user or assistant."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Request:
    """Exactly what is asked of a model: everything that can change the answer, and nothing else.

    `choices` are the only answers that count; a backend that can scores each of them. `form` are
    the fields of an answer in several parts, in the order they are to be written, each with the
    only texts that count, or none where any text will do; a backend that can asks for them as a
    JSON object. The messages say all the same what is to be written: not every backend can.
    """

    model: str
    messages: tuple[Message, ...]
    choices: tuple[str, ...] = ()
    max_tokens: int = 64
    temperature: float = 0.0
    form: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def key(self) -> str:
        """SHA-256 of the canonical JSON of this request, as 64 hexadecimal digits.

        Fields at their defaults are left out: a field added later changes no key of before.
        """
        default = {f.name: f.default for f in fields(self)}
        said = {name: value for name, value in asdict(self).items() if value != default[name]}
        text = json.dumps(said, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back.

    `scores` maps choices to log-probabilities (natural logarithm, normalised over the choices)
    where the backend could give them. Tokens are as the provider counted them; `seconds` is
    the wait for this answer alone; `cost` is in US dollars.
    """

    text: str
    scores: Mapping[str, float] | None = None
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    seconds: float = 0.0
    cost: float = 0.0
    remembered: bool = field(default=False, compare=False)


Ask = Callable[[Request], Awaitable[Answer]]
"""A backend, or a backend wrapped in a layer. Raises an error of `labelfns.errors`."""
