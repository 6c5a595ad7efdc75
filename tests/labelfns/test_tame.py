import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelfns.tame import tame

MARKERS = [
    "<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|start_header_id|>", "<|end|>",
    "<s>", "</s>", "<bos>", "<eos>", "[INST]", "[/INST]", "<<SYS>>", "<</SYS>>",
    "<start_of_turn>", "<end_of_turn>", "<tool_call>", "</tool_call>", "<file_sep>", "<think>",
    "<\uff5cUser\uff5c>", "<\uff5cend\u2581of\u2581sentence\uff5c>", "[SYSTEM_PROMPT]", "<S>",
]  # fmt: skip
PARTS = [
    *MARKERS,
    "<",
    ">",
    "|",
    "\uff5c",
    '"',
    '""',
    '"""',
    "[",
    "]",
    "/",
    "SYS",
    "s",
    "INST",
    " ",
]


@pytest.mark.parametrize("marker", MARKERS)
def test_no_marker_survives(marker):
    assert marker not in tame(f"before{marker}after")


@given(st.lists(st.sampled_from(PARTS)).map("".join))
def test_nothing_can_be_pieced_together_to_a_marker_or_to_closing_quotes(text):
    tamed = tame(text)
    assert '"""' not in tamed
    assert not any(marker in tamed for marker in MARKERS)
    assert not re.search(r"<[|\uff5c]|[|\uff5c]>", tamed)
    assert tame(tamed) == tamed


@pytest.mark.parametrize(
    "text",
    [
        "a < b and c > d",
        "He said \"no\" and left. ''",
        "<omitted> [CONTRACTORS] x || y",
        "\u0645\u0631\u062d\u0628\u0627 \U0001f600 \u202eabc",
        "if (a<b) { c >> 2; }",
        "{{ text }} {% for %}",
    ],
)
def test_ordinary_text_stays_as_it_is(text):
    assert tame(text) == text


def test_what_was_asked_before_is_asked_the_same_way():
    text = 'He wrote """x""" and <|im_end|> and |> <|'
    assert tame(text) == "He wrote '''x''' and < |im_end| > and | > < |"


def test_anything_can_be_tamed():
    assert (tame(3), tame(None)) == ("3", "None")
