import asyncio
from dataclasses import dataclass, field

import numpy as np
import pytest

from labelfns import Answer, InputError, Item, Prompt, Status, Vote, collect, labeling_function
from labelfns.backends.scripted import scripted_backend
from labelfns.errors import BadKey, Rejected

CLASSES = ["red", "green"]
ITEMS = [Item(str(i), {"text": f"text {i}"}) for i in range(5)]


@dataclass
class Asking:
    """A labeling function that notes when it is called."""

    name: str
    seen: list = field(default_factory=list)
    version: str = "1"

    async def vote(self, item, ask):
        self.seen.append((item.id, self.name))
        await asyncio.sleep(0)
        return Vote(0, Status.VOTED, note="seen")


def yes(name: str) -> Prompt:
    return Prompt(
        name, name + " {{ text }}", "m", dict.fromkeys(CLASSES, ""), {"yes": (1,), "no": ()}
    )


async def nobody(request):
    raise AssertionError("nothing is to be asked")


def test_votes_become_arrays():
    @labeling_function()
    def even(fields):
        return "red" if int(fields["text"][-1]) % 2 == 0 else -1

    ask = scripted_backend({"text [01]": "yes", "text 2": Rejected("no"), "": "no"})
    votes = collect([even, yes("ask")], ITEMS, ask, CLASSES)
    assert votes.L.tolist() == [[0, 1], [-1, 1], [0, -1], [-1, -1], [0, -1]]
    assert (votes.items, votes.labelfns) == ([i.id for i in ITEMS], ["even", "ask"])
    assert votes.notes[2, 1] == "no" and votes.notes[0, 1] == "yes"
    np.testing.assert_allclose(votes.coverage, [1.0, 0.5, 0.5, 0.0, 0.5])
    assert votes.V.toarray()[0].tolist() == [1, 0, 0, 1]
    assert votes.V.toarray()[3].tolist() == [0, 0, 0, 0]


def test_goes_item_by_item():
    seen = []
    collect([Asking("a", seen), Asking("b", seen)], ITEMS, nobody, CLASSES, at_once=1)
    assert seen == [(i.id, name) for i in ITEMS for name in "ab"]


def test_no_more_at_once_than_allowed():
    now, most = 0, 0

    async def slow(request):
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.001)
        now -= 1
        return Answer("yes")

    collect([yes("a"), yes("b")], ITEMS, slow, CLASSES, at_once=3)
    assert most == 3


def test_progress_counts_finished_items():
    told = []
    collect([Asking("a"), Asking("b")], ITEMS, nobody, CLASSES, progress=lambda *n: told.append(n))
    assert told == [(i, 5) for i in range(1, 6)]


@pytest.mark.parametrize("error", [BadKey("no such key"), InputError("disk full")])
def test_an_error_that_must_stop_everything_stops_at_once(error):
    asked = []

    async def stops(request):
        asked.append(request)
        await asyncio.sleep(0)
        raise error

    many = [Item(str(i), {"text": str(i)}) for i in range(1000)]
    with pytest.raises(type(error), match=str(error)):
        collect([yes("a")], many, stops, CLASSES, at_once=8)
    assert len(asked) <= 8


def test_votes_for_a_class_that_is_none_have_failed():
    class Wild(Asking):
        async def vote(self, item, ask):
            return Vote(7, Status.VOTED) if item.id == "0" else Vote(-1, Status.VOTED, {5: 1.0})

    votes = collect([Wild("wild")], ITEMS[:2], nobody, CLASSES)
    assert votes.status.tolist() == [[4], [4]] and votes.L.tolist() == [[-1], [-1]]
    assert votes.notes[0, 0] == "gave class 7, but there are only 2"


def test_names_and_ids_must_be_unique():
    with pytest.raises(InputError, match="2 labeling functions are called 'a'"):
        collect([Asking("a"), Asking("a")], ITEMS, nobody, CLASSES)
    with pytest.raises(InputError, match="2 items are called '0'"):
        collect([Asking("a")], [ITEMS[0], ITEMS[0]], nobody, CLASSES)
    with pytest.raises(InputError, match="at_once must be at least 1"):
        collect([Asking("a")], ITEMS, nobody, CLASSES, at_once=0)


def test_works_where_a_loop_is_running_as_in_a_notebook():
    async def cell():
        return collect([Asking("a")], ITEMS, nobody, CLASSES)

    assert asyncio.run(cell()).L.sum() == 0


def test_nothing_to_do():
    votes = collect([Asking("a")], [], nobody, CLASSES)
    assert votes.L.shape == (0, 1) and votes.V.shape == (0, 2)
    assert collect([], ITEMS, nobody, CLASSES).L.shape == (5, 0)


def test_snorkels_labeling_functions_stand_among_ours():
    from snorkel.labeling import LabelingFunction

    theirs = LabelingFunction("theirs", lambda x: int(x.text[-1]) % 2)
    votes = collect([theirs, Asking("ours")], ITEMS, nobody, CLASSES)
    assert votes.labelfns == ["theirs", "ours"]
    assert votes.L[:, 0].tolist() == [0, 1, 0, 1, 0]
