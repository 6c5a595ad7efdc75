import pytest
from servers import ask_all, ask_one, question

from labelfns.ask import Answer, Message, Request
from labelfns.backends.anthropic import anthropic_backend
from labelfns.backends.prefix import SHORTEST, SharedPrefix
from labelfns.errors import BadKey, Busy, Fatal, InputError, Refused, Rejected, Truncated
from labelfns.layers import limited, patient
from labelfns.pace import Pace
from labelfns.prices import Price
from labelfns.rehearse import Fault, Manners, Rehearsal, Trouble

THINKS = Price(input=1.0, output=10.0, room=2048)


@pytest.fixture
def server():
    with Rehearsal() as server:
        yield server


@pytest.fixture(autouse=True)
def no_key(monkeypatch):
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)


def test_an_answer_with_tokens_and_cost(server):
    ask = anthropic_backend("c", server.anthropic_url, price=Price(input=1.0, output=10.0))
    answer = ask_one(ask, question("Is it? " * 40))
    assert answer.text in ("yes", "no") and answer.scores is None
    assert (answer.input_tokens, answer.output_tokens) == (70, 1)
    assert answer.cost == pytest.approx((70 * 1.0 + 1 * 10.0) / 1e6)


def test_what_is_sent(server):
    request = Request("c", (Message("system", "Be short."), Message("user", "Is it?")), ("a", "b"))
    ask_one(anthropic_backend("c", server.anthropic_url, extra={"top_k": 1}), request)
    (body,) = server.bodies
    schema = body["output_config"]["format"]["schema"]
    assert schema["properties"]["answer"]["enum"] == ["a", "b"]
    assert body["system"][0]["text"] == "Be short." and "cache_control" in body["system"][0]
    assert body["messages"] == [{"role": "user", "content": "Is it?"}]
    assert body["temperature"] == 0.0 and body["top_k"] == 1 and "thinking" not in body


def test_a_thinking_model_is_asked_not_to_think(server):
    ask_one(anthropic_backend("c", server.anthropic_url, price=THINKS))
    assert server.bodies[-1]["thinking"] == {"type": "disabled"}
    assert server.bodies[-1]["max_tokens"] < 100


def test_a_model_that_always_thinks_gets_room_for_it(server):
    server.manners.unsupported = ["thinking", "temperature"]
    ask = anthropic_backend("c", server.anthropic_url, price=THINKS)
    ask_all(ask, [question(str(i)) for i in range(5)])
    body = server.bodies[-1]
    assert "thinking" not in body and "temperature" not in body
    assert body["max_tokens"] > 2048 and body["output_config"]["effort"] == "low"


def test_a_server_without_schemas_is_asked_plainly(server):
    server.manners.unsupported = ["output_config"]
    ask = anthropic_backend("c", server.anthropic_url)
    assert ask_one(ask).text in ("yes", "no")
    assert "output_config" not in server.bodies[-1]


def test_a_plain_400_is_rejected_at_once(server):
    server.manners = Manners(faults=[Fault(Trouble.REJECT)])
    with pytest.raises(Rejected):
        ask_one(patient(anthropic_backend("c", server.anthropic_url)))
    assert server.statuses == {400: 1}


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (Trouble.LIMIT, Busy),
        (Trouble.FAIL, Busy),
        (Trouble.OVERLOADED, Busy),
        (Trouble.DROP, Busy),
        (Trouble.RUBBISH, Busy),
        (Trouble.REFUSE, Refused),
        (Trouble.TRUNCATE, Truncated),
        (Trouble.BAD_KEY, BadKey),
    ],
)
def test_troubles(server, kind, error):
    server.manners = Manners(faults=[Fault(kind)], retry_after=3.0)
    with pytest.raises(error) as caught:
        ask_one(anthropic_backend("c", server.anthropic_url))
    assert server.statuses.total() == 1
    if kind is Trouble.LIMIT:
        assert caught.value.retry_after == 3.0


def test_a_wrong_key_costs_one_call(server, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-secret")
    server.manners.key = "right"
    ask = patient(limited(anthropic_backend("c", server.anthropic_url)))
    answers = ask_all(ask, [question(str(i)) for i in range(200)])
    assert server.statuses == {401: 1} and "sk-ant-secret" not in str(answers)


def test_no_key_and_no_price():
    with pytest.raises(BadKey, match="ANTHROPIC_API_KEY"):
        ask_one(anthropic_backend("claude-haiku-4-5"))
    with pytest.raises(InputError, match="price"):
        anthropic_backend("claude-99")


def test_no_money_left_is_fatal():
    ask = anthropic_backend("c", "http://x")
    error = ask.failure(402, {"error": {"type": "billing_error", "message": "pay"}}, {})
    assert isinstance(error, Fatal)


@pytest.mark.parametrize(
    "reply", [{}, {"stop_reason": "end_turn"}, {"stop_reason": 1, "content": 3}]
)
def test_rubbish_in_json_is_busy(reply):
    with pytest.raises(Busy):
        anthropic_backend("c", "http://x").answer(question(), reply)


def test_the_pace_hears_the_headers(server):
    server.manners.requests_per_minute = 1200
    pace = Pace()
    ask_one(anthropic_backend("c", server.anthropic_url, pace=pace))
    assert pace._buckets["requests"].per_minute == 1200


def test_a_shared_beginning_is_read_from_the_cache(server):
    rules = "A long list of classes.\n" * 300
    price = Price(input=1.0, output=0.0, cached=0.1, written=1.25)
    ask = anthropic_backend("c", server.anthropic_url, price=price)
    answers = [ask_one(ask, question(f"{rules}Clause {i}. Is it?")) for i in range(4)]
    kept = len(rules) // 4
    assert [a.cached_tokens for a in answers] == [0, 0, kept, kept]
    assert answers[0].input_tokens == answers[3].input_tokens > kept
    assert answers[1].cost > answers[0].cost > 5 * answers[3].cost


def test_scattered_prompts_are_not_marked(server):
    ask = anthropic_backend("c", server.anthropic_url)
    answers = ask_all(ask, [question(f"{i} " * 2000) for i in range(5)])
    assert all(isinstance(a, Answer) for a in answers)
    assert all(isinstance(b["messages"][0]["content"], str) for b in server.bodies)


def test_a_prefix_is_cut_after_a_line():
    prefix, shared = SharedPrefix(), "same line\n" * (SHORTEST // 10 + 1)
    assert prefix.split(shared + "one end") == ("", shared + "one end")
    assert prefix.split(shared + "one more") == (shared, "one more")
    assert prefix.split(shared + "one more") == (shared, "one more")
    assert prefix.split("short\none") == ("", "short\none")
