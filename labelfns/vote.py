"""The nouns: what is labelled, what one labeling function said of it, and all of that together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from labelfns.ask import Ask

ABSTAIN = -1


class Status(StrEnum):
    """Why a vote is what it is: -1 alone never says."""

    VOTED = "voted"
    ABSTAINED = "abstained"
    UNREADABLE = "unreadable"
    REFUSED = "refused"
    FAILED = "failed"
    UNASKED = "unasked"


STATUSES: tuple[Status, ...] = tuple(Status)


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to label: an id that is unique in its corpus and the columns prompts may name."""

    id: str
    fields: Mapping[str, str]

    @property
    def text(self) -> str:
        """The column that is labelled."""
        return self.fields["text"]


@dataclass(frozen=True, slots=True)
class Vote:
    """What one labeling function said of one item.

    `label` is a class index, or ABSTAIN. `probs` maps class indices to the share of the vote
    each gets and may sum to less than 1: the rest went to abstaining. A vote for "one of these
    classes" has `label` ABSTAIN, `status` VOTED and equal `probs`. `note` is for a reader: the raw
    answer, the matched words, the error.
    """

    label: int = ABSTAIN
    status: Status = Status.ABSTAINED
    probs: Mapping[int, float] | None = None
    note: str = ""


class LabelFn(Protocol):
    """Anything that votes. A rule ignores `ask`; a prompt awaits it once.

    `version` changes when, and only when, the labeling function may vote differently.
    """

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    async def vote(self, item: Item, ask: Ask) -> Vote: ...


@dataclass(frozen=True)
class Votes:
    """All votes of m labeling functions on n items over k classes.

    `L` (n, m) holds class indices and -1, Snorkel's convention. `status` (n, m) holds positions
    in `STATUSES`. `V` is None or a CSR matrix (n, m * k): column j * k + c is the share of
    labeling function j's vote that class c got; a hard vote is a single 1.
    """

    items: Sequence[str]
    labelfns: Sequence[str]
    classes: Sequence[str]
    L: NDArray[np.int32]
    status: NDArray[np.int8]
    V: sparse.csr_matrix | None = None
    notes: Mapping[tuple[int, int], str] = field(default_factory=dict, repr=False)

    @property
    def coverage(self) -> NDArray[np.float64]:
        """Share of the labeling functions that voted on each item, shape (n,)."""
        voted: NDArray[np.bool_] = self.status == STATUSES.index(Status.VOTED)
        return voted.mean(axis=1, dtype=np.float64)
