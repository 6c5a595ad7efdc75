import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification, pipeline

from student import InputError, Student
from student.body import load_body, load_tokenizer
from student.encode import encode

NAMES = ["Law", "Term", "License"]
FAST = dict(epochs=3, batch_size=16, learning_rate=1e-3, max_length=48)


@pytest.fixture(scope="module")
def taught(tiny_bert, corpus):
    texts, _, shares = corpus
    return Student(tiny_bert, classes=NAMES, **FAST).fit(texts, shares)


def test_the_student_learns_and_its_rows_sum_to_1(taught, corpus):
    texts, gold, _ = corpus
    p = taught.predict_proba(texts)
    assert p.shape == (120, 3)
    assert np.allclose(p.sum(axis=1), 1)
    assert taught.score(texts, gold) > 0.9
    assert (taught.predict(texts) == p.argmax(axis=1)).all()


def test_predictions_do_not_depend_on_the_batch_or_the_order(taught, corpus):
    texts = corpus[0][:40]
    p = taught.predict_proba(texts)
    assert np.allclose(p, taught.predict_proba(texts, batch_size=1), atol=1e-5)
    assert np.allclose(p[::-1], taught.predict_proba(texts[::-1]), atol=1e-5)


def test_the_saved_folder_gives_the_same_labels_without_our_code(taught, corpus, tmp_path):
    texts = corpus[0][:40]
    taught.save(tmp_path / "student")
    plain = pipeline("text-classification", str(tmp_path / "student"), device="cpu")
    answers = plain(texts, truncation=True, batch_size=8)
    p = taught.predict_proba(texts)
    assert [a["label"] for a in answers] == [NAMES[c] for c in p.argmax(axis=1)]
    assert np.allclose([a["score"] for a in answers], p.max(axis=1), atol=1e-5)
    assert not [f for f in (tmp_path / "student").iterdir() if f.suffix in (".bin", ".pt", ".pkl")]


def test_a_loaded_student_is_the_saved_one(taught, corpus, tmp_path):
    taught.save(tmp_path)
    loaded = Student.load(tmp_path)
    assert loaded.classes == NAMES
    assert loaded.max_length == 48
    assert np.allclose(loaded.predict_proba(corpus[0]), taught.predict_proba(corpus[0]), atol=1e-6)


def test_fit_again_is_identical_and_touches_no_global_generator(tiny_bert, corpus):
    texts, _, shares = corpus
    student, before = Student(tiny_bert, **{**FAST, "epochs": 1}), shares.copy()
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    first = student.fit(texts, shares).predict_proba(texts)
    assert torch.rand(1) == expected
    assert (first == student.fit(texts, shares).predict_proba(texts)).all()
    assert (shares == before).all()


def test_a_fresh_mean_layer_is_the_mean(tiny_bert, corpus):
    body = load_body(tiny_bert, NAMES).eval()
    tokenizer = load_tokenizer(tiny_bert, 48)
    seen = []
    body.classifier.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    batch = tokenizer(corpus[0][:8], padding=True, return_tensors="pt")
    with torch.no_grad():
        body(**batch)
    got = torch.atanh(seen[0])
    # Layer norm and length one are the same up to a constant once the mean over features is out.
    mean = torch.tensor(encode(corpus[0][:8], tiny_bert))
    mean = mean - mean.mean(dim=1, keepdim=True)
    assert torch.cosine_similarity(got, mean).min() > 0.99


def test_roberta_end_to_end_from_a_configuration(tiny_roberta, corpus, tmp_path):
    texts, gold, shares = corpus
    student = Student(tiny_roberta, classes=NAMES, **{**FAST, "epochs": 6}).fit(texts, shares)
    assert student.score(texts, gold) > 0.8
    student.save(tmp_path)
    plain = pipeline("text-classification", str(tmp_path), device="cpu")(texts[:20])
    assert [a["label"] for a in plain] == [NAMES[c] for c in student.predict(texts[:20])]
    assert type(student.model_).__name__ == "RobertaForSequenceClassification"


def test_roberta_may_pool_by_the_mean_too(tiny_roberta, corpus):
    texts, gold, _ = corpus
    student = Student(tiny_roberta, pooling="mean", **FAST).fit(texts, gold)
    assert student.model_.config.num_hidden_layers == 3
    assert student.score(texts, gold) > 0.9


def test_frozen_layers_stay_as_they_were(tiny_bert, corpus):
    texts, gold, _ = corpus
    start = load_body(tiny_bert, NAMES)
    end = Student(tiny_bert, frozen_layers=1, **FAST).fit(texts, gold).model_
    name = "bert.encoder.layer.{}.output.dense.weight"
    one, two = start.state_dict(), end.state_dict()
    assert torch.equal(one[name.format(0)], two[name.format(0)])
    assert not torch.equal(one[name.format(1)], two[name.format(1)])


def test_rows_of_no_weight_teach_nothing(tiny_bert, corpus):
    texts, gold, _ = corpus
    wrong = (gold + 1) % 3
    weights = np.r_[np.ones(120), np.zeros(120)]
    student = Student(tiny_bert, **FAST).fit(
        texts + texts, np.r_[gold, wrong], sample_weight=weights
    )
    assert student.score(texts, gold) > 0.9


def test_progress_is_told_to_the_end(tiny_bert, corpus):
    told = []
    Student(tiny_bert, **{**FAST, "epochs": 1}).fit(
        corpus[0], corpus[1], progress=lambda done, total: told.append((done, total))
    )
    assert told[-1] == (120, 120)
    assert told == sorted(told)


def test_encode_gives_rows_of_length_1_in_order(tiny_bert, corpus):
    told = []
    x = encode(corpus[0], tiny_bert, batch_size=7, progress=lambda *t: told.append(t))
    assert x.shape == (120, 32) and x.dtype == np.float32
    assert np.allclose(np.linalg.norm(x, axis=1), 1, atol=1e-5)
    assert np.allclose(x[3], encode([corpus[0][3]], tiny_bert)[0], atol=1e-5)
    assert told[-1] == (120, 120)


def test_what_is_no_model_is_refused(tmp_path, tiny_bert, corpus):
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text("{")
    for folder in ("empty", "broken", "missing"):
        with pytest.raises(InputError, match=folder):
            Student(tmp_path / folder).fit(["a", "b"], [0, 1])
        with pytest.raises(InputError, match=folder):
            Student.load(tmp_path / folder)
        with pytest.raises(InputError, match=folder):
            encode(["a"], tmp_path / folder)
    with pytest.raises(InputError, match="no trained classifier"):
        Student.load(tiny_bert)


def test_damaged_weights_are_refused(taught, tmp_path):
    taught.save(tmp_path)
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(InputError, match="weights could not be loaded"):
        Student.load(tmp_path)


@pytest.mark.parametrize(
    "setting, says",
    [
        ({"loss": "magic"}, "loss is 'magic'"),
        ({"pooling": "max"}, "pooling is 'max'"),
        ({"frozen_layers": 9}, "frozen_layers is 9"),
        ({"classes": ["a", "b"]}, "2 classes"),
    ],
)
def test_settings_that_make_no_sense_are_refused(setting, says, tiny_bert, corpus):
    with pytest.raises(InputError, match=says):
        Student(tiny_bert, **setting).fit(corpus[0], corpus[1])


def test_a_student_that_has_not_learned_says_so():
    with pytest.raises(InputError, match="not learned"):
        Student().predict(["a"])


def test_accumulated_batches_make_the_same_first_update(tiny_bert, corpus):
    texts, _, shares = corpus
    weights = []
    for batch_size, accumulate in ((32, 1), (8, 4)):
        student = Student(tiny_bert, epochs=1, batch_size=batch_size, accumulate=accumulate)
        student.learning_rate = 1e-2
        student.fit(texts[:32], shares[:32])
        weights.append(student.model_.classifier.weight.detach())
    assert torch.allclose(weights[0], weights[1], atol=1e-3)


def test_it_is_a_stock_architecture(taught, tmp_path):
    taught.save(tmp_path)
    stock = AutoModelForSequenceClassification.from_pretrained(tmp_path)
    assert type(stock).__module__.startswith("transformers.models.bert")


def test_long_texts_are_read_in_windows(tiny_bert, corpus):
    texts, gold, shares = corpus
    student = Student(tiny_bert, **{**FAST, "max_length": 12, "overlap": 4}).fit(texts, shares)
    assert student.score(texts, gold) > 0.9
    # What decides stands at the end, far behind what a cut would leave.
    late = "the of and " * 10 + "license grant royalty patent software " * 6
    assert student.predict([late]) == [2]
    student.overlap = None
    cut = student.predict_proba([late])
    student.overlap = 4
    assert student.predict_proba([late])[0, 2] > cut[0, 2]


def test_windows_of_short_texts_change_nothing(taught, corpus):
    texts = corpus[0][:20]
    plain = taught.predict_proba(texts)
    taught.overlap = 8
    assert np.allclose(taught.predict_proba(texts), plain, atol=1e-6)
    taught.overlap = None


def test_validation_stops_early_and_takes_the_best_weights_back(tiny_bert, corpus):
    texts, gold, shares = corpus
    wrong = (gold[:30] + 1) % 3
    told = []
    student = Student(tiny_bert, **{**FAST, "epochs": 20, "save_steps": 4})
    student.fit(
        texts[30:],
        shares[30:],
        validation=(texts[:30], wrong),
        progress=lambda done, total: told.append(done / total),
    )
    # The more it learns the worse it does on rows labelled wrongly, so it must not go on.
    assert told[-1] < 0.5


def test_gold_has_the_last_word(tiny_bert, corpus):
    texts, gold, _ = corpus
    misled = (gold == 2) & (np.arange(120) % 5 > 0)  # four in five are called class 1
    student = Student(tiny_bert, **FAST).fit(texts, np.where(misled, 1, gold))
    before = student.score(texts, gold)
    student.fit_gold(texts[:60], gold[:60], epochs=20)
    assert before < 0.75 < student.score(texts, gold)


def test_calibration_lowers_the_loss_and_survives_saving(tiny_bert, corpus, tmp_path):
    texts, gold, shares = corpus
    student = Student(tiny_bert, **{**FAST, "epochs": 6}).fit(texts, shares)
    before, labels = student.predict_proba(texts), student.predict(texts)
    student.calibrate(texts, gold)
    after = student.predict_proba(texts)
    assert (student.predict(texts) == labels).all()
    assert student.temperature_ < 1  # soft targets leave it too modest
    rows = np.arange(120)
    assert np.log(after[rows, gold]).mean() > np.log(before[rows, gold]).mean()
    student.save(tmp_path)
    assert np.allclose(Student.load(tmp_path).predict_proba(texts), after, atol=1e-5)


def test_lower_layers_learn_slower_when_asked(tiny_bert, corpus):
    texts, gold, _ = corpus
    start = load_body(tiny_bert, NAMES).state_dict()
    name = "bert.encoder.layer.0.output.dense.weight"
    moved = []
    for decay in (1.0, 0.1):
        student = Student(tiny_bert, layer_decay=decay, **{**FAST, "epochs": 1}).fit(texts, gold)
        moved.append((student.model_.state_dict()[name] - start[name]).abs().mean())
    assert moved[1] < moved[0] / 10


@pytest.mark.parametrize("loss", ["kl_temperature", "generalised_cross_entropy"])
def test_other_losses_train_too(tiny_bert, corpus, loss):
    texts, gold, shares = corpus
    assert Student(tiny_bert, loss=loss, **FAST).fit(texts, shares).score(texts, gold) > 0.9
