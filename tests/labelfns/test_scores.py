import math

from hypothesis import given
from hypothesis import strategies as st
from pytest import approx

from labelfns.backends.scores import scores_from_top

YES_NO = ("yes", "no")


def test_spellings_of_a_choice_are_added():
    scores = scores_from_top(
        YES_NO, [("Yes", math.log(0.4)), (" yes", math.log(0.2)), ("No", math.log(0.3))]
    )
    assert scores is not None
    assert math.exp(scores["yes"]) == approx(0.6 / 0.9)
    assert math.exp(scores["no"]) == approx(0.3 / 0.9)


def test_word_marks_of_tokenizers_are_not_part_of_the_word():
    scores = scores_from_top(YES_NO, [("\u0120yes", math.log(0.5)), ("\u2581No", math.log(0.5))])
    assert scores == {"yes": approx(math.log(0.5)), "no": approx(math.log(0.5))}


def test_a_choice_not_shown_gets_no_more_than_the_least_likely_token_or_the_rest():
    scores = scores_from_top(YES_NO, [("yes", math.log(0.9)), ("maybe", math.log(0.06))])
    assert scores is not None
    assert scores["no"] - scores["yes"] == approx(math.log(0.04) - math.log(0.9))


def test_none_when_no_choice_is_among_the_top():
    assert scores_from_top(YES_NO, [("Perhaps", -0.1), ("", -3.0), ("\n", -4.0)]) is None
    assert scores_from_top(YES_NO, []) is None


def test_none_when_the_first_token_does_not_tell_choices_apart():
    assert scores_from_top(["Governing Law", "Governing Body"], [("Governing", -0.1)]) is None


def test_a_letter_is_not_taken_for_the_start_of_two_letters():
    scores = scores_from_top(["A", "AA"], [("A", -0.1), ("AA", -3.0)])
    assert scores is not None and scores["A"] > scores["AA"]


def test_an_unclear_token_below_a_clear_one_does_not_matter():
    scores = scores_from_top(["no", "none"], [("no", -0.1), ("n", -9.0)])
    assert scores is not None and scores["no"] > scores["none"]


@given(st.lists(st.tuples(st.sampled_from(["yes", "No", " x", "", "y"]), st.floats(max_value=0.0))))
def test_scores_are_finite_and_sum_to_one(top):
    scores = scores_from_top(YES_NO, top)
    if scores is not None:
        assert all(math.isfinite(score) for score in scores.values())
        assert sum(map(math.exp, scores.values())) == approx(1.0)
