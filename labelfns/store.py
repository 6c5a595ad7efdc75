"""One SQLite file: every answer under a hash of exactly what was asked, and what was spent.

It is the log, the cache and the resume point. An answer is committed as it lands, so a killed
run loses none. Refusals and failures are kept as calls, never as answers.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import TracebackType

from labelfns.ask import Answer, Ask, Request
from labelfns.errors import AskError, InputError, NotAsked

MIGRATIONS = (
    """
    CREATE TABLE answers (
        key BLOB PRIMARY KEY,            -- SHA-256 of the request
        model TEXT NOT NULL,
        question TEXT,                   -- the messages, for a reader; may be left out of a copy
        text TEXT NOT NULL,
        scores TEXT,                     -- JSON: choice -> log-probability
        input_tokens INTEGER, cached_tokens INTEGER, output_tokens INTEGER,
        seconds REAL, cost REAL,         -- as asked, in US dollars
        source TEXT NOT NULL             -- asked | recorded
    ) WITHOUT ROWID;
    CREATE TABLE calls (
        id INTEGER PRIMARY KEY, at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
        key BLOB NOT NULL, model TEXT NOT NULL, outcome TEXT NOT NULL, note TEXT,
        cost REAL NOT NULL, seconds REAL NOT NULL
    );
    """,
)
COLUMNS = "text, scores, input_tokens, cached_tokens, output_tokens, seconds, cost"


class Store:
    """The answers and calls of one task. Opened for writing by one process at a time."""

    def __init__(self, file: Path, *, read_only: bool = False) -> None:
        self.file = file
        self._lock = -1 if read_only else _lock(file)
        try:
            self.connection = _open(file, read_only)
        except sqlite3.DatabaseError as e:
            self._unlock()
            raise InputError(
                f"is no usable store ({e}); move it away or restore a copy", file
            ) from e

    def answer(self, key: str, source: str | None = None) -> Answer | None:
        """Give the answer under `key`, or None; with `source`, only one that came from there."""
        row = self.connection.execute(
            f"SELECT {COLUMNS}, source FROM answers WHERE key = ?", (bytes.fromhex(key),)
        ).fetchone()
        if row is None or (source and row[-1] != source):
            return None
        text, scores, *numbers, _ = row
        return Answer(text, scores and json.loads(scores), *numbers, remembered=True)

    def remember(self, request: Request, answer: Answer) -> None:
        """Commit an answer, and the call that brought it, at once."""
        key = bytes.fromhex(request.key())
        question = json.dumps([asdict(m) for m in request.messages], ensure_ascii=False)
        scores = None if answer.scores is None else json.dumps(
            {choice: round(score, 5) for choice, score in answer.scores.items()}, ensure_ascii=False)  # fmt: skip
        with self._writing():
            self.connection.execute(
                f"INSERT OR REPLACE INTO answers (key, model, question, {COLUMNS}, source) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'asked')",
                (key, request.model, question, answer.text, scores, answer.input_tokens,
                 answer.cached_tokens, answer.output_tokens, answer.seconds, answer.cost))  # fmt: skip
            self._call(key, request.model, "answered", "", answer.cost, answer.seconds)

    def failed(self, request: Request, error: AskError) -> None:
        """Keep a call that brought no answer; it will be asked again."""
        with self._writing():
            outcome = type(error).__name__.lower()
            self._call(bytes.fromhex(request.key()), request.model, outcome, str(error), error.cost, 0.0)

    def spent(self) -> float:
        """US dollars spent by all calls so far, over all runs."""
        return float(
            self.connection.execute("SELECT coalesce(sum(cost), 0) FROM calls").fetchone()[0]
        )

    def counts(self) -> dict[str, int]:
        """Number of answers by where they came from: asked, recorded."""
        return dict(self.connection.execute("SELECT source, count(*) FROM answers GROUP BY source"))

    def seed(self, recorded: Path) -> int:
        """Copy answers that were recorded elsewhere; those already here stay. Gives how many."""
        before = self.connection.total_changes
        try:
            self.connection.execute(
                "ATTACH ? AS recorded", (f"{recorded.absolute().as_uri()}?mode=ro&immutable=1",)
            )
            with self._writing():
                self.connection.execute(
                    f"INSERT OR IGNORE INTO answers (key, model, question, {COLUMNS}, source) "
                    f"SELECT key, model, question, {COLUMNS}, 'recorded' FROM recorded.answers")  # fmt: skip
            self.connection.execute("DETACH recorded")
        except sqlite3.DatabaseError as e:
            raise InputError(f"cannot be read as recorded answers ({e})", recorded) from e
        return self.connection.total_changes - before

    def close(self) -> None:
        """Close the file and let another process have it."""
        self.connection.close()
        self._unlock()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:  # fmt: skip
        self.close()

    def _unlock(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _call(
        self, key: bytes, model: str, outcome: str, note: str, cost: float, seconds: float
    ) -> None:
        self.connection.execute(
            "INSERT INTO calls (key, model, outcome, note, cost, seconds) VALUES (?, ?, ?, ?, ?, ?)",
            (key, model, outcome, note, cost, seconds),
        )

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            with self.connection:
                yield
        except sqlite3.OperationalError as e:
            raise InputError(
                f"cannot be written ({e}); answers up to here are kept", self.file
            ) from e


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
    store.remember(request, answer)
    return answer


def only_remembered(store: Store, source: str | None = None) -> Ask:
    """Answer from the store alone: what it does not hold stays unasked."""

    async def layer(request: Request) -> Answer:
        known = store.answer(request.key(), source)
        if known is None:
            raise NotAsked("no answer in the store")
        return known

    return layer


def _lock(file: Path) -> int:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(file.with_name(file.name + ".lock"), os.O_CREAT | os.O_RDWR)
    except OSError as e:
        raise InputError(
            f"cannot be written ({e.strerror}); choose a folder you may write to", file
        ) from e
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise InputError(
            "another run is writing to this store; wait for it or stop it", file
        ) from None
    return handle


def _open(file: Path, read_only: bool) -> sqlite3.Connection:
    uri = file.absolute().as_uri() + ("?mode=ro" if read_only else "")
    connection = sqlite3.connect(uri, uri=True, timeout=60)
    if read_only:
        connection.execute("SELECT count(*) FROM sqlite_master")
        return connection
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    done = connection.execute("PRAGMA user_version").fetchone()[0]
    for number, migration in enumerate(MIGRATIONS[done:], done + 1):
        connection.executescript(f"BEGIN; {migration} PRAGMA user_version = {number}; COMMIT;")
    return connection
