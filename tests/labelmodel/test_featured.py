"""Features may help votes and must not hurt them."""

import numpy as np
import pytest
from sklearn.base import clone

from labelmodel import FeaturedModel, InputError, LabelModel
from labelmodel.synthetic import one_sided


def drawn_with_features(seed=0):
    drawn = one_sided(900, [0.5, 0.3, 0.2], 3, recall=0.25, precision=0.75, seed=seed)
    rng = np.random.default_rng(seed)
    return drawn, rng.normal(size=(900, 8)) + 1.5 * np.eye(3, 8)[drawn.y]


def test_features_answer_for_items_without_votes():
    drawn, features = drawn_with_features()
    silent = (drawn.L < 0).all(axis=1)
    model = FeaturedModel(3).fit(drawn.L, features)
    right = model.predict(drawn.L, features) == drawn.y
    alone = LabelModel(3).fit(drawn.L).predict(drawn.L) == drawn.y
    assert right[silent].mean() > alone[silent].mean() + 0.15
    assert right[~silent].mean() >= alone[~silent].mean()


def test_noise_is_not_believed():
    drawn, _ = drawn_with_features()
    noise = np.random.default_rng(1).normal(size=(900, 8))
    model = FeaturedModel(3).fit(drawn.L, noise)
    assert model.trust_ < 0.1
    right = model.predict(drawn.L, noise) == drawn.y
    assert right.mean() > LabelModel(3).fit(drawn.L).score(drawn.L, drawn.y) - 0.02


def test_new_items_gold_and_manners():
    drawn, features = drawn_with_features(2)
    gold = np.where(np.arange(900) < 50, drawn.y, -1)
    model = FeaturedModel(3, model=LabelModel(3, steps=1)).fit(drawn.L, features, gold)
    p = model.predict_proba(drawn.L[:4], features[:4] + 0.01)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert clone(model).get_params()["folds"] == 5


def test_nothing_to_teach_leaves_the_balance():
    votes = np.full((12, 2), -1)
    model = FeaturedModel(3).fit(votes, np.ones((12, 2)))
    np.testing.assert_allclose(model.predict_proba(votes, np.ones((12, 2))), 1 / 3)


def test_features_that_do_not_fit_are_refused():
    drawn, features = drawn_with_features()
    with pytest.raises(InputError, match="one row an item"):
        FeaturedModel(3).fit(drawn.L, features[:5])
    with pytest.raises(InputError, match="finite"):
        FeaturedModel(3).fit(drawn.L, features * np.nan)
