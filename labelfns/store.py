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

from filelock import FileLock, Timeout

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
        self._lock = None if read_only else _lock(file)
        try:
            self.connection = _open(file, read_only)
        except (sqlite3.Error, InputError) as e:
            self._unlock()
            raise _told(e, file) from e

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
            raise _told(e, self.file) from e
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
            raise _told(e, self.file) from e


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


def _lock(file: Path) -> FileLock:
    lock = FileLock(file.with_name(file.name + ".lock"), timeout=0, thread_local=False)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise InputError(
            "another run is writing to this store; wait for it or stop it", file
        ) from None
    except OSError as e:
        raise InputError(
            f"cannot be written ({e.strerror}); choose a folder you may write to", file
        ) from e
    return lock


def _open(file: Path, read_only: bool) -> sqlite3.Connection:
    uri = file.absolute().as_uri() + ("?mode=ro" if read_only else "")
    # Collecting in a notebook runs in a thread of its own; only one thread writes at any time.
    connection = sqlite3.connect(uri, uri=True, timeout=60, check_same_thread=False)
    try:
        _check(connection, file)
        if not read_only:
            _migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _check(connection: sqlite3.Connection, file: Path) -> None:
    """Refuse another program's database, and one of a later version of ours."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    if version > len(MIGRATIONS):
        raise InputError("was written by a later version of Jurat; update Jurat to use it", file)
    if tables and not {"answers", "calls"} <= tables:
        raise InputError("is a database, but no store of answers; choose another file", file)


def _migrate(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    done = connection.execute("PRAGMA user_version").fetchone()[0]
    for number, migration in enumerate(MIGRATIONS[done:], done + 1):
        connection.executescript(f"BEGIN; {migration} PRAGMA user_version = {number}; COMMIT;")


def _told(error: Exception, file: Path) -> InputError:
    if isinstance(error, InputError):
        return error
    return InputError(f"is no usable store ({error}); move it away or restore a copy", file)
