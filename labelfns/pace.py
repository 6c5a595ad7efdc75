"""How fast a model may be asked: slots, requests and tokens a minute, learned as it answers."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from labelfns.errors import Fatal

Clock = Callable[[], float]
Sleep = Callable[[float], Awaitable[None]]
JAM = 5  # unexplained failures in a row; fewer happen by chance on a good line


@dataclass(frozen=True, slots=True)
class Limit:
    """What a provider said of one of its limits: so many a minute, so many left right now."""

    per_minute: float
    left: float


@dataclass
class Bucket:
    """So many a minute, as a level that fills up steadily and that every call takes from."""

    per_minute: float
    level: float
    at: float

    def take(self, amount: float, now: float) -> float:
        """Take `amount` out, going below zero where it must; give the seconds until that is filled.

        One call that needs more than a whole minute's worth goes as soon as the bucket is full.
        """
        self._fill(now)
        self.level -= min(amount, self.per_minute)
        return max(0.0, -self.level * 60.0 / self.per_minute)

    def heard(self, limit: Limit, now: float) -> None:
        """Believe the provider where it knows of fewer left than we do."""
        self._fill(now)
        self.per_minute = limit.per_minute
        self.level = min(self.level, limit.left)

    def _fill(self, now: float) -> None:
        gained = (now - self.at) * self.per_minute / 60.0
        self.level, self.at = min(self.per_minute, self.level + gained), now


@dataclass
class Pace:
    """The pace of one model, shared by all who ask it.

    Starts with one question alone, so that a wrong key costs one call; opens `at_once` slots
    when it was answered; halves them when the server is busy and wins one back with each round
    of answers, as TCP does. Limits a minute are those given here, or what the server's headers say.
    """

    at_once: int = 64
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    clock: Clock = time.monotonic
    sleep: Sleep = asyncio.sleep
    allowed: float = field(default=1.0, init=False)
    broken: Fatal | None = field(default=None, init=False)
    _tried: bool = field(default=False, init=False)
    _busy_in_a_row: int = field(default=0, init=False)
    _in_flight: int = field(default=0, init=False)
    _closed_until: float = field(default=0.0, init=False)
    _waiting: deque[asyncio.Future[None]] = field(default_factory=deque, init=False)
    _buckets: dict[str, Bucket] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        for kind, limit in (
            ("requests", self.requests_per_minute),
            ("tokens", self.tokens_per_minute),
        ):
            if limit is not None:
                self._buckets[kind] = Bucket(limit, limit, self.clock())

    @asynccontextmanager
    async def turn(self, needs: Mapping[str, float]) -> AsyncIterator[None]:
        """Wait for a slot, and until every limit named in `needs` has that much left.

        Raises the Fatal error that stopped this model, if one did.
        """
        await self._slot()
        try:
            await self._go_ahead(needs)
            yield
        finally:
            self._in_flight -= 1
            self._wake()

    def answered(self) -> None:
        """Note an answer: open up after the first one, then win slots back slowly."""
        grown = self.allowed + 1.0 / self.allowed if self._tried else float(self.at_once)
        self._tried, self._busy_in_a_row = True, 0
        self.allowed = min(float(self.at_once), grown)
        self._wake()

    def busy(self, retry_after: float | None) -> None:
        """Note that the server is busy.

        Where it says for how long, nothing is asked until then, and half as much at once after,
        unless it told its limits, for then the pace is known; all who hear it during one pause
        hear of the same jam. Where it does not, one call's bad luck slows only that call; `JAM`
        in a row are a jam.
        """
        now = self.clock()
        self._busy_in_a_row += 1
        if retry_after is None:
            jam = self._busy_in_a_row % JAM == 0
        else:
            jam = now >= self._closed_until and not self._buckets
            self._closed_until = max(self._closed_until, now + retry_after)
        if jam:
            self.allowed = max(1.0, self.allowed / 2)

    def heard(self, limits: Mapping[str, Limit]) -> None:
        """Note the limits a server's answer told of."""
        now = self.clock()
        for kind, limit in limits.items():
            if limit.per_minute > 0:
                bucket = self._buckets.setdefault(kind, Bucket(limit.per_minute, limit.left, now))
                bucket.heard(self._no_more_than_asked(kind, limit), now)

    def stop(self, error: Fatal) -> None:
        """Let nobody ask this model again: they all get `error`."""
        self.broken = error
        self._wake()

    def _no_more_than_asked(self, kind: str, limit: Limit) -> Limit:
        own = {"requests": self.requests_per_minute, "tokens": self.tokens_per_minute}.get(kind)
        return limit if own is None else Limit(min(own, limit.per_minute), limit.left)

    async def _slot(self) -> None:
        while self.broken is None and self._in_flight >= int(self.allowed):
            waiter = asyncio.get_running_loop().create_future()
            self._waiting.append(waiter)
            try:
                await waiter
            except asyncio.CancelledError:
                self._wake()  # the turn that was passed to us goes to the next in line
                raise
        if self.broken is not None:
            raise self.broken
        self._in_flight += 1

    async def _go_ahead(self, needs: Mapping[str, float]) -> None:
        now = self.clock()
        waits = [bucket.take(needs.get(kind, 0.0), now) for kind, bucket in self._buckets.items()]
        mine = now + max(waits, default=0.0)
        while (wait := max(mine, self._closed_until) - self.clock()) > 0.0:
            await self.sleep(wait)
        if self.broken is not None:
            raise self.broken

    def _wake(self) -> None:
        free = len(self._waiting) if self.broken else int(self.allowed) - self._in_flight
        while self._waiting and free > 0:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                free -= 1
