"""One law, every model: what must hold whatever the votes are."""

import pickle
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import sparse
from sklearn.base import clone

from labelmodel import (
    IBCC,
    DawidSkene,
    InputError,
    LabelModel,
    MajorityVote,
    OneCoin,
    SnorkelModel,
    Triplet,
    WeightedVote,
)
from labelmodel.synthetic import dense, one_sided

MODELS = [LabelModel, MajorityVote, WeightedVote, DawidSkene, OneCoin, IBCC, Triplet]
K = 3
every_model = pytest.mark.parametrize("model", MODELS)
few = settings(max_examples=20, deadline=None, derandomize=True)
tables = arrays.arrays(
    np.int64,
    st.tuples(st.integers(1, 12), st.integers(1, 5)),
    elements=st.integers(-1, K - 1),
)
pytestmark = pytest.mark.filterwarnings("ignore:Dawid-Skene did not settle")


def one_hot(votes, k=K):
    n, m = votes.shape
    row, j = np.nonzero(votes >= 0)
    shape = (n, m * k)
    shares = sparse.csr_matrix((np.ones(len(row)), (row, j * k + votes[row, j])), shape=shape)
    return SimpleNamespace(L=votes, V=shares)


def proba(model, votes, k=K, **settings):
    return model(k, **settings).fit(votes).predict_proba(votes)


@every_model
@few
@given(votes=tables)
def test_probabilities_are_finite_and_rows_sum_to_one(model, votes):
    p = proba(model, votes)
    assert p.shape == (len(votes), K)
    assert np.isfinite(p).all() and (p >= 0).all()
    np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-9)


@every_model
@few
@given(votes=tables)
def test_input_is_untouched_and_refit_is_identical(model, votes):
    before = votes.copy()
    fitted = model(K)
    first = fitted.fit(votes).predict_proba(votes)
    again = fitted.fit(votes).predict_proba(votes)
    np.testing.assert_array_equal(votes, before)
    np.testing.assert_array_equal(first, again)


@every_model
@few
@given(votes=tables, seed=st.integers(0, 99))
def test_renaming_classes_permutes_columns(model, votes, seed):
    new = np.random.default_rng(seed).permutation(K)
    renamed = np.where(votes >= 0, new[votes], -1)
    np.testing.assert_allclose(proba(model, renamed)[:, new], proba(model, votes), atol=1e-5)


@every_model
@few
@given(votes=tables, seed=st.integers(0, 99))
def test_order_of_labeling_functions_and_rows_is_nothing(model, votes, seed):
    rng = np.random.default_rng(seed)
    rows, columns = rng.permutation(len(votes)), rng.permutation(votes.shape[1])
    shuffled = proba(model, votes[rows][:, columns])
    np.testing.assert_allclose(shuffled, proba(model, votes)[rows], atol=1e-5)


@every_model
@few
@given(votes=tables)
def test_one_hot_soft_votes_equal_hard_votes(model, votes):
    np.testing.assert_array_equal(proba(model, one_hot(votes)), proba(model, votes))


@every_model
@few
@given(votes=tables)
def test_row_without_votes_gets_the_balance(model, votes):
    silent = np.vstack([votes, np.full((1, votes.shape[1]), -1)])
    given_balance = [0.5, 0.3, 0.2]
    np.testing.assert_allclose(
        proba(model, silent, balance=given_balance)[-1], given_balance, atol=1e-9
    )
    learned = model(K).fit(silent)
    np.testing.assert_allclose(learned.predict_proba(silent)[-1], learned.balance_, atol=1e-9)


@every_model
def test_predict_changes_nothing(model):
    drawn = dense(60, [0.8, 0.7, 0.6], K, seed=0)
    fitted = model(K).fit(drawn.L)
    before = pickle.dumps(fitted)
    fitted.predict_proba(drawn.L[:5])
    fitted.score(drawn.L, drawn.y)
    assert pickle.dumps(fitted) == before


@every_model
def test_pickle_clone_and_params(model):
    drawn = dense(60, [0.8, 0.7, 0.6], K, seed=0)
    fitted = model(K).fit(drawn.L)
    same = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(same.predict_proba(drawn.L), fitted.predict_proba(drawn.L))
    assert clone(fitted).get_params() == fitted.get_params()
    assert not hasattr(clone(fitted), "n_labelfns_")


@every_model
def test_recovers_known_truth_of_dense_voters(model):
    drawn = dense(600, [0.9, 0.8, 0.75, 0.7, 0.65], K, coverage=0.8, seed=1)
    fitted = model(K).fit(drawn.L)
    assert fitted.score(drawn.L, drawn.y) > 0.85
    assert fitted.weights_.shape == (5,)


@pytest.mark.parametrize("model", [LabelModel, DawidSkene, MajorityVote])
def test_one_sided_rules_do_not_collapse(model):
    drawn = one_sided(1500, [0.5, 0.3, 0.2], 4, recall=0.3, precision=0.8, seed=2)
    voted = (drawn.L >= 0).any(axis=1)
    fitted = model(K).fit(drawn.L)
    assert len(np.unique(fitted.predict(drawn.L))) == K
    assert fitted.score(drawn.L[voted], drawn.y[voted]) > 0.7


@every_model
@pytest.mark.parametrize(
    "votes",
    [
        np.full((4, 3), -1),
        np.zeros((5, 3), int),
        np.array([[0], [1], [-1]]),
        np.array([[0, 1, 2]]),
        np.tile([0, 1, 2], (6, 1)),
        np.zeros((0, 3), int),
        np.eye(3, dtype=int) * 3 - 1,
    ],
    ids=["silent", "constant", "one column", "one row", "contradictory", "no rows", "diagonal"],
)
@pytest.mark.parametrize("k", [3, 11])
def test_strange_tables_give_finite_answers(model, votes, k):
    p = proba(model, votes, k)
    assert p.shape == (len(votes), k)
    assert np.isfinite(p).all()


@every_model
def test_gold_is_taken_and_bad_input_refused(model):
    drawn = dense(80, [0.8, 0.7, 0.6], K, seed=3)
    gold = np.where(np.arange(80) < 20, drawn.y, -1)
    assert np.isfinite(model(K).fit(drawn.L, gold).predict_proba(drawn.L)).all()
    fitted = model(K).fit(drawn.L)
    bad = [
        lambda: model(K).fit(np.array([[5, 0]])),
        lambda: model(K).fit(np.array([[-2, 0]])),
        lambda: model(K).fit(np.array([[0.5, 0]])),
        lambda: model(K).fit(np.array([["yes", "no"]])),
        lambda: model(K).fit(np.zeros(4, int)),
        lambda: model(1).fit(drawn.L),
        lambda: model(K).fit(drawn.L, gold[:5]),
        lambda: model(K).fit(drawn.L, gold + 7),
        lambda: fitted.predict(drawn.L[:, :2]),
        lambda: fitted.score(drawn.L, np.full(80, -1)),
    ]
    for call in bad:
        with pytest.raises(InputError):
            call()


@pytest.mark.parametrize("balance", [[0.5, 0.5], [1.0, 0.0, 0.0], [np.nan, 1, 1]])
def test_bad_balance_is_refused(balance):
    with pytest.raises(InputError, match="class balance"):
        LabelModel(K, balance=balance).fit(np.zeros((3, 3), int))


@every_model
def test_floats_that_are_whole_are_votes(model):
    votes = np.array([[0.0, -1.0], [2.0, 2.0]])
    np.testing.assert_array_equal(proba(model, votes), proba(model, votes.astype(int)))


@pytest.mark.slow
def test_snorkel_speaks_our_conventions():
    drawn = dense(300, [0.9, 0.8, 0.7, 0.7], K, coverage=0.9, seed=4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = SnorkelModel(K, n_epochs=100).fit(one_hot(drawn.L), drawn.y)
    p = fitted.predict_proba(drawn.L)
    np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-6)
    assert fitted.score(drawn.L, drawn.y) > 0.8
    assert fitted.weights_.shape == (4,)
    with pytest.raises(InputError, match="at least 3"):
        SnorkelModel(K).fit(drawn.L[:, :2])


@pytest.mark.slow
def test_a_million_rows():
    drawn = dense(1_000_000, [0.8, 0.7], 2, seed=5)
    fitted = LabelModel(2).fit(drawn.L)
    assert fitted.score(drawn.L, drawn.y) > 0.7
