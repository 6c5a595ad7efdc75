"""HTTP/1.1 on a loopback socket: just enough of it, and able to break an answer in the middle."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request; header names are in small letters."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP answer; `dropped` breaks the line after the first half of the body."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    dropped: bool = False


def json_reply(status: int, body: object, headers: Mapping[str, str] | None = None) -> Reply:
    """Answer with JSON."""
    kind = {"content-type": "application/json"}
    return Reply(status, json.dumps(body).encode(), {**kind, **(headers or {})})


PHRASES = {known.value: known.phrase for known in HTTPStatus}
Handler = Callable[[Call], Awaitable[Reply]]
Written = Callable[[Call, Reply], None]


class Wire:
    """Listens on 127.0.0.1; `written` is told of every answer that went out whole."""

    def __init__(self, handler: Handler, written: Written) -> None:
        self._handler = handler
        self._written = written
        self._open: set[asyncio.Task[None]] = set()

    async def listen(self, port: int) -> int:
        """Start; give the port, a free one where 0 was asked for."""
        self._server = await asyncio.start_server(self._line, "127.0.0.1", port, limit=2**20)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stop listening and drop every line."""
        self._server.close()
        for line in self._open:
            line.cancel()
        while self._open:
            await asyncio.sleep(0)

    async def _line(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # streams run every line in a task of its own
        self._open.add(task)
        try:
            while (call := await _read(reader)) is not None:
                reply = await self._handler(call)
                await _write(writer, reply)
                if reply.dropped:
                    break
                self._written(call, reply)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the caller went away; what it asked is not counted as answered
        except asyncio.CancelledError:
            pass  # `close` did it; streams would log it as an error
        finally:
            writer.transport.abort()
            self._open.discard(task)


async def _read(reader: asyncio.StreamReader) -> Call | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.rstrip().split("\r\n")
    method, path, _ = first.split(" ", 2)
    headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Call(method, path, headers, body)


async def _write(writer: asyncio.StreamWriter, reply: Reply) -> None:
    headers = {**reply.headers, "content-length": str(len(reply.body))}
    head = [f"HTTP/1.1 {reply.status} {PHRASES.get(reply.status, 'Unknown')}"]
    head += [f"{name}: {value}" for name, value in headers.items()]
    body = reply.body[: len(reply.body) // 2] if reply.dropped else reply.body
    writer.write("\r\n".join([*head, "", ""]).encode("latin-1") + body)
    await writer.drain()
