"""One client of a provider's SDK for each event loop: connections do not outlive theirs."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable
from typing import Generic, Protocol, TypeVar

from labelfns.errors import BadKey


class Closes(Protocol):
    """An SDK's client."""

    async def close(self) -> None:
        """Close its connections."""


Client = TypeVar("Client", bound=Closes)


class PerLoop(Generic[Client]):
    """Makes the client at the first question, not before: only then is a key needed."""

    def __init__(self, make: Callable[[], Client]) -> None:
        self._make = make
        self._loop: asyncio.AbstractEventLoop | None = None
        self._keeper: AsyncGenerator[Client, None] | None = None
        self._client: Client | None = None

    async def get(self) -> Client:
        """Give the client of the running event loop."""
        loop = asyncio.get_running_loop()
        if self._client is None or self._loop is not loop:
            # asyncio.run closes every generator that is still open when its loop ends: so the
            # connections are closed in time, and an Ask stays a plain function.
            self._loop, self._keeper = loop, _keep(self._make())
            self._client = await anext(self._keeper)
        return self._client


async def _keep(client: Client) -> AsyncGenerator[Client, None]:
    try:
        yield client
    finally:
        await client.close()


def key_from(name: str, needed: bool) -> str:
    """Read a key from the environment; "none" where a server of one's own needs none.

    Raises BadKey.
    """
    key = os.environ.get(name, "")
    if not key and needed:
        raise BadKey(f"no key: set the environment variable {name} and run again")
    return key or "none"
