import math
import random

import pytest
from servers import ask_all, ask_one, question

from labelfns.ask import Answer
from labelfns.backends.openai import OpenAIChat, openai_backend
from labelfns.errors import BadKey, Busy, Fatal, InputError, Refused, Rejected, Truncated
from labelfns.layers import limited, patient
from labelfns.pace import Pace
from labelfns.prices import FREE, Price
from labelfns.rehearse import Fault, Manners, Rehearsal, Trouble

THINKS = Price(input=1.0, output=10.0, room=2048)


@pytest.fixture
def server():
    with Rehearsal() as server:
        yield server


@pytest.fixture(autouse=True)
def no_key(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


def trouble(server, *faults):
    server.manners = Manners(faults=faults)


def test_an_answer_with_scores_tokens_and_cost(server):
    ask = openai_backend("m", server.openai_url, price=Price(input=1.0, output=10.0))
    answer = ask_one(ask, question("Is it? " * 40))
    assert answer.text in ("yes", "no")
    assert answer.scores is not None and max(answer.scores, key=answer.scores.get) == answer.text
    assert sum(map(math.exp, answer.scores.values())) == pytest.approx(1.0)
    assert (answer.input_tokens, answer.output_tokens) == (70, 1)
    assert answer.cost == pytest.approx((70 * 1.0 + 1 * 10.0) / 1e6)
    assert answer.seconds > 0


def test_what_is_sent(server):
    ask_one(openai_backend("m", server.openai_url, extra={"seed": 7}), question(max_tokens=3))
    (body,) = server.bodies
    assert body == {
        "model": "m",
        "messages": [{"role": "user", "content": "Is it?"}],
        "seed": 7,
        "temperature": 0.0,
        "logprobs": True,
        "top_logprobs": 20,
        "max_tokens": 3,
    }


def test_no_scores_are_asked_for_without_choices(server):
    answer = ask_one(openai_backend("m", server.openai_url), question(choices=()))
    assert answer.scores is None and "logprobs" not in server.bodies[0]


def test_a_server_without_log_probabilities_gives_no_scores(server):
    server.manners.shows = False
    assert ask_one(openai_backend("m", server.openai_url)).scores is None


def test_a_model_that_takes_no_log_probabilities_is_held_to_the_choices_by_a_schema(server):
    server.manners.unsupported = ["logprobs"]
    ask = openai_backend("m", server.openai_url)
    answers = ask_all(ask, [question(str(i), ("red", "green", "blue")) for i in range(20)])
    assert {a.text for a in answers} == {"red", "green", "blue"}
    assert answers[0].scores is None
    schema = server.bodies[-1]["response_format"]["json_schema"]
    assert schema["strict"] and schema["schema"]["properties"]["answer"]["enum"][0] == "red"


def test_what_a_model_does_not_take_is_found_out_once(server):
    server.manners.unsupported = ["temperature", "logprobs", "reasoning_effort=none"]
    ask = openai_backend("m", server.openai_url, price=THINKS)
    ask_one(ask)
    objections = server.statuses[400]
    ask_all(ask, [question(str(i)) for i in range(10)])
    assert objections in (3, 4) and server.statuses[400] == objections
    body = server.bodies[-1]
    assert body["reasoning_effort"] == "minimal" and "temperature" not in body
    assert body["max_tokens"] > 2048  # room to think before the answer


def test_a_server_that_shows_fewer_alternatives_is_asked_for_fewer(server):
    server.manners.unsupported = ["top_logprobs=20"]
    assert ask_one(openai_backend("m", server.openai_url)).scores is not None
    assert server.bodies[-1]["top_logprobs"] == 5


def test_a_403_that_names_a_setting_is_no_matter_of_the_key(server):
    server.manners.unsupported, server.manners.objects = ["logprobs"], 403
    assert ask_one(openai_backend("m", server.openai_url)).text in ("yes", "no")
    assert server.statuses[403] == 2


def test_a_plain_400_is_rejected_at_once(server):
    trouble(server, Fault(Trouble.REJECT))
    with pytest.raises(Rejected, match="400: rehearsed"):
        ask_one(patient(openai_backend("m", server.openai_url)))
    assert server.statuses == {400: 1}


@pytest.mark.parametrize(
    ("kind", "status"), [(Trouble.LIMIT, 429), (Trouble.FAIL, 500), (Trouble.OVERLOADED, 529)]
)
def test_a_busy_server_is_never_asked_again_by_the_sdk_itself(server, kind, status):
    trouble(server, Fault(kind))
    with pytest.raises(Busy, match=str(status)) as caught:
        ask_one(openai_backend("m", server.openai_url))
    assert server.statuses == {status: 1}
    assert caught.value.retry_after == (0.01 if kind is Trouble.LIMIT else None)


@pytest.mark.parametrize("kind", [Trouble.DROP, Trouble.RUBBISH])
def test_a_broken_line_and_rubbish_are_busy(server, kind):
    trouble(server, Fault(kind))
    with pytest.raises(Busy):
        ask_one(openai_backend("m", server.openai_url))
    assert server.calls == (1 if kind is Trouble.RUBBISH else 0)


def test_nobody_there_is_busy():
    with pytest.raises(Busy, match="Connect"):
        ask_one(openai_backend("m", "http://127.0.0.1:9/v1"))


def test_a_server_that_is_too_slow_is_busy(server):
    server.manners.delay = 5.0
    with pytest.raises(Busy, match="Timeout"):
        ask_one(openai_backend("m", server.openai_url, timeout=0.05))


@pytest.mark.parametrize(
    ("kind", "error"), [(Trouble.REFUSE, Refused), (Trouble.TRUNCATE, Truncated)]
)
def test_what_is_no_answer_is_an_error_that_says_what_it_cost(server, kind, error):
    trouble(server, Fault(kind))
    with pytest.raises(error) as caught:
        ask_one(openai_backend("m", server.openai_url, price=Price(input=1.0, output=10.0)))
    assert caught.value.cost > 0


def test_nonsense_is_an_answer_without_scores(server):
    trouble(server, Fault(Trouble.NONSENSE))
    answer = ask_one(openai_backend("m", server.openai_url))
    assert answer.text.startswith("Bananas") and answer.scores is None


def test_an_answer_cut_off_after_the_choice_can_be_read():
    ask = OpenAIChat("m", "http://x", price=FREE, pace=None, timeout=1.0, key_name="K", extra=None)
    reply = {
        "choices": [{"message": {"content": "Yes, because it"}, "finish_reason": "length"}],
        "usage": None,
    }
    assert ask.answer(question(), reply).text == "Yes, because it"
    reply["choices"][0]["message"]["content"] = "Because it"
    with pytest.raises(Truncated):
        ask.answer(question(), reply)


@pytest.mark.parametrize(
    "reply",
    [{}, {"choices": []}, {"choices": None}, {"choices": [{}]}, {"choices": [{"message": 3}]},
     {"choices": [{"message": {"content": "x"}, "logprobs": {"content": [{}]}}]}],
)  # fmt: skip
def test_rubbish_in_json_is_busy(reply):
    ask = OpenAIChat("m", "http://x", price=FREE, pace=None, timeout=1.0, key_name="K", extra=None)
    with pytest.raises(Busy):
        ask.answer(question(), reply)


def test_a_key_is_needed_only_when_the_first_question_comes(monkeypatch):
    ask = openai_backend("gpt-5-mini")
    with pytest.raises(BadKey, match="OPENAI_API_KEY"):
        ask_one(ask)


def test_a_wrong_key_fails_at_once_and_is_not_quoted(server, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    server.manners.key = "sk-right"
    ask = patient(limited(openai_backend("m", server.openai_url)))
    answers = ask_all(ask, [question(str(i)) for i in range(10_000)])
    assert server.statuses == {401: 1}
    assert all(isinstance(a, BadKey) for a in answers)
    assert "sk-very-secret" not in str(answers) and "OPENAI_API_KEY" in str(answers[0])


def test_a_key_that_a_server_quotes_is_struck_out(server, monkeypatch):
    monkeypatch.setenv("MY_KEY", "sk-very-secret")
    ask = openai_backend("m", server.openai_url, key_name="MY_KEY")
    error = ask.failure(400, {"error": {"message": "bad sk-very-secret"}}, {})
    assert "sk-very-secret" not in str(error) and "***" in str(error)


def test_no_money_left_is_fatal_though_it_comes_as_429():
    ask = openai_backend("m", "http://x")
    error = ask.failure(429, {"error": {"message": "pay", "code": "insufficient_quota"}}, {})
    assert isinstance(error, Fatal) and not isinstance(error, BadKey)


def test_a_model_without_a_price_is_refused_before_anything_is_asked():
    with pytest.raises(InputError, match="no price is known for the model 'gpt-99'"):
        openai_backend("gpt-99")


def test_the_pace_hears_the_headers(server):
    server.manners.requests_per_minute = 1200
    server.manners.tokens_per_minute = 90_000
    pace = Pace()
    ask_one(openai_backend("m", server.openai_url, pace=pace))
    assert pace._buckets["requests"].per_minute == 1200
    assert pace._buckets["tokens"].per_minute == 90_000


def test_a_server_with_a_limit_is_hardly_ever_overrun(server):
    server.manners.requests_per_minute = 600
    pace = Pace()
    ask = patient(limited(openai_backend("m", server.openai_url, pace=pace), pace), first=0.01)
    answers = ask_all(ask, [question(str(i)) for i in range(615)])
    assert all(isinstance(a, Answer) for a in answers)
    assert server.statuses[429] <= 70  # at most one round of those who were under way


def test_every_answer_comes_in_the_end_and_once(server):
    trouble(
        server,
        *(Fault(kind, 0.04) for kind in (Trouble.LIMIT, Trouble.FAIL, Trouble.OVERLOADED)),
        Fault(Trouble.DROP, 0.04),
    )
    pace = Pace(at_once=16)
    backend = openai_backend("m", server.openai_url, pace=pace)
    ask = patient(limited(backend, pace), first=0.01, rng=random.Random(0))
    answers = ask_all(ask, [question(str(i)) for i in range(300)])
    assert all(isinstance(a, Answer) for a in answers)
    assert server.counts()["answered"] == 300 and server.counts()["repeated"] == 0


def test_one_backend_serves_one_event_loop_after_another(server):
    ask = openai_backend("m", server.openai_url)
    assert ask_one(ask).text == ask_one(ask).text and server.calls == 2
