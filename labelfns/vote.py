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
    answer, the matched words, the error. `cost` in US dollars and `seconds` are what the answer
    behind it took when it was asked, be that now or in an earlier run. `rationale` is the reason
    the model gave, where it was told to give one.
    """

    label: int = ABSTAIN
    status: Status = Status.ABSTAINED
    probs: Mapping[int, float] | None = None
    note: str = ""
    cost: float = 0.0
    seconds: float = 0.0
    rationale: str = ""


class LabelFn(Protocol):
    """Anything that votes. A rule ignores `ask`; a prompt awaits it once.

    `version` changes when, and only when, the labeling function may vote differently.
    """

    @property
    def name(self) -> str:
        """Unique among the labeling functions of a task."""

    @property
    def version(self) -> str:
        """Differs between two labeling functions that may vote differently."""

    async def vote(self, item: Item, ask: Ask) -> Vote:
        """Vote on one item. Raises only what must stop everything (Fatal, InputError)."""


@dataclass(frozen=True)
class Votes:
    """All votes of m labeling functions on n items over k classes.

    `L` (n, m) holds class indices and -1, Snorkel's convention. `status` (n, m) holds positions
    in `STATUSES`. `V` is None or a CSR matrix (n, m * k): column j * k + c is the share of
    labeling function j's vote that class c got; a hard vote is a single 1. `notes` maps (i, j) to
    what a reader may want to know, `rationales` to the reasons models gave. `cost` (US dollars)
    and `seconds` (n, m) are what the answers took when they were asked; None where nobody knows.
    """

    items: Sequence[str]
    labelfns: Sequence[str]
    classes: Sequence[str]
    L: NDArray[np.int32]
    status: NDArray[np.int8]
    V: sparse.csr_matrix | None = None
    notes: Mapping[tuple[int, int], str] = field(default_factory=dict, repr=False)
    cost: NDArray[np.float64] | None = None
    seconds: NDArray[np.float64] | None = None
    rationales: Mapping[tuple[int, int], str] = field(default_factory=dict, repr=False)

    @property
    def coverage(self) -> NDArray[np.float64]:
        """Share of the labeling functions that voted on each item, shape (n,)."""
        return np.asarray(self.voted.mean(axis=1, dtype=np.float64))

    @property
    def voted(self) -> NDArray[np.bool_]:
        """Whether each labeling function voted on each item, shape (n, m)."""
        return np.asarray(self.status == STATUSES.index(Status.VOTED))
