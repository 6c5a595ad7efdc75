"""The rehearsed server: both providers behind one address, on a thread of its own."""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
import time
from collections import Counter, deque
from collections.abc import Coroutine
from types import TracebackType
from typing import TypeVar

from labelfns.pace import Bucket
from labelfns.rehearse.anthropic import AnthropicDialect
from labelfns.rehearse.batches import AnthropicBatches, OpenAIBatches
from labelfns.rehearse.dialect import Dialect, Json
from labelfns.rehearse.manners import Manners, Trouble
from labelfns.rehearse.model import say, tokens
from labelfns.rehearse.openai import OpenAIDialect
from labelfns.rehearse.wire import Call, Reply, Wire, json_reply

Result = TypeVar("Result")
STATUS = {
    Trouble.LIMIT: 429,
    Trouble.FAIL: 500,
    Trouble.OVERLOADED: 529,
    Trouble.REJECT: 400,
    Trouble.BAD_KEY: 401,
}
CHATS = {"/v1/chat/completions": "openai", "/v1/messages": "anthropic"}


class Rehearsal:
    """A server on loopback that speaks OpenAI's and Anthropic's wire formats.

    Use it as a context manager, or `start` and `stop` it. Its OpenAI address is `openai_url`, its
    Anthropic address `anthropic_url`. `answered` counts, for each body it answered, how often
    the answer went out whole; `statuses` counts every reply.
    """

    def __init__(self, manners: Manners | None = None, port: int = 0) -> None:
        self.manners = manners or Manners()
        self.port = port
        self.answered: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self.bodies: deque[Json] = deque(maxlen=1000)  # the last calls, for a test to look at
        self._dialects: dict[str, Dialect] = {
            "openai": OpenAIDialect(),
            "anthropic": AnthropicDialect(),
        }
        self._batches = (
            OpenAIBatches(self._dialects["openai"]),
            AnthropicBatches(self._dialects["anthropic"]),
        )
        self._buckets: dict[str, Bucket] = {}
        self._wire = Wire(self._handle, self._written)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @property
    def openai_url(self) -> str:
        """The `base_url` for OpenAI's SDK."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def anthropic_url(self) -> str:
        """The `base_url` for Anthropic's SDK."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def calls(self) -> int:
        """Number of calls answered whole, repeated ones too; failures do not count."""
        return self.answered.total()

    def start(self) -> Rehearsal:
        """Listen. A port of 0 takes a free one."""
        self._thread.start()
        self.port = self._do(self._wire.listen(self.port))
        return self

    def stop(self) -> None:
        """Stop listening and drop the lines that are open."""
        self._do(self._wire.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __enter__(self) -> Rehearsal:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _do(self, work: Coroutine[None, None, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _handle(self, call: Call) -> Reply:
        path = call.path.partition("?")[0]
        if path == "/rehearse/counts":
            return json_reply(200, self.counts())
        provider = CHATS.get(path)
        reply = self._served(call) if provider is None else await self._chat(provider, call)
        self.statuses[reply.status] += 1
        return reply

    def counts(self) -> Json:
        """Count the calls answered whole, those answered more than once, and all replies."""
        repeated = sum(times - 1 for times in self.answered.values())
        return {"answered": self.calls, "repeated": repeated, "statuses": dict(self.statuses)}

    def _served(self, call: Call) -> Reply:
        """Serve what is not a question: files and batches."""
        for batches in self._batches:
            if batches.mine(call):
                if error := self._wrong_key(batches.dialect, call):
                    return error
                return batches.serve(call, self.manners)
        return json_reply(404, {"error": {"message": f"nothing is at {call.path}"}})

    async def _chat(self, provider: str, call: Call) -> Reply:
        dialect, manners = self._dialects[provider], self.manners
        body = json.loads(call.body)
        self.bodies.append(body)
        if manners.delay:
            await asyncio.sleep(manners.delay)
        error = self._wrong_key(dialect, call) or self._unsupported(dialect, body)
        if error:
            return error
        full, headers = self._limited(dialect, body)
        trouble = Trouble.LIMIT if full else manners.trouble()
        if trouble in STATUS:
            return self._failed(dialect, trouble, headers)
        if trouble is Trouble.RUBBISH:
            return Reply(200, b"<html><h1>It works!</h1></html>", {"content-type": "text/html"})
        said = say(manners, *dialect.question(body), trouble=trouble)
        reply = json_reply(200, dialect.answer(body, said, manners), headers)
        return Reply(200, reply.body, reply.headers, dropped=trouble is Trouble.DROP)

    def _failed(self, dialect: Dialect, trouble: Trouble, headers: dict[str, str]) -> Reply:
        reply = dialect.error(STATUS[trouble], f"rehearsed: {trouble}")
        if trouble is Trouble.LIMIT:
            headers = {**headers, "retry-after": str(self.manners.retry_after)}
        return Reply(reply.status, reply.body, {**reply.headers, **headers})

    def _wrong_key(self, dialect: Dialect, call: Call) -> Reply | None:
        key = dialect.key(call.headers)
        if self.manners.key is None or key == self.manners.key:
            return None
        return dialect.error(401, f"Incorrect API key provided: {key}")  # as a real one quotes it

    def _unsupported(self, dialect: Dialect, body: Json) -> Reply | None:
        flat = {**body, **(body.get("output_config") or {})}
        for name in self.manners.unsupported:
            name, _, value = name.partition("=")
            if name in flat and value in ("", str(flat[name])):
                return dialect.error(
                    self.manners.objects, f"{name} is not supported with this model", name
                )
        return None

    def _limited(self, dialect: Dialect, body: Json) -> tuple[bool, dict[str, str]]:
        """Take a call out of the limits; say whether one is used up, and tell of them all."""
        amounts = {"requests": 1.0, "tokens": float(tokens(dialect.question(body)[0]))}
        rates = {
            "requests": self.manners.requests_per_minute,
            "tokens": self.manners.tokens_per_minute,
        }
        full, headers, now = False, dict[str, str](), time.monotonic()
        for kind, rate in rates.items():
            if rate is not None:
                bucket = self._buckets.setdefault(kind, Bucket(rate, rate, now))
                if bucket.take(amounts[kind], now) > 0:
                    bucket.level += amounts[kind]  # a call that is turned away uses nothing up
                    full = True
                headers |= dialect.limits(kind, rate, bucket.level)
        return full, headers

    def _written(self, call: Call, reply: Reply) -> None:
        if reply.status == 200 and call.path in CHATS:
            self.answered[hashlib.sha256(call.body).hexdigest()] += 1
