"""Opening a store's file: one process at a time, the schema, and what is no store of ours."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from filelock import FileLock, Timeout

from labelfns.errors import InputError

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


def lock(file: Path) -> FileLock:
    """Keep other processes out; raises InputError where one is in, or nothing can be written."""
    held = FileLock(file.with_name(file.name + ".lock"), timeout=0, thread_local=False)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        held.acquire()
    except Timeout:
        raise InputError(
            "another run is writing to this store; wait for it or stop it", file
        ) from None
    except OSError as e:
        raise InputError(
            f"cannot be written ({e.strerror}); choose a folder you may write to", file
        ) from e
    return held


def connect(file: Path, read_only: bool) -> sqlite3.Connection:
    """Open the file, with the newest schema unless it is only read; raises InputError."""
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


def told(error: Exception, file: Path) -> InputError:
    """Say in a sentence what SQLite says of a file."""
    if isinstance(error, InputError):
        return error
    return InputError(f"is no usable store ({error}); move it away or restore a copy", file)
