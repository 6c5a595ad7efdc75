import numpy as np
import pytest
import torch

from student import InputError
from student.step_by_step import IGNORED, LABEL, RATIONALE, StepByStep, _row_loss

NAMES = ["law", "terminate", "license"]
REASONS = ["state courts jurisdiction", "notice days", "grant royalty"]


@pytest.fixture(scope="module")
def taught(tiny_t5, corpus):
    texts, gold, shares = corpus
    reasons = [REASONS[c] if i % 2 else None for i, c in enumerate(gold)]
    student = StepByStep(tiny_t5, classes=NAMES, epochs=15, learning_rate=5e-3, max_length=32)
    return student.fit(texts, shares, reasons)


def test_it_learns_the_label_while_it_learns_to_reason(taught, corpus):
    texts, gold, _ = corpus
    p = taught.predict_proba(texts)
    assert np.allclose(p.sum(axis=1), 1)
    assert (taught.predict(texts) == gold).mean() > 0.8


def test_the_reason_it_writes_is_of_the_right_class(taught):
    ask = taught.tokenizer_([RATIONALE + "license grant royalty patent"], return_tensors="pt")
    written = taught.model_.generate(input_ids=ask["input_ids"], max_new_tokens=6)[0]
    assert "grant" in taught.tokenizer_.decode(written) or "royalty" in taught.tokenizer_.decode(
        written
    )


def test_it_saves_and_loads(taught, corpus, tmp_path):
    taught.save(tmp_path)
    loaded = StepByStep(tmp_path, classes=NAMES).load(tmp_path)
    assert np.allclose(
        loaded.predict_proba(corpus[0][:20]), taught.predict_proba(corpus[0][:20]), atol=1e-5
    )


def test_a_row_without_a_reason_is_one_task_and_doubt_lowers_its_weight(taught):
    tasks = taught._tasks(
        ["law", "license"], np.array([0, 2]), np.array([1.0, 0.5]), [None, "grant royalty"]
    )
    assert [task["weight"] for task in tasks] == [1.0, 0.5, 0.5]
    assert LABEL != RATIONALE


def test_the_loss_is_the_weighted_mean_over_rows_of_their_own_tokens():
    logits = torch.zeros(2, 3, 4)
    answers = torch.tensor([[1, 2, 3], [1, IGNORED, IGNORED]])
    labels = {"answers": answers, "weights": torch.tensor([1.0, 0.5])}
    assert _row_loss({"logits": logits}, labels).item() == pytest.approx(0.75 * np.log(4))


def test_what_cannot_be_taught_is_refused(tiny_t5, tiny_bert):
    with pytest.raises(InputError, match="1 rationales"):
        StepByStep(tiny_t5, classes=NAMES).fit(["a", "b"], [0, 1], ["why"])
    with pytest.raises(InputError, match="does not write text"):
        StepByStep(tiny_bert, classes=NAMES).fit(["a", "b"], [0, 1], ["why", None])
    with pytest.raises(InputError, match="not learned"):
        StepByStep(tiny_t5, classes=NAMES).predict(["a"])
