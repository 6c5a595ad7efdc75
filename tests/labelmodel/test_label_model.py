"""The default model: copies, scale, gold, and many classes."""

import numpy as np
import pytest

from labelmodel import LabelModel, WeightedVote
from labelmodel.ballots import read_votes
from labelmodel.even import Cells
from labelmodel.redundancy import independence, similarity
from labelmodel.synthetic import dense, one_sided


def test_twenty_copies_do_not_outvote_three_independent_voters():
    drawn = dense(500, [0.55, 0.85, 0.85, 0.85], 3, seed=0)
    copied = np.hstack([np.repeat(drawn.L[:, :1], 20, axis=1), drawn.L[:, 1:]])
    alone = LabelModel(3).fit(drawn.L).score(drawn.L, drawn.y)
    assert LabelModel(3).fit(copied).score(copied, drawn.y) == pytest.approx(alone, abs=0.01)


def test_paraphrases_count_for_less():
    rng = np.random.default_rng(1)
    drawn = dense(800, [0.6, 0.85, 0.85, 0.85], 3, seed=1)
    noisy = [
        np.where(rng.random(800) < 0.07, rng.integers(3, size=800), drawn.L[:, 0])
        for _ in range(20)
    ]
    votes = np.column_stack([*noisy, drawn.L[:, 1:]])
    own = independence(read_votes(votes, 3))
    assert own[:20].sum() < 4
    assert own[20:].min() > 0.9


def test_copies_are_alike_and_strangers_are_not():
    drawn = dense(500, [0.7, 0.7, 0.7], 4, seed=2)
    alike = similarity(read_votes(np.hstack([drawn.L, drawn.L[:, :1]]), 4))
    assert alike[0, 3] == pytest.approx(1)
    assert np.abs(alike[0, 1]) < 0.5


def test_gold_helps_where_votes_cannot_tell():
    drawn = dense(800, [0.75, 0.5, 0.5, 0.5, 0.5], 2, seed=3, shared=0.3)
    gold = np.where(np.arange(800) < 60, drawn.y, -1)
    rest = gold < 0
    without = LabelModel(2).fit(drawn.L).score(drawn.L[rest], drawn.y[rest])
    with_gold = LabelModel(2).fit(drawn.L, gold).score(drawn.L[rest], drawn.y[rest])
    assert with_gold >= without - 0.01


def test_given_balance_is_used():
    drawn = one_sided(2000, [0.9, 0.1], 3, recall=0.3, precision=0.85, seed=4)
    model = LabelModel(2, balance=[0.9, 0.1]).fit(drawn.L)
    np.testing.assert_allclose(model.balance_, [0.9, 0.1])
    assert model.score(drawn.L, drawn.y) > 0.85


@pytest.mark.parametrize("k", [150, 300])
def test_many_classes(k):
    drawn = dense(3000, [0.8, 0.7, 0.6, 0.6], k, coverage=0.8, seed=5)
    model = LabelModel(k).fit(drawn.L)
    p = model.predict_proba(drawn.L)
    np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-9)
    weighted = WeightedVote(k).fit(drawn.L).score(drawn.L, drawn.y)
    assert model.score(drawn.L, drawn.y) > weighted - 0.01
    assert model.weights_[0] > model.weights_[3]


def test_many_classes_with_gold_and_with_balance():
    drawn = dense(2000, [0.7, 0.6, 0.5], 250, coverage=0.7, seed=6)
    gold = np.where(np.arange(2000) < 100, drawn.y, -1)
    assert LabelModel(250).fit(drawn.L, gold).score(drawn.L, drawn.y) > 0.6
    even = LabelModel(250, balance=np.ones(250)).fit(drawn.L)
    silent = even.predict_proba(np.full((1, 3), -1))
    np.testing.assert_allclose(silent, 1 / 250)


def test_cells_gather_votes_by_item_and_class():
    cells = Cells.of(read_votes(np.array([[0, 0, 2], [-1, 1, -1]]), 3))
    assert cells.row.tolist() == [0, 0, 1]
    assert cells.named.tolist() == [0, 2, 1]
    assert cells.cell.tolist() == [0, 0, 1, 2]


def test_blocks_give_what_the_whole_gives():
    drawn = dense(300, [0.8, 0.7, 0.6], 3, seed=7)
    model = LabelModel(3).fit(drawn.L)
    blocks = np.concatenate(list(model.predict_blocks(drawn.L, rows=17)))
    np.testing.assert_allclose(blocks, model.predict_proba(drawn.L), atol=1e-12)


def test_diagnosis_says_what_the_votes_could_not_tell():
    silent = LabelModel(3).fit(np.full((5, 2), -1))
    assert "Nobody voted" in silent.diagnosis_[0]
    few = LabelModel(3).fit(np.array([[0, 1], [1, 1]]))
    assert any("too few" in sentence for sentence in few.diagnosis_)
    drawn = dense(500, [0.8, 0.8, 0.8], 3, seed=8)
    assert LabelModel(3).fit(drawn.L).diagnosis_ == ()
    copied = np.hstack([drawn.L, drawn.L, drawn.L])
    assert any("repeat" in sentence for sentence in LabelModel(3).fit(copied).diagnosis_)
