"""The one loop: labeling functions x items -> votes."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
from scipy import sparse

from labelfns.ask import Ask
from labelfns.errors import InputError
from labelfns.rule import bind
from labelfns.vote import ABSTAIN, STATUSES, Item, LabelFn, Status, Vote, Votes

Result = TypeVar("Result")
Progress = Callable[[int, int], None]
"""Called with (items done, items in all)."""


def collect(
    labelfns: Sequence[LabelFn],
    items: Sequence[Item],
    ask: Ask,
    classes: Sequence[str],
    *,
    at_once: int = 64,
    progress: Progress | None = None,
) -> Votes:
    """Let every labeling function vote on every item, at most `at_once` at a time.

    Goes item by item, so that a backend that reads a text once can share it between the
    prompts. Snorkel's LabelingFunction objects may stand among `labelfns` as they are. Works in
    a notebook too, where an event loop is running already.

    Raises `labelfns.errors.Fatal` or InputError as soon as one must stop everything; what was
    answered until then is in the store.
    """
    _unique("labeling functions", [f.name for f in labelfns])
    _unique("items", [i.id for i in items])
    if at_once < 1:
        raise InputError(f"at_once must be at least 1, not {at_once}")
    bound = bind(labelfns, classes)
    votes = _run(_collect(bound, items, ask, at_once, progress))
    return gather(votes, [i.id for i in items], [f.name for f in labelfns], classes)


def _unique(what: str, names: Sequence[str]) -> None:
    if len(set(names)) < len(names):
        name, times = Counter(names).most_common(1)[0]
        raise InputError(f"{times} {what} are called {name!r}; each needs a name of its own")


def _run(work: Coroutine[Any, Any, Result]) -> Result:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(1) as pool:  # a loop cannot run inside another one
        return pool.submit(asyncio.run, work).result()


async def _collect(
    labelfns: Sequence[LabelFn],
    items: Sequence[Item],
    ask: Ask,
    at_once: int,
    progress: Progress | None,
) -> list[list[Vote]]:
    votes: list[list[Vote]] = [[Vote()] * len(labelfns) for _ in items]
    left = [len(labelfns)] * len(items)
    work = ((i, j) for i in range(len(items)) for j in range(len(labelfns)))
    done = 0

    async def worker(work: Iterator[tuple[int, int]]) -> None:
        nonlocal done
        for i, j in work:
            votes[i][j] = await labelfns[j].vote(items[i], ask)
            left[i] -= 1
            if not left[i]:
                done += 1
                if progress:
                    progress(done, len(items))

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(worker(work))
    except* Exception as several:
        raise several.exceptions[0] from None
    return votes


def gather(
    votes: Sequence[Sequence[Vote]],
    items: Sequence[str],
    labelfns: Sequence[str],
    classes: Sequence[str],
) -> Votes:
    """Turn a table of votes, one row an item, into arrays.

    A vote for a class that is none becomes a failed one.
    """
    n, m, k = len(items), len(labelfns), len(classes)
    L = np.full((n, m), ABSTAIN, dtype=np.int32)
    status = np.zeros((n, m), dtype=np.int8)
    cost, seconds = np.zeros((n, m)), np.zeros((n, m))
    rows, columns, shares = list[int](), list[int](), list[float]()
    notes, rationales = {}, {}
    for i, row in enumerate(votes):
        for j, given in enumerate(row):
            vote = _within(given, k)
            L[i, j], status[i, j] = vote.label, STATUSES.index(vote.status)
            cost[i, j], seconds[i, j] = vote.cost, vote.seconds
            if vote.note:
                notes[i, j] = vote.note
            if vote.rationale:
                rationales[i, j] = vote.rationale
            for c, share in _shares(vote).items():
                rows.append(i)
                columns.append(j * k + c)
                shares.append(share)
    V = sparse.csr_matrix((np.array(shares, dtype=np.float32), (rows, columns)), shape=(n, m * k))
    names = list(items), list(labelfns), list(classes)
    return Votes(*names, L, status, V, notes, cost, seconds, rationales)


def _within(vote: Vote, k: int) -> Vote:
    used = [vote.label, *(vote.probs or ())]
    if min(used) >= ABSTAIN and max(used) < k:
        return vote
    note = f"gave class {max(used, key=abs)}, but there are only {k}"
    return Vote(status=Status.FAILED, note=note, cost=vote.cost, seconds=vote.seconds)


def _shares(vote: Vote) -> Mapping[int, float]:
    if vote.probs is not None:
        return vote.probs
    return {} if vote.label == ABSTAIN else {vote.label: 1.0}
