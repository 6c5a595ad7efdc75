import numpy as np
import pytest
from scipy import sparse

from labelfns import InputError, Status, Vote, agreement, examples, gather, summary, twins
from labelfns.analysis import wilson

CLASSES = ["red", "green", "blue"]


def voted(label: int, **more) -> Vote:
    return Vote(label, Status.VOTED, **more)


def one_of(*labels: int) -> Vote:
    return Vote(-1, Status.VOTED, dict.fromkeys(labels, 1 / len(labels)))


NONE = Vote()


def table(rows: list[list[Vote]]):
    names = [f"f{j}" for j in range(len(rows[0]))]
    return gather(rows, [f"i{i}" for i in range(len(rows))], names, CLASSES)


@pytest.fixture
def votes():
    return table(
        [
            [voted(0, cost=0.5, seconds=2.0), voted(0), one_of(0, 1), NONE],
            [voted(0, cost=0.25), voted(1), NONE, Vote(status=Status.FAILED, note="no line")],
            [NONE, voted(2), one_of(0, 1), Vote(status=Status.UNREADABLE, note="maybe")],
            [voted(1), NONE, NONE, Vote(status=Status.REFUSED)],
        ]
    )


def test_coverage_overlap_and_conflict_are_snorkels_shares(votes):
    from snorkel.labeling import LFAnalysis

    hard = table(
        [
            [v for v in row]
            for row in [
                [voted(0), voted(0), NONE],
                [voted(1), voted(0), NONE],
                [NONE, voted(2), voted(2)],
                [voted(1), NONE, NONE],
            ]
        ]
    )
    theirs = LFAnalysis(hard.L).lf_summary()
    ours = summary(hard)
    for column, name in (
        ("coverage", "Coverage"),
        ("overlap", "Overlaps"),
        ("conflict", "Conflicts"),
    ):
        np.testing.assert_allclose(ours[column], theirs[name])


def test_a_row_says_what_a_labeling_function_did(votes):
    rows = summary(votes, {"i0": "red", "i1": "green", "i3": "green"})
    first = rows.loc["f0"]
    assert (first.coverage, first.overlap, first.conflict) == (0.75, 0.5, 0.25)
    assert first.polarity == ("red", "green")
    assert (first.accuracy, first.gold) == (pytest.approx(2 / 3), 3)
    assert first.low < first.accuracy < first.high
    assert (first.cost, first.seconds) == (0.75, 2.0)
    last = rows.loc["f3"]
    assert (last.voted, last.abstained, last.failed, last.unreadable, last.refused) == (
        0,
        1,
        1,
        1,
        1,
    )
    assert np.isnan(last.accuracy) and last.gold == 0 and last.polarity == ()


def test_a_vote_for_several_classes_is_right_and_agrees_where_it_holds_the_other(votes):
    rows = summary(votes, {"i0": "green", "i2": 2})
    assert rows.loc["f2", "accuracy"] == 0.5
    assert rows.loc["f2", "conflict"] == 0.25  # against blue on i2, not against red on i0
    assert rows.loc["f2", "polarity"] == ("red", "green")


def test_nobody_is_against_a_vote_for_several_classes_that_is_for_one_of_them():
    rows = summary(table([[one_of(0, 1), voted(0), voted(1)]]))
    assert rows["conflict"].tolist() == [0.0, 1.0, 1.0]


def test_agreement_is_over_the_items_both_voted_on(votes):
    a = agreement(votes)
    assert a[0, 1] == a[1, 0] == 0.5
    assert a[0, 2] == 1.0
    assert a[1, 2] == 0.5
    assert np.isnan(a[0, 3]) and np.isnan(a[3, 3])
    assert a[0, 0] == a[2, 2] == 1.0


def test_twins_vote_on_the_same_items_and_say_the_same():
    rng = np.random.default_rng(0)
    rows = []
    for _ in range(50):
        c = int(rng.integers(3))
        rows.append(
            [
                voted(c),
                voted(c),
                voted(int(rng.integers(3))),
                voted(c) if rng.random() < 0.5 else NONE,
            ]
        )
    found = twins(table(rows))
    assert found[["a", "b", "items"]].values.tolist() == [["f0", "f1", 50]]
    assert found["same"].tolist() == [1.0]
    assert twins(table(rows[:5])).empty  # too few to say


def test_examples_stand_behind_every_cell(votes):
    assert examples(votes, "f3", "failed")[["item", "note"]].values.tolist() == [["i1", "no line"]]
    assert examples(votes, "f0")["label"].tolist() == ["red", "red", "green"]
    assert examples(votes, "f0", "overlap")["item"].tolist() == ["i0", "i1"]
    assert examples(votes, "f1", "conflict")["item"].tolist() == ["i1", "i2"]
    pair = examples(votes, "f0", "conflict", other="f1")
    assert pair[["item", "label", "label of other"]].values.tolist() == [["i1", "red", "green"]]
    wrong = examples(votes, "f0", "wrong", gold={"i0": "red", "i1": "green"})
    assert wrong[["item", "gold"]].values.tolist() == [["i1", "green"]]
    assert len(examples(votes, "f0", "right", gold={"i0": "red"})) == 1
    assert len(examples(votes, "f0", most=1)) == 1


def test_unknown_names_are_refused(votes):
    with pytest.raises(InputError, match="no labeling function is named 'f9'"):
        examples(votes, "f9")
    with pytest.raises(InputError, match="'loud' is nothing a vote can be"):
        examples(votes, "f0", "loud")
    with pytest.raises(InputError, match="gold label 'pink' of the item 'i0'"):
        summary(votes, {"i0": "pink"})


def test_without_costs_nothing_is_made_up(votes):
    from dataclasses import replace

    rows = summary(replace(votes, cost=None, seconds=None))
    assert rows[["cost", "seconds"]].isna().all().all()


def test_wilsons_interval():
    assert wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    low, high = wilson(0, 5)
    assert low == 0.0 and high == pytest.approx(0.4345, abs=1e-4)
    assert all(np.isnan(wilson(0, 0)))


def test_no_votes_at_all():
    empty = table([[NONE], [NONE]])
    assert summary(empty).loc["f0", "coverage"] == 0.0
    assert np.isnan(agreement(empty)).all()
    assert sparse.issparse(empty.V) and empty.V.nnz == 0
