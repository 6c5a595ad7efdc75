"""A fit that is killed goes on where its last checkpoint was."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from student import InputError, Student

SETTINGS = dict(epochs=8, batch_size=8, learning_rate=1e-3, max_length=48, save_steps=10)
SCRIPT = """
import sys, time, numpy as np
from student import Student
data = np.load(sys.argv[1])
student = Student(sys.argv[2], {settings})
student.fit(list(data["texts"]), data["shares"], checkpoints=sys.argv[3],
            progress=lambda done, total: time.sleep(0.05))
"""


def test_kill_9_then_the_same_call_ends_with_the_same_student(tiny_bert, corpus, tmp_path):
    texts, _, shares = corpus
    folder = tmp_path / "checkpoints"
    np.savez(tmp_path / "data.npz", texts=np.array(texts), shares=shares)
    settings = ", ".join(f"{k}={v}" for k, v in SETTINGS.items())
    inputs = [str(tmp_path / "data.npz"), str(tiny_bert), str(folder)]
    child = subprocess.Popen([sys.executable, "-c", SCRIPT.format(settings=settings), *inputs])
    while child.poll() is None and not (folder / "checkpoint-30" / "trainer_state.json").exists():
        time.sleep(0.02)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    steps = [p.name for p in folder.glob("checkpoint-*")]
    assert "checkpoint-120" not in steps
    told = []
    student = Student(str(tiny_bert), **SETTINGS)
    student.fit(texts, shares, checkpoints=folder, progress=lambda done, _: told.append(done))
    assert told[0] > 30 * 8, "it began before the checkpoint"
    whole = Student(str(tiny_bert), **SETTINGS).fit(texts, shares)
    assert np.allclose(student.predict_proba(texts), whole.predict_proba(texts), atol=1e-3)


@pytest.fixture
def trained(tiny_bert, corpus, tmp_path):
    folder = tmp_path / "checkpoints"
    Student(tiny_bert, **SETTINGS).fit(corpus[0], corpus[2], checkpoints=folder)
    return folder


def first_step(tiny_bert, corpus, folder, **changed):
    told = []
    student = Student(tiny_bert, **{**SETTINGS, **changed})
    student.fit(corpus[0], corpus[2], checkpoints=folder, progress=lambda d, _: told.append(d))
    return told[0] if told else None


def test_a_finished_fit_is_not_trained_again(tiny_bert, corpus, trained):
    assert first_step(tiny_bert, corpus, trained) is None


def test_another_fit_does_not_take_these_checkpoints(tiny_bert, corpus, trained):
    assert first_step(tiny_bert, corpus, trained, seed=1) == 8


def test_a_half_written_checkpoint_is_passed_over(tiny_bert, corpus, trained):
    (trained / "checkpoint-120" / "trainer_state.json").write_text('{"global')
    assert first_step(tiny_bert, corpus, trained) == 111 * 8


def test_a_damaged_checkpoint_is_one_sentence(tiny_bert, corpus, trained):
    weights = trained / "checkpoint-120" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:500])
    with pytest.raises(InputError, match="checkpoint-120 is damaged"):
        first_step(tiny_bert, corpus, trained)


def test_a_damaged_optimizer_is_one_sentence_too(tiny_bert, corpus, trained):
    (trained / "checkpoint-120" / "trainer_state.json").unlink()
    (trained / "checkpoint-110" / "optimizer.pt").write_bytes(b"rubbish")
    with pytest.raises(InputError, match="checkpoint-110 is damaged"):
        first_step(tiny_bert, corpus, trained)


def test_a_folder_with_other_things_in_it_is_left_alone(tiny_bert, corpus, tmp_path):
    (tmp_path / "thesis.docx").write_text("years of work")
    with pytest.raises(InputError, match=r"holds thesis\.docx"):
        first_step(tiny_bert, corpus, tmp_path)
    assert (tmp_path / "thesis.docx").exists()
