"""The tables an expert reads."""

import numpy as np
import pytest

from labelmodel import (
    InputError,
    LabelModel,
    MajorityVote,
    calibration,
    conflicts,
    effective_voters,
    labelfn_table,
    lineage,
    redundant_pairs,
)
from labelmodel.synthetic import dense, one_sided

VOTES = np.array([[0, 0, -1], [0, 1, -1], [1, 1, 1], [-1, -1, -1]])


def test_counts_of_the_labelfn_table():
    table = labelfn_table(MajorityVote(2).fit(VOTES), VOTES, names=["a", "b", "c"])
    assert table["labelfn"].tolist() == ["a", "b", "c"]
    assert table["votes"].tolist() == [3, 3, 1]
    assert table["coverage"].tolist() == [0.75, 0.75, 0.25]
    assert table["overlap"].tolist() == [0.75, 0.75, 0.25]
    assert table["conflict"].tolist() == [0.25, 0.25, 0.0]


def test_estimated_accuracy_lies_near_the_true_one():
    drawn = dense(2000, [0.9, 0.75, 0.65, 0.6], 3, seed=0)
    table = labelfn_table(LabelModel(3).fit(drawn.L), drawn.L, drawn.y)
    assert np.abs(table["accuracy"] - table["gold_accuracy"]).max() < 0.12
    assert (table["gold_low"] < table["gold_accuracy"]).all()
    assert (table["gold_accuracy"] < table["gold_high"]).all()
    assert table["weight"].idxmax() == 0


def test_a_voter_without_votes_has_no_accuracy():
    table = labelfn_table(MajorityVote(2).fit(VOTES), np.c_[VOTES[:, :2], np.full(4, -1)])
    assert np.isnan(table["accuracy"][2])
    assert (table["low"][2], table["high"][2]) == (0, 1)


def test_redundant_pairs_finds_the_copy():
    drawn = dense(300, [0.7, 0.7, 0.7], 3, seed=1)
    pairs = redundant_pairs(np.c_[drawn.L, drawn.L[:, 1]], 3, names=list("abcd"))
    assert pairs[["a", "b"]].to_numpy().tolist() == [["b", "d"]]
    assert pairs["similarity"][0] == pytest.approx(1)


def test_effective_voters():
    drawn = dense(300, [0.7] * 9, 2, seed=2)
    assert effective_voters(drawn.L, 2) == pytest.approx(9 / (1 + 8 * 0.2), rel=0.05)
    copies = np.repeat(drawn.L[:, :1], 9, axis=1)
    assert effective_voters(copies, 2) == pytest.approx(1)
    assert effective_voters(np.full((3, 2), -1), 2) == 0


def test_conflicts_by_class():
    table = conflicts(VOTES, 2, classes=["ham", "spam"])
    assert table.loc["ham", "spam"] == table.loc["spam", "ham"] == 1
    assert table.loc["ham", "ham"] == 1
    assert table.loc["spam", "spam"] == 1


def test_lineage_says_which_votes_pushed():
    drawn = one_sided(800, [0.5, 0.5], 3, recall=0.5, precision=0.85, seed=3)
    model = LabelModel(2).fit(drawn.L)
    item = int(np.flatnonzero((drawn.L == 0).any(axis=1) & (drawn.L == 1).any(axis=1))[0])
    table = lineage(model, drawn.L, item, classes=["ham", "spam"])
    answer = ["ham", "spam"][model.predict(drawn.L)[item]]
    assert len(table) == (drawn.L[item] >= 0).sum()
    assert (table["push"][table["said"] == answer] > 0).all()
    assert (table["push"][table["said"] != answer] < 0).all()


def test_lineage_of_a_silent_item_is_empty():
    assert lineage(MajorityVote(2).fit(VOTES), VOTES, 3).empty


def test_calibration_of_a_coin_that_knows_it():
    p = np.tile([0.5, 0.5], (4, 1))
    fair = calibration(p, np.array([0, 1, 0, 1]))
    assert (fair.n, fair.accuracy, fair.ece, fair.brier) == (4, 0.5, 0.0, 0.5)
    assert fair.log_loss == pytest.approx(np.log(2))
    assert fair.reliability["items"].tolist() == [4]


def test_calibration_sees_overconfidence_and_skips_unknown_gold():
    p = np.array([[0.99, 0.01], [0.99, 0.01], [0.2, 0.8]])
    result = calibration(p, np.array([0, 1, -1]))
    assert result.n == 2
    assert result.ece == pytest.approx(0.49)
    with pytest.raises(InputError, match="no gold"):
        calibration(p, np.full(3, -1))
