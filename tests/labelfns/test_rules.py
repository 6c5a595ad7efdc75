"""Patterns, Python functions, Snorkel's functions, similarity: voters without an LLM."""

import asyncio
import textwrap

import numpy as np
import pytest

from labelfns import (
    InputError,
    Item,
    Rule,
    Similarity,
    SimilarTo,
    Status,
    describe,
    labeling_function,
    read_patterns,
    read_rules,
)
from labelfns.rule import bind

CLASSES = ["law", "insurance"]


def vote(labelfn, text="Governed by the law of Utah"):
    return asyncio.run(labelfn.vote(Item("i", {"text": text}), None))


def patterns(tmp_path, text, **files):
    for name, content in files.items():
        (tmp_path / f"{name}.txt").write_text(content)
    file = tmp_path / "patterns.yaml"
    file.write_text(textwrap.dedent(text))
    return read_patterns(file, CLASSES)


def test_a_pattern_votes_where_one_matches_and_none_forbids(tmp_path):
    (p,) = patterns(
        tmp_path, "law:\n  class: law\n  any: ['govern.*law', statute]\n  none: conflict"
    )
    got = vote(p)
    assert (got.label, got.status, got.note) == (0, Status.VOTED, "Governed by the law")
    assert vote(p, "governed\nby\nlaws").label == 0
    assert vote(p, "STATUTE").note == "STATUTE"
    assert vote(p, "governed by the law, in conflict").status is Status.ABSTAINED
    assert vote(p, "").status is Status.ABSTAINED


def test_keywords_are_found_whole_in_any_case_and_spacing(tmp_path):
    text = "ins:\n  class: insurance\n  keywords: words.txt"
    (p,) = patterns(tmp_path, text, words="# what insurers say\ninsur.ed\npolicy  holder\n\n")
    assert vote(p, "The Policy\nHolder shall").label == 1
    assert vote(p, "an insur.ed party").label == 1
    assert vote(p, "an insured party, policyholders").status is Status.ABSTAINED


def test_versions_of_patterns_follow_what_they_do(tmp_path):
    one, same, other = patterns(
        tmp_path,
        """
        a: {class: law, any: x}
        b: {class: law, any: [x]}
        c: {class: insurance, any: x}
        """,
    )
    assert one.version == same.version != other.version


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("a: {any: x}", 1, "'class' is missing"),
        ("a:\n  class: lwa\n  any: x", 2, "'lwa' is no class"),
        ("a:\n  class: law\n  any: '('", 3, "is no regular expression: missing"),
        ("a:\n  class: law\n  any: []", 3, "no expression that could match"),
        ("a:\n  class: law", 2, "no expression that could match"),
        ("a:\n  class: law\n  any: [x, {y: z}]", 3, "must be regular expressions in quotes"),
        ("a:\n  class: law\n  any: ['']", 3, "must be regular expressions in quotes"),
        ("a:\n  class: law\n  ayn: x", 3, "unknown key 'ayn'"),
        ("a: x", 1, "must be a mapping"),
        ("a:\n  class: law\n  keywords: none.txt", 3, "there is no file"),
    ],
)
def test_bad_patterns_are_told_with_their_line(tmp_path, text, line, says):
    with pytest.raises(InputError, match=says) as caught:
        patterns(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path / 'patterns.yaml'}:{line}: ")


def test_an_empty_file_of_keywords(tmp_path):
    with pytest.raises(InputError, match=r"words\.txt: has no keywords"):
        patterns(tmp_path, "a: {class: law, keywords: words.txt}", words="# nothing\n")


@pytest.mark.parametrize(
    ("said", "label", "status"),
    [
        (1, 1, Status.VOTED),
        (np.int64(1), 1, Status.VOTED),
        ("insurance", 1, Status.VOTED),
        (-1, -1, Status.ABSTAINED),
        (None, -1, Status.ABSTAINED),
        (2, -1, Status.FAILED),
        (-2, -1, Status.FAILED),
        (True, -1, Status.FAILED),
        ("lwa", -1, Status.FAILED),
        (0.5, -1, Status.FAILED),
        (np.array([1, 2]), -1, Status.FAILED),
    ],
)
def test_what_a_function_gives_is_a_class_or_has_failed(said, label, status):
    got = vote(Rule("f", lambda fields: said, tuple(CLASSES)))
    assert (got.label, got.status) == (label, status)


def test_a_function_that_raises_has_failed_and_says_why():
    got = vote(Rule("f", lambda fields: fields["nope"], tuple(CLASSES)))
    assert (got.status, got.note) == (Status.FAILED, "KeyError: 'nope'")


def test_a_function_cannot_change_the_item():
    item = Item("i", {"text": "x"})
    rule = Rule("f", lambda fields: fields.update(text="y"), tuple(CLASSES))
    assert asyncio.run(rule.vote(item, None)).status is Status.FAILED
    assert item.text == "x"


def test_the_decorator():
    @labeling_function()
    def short(fields):
        return 0 if len(fields["text"]) < 9 else -1

    @labeling_function("other")
    def named(fields):
        return "law"

    assert (short.name, vote(short, "x").label, vote(short).label) == ("short", 0, -1)
    assert named.name == "other" and vote(named).status is Status.FAILED  # no class is known yet
    assert vote(bind([named], CLASSES)[0]).label == 0
    assert short.version != named.version
    with pytest.raises(InputError, match="with its parentheses"):
        labeling_function(lambda fields: 0)


def test_a_function_without_source_has_a_version():
    assert len(Rule("f", len).version) == 64


RULES = """
    from labelfns import labeling_function
    from snorkel.labeling import labeling_function as theirs
    from snorkel.preprocess import preprocessor

    @labeling_function()
    def law(fields):
        return "law" if "law" in fields["text"] else -1

    @preprocessor(memoize=True)
    def lower(x):
        x.low = x.text.lower()
        return x

    @theirs(pre=[lower], resources={"words": {"utah"}})
    def state(x, words):
        return 0 if words & set(x.low.split()) else -1

    @theirs()
    def broken(x):
        return x.nothing
"""


def test_rules_from_a_file_ours_and_snorkels_as_they_are(tmp_path):
    file = tmp_path / "rules.py"
    file.write_text(textwrap.dedent(RULES))
    law, state, broken = read_rules(file, CLASSES)
    assert [f.name for f in (law, state, broken)] == ["law", "state", "broken"]
    assert vote(law).label == 0
    assert vote(state).label == 0 and vote(state, "Ohio").status is Status.ABSTAINED
    assert vote(broken).status is Status.FAILED and "nothing" in vote(broken).note
    assert law.version != state.version != broken.version


def test_snorkels_functions_see_the_id_even_where_a_column_is_called_so():
    from snorkel.labeling import LabelingFunction

    (rule,) = bind([LabelingFunction("by_id", lambda x: 1 if x.id == "i" else -1)], CLASSES)
    got = asyncio.run(rule.vote(Item("i", {"text": "x", "id": "column"}), None))
    assert got.label == 1


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("x = 1\nraise ValueError('no')", 2, "cannot be run: ValueError: no"),
        ("x = (", 1, "cannot be run: SyntaxError"),
        ("import nothing_of_the_kind", 1, "cannot be run: ModuleNotFoundError"),
    ],
)
def test_rules_that_cannot_be_run(tmp_path, text, line, says):
    file = tmp_path / "rules.py"
    file.write_text(text)
    with pytest.raises(InputError, match=says) as caught:
        read_rules(file, CLASSES)
    assert str(caught.value).startswith(f"{file}:{line}: ")


def test_what_is_no_labeling_function_is_refused(tmp_path):
    with pytest.raises(InputError, match="is no labeling function"):
        bind([len], CLASSES)
    with pytest.raises(InputError, match="is no Python file"):
        read_rules(tmp_path / "rules", CLASSES)


def encode(texts):
    """Encode a text by its share of the letters a, b and c."""
    counts = np.array([[t.count(c) for c in "abc"] for t in texts], dtype=np.float32) + 1e-6
    return counts / np.linalg.norm(counts, axis=1, keepdims=True)


def test_similarity_ranks_the_classes():
    s = Similarity(encode, ["a", "b", "c"])
    assert s.rank("aab").tolist()[:2] == [0, 1]
    assert s.of("b") == pytest.approx([0, 1, 0], abs=1e-5)


def test_everything_is_encoded_once_and_together():
    calls = []

    def counted(texts):
        calls.append(list(texts))
        return encode(texts)

    s = Similarity(counted, ["a", "b", "c"])
    s.prepare(["a", "ab", "a"])
    s.prepare(["ab", "c"])
    s.of("c")
    assert calls == [["a", "b", "c"], ["a", "ab"], ["c"]]


def test_a_text_that_was_not_prepared_changes_nothing_for_others():
    s = Similarity(encode, ["a", "b", "c"])
    s.prepare(["a", "b"])
    before = s.mean().copy()
    s.of("ccc")
    np.testing.assert_array_equal(s.mean(), before)


def test_similarity_votes_softly_and_is_centred():
    s = Similarity(encode, ["a", "b", "c"])
    s.prepare(["aaab", "aab", "ab"])  # all are near to a: that says little
    got = vote(SimilarTo("near", s), "ab")
    assert got.label == 1 and got.status is Status.VOTED
    assert 0.9 < sum(got.probs.values()) <= 1.0 and got.note.startswith("similarity 0.")
    assert SimilarTo("x", s).version != SimilarTo("x", s, temperature=1.0).version


def test_classes_are_described_by_name_or_description():
    classes = {"law": "Which law?", "audit": ""}
    assert describe(classes, "name") == ["law", "audit"]
    assert describe(classes, "description") == ["Which law?", "audit"]
    assert describe(classes, "name and description") == ["law. Which law?", "audit. "]
