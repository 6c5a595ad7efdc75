import pytest
from servers import question

from labelfns.ask import Answer
from labelfns.errors import InputError
from labelfns.plan import plan, unanswered
from labelfns.prices import FREE, Price, estimate_tokens
from labelfns.vote import Item, Vote

ITEMS = [Item(str(i), {"text": f"clause {i}"}) for i in range(10)]
PRICE = Price(input=1.0, output=10.0)


class Asks:
    """A labeling function that asks one question, of every second item only when `gated`."""

    version = "1"

    def __init__(self, name, prompt, gated=False):
        self.name, self.prompt, self.gated = name, prompt, gated

    def question(self, item):
        return question(f"{item.text}. {self.prompt}")

    async def vote(self, item, ask):
        if not (self.gated and int(item.id) % 2):
            try:
                await ask(self.question(item))
            except Exception:  # as every labeling function does with an error of an Ask
                return Vote()
        return Vote()


class Knows:
    name, version = "rule", "1"

    async def vote(self, item, ask):
        return Vote(0)


def nothing(request):
    return None


def test_a_row_a_labeling_function_that_asks():
    one, other = Asks("one", "Is it?"), Asks("other", "Is it not?", gated=True)
    first, second = plan([one, Knows(), other], ITEMS, nothing, lambda model: PRICE)
    assert (first.labelfn, first.model, first.calls, first.remembered) == ("one", "m", 10, 0)
    assert (second.labelfn, second.calls) == ("other", 5)
    requests = [one.question(item) for item in ITEMS]
    assert first.input_tokens == sum(map(estimate_tokens, requests))
    assert first.output_tokens == 10 * 2
    assert first.cost == pytest.approx(PRICE.cost(first.input_tokens, first.output_tokens))
    assert first.batch_cost == pytest.approx(first.cost / 2)
    assert first.most == pytest.approx(sum(map(PRICE.worst, requests))) and first.most > first.cost


def test_what_is_remembered_costs_nothing():
    one = Asks("one", "Is it?")
    held = {one.question(item).key() for item in ITEMS[:7]}

    def known(request):
        return Answer("yes") if request.key() in held else None

    (row,) = plan([one], ITEMS, known, lambda model: PRICE)
    assert (row.calls, row.remembered) == (3, 7)
    assert [r.key() for r in unanswered([one], ITEMS, known)] == [
        one.question(item).key() for item in ITEMS[7:]
    ]


def test_a_question_that_two_share_is_counted_once():
    rows = plan([Asks("a", "Is it?"), Asks("b", "Is it?")], ITEMS, nothing, lambda model: FREE)
    assert [(row.labelfn, row.calls) for row in rows] == [("a", 10)]
    assert len(unanswered([Asks("a", "Is it?"), Asks("b", "Is it?")], ITEMS, nothing)) == 10


def test_free_text_is_planned_at_all_that_is_allowed():
    class Writes(Asks):
        def question(self, item):
            return question(item.text, choices=(), max_tokens=50)

    (row,) = plan([Writes("w", "")], ITEMS, nothing, lambda model: PRICE)
    assert row.output_tokens == 10 * 50


def test_an_unknown_price_stops_the_plan():
    def unknown(model):
        raise InputError("no price")

    with pytest.raises(InputError):
        plan([Asks("one", "Is it?")], ITEMS, nothing, unknown)
