"""The one loop: labeling functions x items -> votes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from scipy import sparse

from labelfns.ask import Ask
from labelfns.vote import ABSTAIN, STATUSES, Item, LabelFn, Vote, Votes

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
    prompts. Raises `labelfns.errors.Fatal` or InputError as soon as one must stop everything;
    what was answered until then is in the store.
    """
    votes = asyncio.run(_collect(labelfns, items, ask, at_once, progress))
    return gather(votes, [i.id for i in items], [f.name for f in labelfns], classes)


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
    """Turn a table of votes, one row an item, into arrays."""
    n, m, k = len(items), len(labelfns), len(classes)
    L = np.full((n, m), ABSTAIN, dtype=np.int32)
    status = np.zeros((n, m), dtype=np.int8)
    rows, columns, shares = [], [], []
    notes = {}
    for i, row in enumerate(votes):
        for j, vote in enumerate(row):
            L[i, j] = vote.label
            status[i, j] = STATUSES.index(vote.status)
            if vote.note:
                notes[i, j] = vote.note
            hard = {vote.label: 1.0} if vote.label != ABSTAIN else {}
            for c, share in (hard if vote.probs is None else vote.probs).items():
                rows.append(i)
                columns.append(j * k + c)
                shares.append(share)
    V = sparse.csr_matrix((np.array(shares, dtype=np.float32), (rows, columns)), shape=(n, m * k))
    return Votes(list(items), list(labelfns), list(classes), L, status, V, notes)
