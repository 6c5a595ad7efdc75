"""The batches under way, in the store's own file: what was sent where, so that none is lost."""

from __future__ import annotations

import json
import sqlite3
import time
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from labelfns.ask import Message, Request

TABLES = """
CREATE TABLE IF NOT EXISTS batches (
    name TEXT PRIMARY KEY,           -- ours, made before it is sent
    service TEXT NOT NULL,           -- provider, address and model
    remote TEXT,                     -- the provider's id; empty until it told us
    at REAL NOT NULL                 -- seconds since 1970
);
CREATE TABLE IF NOT EXISTS batch_rows (
    batch TEXT NOT NULL REFERENCES batches (name),
    key TEXT NOT NULL,               -- the request's, and the row's id at the provider
    request TEXT NOT NULL,           -- as JSON: the prompt may be gone when the answer comes
    PRIMARY KEY (batch, key)
) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One batch under way; `remote` is None when it may or may not have been sent."""

    name: str
    remote: str | None
    at: float
    requests: dict[str, Request]


class Book:
    """Reads and writes the batches of one service in a store's connection."""

    def __init__(self, connection: sqlite3.Connection, service: str) -> None:
        self._connection = connection
        self._service = service
        connection.executescript(TABLES)

    def open(self, requests: Sequence[Request]) -> Entry:
        """Write down a batch before it is sent."""
        name = uuid.uuid4().hex
        with self._connection:
            self._connection.execute(
                "INSERT INTO batches (name, service, at) VALUES (?, ?, ?)",
                (name, self._service, time.time()),
            )
            self._connection.executemany(
                "INSERT INTO batch_rows (batch, key, request) VALUES (?, ?, ?)",
                [(name, r.key(), json.dumps(asdict(r), ensure_ascii=False)) for r in requests],
            )
        return self._entry(name)

    def sent(self, name: str, remote: str) -> Entry:
        """Write down under which id the provider took it."""
        with self._connection:
            self._connection.execute("UPDATE batches SET remote = ? WHERE name = ?", (remote, name))
        return self._entry(name)

    def close(self, name: str) -> None:
        """Strike out a batch that is over, or that was never sent."""
        with self._connection:
            self._connection.execute("DELETE FROM batch_rows WHERE batch = ?", (name,))
            self._connection.execute("DELETE FROM batches WHERE name = ?", (name,))

    def under_way(self) -> list[Entry]:
        """List this service's batches that are not over, oldest first."""
        names = self._connection.execute(
            "SELECT name FROM batches WHERE service = ? ORDER BY at", (self._service,)
        ).fetchall()
        return [self._entry(name) for (name,) in names]

    def _entry(self, name: str) -> Entry:
        remote, at = self._connection.execute(
            "SELECT remote, at FROM batches WHERE name = ?", (name,)
        ).fetchone()
        rows = self._connection.execute(
            "SELECT key, request FROM batch_rows WHERE batch = ?", (name,)
        )
        return Entry(name, remote, at, {key: _request(text) for key, text in rows})


def _request(text: str) -> Request:
    fields = json.loads(text)
    messages = tuple(Message(**message) for message in fields.pop("messages"))
    return Request(messages=messages, **{name: _frozen(value) for name, value in fields.items()})


def _frozen(value: Any) -> Any:
    """Give lists back as the tuples they were before JSON."""
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
