"""What all hosted models share: a key, a price, a pace, and finding out what they take."""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, Generic

import httpx2

from labelfns.ask import Answer, Request
from labelfns.backends.clients import Client, PerLoop, key_from
from labelfns.backends.failures import failure
from labelfns.backends.limits import limits
from labelfns.backends.settings import Settings
from labelfns.errors import Busy
from labelfns.pace import Pace
from labelfns.prices import FREE, Price, load_prices

Body = dict[str, Any]
OBJECTS = (400, 403, 422)  # 403: "You are not allowed to request logprobs from this model"


class Hosted(ABC, Generic[Client]):
    """An Ask through a provider's SDK, whose own retries are off: `labelfns.layers` retries."""

    STATUS_ERROR: ClassVar[type[Any]]
    CONNECTION_ERROR: ClassVar[type[Exception]]

    def __init__(
        self,
        model: str,
        base_url: str | None,
        *,
        price: Price | None,
        pace: Pace | None,
        timeout: float,
        key_name: str,
        extra: Mapping[str, object] | None,
    ) -> None:
        self.model = model
        self.extra = extra or {}
        self.base_url = base_url
        self.price = price or (FREE if base_url else load_prices().of(model))
        self.timeout = timeout
        self.key_name = key_name
        self._pace = pace or Pace()
        self._settings = Settings(self.ladders(thinks=self.price.room > 0))
        self._clients: PerLoop[Client] = PerLoop(self.connect)

    async def __call__(self, request: Request) -> Answer:
        """Ask once; more often only to find out which settings the model takes."""
        while True:
            settings = self._settings.now()
            body = self.body(request, settings)
            started = time.perf_counter()
            with translated(self):
                try:
                    reply = await self.send(await self.client(), body)
                except self.STATUS_ERROR as e:
                    self._pace.heard(limits(e.response.headers))
                    name = self.objected(e.body, body) if e.status_code in OBJECTS else None
                    if name is None:
                        raise
                    self._settings.refuse(name, settings[name])
                    continue
            self._pace.heard(limits(reply.headers))
            return self.answer(request, self._parsed(reply.content), time.perf_counter() - started)

    async def client(self) -> Client:
        """Give the SDK's client for the running event loop. Raises BadKey."""
        return await self._clients.get()

    def key(self) -> str:
        """Read the key; only a server of one's own may do without. Raises BadKey."""
        return key_from(self.key_name, needed=self.base_url is None)

    def failure(self, status: int, body: object, headers: Mapping[str, str]) -> Exception:
        """Say what an HTTP status of 400 or more means, without the key."""
        secret = key_from(self.key_name, needed=False)
        return failure(self.model, status, body, headers, self.key_name, secret)

    @abstractmethod
    def connect(self) -> Client:
        """Make the SDK's client. Raises BadKey."""

    @abstractmethod
    def ladders(self, thinks: bool) -> Mapping[str, Sequence[object]]:
        """List the optional settings, each with the values to try, best first."""

    @abstractmethod
    def body(self, request: Request, settings: Mapping[str, object] | None = None) -> Body:
        """Write the body of a request, with the settings the model is known to take."""

    @abstractmethod
    async def send(self, client: Client, body: Body) -> httpx2.Response:
        """Send it; give the answer as it came."""

    @abstractmethod
    def objected(self, said: object, body: Body) -> str | None:
        """Find the setting in `body` that the server does not take, if it names one."""

    @abstractmethod
    def answer(
        self, request: Request, reply: Body, seconds: float = 0.0, batch: bool = False
    ) -> Answer:
        """Read an answer's body. Raises Refused, Truncated or, where it is rubbish, Busy."""

    def _parsed(self, content: bytes) -> Body:
        try:
            reply = json.loads(content)
        except ValueError:
            raise Busy(f"{self.model}: an answer that is no JSON") from None
        return reply if isinstance(reply, dict) else {}


@contextmanager
def translated(backend: Hosted[Any]) -> Iterator[None]:
    """Turn the SDK's errors into ours."""
    try:
        yield
    except backend.STATUS_ERROR as e:
        raise backend.failure(e.status_code, e.body, e.response.headers) from None
    except backend.CONNECTION_ERROR as e:
        said = f"{backend.model}: {type(e).__name__} ({e.__cause__ or e})"
        raise Busy(said) from None
