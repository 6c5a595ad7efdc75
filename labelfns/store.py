"""One SQLite file: every answer under a hash of exactly what was asked, and what was spent.

It is the log, the cache and the resume point. An answer is committed as it lands, so a killed
run loses none. Refusals and failures are kept as calls, never as answers.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from types import TracebackType
from typing import Any

from labelfns.ask import Answer, Ask, Request
from labelfns.errors import AskError, InputError, NotAsked
from labelfns.store_file import connect, lock, told

COLUMNS = "text, scores, input_tokens, cached_tokens, output_tokens, seconds, cost"
KEEP = (
    f"INSERT OR REPLACE INTO answers (key, model, question, {COLUMNS}, source) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'asked')"
)
CALL = "INSERT INTO calls (key, model, outcome, note, cost, seconds) VALUES (?, ?, ?, ?, ?, ?)"
COPY = (
    f"INSERT OR IGNORE INTO answers (key, model, question, {COLUMNS}, source) "
    f"SELECT key, model, question, {COLUMNS}, 'recorded' FROM recorded.answers"
)
DIGITS = 5  # of the scores that are kept


class Store:
    """The answers and calls of one task. Opened for writing by one process at a time.

    Raises InputError where the file is no usable store, cannot be written, or is in use.
    """

    def __init__(self, file: Path, *, read_only: bool = False) -> None:
        self.file = file
        self._lock = None if read_only else lock(file)
        try:
            self.connection = connect(file, read_only)
        except (sqlite3.Error, InputError) as e:
            self._unlock()
            raise told(e, file) from e

    def answer(self, key: str, source: str | None = None) -> Answer | None:
        """Give the answer under `key`, or None; with `source`, only one that came from there."""
        row = self._one(
            f"SELECT {COLUMNS}, source FROM answers WHERE key = ?", (bytes.fromhex(key),)
        )
        if row is None or (source and row[-1] != source):
            return None
        text, scores, sent, cached, wrote, seconds, cost, _ = row
        return Answer(text, scores and json.loads(scores), sent, cached, wrote, seconds, cost, True)

    def remember(self, request: Request, answer: Answer) -> Answer:
        """Commit an answer, and the call that brought it, at once. Gives the answer as kept."""
        if answer.scores is not None:
            # Rounded here and not at reading: a run that asks and one that remembers must agree.
            rounded = {choice: round(score, DIGITS) for choice, score in answer.scores.items()}
            answer = replace(answer, scores=rounded)
        key, model = bytes.fromhex(request.key()), request.model
        question = json.dumps([asdict(m) for m in request.messages], ensure_ascii=False)
        scores = answer.scores and json.dumps(dict(answer.scores), ensure_ascii=False)
        numbers = (answer.input_tokens, answer.cached_tokens, answer.output_tokens,
                   answer.seconds, answer.cost)  # fmt: skip
        with self._writing():
            self.connection.execute(KEEP, (key, model, question, answer.text, scores, *numbers))
            call = (key, model, "answered", "", answer.cost, answer.seconds)
            self.connection.execute(CALL, call)
        return answer

    def failed(self, request: Request, error: AskError) -> None:
        """Keep a call that brought no answer; it will be asked again."""
        key, outcome = bytes.fromhex(request.key()), type(error).__name__.lower()
        with self._writing():
            call = (key, request.model, outcome, str(error), error.cost, 0.0)
            self.connection.execute(CALL, call)

    def spent(self) -> float:
        """US dollars spent by all calls so far, over all runs."""
        row = self._one("SELECT coalesce(sum(cost), 0) FROM calls")
        return float(row[0]) if row else 0.0

    def counts(self) -> dict[str, int]:
        """Count the answers by where they came from: asked, recorded."""
        return dict(self.connection.execute("SELECT source, count(*) FROM answers GROUP BY source"))

    def seed(self, recorded: Path) -> int:
        """Copy answers that were recorded elsewhere; those already here stay. Gives how many."""
        before = self.connection.total_changes
        uri = f"{recorded.absolute().as_uri()}?mode=ro&immutable=1"
        try:
            self.connection.execute("ATTACH ? AS recorded", (uri,))
            self.connection.execute("SELECT key FROM recorded.answers LIMIT 1")
        except sqlite3.Error as e:
            self._detach()
            raise InputError(f"cannot be read as recorded answers ({e})", recorded) from e
        try:
            with self._writing():
                self.connection.execute(COPY)
        finally:
            self._detach()
        return self.connection.total_changes - before

    def close(self) -> None:
        """Close the file and let another process have it."""
        self.connection.close()
        self._unlock()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _unlock(self) -> None:
        if self._lock is not None:
            self._lock.release()

    def _detach(self) -> None:
        with suppress(sqlite3.Error):  # it is not attached where attaching failed
            self.connection.execute("DETACH recorded")

    def _one(self, query: str, values: tuple[Any, ...] = ()) -> tuple[Any, ...] | None:
        try:
            row: tuple[Any, ...] | None = self.connection.execute(query, values).fetchone()
        except sqlite3.Error as e:
            raise told(e, self.file) from e
        return row

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            with self.connection:
                yield
        except sqlite3.OperationalError as e:
            raise InputError(
                f"cannot be written ({e}); answers up to here are kept", self.file
            ) from e
        except sqlite3.DatabaseError as e:
            raise told(e, self.file) from e


def remembered(ask: Ask, store: Store) -> Ask:
    """Answer from the store what it holds; ask the rest, once each, and keep it."""
    in_flight: dict[str, asyncio.Future[Answer]] = {}

    async def layer(request: Request) -> Answer:
        key = request.key()
        if known := store.answer(key):
            return known
        if key in in_flight:
            return await asyncio.shield(in_flight[key])
        in_flight[key] = future = asyncio.ensure_future(_asked(ask, store, request))
        try:
            return await future
        finally:
            in_flight.pop(key, None)

    return layer


async def _asked(ask: Ask, store: Store, request: Request) -> Answer:
    try:
        answer = await ask(request)
    except AskError as e:
        store.failed(request, e)
        raise
    return store.remember(request, answer)


def only_remembered(store: Store, source: str | None = None) -> Ask:
    """Answer from the store alone: what it does not hold stays unasked."""

    async def layer(request: Request) -> Answer:
        known = store.answer(request.key(), source)
        if known is None:
            raise NotAsked("no answer in the store")
        return known

    return layer
