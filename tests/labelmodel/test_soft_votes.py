"""Soft votes, votes for one of several classes, and the checks on both."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import sparse

from labelmodel import DawidSkene, InputError, LabelModel, MajorityVote
from labelmodel.ballots import read_votes
from labelmodel.evidence import evidence, expected_counts
from labelmodel.snorkel_model import top_votes
from labelmodel.synthetic import dense, prompted

K = 3


def soft(labels, shares):
    """Votes with shares (n, m, k) given in full."""
    cube = np.asarray(shares, dtype=float)
    return SimpleNamespace(L=np.asarray(labels), V=sparse.csr_matrix(cube.reshape(len(cube), -1)))


def test_an_even_vote_says_one_of_these():
    rates = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]])
    votes = read_votes(soft([[-1]], [[[0.5, 0.5, 0.0]]]), K)
    heard = np.exp(evidence(votes, rates))[0]
    np.testing.assert_allclose(heard, [0.45, 0.45, 0.1])


def test_mass_kept_back_speaks_for_no_class():
    rates = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]])
    clear, faint = (read_votes(soft([[0]], [[[s, 0.0, 0.0]]]), K) for s in (0.999999, 0.1))
    gap = [np.ptp(evidence(v, rates)) for v in (clear, faint)]
    assert gap[0] == pytest.approx(np.log(8), abs=1e-4)
    assert 0 < gap[1] < 0.5


def test_expected_counts_of_a_soft_vote_add_up_to_it():
    rates = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]])
    votes = read_votes(soft([[0]], [[[0.6, 0.4, 0.0]]]), K)
    counts = expected_counts(votes, np.array([[0.7, 0.2, 0.1]]), rates)
    np.testing.assert_allclose(counts.sum(axis=0), [0.7, 0.2, 0.1])


@pytest.mark.parametrize("model", [LabelModel, MajorityVote, DawidSkene])
def test_partial_votes_settle_between_two_voters(model):
    drawn = dense(400, [0.85, 0.8, 0.8], K, seed=0)
    votes = soft(drawn.L, np.eye(K)[drawn.L])
    fitted = model(K).fit(votes)
    tied = soft([[0, 1, -1]], [[[1, 0, 0], [0, 1, 0], [0, 0.5, 0.5]]])
    assert fitted.predict(tied)[0] == 1


def test_labels_without_shares_still_count():
    votes = SimpleNamespace(L=np.array([[0, 1]]), V=sparse.csr_matrix((1, 6)))
    np.testing.assert_array_equal(top_votes(read_votes(votes, K)), [[0, 1]])


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        (np.zeros((1, 5)), "shape"),
        (np.array([[0.9, 0.9, 0, 0, 0, 0]]), "add up to 1.800"),
        (np.array([[-0.1, 0, 0, 0, 0, 0]]), "not negative"),
        (np.array([[np.nan, 0, 0, 0, 0, 0]]), "finite"),
    ],
)
def test_bad_shares_are_refused(shares, message):
    votes = SimpleNamespace(L=np.full((1, 2), -1), V=sparse.csr_matrix(shares))
    with pytest.raises(InputError, match=message):
        LabelModel(K).fit(votes)


def test_taking_and_cutting_rows_keeps_soft_votes():
    drawn = prompted(60, 5, seed=1)
    votes = read_votes(drawn, 5)
    part = np.array([3, 4, 9, 40])
    np.testing.assert_allclose(
        votes.take(part).shares.toarray(), votes.shares.toarray()[part], atol=1e-6
    )
    cut = [block.shares.toarray() for _, block in votes.blocks(7)]
    np.testing.assert_allclose(np.concatenate(cut), votes.shares.toarray(), atol=1e-6)


def test_default_is_strong_on_a_prompted_task():
    drawn = prompted(1500, 12, seed=3)
    scores = {m: m(12).fit(drawn).score(drawn, drawn.y) for m in (LabelModel, MajorityVote)}
    assert scores[LabelModel] > scores[MajorityVote] - 0.01
    assert scores[LabelModel] > 0.75
