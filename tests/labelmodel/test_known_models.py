"""The known models, against what can be worked out by hand."""

import numpy as np
import pytest

from labelmodel import IBCC, DawidSkene, MajorityVote, OneCoin, Triplet, WeightedVote
from labelmodel.synthetic import dense, one_sided


def test_majority_shares_the_votes():
    votes = np.array([[0, 0, 1], [1, -1, -1], [-1, -1, -1]])
    p = MajorityVote(2, balance=[0.3, 0.7]).fit(votes).predict_proba(votes)
    np.testing.assert_allclose(p, [[2 / 3, 1 / 3], [0, 1], [0.3, 0.7]])


def test_weighted_vote_trusts_those_who_agree():
    drawn = dense(500, [0.95, 0.9, 0.5, 0.5], 4, seed=0)
    model = WeightedVote(4).fit(drawn.L)
    assert model.weights_[:2].min() > model.weights_[2:].max()


@pytest.mark.parametrize("model", [DawidSkene, IBCC])
def test_confusions_are_recovered(model):
    drawn = dense(4000, [0.9, 0.8, 0.7, 0.6], 3, seed=1)
    found = np.einsum("jcc->j", model(3).fit(drawn.L).confusion_) / 3
    np.testing.assert_allclose(found, [0.9, 0.8, 0.7, 0.6], atol=0.05)


def test_one_coin_has_one_accuracy():
    drawn = dense(2000, [0.9, 0.7, 0.6], 3, seed=2)
    confusion = OneCoin(3).fit(drawn.L).confusion_
    np.testing.assert_allclose(confusion[:, 0, 0], confusion[:, 1, 1])
    np.testing.assert_allclose(confusion.sum(axis=1), 1)


def test_triplet_recovers_accuracies_in_closed_form():
    drawn = dense(8000, [0.9, 0.8, 0.7, 0.6], 4, coverage=0.7, seed=3)
    np.testing.assert_allclose(Triplet(4).fit(drawn.L).accuracy_, [0.9, 0.8, 0.7, 0.6], atol=0.05)


def test_stream_ends_near_the_whole():
    drawn = dense(3000, [0.85, 0.75, 0.7, 0.6], 3, seed=4)
    stream = DawidSkene(3)
    for part in np.split(drawn.L, 6):
        stream.partial_fit(part)
    whole = DawidSkene(3).fit(drawn.L)
    assert stream.items_.sum() == pytest.approx(3000)
    assert stream.score(drawn.L, drawn.y) > whole.score(drawn.L, drawn.y) - 0.02


def test_collapse_is_noticed():
    drawn = one_sided(1000, [0.5, 0.5], 3, recall=0.3, precision=0.6, seed=5)
    model = DawidSkene(2, balance_prior=0.0).fit(drawn.L)
    voted = (drawn.L >= 0).any(axis=1)
    assert len(np.unique(model.predict(drawn.L[voted]))) == 2
