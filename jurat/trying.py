"""`jurat try`: what one prompt says of a few items, and who says otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from jurat.asking import Asked, Tally
from jurat.models import Progress
from jurat.models.progress import silent
from jurat.task import Task
from jurat.teachers import route
from labelfns import (
    ABSTAIN,
    InputError,
    Item,
    Prompt,
    SimilarTo,
    Store,
    Votes,
    collect,
    only_remembered,
    remembered,
)
from labelfns.layers import Purse


@dataclass(frozen=True)
class Tried:
    """One prompt's votes on a few items; `others` says how the other labeling functions voted."""

    prompt: str
    items: Sequence[Item]
    votes: Votes
    others: Sequence[Sequence[str]]
    gold: Sequence[str]
    tally: Tally


def try_prompt(task: Task, name: str, *, items: int = 20, progress: Progress = silent) -> Tried:
    """Ask one prompt about the first training items that its gate lets through, gold ones first.

    Raises InputError where no prompt has that name.
    """
    prompt = _find(task, name)
    with Store(task.out / "store.sqlite") as store:
        if task.recorded:
            store.seed(task.recorded)
        chosen = _choose(task, prompt, items, progress)
        purse = Purse(np.inf if task.budget is None else task.budget, store.spent)
        ask = remembered(route(task.teachers, purse, progress), store)
        asked = Asked(prompt, store)
        votes = collect([asked], chosen, ask, list(task.classes),
                        progress=lambda done, total: progress("asking", done, total))  # fmt: skip
        others = _others(task, prompt, chosen, store)
    names = list(task.classes)
    gold = [names[task.gold[i.id]] if i.id in task.gold else "" for i in chosen]
    return Tried(prompt.name, chosen, votes, others, gold, asked.tally)


def _find(task: Task, name: str) -> Prompt:
    wanted = name.removesuffix(".md").rsplit("/")[-1]
    for prompt in task.prompts:
        if prompt.name == wanted:
            return prompt
    known = ", ".join(p.name for p in task.prompts) or "none"
    raise InputError(f"there is no prompt {wanted!r}; there are {known}", task.folder / "prompts")


def _choose(task: Task, prompt: Prompt, most: int, progress: Progress) -> list[Item]:
    """Give the first items that are worth asking about; those with gold say more."""
    training = sorted(task.training_items, key=lambda item: item.id not in task.gold)
    if prompt.gate is None and not prompt.offer:
        return training[:most]
    if task.encoder is not None:
        task.encoder.fill([item.text for item in training], progress)
    opened = (item for item in training if prompt.gate is None or prompt.gate.opens(item))
    return [item for item, _ in zip(opened, range(most), strict=False)]


def _others(task: Task, prompt: Prompt, items: Sequence[Item], store: Store) -> list[list[str]]:
    """Say which classes the others voted for: rules, and prompts whose answer is known already."""
    others = [f for f in task.labelfns if f is not prompt and not isinstance(f, SimilarTo)]
    names = list(task.classes)
    votes = collect(others, items, only_remembered(store), names)
    return [[names[c] for c in row if c != ABSTAIN] for row in votes.L]
