import asyncio
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from servers import ask_all, ask_one, question

from labelfns.ask import Answer
from labelfns.backends.scripted import scripted_backend
from labelfns.errors import BadKey, Busy, Fatal, OverBudget, Refused, Rejected, Truncated
from labelfns.layers import Purse, budgeted, limited, patient
from labelfns.pace import Bucket, Limit, Pace
from labelfns.prices import Price

DOLLAR_A_CALL = Price(input=0.0, output=1e6)  # with max_tokens=1 and one token written


class Hours:
    """A clock that only moves when somebody sleeps."""

    def __init__(self):
        self.now = 0.0
        self.slept = []

    def __call__(self):
        return self.now

    async def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


def pace(hours, **more):
    return Pace(clock=hours, sleep=hours.sleep, **more)


def script(*lines):
    """Give each line once, the last one for ever; `.asked` counts."""
    left = list(lines)

    def say(request):
        say.asked += 1
        return left.pop(0) if len(left) > 1 else left[0]

    say.asked = 0
    return say


# patient


def test_patient_asks_again_only_while_busy():
    say = script(Busy("jam"), Busy("jam"), "yes")
    hours = Hours()
    assert ask_one(patient(scripted_backend(say), sleep=hours.sleep)).text == "yes"
    assert say.asked == 3 and len(hours.slept) == 2


@pytest.mark.parametrize("error", [Refused("no"), Truncated("cut"), Rejected("400"), BadKey("401")])
def test_patient_never_asks_again_after_anything_else(error):
    say = script(error)
    with pytest.raises(type(error)):
        ask_one(patient(scripted_backend(say)))
    assert say.asked == 1


def test_patient_gives_up_with_the_last_busy():
    say, hours = script(Busy("jam")), Hours()
    with pytest.raises(Busy, match="jam"):
        ask_one(patient(scripted_backend(say), tries=4, sleep=hours.sleep))
    assert say.asked == 4


def test_patient_waits_at_least_as_long_as_it_is_asked_to():
    hours = Hours()
    say = script(Busy("jam", retry_after=7.0), "yes")
    ask_one(patient(scripted_backend(say), first=0.5, sleep=hours.sleep))
    assert 7.0 <= hours.slept[0] <= 7.5


def test_patient_backs_off_twice_as_long_each_time_up_to_the_longest_with_full_jitter():
    class Highest(random.Random):
        def uniform(self, low, high):
            return high

    hours, say = Hours(), script(Busy("jam"))
    with pytest.raises(Busy):
        ask_one(
            patient(
                scripted_backend(say), 6, first=1.0, longest=5.0, sleep=hours.sleep, rng=Highest()
            )
        )
    assert hours.slept == [1.0, 2.0, 4.0, 5.0, 5.0]


# limited


def test_limited_asks_one_alone_first_and_then_as_many_as_allowed():
    running, most = 0, []

    async def ask(request):
        nonlocal running
        running += 1
        most.append(running)
        await asyncio.sleep(0.001)
        running -= 1
        return Answer("yes")

    ask_all(limited(ask, Pace(at_once=5)), [question(str(i)) for i in range(40)])
    assert most[0] == 1 and most[1] == 1 and max(most) == 5


def test_a_bad_key_costs_one_call_however_many_wait():
    say = script(BadKey("401"))
    answers = ask_all(limited(scripted_backend(say)), [question(str(i)) for i in range(1000)])
    assert say.asked == 1 and all(isinstance(a, BadKey) for a in answers)


def test_a_key_that_fails_later_stops_all_who_still_wait():
    say = script("yes", BadKey("401"))
    answers = ask_all(
        limited(scripted_backend(say), Pace(at_once=3)), [question(str(i)) for i in range(100)]
    )
    assert say.asked <= 1 + 3
    assert sum(isinstance(a, BadKey) for a in answers) == 99


def test_errors_that_an_answering_server_gives_open_the_line_too():
    say = script(Refused("no"), "yes")
    answers = ask_all(limited(scripted_backend(say)), [question(str(i)) for i in range(10)])
    assert sum(isinstance(a, Answer) for a in answers) == 9


def test_nothing_is_asked_before_retry_after():
    hours = Hours()
    asked = []

    async def ask(request):
        asked.append(hours.now)
        if len(asked) == 2:
            raise Busy("jam", retry_after=30.0)
        return Answer("yes")

    ask_all(limited(ask, pace(hours, at_once=1)), [question(str(i)) for i in range(4)])
    assert asked == [0.0, 0.0, 30.0, 30.0]


def test_requests_a_minute_are_kept():
    hours = Hours()
    layer = limited(scripted_backend(lambda r: "yes"), pace(hours, requests_per_minute=60))
    ask_all(layer, [question(str(i)) for i in range(180)])
    assert hours.now == pytest.approx(120.0, abs=2.0)


def test_tokens_a_minute_are_kept():
    hours = Hours()
    layer = limited(scripted_backend(lambda r: "yes"), pace(hours, tokens_per_minute=1000))
    requests = [question("x" * 304, max_tokens=16) for _ in range(30)]  # 76 + 8 + 16 = 100 each
    ask_all(layer, requests)
    assert hours.now == pytest.approx(120.0, abs=7.0)


def test_a_request_larger_than_a_minute_goes_all_the_same():
    hours = Hours()
    layer = limited(scripted_backend(lambda r: "yes"), pace(hours, tokens_per_minute=10))
    ask_all(layer, [question("x" * 4000)] * 2)
    assert hours.now == pytest.approx(60.0)


def test_the_pace_believes_headers_that_tell_of_less():
    hours = Hours()
    p = pace(hours, requests_per_minute=6000)
    p.heard({"requests": Limit(60, 0)})
    ask_all(limited(scripted_backend(lambda r: "yes"), p), [question(str(i)) for i in range(60)])
    assert hours.now == pytest.approx(60.0, abs=1.0)


def test_the_pace_never_goes_faster_than_it_was_told():
    hours = Hours()
    p = pace(hours, requests_per_minute=60)
    p.heard({"requests": Limit(6000, 6000), "tokens": Limit(0, 0)})
    ask_all(limited(scripted_backend(lambda r: "yes"), p), [question(str(i)) for i in range(120)])
    assert hours.now == pytest.approx(60.0, abs=1.0)


def test_slots_are_halved_once_a_jam_and_won_back():
    hours = Hours()
    p = pace(hours, at_once=64)
    p.answered()
    for _ in range(64):  # all who were under way hear of the same jam
        p.busy(retry_after=5.0)
    assert p.allowed == 32.0
    hours.now = 6.0
    p.busy(retry_after=5.0)
    assert p.allowed == 16.0
    for _ in range(16):
        p.answered()
    assert 16.9 < p.allowed < 17.1
    for _ in range(5000):
        p.answered()
    assert p.allowed == 64.0


def test_slots_are_not_halved_where_the_server_told_its_limits():
    p = Pace(at_once=64)
    p.answered()
    p.heard({"requests": Limit(60, 0)})
    p.busy(retry_after=5.0)
    assert p.allowed == 64.0


def test_single_failures_do_not_slow_the_others_but_a_row_of_them_does():
    p = Pace(at_once=64)
    p.answered()
    for _ in range(20):
        p.busy(None)
        p.answered()
    assert p.allowed == 64.0
    for _ in range(5):
        p.busy(None)
    assert p.allowed == 32.0


def test_a_cancelled_wait_passes_its_turn_on():
    async def go():
        p = Pace(at_once=1)
        p.answered()
        done = []

        async def one(name, hold):
            async with p.turn({}):
                await asyncio.sleep(hold)
                done.append(name)

        first = asyncio.create_task(one("first", 0.01))
        await asyncio.sleep(0)
        second = asyncio.create_task(one("second", 0.0))
        third = asyncio.create_task(one("third", 0.0))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.gather(first, third)
        return done

    assert asyncio.run(asyncio.wait_for(go(), 5)) == ["first", "third"]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 20), min_size=1, max_size=60), st.floats(1, 100))
def test_a_bucket_never_lets_more_go_than_a_full_one_and_what_flows_in(amounts, per_minute):
    bucket, now, gone = Bucket(per_minute, per_minute, 0.0), 0.0, 0.0
    for amount in amounts:
        now += bucket.take(amount, now)
        gone += min(amount, per_minute)
        assert gone <= per_minute + now * per_minute / 60.0 + 1e-6


# budgeted


def dollar_calls(limit, spent=lambda: 0.0, say=None):
    say = say or script(Answer("yes", cost=1.0))
    return budgeted(scripted_backend(say), Purse(limit, spent), DOLLAR_A_CALL), say


def test_the_budget_is_enforced_before_the_call_that_would_break_it():
    ask, say = dollar_calls(3.0)
    answers = ask_all(ask, [question(str(i), max_tokens=1) for i in range(10)])
    assert say.asked == 3
    assert sum(isinstance(a, OverBudget) for a in answers) == 7


def test_what_earlier_runs_spent_counts():
    ask, say = dollar_calls(3.0, spent=lambda: 2.0)
    ask_all(ask, [question(str(i), max_tokens=1) for i in range(10)])
    assert say.asked == 1


def test_one_purse_serves_several_models():
    purse = Purse(4.0)
    says = [script(Answer("yes", cost=1.0)) for _ in range(2)]
    asks = [budgeted(scripted_backend(say), purse, DOLLAR_A_CALL) for say in says]

    async def go():
        calls = [ask(question(str(i), max_tokens=1)) for i in range(10) for ask in asks]
        return await asyncio.gather(*calls, return_exceptions=True)

    asyncio.run(go())
    assert says[0].asked + says[1].asked == 4


def test_calls_that_turn_out_cheaper_make_room_for_those_that_wait():
    ask, say = dollar_calls(3.0, say=script(Answer("yes", cost=0.25)))
    answers = ask_all(ask, [question(str(i), max_tokens=1) for i in range(9)])
    assert say.asked == 9 and all(isinstance(a, Answer) for a in answers)


def test_refusals_that_were_charged_count():
    refused = Refused("no")
    refused.cost = 1.0
    ask, say = dollar_calls(3.0, say=script(refused))
    ask_all(ask, [question(str(i), max_tokens=1) for i in range(9)])
    assert say.asked == 3


def test_what_failed_unpaid_is_given_back():
    ask, say = dollar_calls(1.0, say=script(Rejected("400"), Rejected("400"), Answer("yes")))
    answers = ask_all(ask, [question(str(i), max_tokens=1) for i in range(3)])
    assert say.asked == 3 and isinstance(answers[2], Answer)


def test_over_budget_says_what_is_left_and_what_to_do():
    ask, _ = dollar_calls(2.5, spent=lambda: 2.0)
    with pytest.raises(OverBudget, match=r"1\.000000 US dollars.*0\.500000 are left.*raise"):
        ask_one(ask, question(max_tokens=1))
    assert issubclass(OverBudget, Fatal)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=40), st.floats(0.5, 20.0))
def test_never_more_is_spent_than_the_budget(costs, limit):
    lines = [Answer("yes", cost=cost) for cost in costs]
    purse = Purse(limit)
    ask = budgeted(scripted_backend(script(*lines)), purse, DOLLAR_A_CALL)
    ask_all(ask, [question(str(i), max_tokens=1) for i in range(len(costs))])
    assert purse.spent <= limit + 1e-6 and purse.held == pytest.approx(0.0, abs=1e-9)
