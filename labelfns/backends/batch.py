"""Batch services: half the price and a day's patience. Fills the store; `collect` then votes.

    rest = ask_in_batches(unanswered(labelfns, items, known), backend, store, purse)

A batch is written into the store before it is sent, and its id as soon as it is known. After a
crash the next run finds what is under way, waits for that, and sends only the rest.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import Any, Protocol, TypeVar

from labelfns.ask import Answer, Ask, Request
from labelfns.backends.book import Book, Entry
from labelfns.errors import AskError, Busy, Rejected
from labelfns.layers import Purse, budgeted, limited, patient
from labelfns.pace import Sleep
from labelfns.prices import Price
from labelfns.store import Store

T = TypeVar("T")
ROUNDS = 3  # times a row that failed is sent again before it is left to the caller
ESCAPES = 2  # bytes of JSON a byte of text may become; more does not matter for prose
WRAPPING = 2000  # bytes of JSON around one request


class Service(Protocol):
    """A provider's batch service for one model. Every call may raise Busy, Rejected or Fatal."""

    name: str
    price: Price
    most_rows: int
    most_bytes: int

    async def submit(self, entry: Entry) -> str:
        """Send a batch; give the provider's id. A row's id is its request's key."""

    async def find(self, entry: Entry, known: set[str]) -> str | None:
        """Look for a batch that was perhaps sent; `known` are the ids of others."""

    async def over(self, remote: str) -> bool:
        """Say whether a batch has ended, one way or the other."""

    async def results(self, remote: str) -> Mapping[str, Any]:
        """Give what came of each row, by its id, in the provider's words; none for the unasked."""

    def read(self, request: Request, result: Any) -> Answer:
        """Read one result. Raises an AskError; Busy for a row that should be sent again."""


Progress = Callable[[int, int], None]
"""Called with (questions settled, questions in all)."""


def ask_in_batches(
    requests: Iterable[Request],
    service: Service,
    ask: Ask,
    store: Store,
    purse: Purse | None = None,
    *,
    poll: float = 60.0,
    sleep: Sleep = asyncio.sleep,
    progress: Progress | None = None,
) -> list[Request]:
    """Ask through a batch service, and keep the answers in `store`. Give what stays unanswered.

    One question goes live first, through `ask`, the backend that `service` was made of: it finds
    out whether the key is good and which settings the model takes, before thousands are sent.
    What `store` holds is not asked. Looks every `poll` seconds. Rows that failed, or that the
    service did not get to, are sent again, `ROUNDS` times in all. No batch is sent that `purse`
    could not pay at the worst; smaller ones go one after the other then.

    Raises OverBudget when not even one question fits, the other Fatal errors, and Rejected for a
    batch that is refused as a whole; other batches under way are not lost by that.
    """
    run = _Run(service, store, purse or Purse(float("inf")), sleep)
    return asyncio.run(run.all(list(requests), ask, poll, progress))


class _Run:
    """One run through a service: what is left, what is under way, how often each was tried."""

    def __init__(self, service: Service, store: Store, purse: Purse, sleep: Sleep) -> None:
        self.service = service
        self.store = store
        self.purse = purse
        self.sleep = sleep
        self.book = Book(store.connection, service.name)
        self.left: dict[str, Request] = {}
        self.flying: list[Entry] = []
        self.tried: Counter[str] = Counter()
        self.rows = service.most_rows
        self.jammed = False

    async def all(
        self, requests: list[Request], ask: Ask, poll: float, progress: Progress | None
    ) -> list[Request]:
        keyed = {request.key(): request for request in requests}
        self.left = {k: r for k, r in keyed.items() if self.store.answer(k) is None}
        await self.resume()
        if self.left and not self.flying:
            await self.first(ask)
        while self.left or self.flying:
            while not (self.jammed and self.flying) and (chunk := self.chunk()):
                await self.send(chunk)
            if not self.flying:
                break
            if progress:
                under_way = sum(len(entry.requests) for entry in self.flying)
                progress(len(requests) - len(self.left) - under_way, len(requests))
            await self.sleep(poll)
            await self.harvest()
        if any(self.tried[key] < ROUNDS for key in self.left):
            raise self.purse.over(min(map(self.worst, self.left.values())))
        return list(self.left.values())

    async def resume(self) -> None:
        """Take up the batches of earlier runs, and strike out those that were never sent."""
        entries = self.book.under_way()
        known = {entry.remote for entry in entries if entry.remote}
        for entry in entries:
            find = partial(self.service.find, entry, known)
            remote = entry.remote or await self.patiently(find)
            if remote is None:
                self.book.close(entry.name)
            else:
                known.add(remote)
                self.fly(self.book.sent(entry.name, remote))

    async def first(self, ask: Ask) -> None:
        key, request = next(iter(self.left.items()))
        live = budgeted(patient(limited(ask), sleep=self.sleep), self.purse, self.service.price)
        try:
            self.store.remember(request, await live(request))
        except AskError as e:
            self.store.failed(request, e)
        del self.left[key]

    def chunk(self) -> list[Request]:
        """Choose what goes next: as much as the service takes and the purse could pay."""
        chosen: list[Request] = []
        size, worst = 0, 0.0
        for key, request in self.left.items():
            if self.tried[key] >= ROUNDS:
                continue
            size += WRAPPING + ESCAPES * sum(len(m.content.encode()) for m in request.messages)
            worst += self.worst(request)
            full = len(chosen) >= self.rows or size > self.service.most_bytes
            if (full and chosen) or worst > self.purse.left:
                break
            chosen.append(request)
        return chosen

    async def send(self, chunk: list[Request]) -> None:
        entry = self.book.open(chunk)
        self.fly(self.book.sent(entry.name, await self.submitted(entry)))

    async def submitted(self, entry: Entry) -> str:
        """Submit; where the line broke, look first whether the provider has it all the same."""
        known = {other.remote for other in self.flying if other.remote}

        async def once() -> str:
            try:
                return await self.service.submit(entry)
            except Busy:
                if remote := await self.service.find(entry, known):
                    return remote
                raise

        return await self.patiently(once)

    def fly(self, entry: Entry) -> None:
        self.flying.append(entry)
        self.purse.held += self.held(entry)
        for key in entry.requests:
            self.left.pop(key, None)
            self.tried[key] += 1

    async def harvest(self) -> None:
        for entry in list(self.flying):
            remote = entry.remote or ""
            if not await self.patiently(partial(self.service.over, remote)):
                continue
            try:
                results = await self.patiently(partial(self.service.results, remote))
            except Rejected:  # as a whole: it would be refused again, so nobody waits for it
                self.land(entry, 0.0)
                raise
            if not any(key in results for key in entry.requests):
                self.jam(entry)
            self.land(
                entry, sum(self.settled(key, r, results) for key, r in entry.requests.items())
            )

    def land(self, entry: Entry, cost: float) -> None:
        self.purse.settle(self.held(entry), cost)
        self.flying.remove(entry)
        self.book.close(entry.name)

    def jam(self, entry: Entry) -> None:
        """Take a batch that came to nothing for too much: send half as much, and that alone."""
        self.jammed = True
        if len(entry.requests) > 1:
            self.rows = len(entry.requests) // 2
            self.tried.subtract(entry.requests.keys())

    def settled(self, key: str, request: Request, results: Mapping[str, Any]) -> float:
        """Keep one row's answer, note its failure, or put it back; give what it cost."""
        if self.store.answer(key):
            return 0.0  # kept before a crash that came before the batch was struck out
        try:
            if key not in results:
                raise Busy("the batch service did not get to it")
            answer = self.service.read(request, results[key])
            self.store.remember(request, answer)
            return answer.cost
        except Busy as e:
            self.left[key] = request
            if self.tried[key] >= ROUNDS:
                self.store.failed(request, e)
            return e.cost
        except AskError as e:
            self.store.failed(request, e)
            return e.cost

    def worst(self, request: Request) -> float:
        return self.service.price.worst(request) * self.service.price.batch

    def held(self, entry: Entry) -> float:
        return sum(map(self.worst, entry.requests.values()))

    async def patiently(self, call: Callable[[], Awaitable[T]]) -> T:
        """Call, and again while the service is Busy, as `patient` does for questions."""
        results: list[T] = []

        async def once(request: Request) -> Answer:
            results.append(await call())
            return Answer("")

        await patient(once, sleep=self.sleep)(Request("", ()))
        return results[0]
