from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from labelfns.backends.choices import opens_with_choice, unwrapped
from labelfns.backends.failures import failure, retry_after
from labelfns.backends.limits import limits
from labelfns.errors import BadKey, Busy, Fatal, Rejected
from labelfns.pace import Limit


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, Rejected), (404, Rejected), (413, Rejected), (422, Rejected), (401, BadKey),
     (403, BadKey), (402, Fatal), (408, Busy), (409, Busy), (425, Busy), (429, Busy), (500, Busy),
     (502, Busy), (503, Busy), (504, Busy), (529, Busy)],
)  # fmt: skip
def test_what_each_status_means(status, kind):
    assert type(failure("m", status, {"error": {"message": "why"}}, {}, "KEY")) is kind


@pytest.mark.parametrize("body", [None, "", "<html>", {"error": "why"}, {"error": None}, [1], {}])
def test_a_body_of_any_shape_is_borne(body):
    error = failure("m", 500, body, {}, "KEY")
    assert isinstance(error, Busy) and "500" in str(error)


def test_a_long_message_is_cut():
    assert len(str(failure("m", 400, {"error": {"message": "x" * 10**6}}, {}, "KEY"))) < 400


def test_retry_after_in_all_its_shapes():
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    assert retry_after({"retry-after-ms": "1500", "retry-after": "9"}) == 1.5
    assert retry_after({"retry-after": "9"}) == 9.0
    assert retry_after({"retry-after": "-3"}) == 0.0
    assert 50 < (retry_after({"retry-after": later}) or 0) <= 60
    assert retry_after({"retry-after": "soon"}, otherwise=2.0) == 2.0
    assert retry_after({}) is None


def test_a_429_without_a_word_asks_for_a_second():
    error = failure("m", 429, None, {}, "KEY")
    assert isinstance(error, Busy) and error.retry_after == 1.0


def test_limits_in_headers():
    assert limits({"X-RateLimit-Limit-Requests": "60", "x-ratelimit-remaining-requests": "7"}) == {
        "requests": Limit(60, 7)
    }
    assert limits(
        {
            "anthropic-ratelimit-input-tokens-limit": "50000",
            "anthropic-ratelimit-input-tokens-remaining": "49000",
            "anthropic-ratelimit-input-tokens-reset": "2026-01-01T00:00:00Z",
        }
    ) == {"input-tokens": Limit(50000, 49000)}
    half = {"x-ratelimit-limit-tokens": "60"}
    unreadable = {**half, "x-ratelimit-remaining-tokens": "many"}
    assert limits(half) == limits(unreadable) == limits({}) == {}


@pytest.mark.parametrize(
    ("text", "read"),
    [('{"answer": "yes"}', "yes"), (' {"answer": "yes"}', "yes"),
     ('{"answer": 3}', '{"answer": 3}'), ('{"answ', '{"answ'),
     ('{"other": 1}', '{"other": 1}'), ("yes", "yes")],
)  # fmt: skip
def test_an_answer_is_taken_out_of_its_json(text, read):
    assert unwrapped(text, ("yes", "no")) == read
    assert unwrapped(text, ()) == text


@pytest.mark.parametrize(
    ("text", "opens"),
    [("Yes, it", True), ("yes", True), (" NO.", True), ("yesterday", False), ("", False)],
)
def test_a_cut_answer_that_opens_with_a_choice(text, opens):
    assert opens_with_choice(text, ("yes", "no")) is opens
