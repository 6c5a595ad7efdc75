import pytest

from labelfns.read import read

YES_NO = {"yes": (0,), "no": ()}
LETTERS = {"A": (0,), "B": (1,), "I": (2,), "Governing Law": (0,), "Insurance": (1,), "Audit": (2,)}


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("yes", "yes"),
        ("Yes", "yes"),
        ("  YES.\n", "yes"),
        ("**Yes**", "yes"),
        ('"no"', "no"),
        ("Yes, it says so in the first line.", "yes"),
        ("No. The clause is about insurance.", "no"),
        ("No - nothing of the kind", "no"),
        ("Yes it does", "yes"),
        ("no\n\nThe clause says yes to something else", "no"),
        ("Answer: yes", "yes"),
        ("The answer is no.", "no"),
        ("The correct answer is: **Yes**.", "yes"),
        ("\u201cYes\u201d", "yes"),
        ("Yes, yes.", "yes"),
    ],
)
def test_an_answer_is_read(said, answer):
    assert read(said, YES_NO) == answer


@pytest.mark.parametrize(
    "said",
    [
        "",
        "   ",
        "I cannot help with that",
        "Yes and no",
        "Yes or no?",
        "yes/no",
        "Yes. No.",
        "Yes, but also no.",
        "No idea",
        "No answer can be given",
        "Not sure",
        "Nope",
        "yesterday",
        "noon",
        "Maybe",
        "It depends: yes if the law is named, no otherwise",
        "Ja",
        "S\u00ed",
        "\u306f\u3044",
        "1",
        "<html><h1>It works!</h1></html>",
        "Bananas, on the whole.",
        "The answer",
        "\U0001f44d",
    ],
)
def test_what_is_no_answer_is_not_read_as_one(said):
    assert read(said, YES_NO) is None


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("A", "A"),
        ("a", "A"),
        ("(B)", "B"),
        ("B.", "B"),
        ("B) Insurance", "B"),
        ("A. Governing Law", "A"),
        ("**A**: Governing Law", "A"),
        ("Governing Law", "Governing Law"),
        ("governing law.", "Governing Law"),
        ("The answer is B.", "B"),
        ("Option A", "A"),
        ("Answer: (B)", "B"),
        ("I.", "I"),
    ],
)
def test_a_letter_or_a_name_is_read(said, answer):
    assert read(said, LETTERS) == answer


@pytest.mark.parametrize(
    "said",
    [
        "A clause about insurance",
        "I cannot help with that",
        "I, as a language model, will not say",
        "I'm sorry",
        "A, B",
        "A or B",
        "A and B",
        "A. Insurance",  # letter and name contradict
        "Insurance and Governing Law",
        "Insurance / Audit",
        "C",
        "AB",
        "Governing Lawyers",
    ],
)
def test_a_letter_in_a_sentence_is_no_answer(said):
    assert read(said, LETTERS) is None


def test_the_longer_of_two_names_is_read():
    meaning = {"License": (0,), "License Grant": (1,)}
    assert read("License Grant.", meaning) == "License Grant"
    assert read("License", meaning) == "License"
