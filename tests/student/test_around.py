"""What stands around a student: temperature, self-training, the card, the windows."""

import numpy as np
import pytest
import yaml

from student import Student
from student.calibrate import fit_temperature
from student.card import Card, write_card
from student.score import score
from student.self_training import self_train
from student.windows import pool, spread


def test_the_temperature_is_found():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(3000, 4)) * 2
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    gold = np.array([rng.choice(4, p=row) for row in p])
    assert fit_temperature(logits * 3, gold) == pytest.approx(3, rel=0.1)
    assert 0.4 < fit_temperature(logits[:1] * 3, gold[:1]) < 2.5


def test_pieces_are_averaged_and_share_their_weight():
    owner = np.array([0, 1, 1, 2])
    values = np.array([[1.0], [2.0], [4.0], [5.0]], dtype=np.float32)
    assert pool(values, owner, 3).tolist() == [[1], [3], [5]]
    labels = spread(np.array([[1.0, 0], [0, 1.0], [0.5, 0.5]]), owner)
    assert labels.sum(axis=1).mean() == pytest.approx(1)
    assert labels[1:3].sum() == pytest.approx(labels[0].sum())


def test_self_training_uses_rows_nobody_voted_on(tiny_bert, corpus):
    texts, gold, shares = corpus
    student = Student(tiny_bert, epochs=3, batch_size=16, learning_rate=1e-3)
    self_train(student, texts[:40], shares[:40], texts[40:])
    assert student.score(texts[40:], gold[40:]) > 0.9


def test_the_card_says_what_a_stranger_must_know(tmp_path):
    gold = np.array([0, 1, 0, 1])
    card = Card(
        title="Clauses",
        base_model="FacebookAI/roberta-base",
        classes=["Law", "Term"],
        data="Contract clauses.",
        n_rows=4,
        labelfns={"law.md": "asks which law governs"},
        scores={"test": score(np.eye(2)[gold], gold, draws=20)},
        temperature=1.25,
    )
    write_card(tmp_path, card)
    text = (tmp_path / "README.md").read_text()
    _, head, body = text.split("---\n", 2)
    assert yaml.safe_load(head)["pipeline_tag"] == "text-classification"
    for part in ("law.md", "| test | 4 | 1.000 [1.000, 1.000] |", "1.250", "- Law", "4 rows"):
        assert part in body
