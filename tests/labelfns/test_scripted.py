import pytest
from servers import ask_one, question

from labelfns.ask import Answer
from labelfns.backends.scripted import scripted_backend
from labelfns.errors import Refused, Rejected
from labelfns.prices import Price


def test_a_mapping_answers_the_first_pattern_that_is_found():
    ask = scripted_backend({"govern.*law": "yes", "": "no"})
    assert ask_one(ask, question("Governed by\nthe law of Ohio")).text == "yes"
    assert ask_one(ask, question("Anything else")).text == "no"


def test_what_the_script_does_not_know_is_rejected():
    with pytest.raises(Rejected, match="no answer"):
        ask_one(scripted_backend({"law": "yes"}), question("tax"))


def test_a_function_may_give_answers_and_errors():
    assert ask_one(scripted_backend(lambda r: Answer("yes", {"yes": 0.0}))).scores == {"yes": 0.0}
    with pytest.raises(Refused):
        ask_one(scripted_backend(lambda r: Refused("no")))


def test_a_text_is_counted_and_priced():
    ask = scripted_backend(lambda r: "yes it is", price=Price(input=1e6, output=1e6))
    answer = ask_one(ask, question("x" * 40))
    assert (answer.input_tokens, answer.output_tokens, answer.cost) == (18, 3, 21.0)
