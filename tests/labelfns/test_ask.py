import doctest

import pytest

import labelfns
from labelfns import Message, Request

# Answers people have paid for are found again by these. A change here is a promise broken.
KEYS = [
    (
        Request("m", (Message("user", "Is it?"),), ("yes", "no")),
        "50f9268ac39b795729b9f8310217ffc7e524f4a17f1aa4f0494ef84ce35a137f",
    ),
    (
        Request("m", (Message("user", "Why?"),)),
        "b7c2cd78620eef99347fa90aab07e0ee83ec817e6e84009441ecbf859ccd36f6",
    ),
    (
        Request("m", (Message("system", "s"), Message("user", "\u00e9\n")), ("A", "B"), 200, 0.7),
        "299ec613972dbe756ac77f5d466e2b6f9f430f2d7e98b22a5b4643578b015f7f",
    ),
]


@pytest.mark.parametrize(("request_", "key"), KEYS)
def test_keys_stay_what_they_were(request_, key):
    assert request_.key() == key


def test_everything_that_can_change_the_answer_changes_the_key():
    plain = Request("m", (Message("user", "Is it?"),), ("yes", "no"))
    others = [
        Request("n", plain.messages, plain.choices),
        Request("m", (Message("user", "Is it ?"),), plain.choices),
        Request("m", (Message("system", "Is it?"),), plain.choices),
        Request("m", plain.messages, ("no", "yes")),
        Request("m", plain.messages),
        Request("m", plain.messages, plain.choices, max_tokens=63),
        Request("m", plain.messages, plain.choices, temperature=0.1),
        Request("m", plain.messages, plain.choices, form=(("reason", ()),)),
    ]
    assert len({r.key() for r in [plain, *others]}) == 9


def test_the_order_of_words_changes_the_key():
    one, other = (Request("m", (Message("user", t),)) for t in ("dog bites man", "man bites dog"))
    assert one.key() != other.key()


def test_the_readme_of_the_room_is_true():
    assert doctest.testmod(labelfns).attempted > 0
    assert doctest.testmod(labelfns).failed == 0
