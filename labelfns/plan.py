"""What a run will ask and cost, said before anything is spent."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

from labelfns.ask import Answer, Ask, Request
from labelfns.errors import NotAsked
from labelfns.prices import Price, estimate_tokens
from labelfns.vote import Item, LabelFn

Known = Callable[[Request], Answer | None]
"""What the store holds under a request, or None."""


@dataclass(frozen=True, slots=True)
class Planned:
    """What one labeling function will ask of one model; costs are in US dollars.

    `calls` are those that no remembered answer spares; tokens are estimated (UTF-8 bytes / 4 and
    8 a message sent; the longest choice, or all that is allowed, written). `most` is the bound that
    a budget holds back: no answer can cost more.
    """

    labelfn: str
    model: str
    calls: int
    remembered: int
    input_tokens: int
    output_tokens: int
    cost: float
    batch_cost: float
    most: float


def plan(
    labelfns: Sequence[LabelFn],
    items: Sequence[Item],
    known: Known,
    price: Callable[[str], Price],
) -> list[Planned]:
    """Plan a run: one row a labeling function that asks, in their order. Asks nothing.

    A question that several labeling functions share is counted at the first. `price` gives a
    model's price by the name requests carry. Raises what `price` raises.
    """
    seen: set[str] = set()
    rows = []
    for labelfn in labelfns:
        requests = asyncio.run(_questions([labelfn], items))
        new = _unseen(requests, seen)
        fresh = [request for request in new if known(request) is None]
        if new:
            rows.append(_planned(labelfn.name, fresh, len(new) - len(fresh), new[0].model, price))
    return rows


def unanswered(labelfns: Sequence[LabelFn], items: Sequence[Item], known: Known) -> list[Request]:
    """List the questions that a run would ask now, each once: what a batch service is given."""
    requests = asyncio.run(_questions(labelfns, items))
    return [request for request in _unseen(requests, set()) if known(request) is None]


async def _questions(labelfns: Sequence[LabelFn], items: Sequence[Item]) -> list[Request]:
    requests: list[Request] = []
    ask = _noting(requests)
    for item in items:
        for labelfn in labelfns:
            await labelfn.vote(item, ask)
    return requests


def _noting(requests: list[Request]) -> Ask:
    def ask(request: Request) -> Awaitable[Answer]:
        requests.append(request)
        raise NotAsked("planned")

    return ask


def _unseen(requests: Iterable[Request], seen: set[str]) -> list[Request]:
    fresh = []
    for request in requests:
        key = request.key()
        if key not in seen:
            seen.add(key)
            fresh.append(request)
    return fresh


def _planned(
    name: str,
    requests: Sequence[Request],
    remembered: int,
    model: str,
    price: Callable[[str], Price],
) -> Planned:
    cost = batch = most = 0.0
    sent = wrote = 0
    for request in requests:
        each, tokens_in, tokens_out = price(model), estimate_tokens(request), _written(request)
        sent, wrote = sent + tokens_in, wrote + tokens_out
        cost += each.cost(tokens_in, tokens_out)
        batch += each.cost(tokens_in, tokens_out, batch=True)
        most += each.worst(request)
    return Planned(name, model, len(requests), remembered, sent, wrote, cost, batch, most)


def _written(request: Request) -> int:
    if not request.choices:
        return request.max_tokens
    longest = max(len(choice.encode()) for choice in request.choices)
    return min(request.max_tokens, 1 + math.ceil(longest / 4))
