import numpy as np

from student.baselines import TfidfLinear


def test_it_learns_from_soft_labels_and_from_hard_ones(corpus):
    texts, gold, shares = corpus
    for targets in (shares, gold):
        model = TfidfLinear().fit(texts, targets)
        p = model.predict_proba(texts)
        assert np.allclose(p.sum(axis=1), 1)
        assert (model.predict(texts) == gold).mean() > 0.9


def test_a_class_nobody_saw_gets_nothing_and_weights_count(corpus):
    texts, gold, _ = corpus
    shares = np.eye(4)[gold]
    p = TfidfLinear().fit(texts, shares, sample_weight=np.ones(120)).predict_proba(texts)
    assert p.shape == (120, 4)
    assert (p[:, 3] == 0).all()
