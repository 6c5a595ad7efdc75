"""What is asked, of whom, and what it came to: the answers at hand, the live quota, the tallies."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from labelfns import (
    Answer,
    Ask,
    AskError,
    Item,
    LabelFn,
    Prompt,
    Request,
    Store,
    Vote,
    Votes,
    collect,
    only_remembered,
)

TALLIES = "asked.json"
NOT_ASKED = "no answer in the store"


@dataclass
class Tally:
    """The questions of one labeling function.

    `recorded` answers came with the task, `asked` ones were asked here; `now` counts those of
    the asked that this very run put to a model; `missing` questions got no answer.
    """

    recorded: int = 0
    asked: int = 0
    now: int = 0
    missing: int = 0

    def add(self, answer: Answer, recorded: bool) -> None:
        """Count one answer."""
        self.recorded += recorded
        self.asked += not recorded
        self.now += not answer.remembered

    def lasting(self) -> dict[str, int]:
        """Give what is the same however often the run was interrupted."""
        return {name: value for name, value in asdict(self).items() if name != "now"}


@dataclass
class Asked:
    """A labeling function that keeps a tally, and asks only where asking is wanted.

    `live` names the items that may be asked about, None is all of them; for the others only
    answers in the store count.
    """

    labelfn: LabelFn
    store: Store
    live: frozenset[str] | None = None
    tally: Tally = field(default_factory=Tally)

    @property
    def name(self) -> str:
        """The name of the labeling function."""
        return self.labelfn.name

    @property
    def version(self) -> str:
        """The version of the labeling function."""
        return self.labelfn.version

    async def vote(self, item: Item, ask: Ask) -> Vote:
        """Vote, and count the question, if there was one."""
        may_ask = self.live is None or item.id in self.live
        source = ask if may_ask else only_remembered(self.store)

        async def counted(request: Request) -> Answer:
            try:
                answer = await source(request)
            except AskError:
                self.tally.missing += 1
                raise
            recorded = self.store.answer(request.key(), "recorded") is not None
            self.tally.add(answer, recorded)
            return answer

        return await self.labelfn.vote(item, counted)


def choose_live(
    prompts: Sequence[Prompt], items: Sequence[Item], store: Store, most: int
) -> frozenset[str]:
    """Choose the first `most` items that have questions, none of which has a recorded answer.

    What was asked here since does not count: the choice is the same in every run.
    """
    recorded = only_remembered(store, source="recorded")
    found: list[str] = []
    for item in items:
        if len(found) == most:
            break
        tried = [Asked(prompt, store) for prompt in prompts]
        collect(tried, [item], recorded, list(prompts[0].classes) if prompts else [])
        if any(p.tally.missing for p in tried) and not any(p.tally.recorded for p in tried):
            found.append(item.id)
    return frozenset(found)


def read_tallies(out: Path) -> dict[str, dict[str, int]]:
    """Read the tallies of the last collect, labeling function by labeling function."""
    return dict(json.loads((out / TALLIES).read_text(encoding="utf-8")))


def unanswered(votes: Votes) -> tuple[int, int]:
    """Count the items, and the questions about them, that were only looked up, in vain."""
    left = [i for (i, _), note in votes.notes.items() if note == NOT_ASKED]
    return len(set(left)), len(left)
