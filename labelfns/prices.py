"""Tokens to money: a dated price table, the cost of an answer, the most a question can cost."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from labelfns.ask import Request
from labelfns.errors import InputError

TABLE = Path(__file__).with_name("prices.toml")
MILLION = 1_000_000
BYTES_PER_TOKEN = 4  # of English prose, for the tokenizers of both vendors; a stated estimate
SCHEMA_TOKENS = 100  # what a JSON schema adds around one text, rounded up
MESSAGE_TOKENS = 8  # what a chat format adds around one message, rounded up


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars a million tokens; `prices.toml` says what each field means."""

    input: float
    output: float
    cached: float | None = None
    written: float | None = None
    batch: float = 0.5
    long_after: float = math.inf
    long_input: float = 1.0
    long_output: float = 1.0
    room: int = 0

    def cost(
        self,
        input_tokens: int,
        output_tokens: int,
        cached_tokens: int = 0,
        written_tokens: int = 0,
        batch: bool = False,
    ) -> float:
        """Price one call in US dollars; `input_tokens` counts cached and written ones too."""
        long = input_tokens > self.long_after
        plain = input_tokens - cached_tokens - written_tokens
        sent = (
            plain * self.input
            + cached_tokens * (self.input if self.cached is None else self.cached)
            + written_tokens * (self.input if self.written is None else self.written)
        ) * (self.long_input if long else 1.0)
        wrote = output_tokens * self.output * (self.long_output if long else 1.0)
        return (sent + wrote) * (self.batch if batch else 1.0) / MILLION

    def worst(self, request: Request) -> float:
        """Bound what `request` can cost, live: a token is never less than one byte."""
        size = most_tokens(request)
        dearest = max(self.input, self.cached or 0.0, self.written or 0.0)
        longest = self.long_input if size > self.long_after else 1.0
        wrote = (request.max_tokens + self.room) * self.output * max(self.long_output, 1.0)
        return (size * dearest * longest + wrote) / MILLION


FREE = Price(input=0.0, output=0.0)


@dataclass(frozen=True)
class Prices:
    """A price table: the day it was read, and a price for each model's name."""

    date: str
    models: Mapping[str, Price]

    def of(self, model: str) -> Price:
        """Give the price of a model; a date at the end of its name does not matter.

        Raises InputError when the table does not have it: an unknown price is not a price of 0.
        """
        name = re.sub(r"-(\d{4}-\d{2}-\d{2}|\d{8}|latest)$", "", model)
        price = self.models.get(model, self.models.get(name))
        if price is None:
            raise InputError(
                f"no price is known for the model {model!r}; say what it costs, in US dollars a "
                "million tokens, as `price: {input: ..., output: ...}`"
            )
        return price


def load_prices(file: Path | None = None) -> Prices:
    """Read the price table, with the rows of `file` (same shape) on top. Raises InputError."""
    own = _read(TABLE)
    if file is None:
        return own
    other = _read(file)
    return Prices(other.date, {**own.models, **other.models})


def price_from(row: Mapping[str, object], where: Path | str | None = None) -> Price:
    """Check one row of a price table. Raises InputError naming the field that is wrong."""
    known = {field.name for field in fields(Price)}
    if unknown := sorted(set(row) - known):
        raise InputError(f"price: unknown key {unknown[0]!r}; there are {sorted(known)}", where)
    if missing := sorted({"input", "output"} - set(row)):
        raise InputError(f"price: {missing[0]!r} is missing", where)
    for name, value in row.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise InputError(
                f"price: {name!r} must be a number of at least 0, not {value!r}", where
            )
    return Price(**row)  # type: ignore[arg-type]  # each value was checked above


def estimate_tokens(request: Request) -> int:
    """Estimate the tokens a request sends: UTF-8 bytes / 4, and 8 a message."""
    return math.ceil(_bytes(request) / BYTES_PER_TOKEN) + MESSAGE_TOKENS * len(request.messages)


def most_tokens(request: Request) -> int:
    """Bound the tokens a request sends: one a byte, the schema of its answer included."""
    texts = [*request.choices, *(text for name, few in request.form for text in (name, *few))]
    schema = sum(SCHEMA_TOKENS + len(text.encode()) for text in texts)
    return _bytes(request) + MESSAGE_TOKENS * len(request.messages) + schema


def _bytes(request: Request) -> int:
    return sum(len(message.content.encode()) for message in request.messages)


def _read(file: Path) -> Prices:
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as e:
        raise InputError(f"cannot be read ({e.strerror})", file) from e
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
        raise InputError(f"is not a price table in TOML ({e})", file) from e
    models = table.get("models")
    if not isinstance(models, dict) or "date" not in table:
        raise InputError("a price table needs `date` and at least one `[models.NAME]`", file)
    return Prices(str(table["date"]), {n: price_from(row, file) for n, row in models.items()})
