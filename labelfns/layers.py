"""Layers around a backend: each takes an `Ask` and gives an `Ask`.

The order, from the outside in: remembered (in `store.py`), budgeted, patient, limited, backend.
A remembered answer takes neither money nor a slot; a try that is repeated waits for its turn
again; money is held for a question once, however often it is tried.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

from labelfns.ask import Answer, Ask, Request
from labelfns.errors import AskError, Busy, Fatal, OverBudget
from labelfns.pace import Pace, Sleep
from labelfns.prices import Price, estimate_tokens

ROUNDING = 1e-9  # dollars; sums of floats must not refuse a budget that fits exactly


def limited(ask: Ask, pace: Pace | None = None) -> Ask:
    """Keep to a pace: slots, requests and tokens a minute. Share one `Pace` with the backend.

    The first question goes alone. An error that is Fatal stops all questions that still wait,
    before they are sent.
    """
    pace = pace or Pace()

    async def layer(request: Request) -> Answer:
        async with pace.turn(_needs(request)):
            try:
                answer = await ask(request)
            except Busy as e:
                pace.busy(e.retry_after)
                raise
            except Fatal as e:
                pace.stop(e)
                raise
            except AskError:
                pace.answered()  # it was an answer of the server: the key and the line are good
                raise
            pace.answered()
            return answer

    return layer


def patient(
    ask: Ask,
    tries: int = 10,
    first: float = 0.5,
    longest: float = 60.0,
    sleep: Sleep = asyncio.sleep,
    rng: random.Random | None = None,
) -> Ask:
    """Ask again while the server is Busy, and only then: at most `tries` times in all.

    Waits a random time below a bound that starts at `first` seconds and doubles up to `longest`
    (full jitter, so that many who failed together do not come back together), or at least as
    long as the server asked for. Raises the last Busy.
    """
    rng = rng or random.Random()

    async def layer(request: Request) -> Answer:
        for failed in range(1, tries):
            try:
                return await ask(request)
            except Busy as e:
                jitter = rng.uniform(0.0, min(longest, first * 2 ** (failed - 1)))
                await sleep((e.retry_after or 0.0) + jitter)
        return await ask(request)

    return layer


class Purse:
    """One budget for all models and labeling functions, over all runs.

    `spent` gives the US dollars that earlier runs spent; it is asked at once, and never again.
    Money for a question is held before it is sent and settled when it is answered, so the sum of
    what is spent and what is held never exceeds `limit`.
    """

    def __init__(self, limit: float, spent: Callable[[], float] = lambda: 0.0) -> None:
        self.limit = limit
        self.held = 0.0
        self.spent = spent()
        self._waiting: list[asyncio.Future[None]] = []

    @property
    def left(self) -> float:
        """US dollars that are neither spent nor held."""
        return self.limit + ROUNDING - self.spent - self.held

    async def hold(self, most: float) -> None:
        """Set `most` US dollars aside. Waits for calls under way that may turn out cheaper.

        Raises OverBudget when it does not fit and nothing is under way any more.
        """
        while most > self.left:
            if self.held <= ROUNDING:
                raise self.over(most)
            waiter = asyncio.get_running_loop().create_future()
            self._waiting.append(waiter)
            await waiter
        self.held += most

    def over(self, most: float) -> OverBudget:
        """Make the error for a call that may cost `most` and does not fit."""
        return OverBudget(
            f"the next call may cost {most:.6f} US dollars, and of a budget of "
            f"{self.limit:.2f} only {max(0.0, self.left):.6f} are left; "
            "what was answered is kept: raise `budget` and run again to go on"
        )

    def settle(self, held: float, cost: float) -> None:
        """Give back what was held and note what it cost."""
        self.held = max(0.0, self.held - held)
        self.spent += cost
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            if not waiter.done():
                waiter.set_result(None)


def budgeted(ask: Ask, purse: Purse, price: Price) -> Ask:
    """Hold the most a question can cost in `purse` before it is asked. Raises OverBudget."""

    async def layer(request: Request) -> Answer:
        most, cost = price.worst(request), 0.0
        await purse.hold(most)
        try:
            answer = await ask(request)
            cost = answer.cost
            return answer
        except AskError as e:
            cost = e.cost
            raise
        finally:
            purse.settle(most, cost)

    return layer


def _needs(request: Request) -> dict[str, float]:
    """Say what a question takes of each limit that providers have."""
    sent, written = float(estimate_tokens(request)), float(request.max_tokens)
    return {
        "requests": 1.0,
        "tokens": sent + written,
        "input-tokens": sent,
        "output-tokens": written,
    }
