import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from servers import question

from labelfns.errors import InputError
from labelfns.prices import (
    Price,
    Prices,
    estimate_tokens,
    load_prices,
    most_tokens,
    price_from,
)


def test_cost_of_an_answer():
    price = Price(input=2.0, output=10.0, cached=0.5, written=2.5)
    assert price.cost(1000, 10) == pytest.approx((2000 + 100) / 1e6)
    assert price.cost(1000, 10, cached_tokens=600, written_tokens=100) == pytest.approx(
        (300 * 2.0 + 600 * 0.5 + 100 * 2.5 + 100) / 1e6
    )
    assert price.cost(1000, 10, batch=True) == pytest.approx(price.cost(1000, 10) / 2)


def test_tokens_without_a_price_of_their_own_cost_what_input_costs():
    assert Price(2.0, 0.0).cost(100, 0, 50, 30) == Price(2.0, 0.0).cost(100, 0)


def test_long_prompts_cost_more():
    price = Price(input=0.1, output=0.5, long_after=100, long_input=5.0, long_output=2.0)
    assert price.cost(100, 10) == pytest.approx((10 + 5) / 1e6)
    assert price.cost(101, 10) == pytest.approx((50.5 + 10) / 1e6)


@given(st.text(max_size=300), st.integers(0, 100), st.sampled_from([0, 2048]), st.booleans())
def test_no_answer_costs_more_than_the_worst(text, wrote, room, cached):
    price = Price(
        1.0,
        10.0,
        cached=0.1,
        written=1.25,
        long_after=50,
        long_input=2.0,
        long_output=1.5,
        room=room,
    )
    request = question(text, max_tokens=100)
    sent = most_tokens(request)
    cost = price.cost(sent, wrote + room, *((sent, 0) if cached else (0, sent)))
    assert cost <= price.worst(request) + 1e-12


def test_the_estimate_is_between_nothing_and_the_bound():
    request = question("Governed by the laws of Ohio. " * 20)
    assert 0 < estimate_tokens(request) < most_tokens(request)
    assert estimate_tokens(request) == 600 // 4 + 8


def test_the_table_is_dated_and_every_price_makes_sense():
    prices = load_prices()
    assert prices.date >= "2026-01-01" and len(prices.models) > 20
    for price in prices.models.values():
        assert 0 < (price.cached or price.input) <= price.input < price.output
        assert price.input <= (price.written or price.input) <= 1.25 * price.input + 1e-9


@pytest.mark.parametrize(
    "name",
    ["gpt-5-mini-2025-08-07", "gpt-5-mini", "gpt-5-mini-latest", "claude-haiku-4-5-20251001"],
)
def test_a_date_at_the_end_of_a_name_does_not_matter(name):
    assert load_prices().of(name).input in (0.25, 1.0)


def test_an_unknown_model_is_never_free():
    with pytest.raises(InputError, match="no price is known for the model 'gpt-5-mega'"):
        load_prices().of("gpt-5-mega")


def test_a_file_of_ones_own_wins(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text('date = "2027-01-01"\n[models.gpt-5-mini]\ninput = 0.2\noutput = 1\n')
    prices = load_prices(file)
    assert prices.date == "2027-01-01"
    assert prices.of("gpt-5-mini") == Price(0.2, 1) and prices.of("gpt-5").input == 1.25


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "needs `date`"),
        ("date = 3\n[models", "not a price table"),
        ('date = "x"\n[models.m]\ninput = 1', "'output' is missing"),
        ('date = "x"\n[models.m]\ninput = 1\noutput = 2\nfoo = 3', "unknown key 'foo'"),
        ('date = "x"\n[models.m]\ninput = "1"\noutput = 2', "'input' must be a number"),
        ('date = "x"\n[models.m]\ninput = -1\noutput = 2', "'input' must be a number"),
        ('date = "x"\n[models.m]\ninput = true\noutput = 2', "'input' must be a number"),
    ],
)
def test_a_bad_table_is_refused_in_one_sentence(tmp_path, text, said):
    file = tmp_path / "mine.toml"
    file.write_text(text)
    with pytest.raises(InputError, match=said) as caught:
        load_prices(file)
    assert str(caught.value).startswith(str(file)) and "\n" not in str(caught.value)


def test_a_missing_table_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        load_prices(tmp_path / "none.toml")


def test_a_row_as_task_yaml_writes_it():
    assert price_from({"input": 1, "output": 2, "batch": 0.5}) == Price(1, 2)
    assert math.isinf(price_from({"input": 1, "output": 2}).long_after)
    assert Prices("d", {"m": Price(1, 2)}).of("m") == Price(1, 2)
