import subprocess
import sys

import numpy as np
import pytest

from student import InputError, Student
from student.export import export_onnx
from student.onnx import OnnxStudent

pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")


@pytest.fixture(scope="module", params=["tiny_bert", "tiny_roberta"])
def exported(request, corpus, tmp_path_factory):
    folder = tmp_path_factory.mktemp("onnx")
    student = Student(request.getfixturevalue(request.param), epochs=2, batch_size=16)
    student.fit(corpus[0], corpus[2])
    return student, folder, export_onnx(student, folder, corpus[0])


def test_onnx_says_what_torch_says(exported, corpus):
    student, folder, parity = exported
    assert parity.fp32_gap < 1e-4
    assert parity.int8_same >= 0.97
    expected = student.predict_proba(corpus[0])
    assert np.allclose(OnnxStudent(folder).predict_proba(corpus[0]), expected, atol=1e-4)
    eight = OnnxStudent(folder, int8=True).predict(corpus[0])
    assert (eight == expected.argmax(axis=1)).mean() >= 0.97


def test_long_texts_are_cut_alike(exported):
    student, folder, _ = exported
    text = ["license " * 500, "law"]
    expected = student.predict_proba(text)
    assert np.allclose(OnnxStudent(folder).predict_proba(text), expected, atol=1e-4)


def test_no_torch_is_needed(exported):
    _, folder, _ = exported
    code = (
        "import sys; sys.modules['torch'] = sys.modules['transformers'] = None;"
        "from student.onnx import OnnxStudent;"
        f"print(OnnxStudent({str(folder)!r}).predict(['the law', 'license']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_folder_without_an_export_is_refused(tmp_path):
    with pytest.raises(InputError, match="export the student first"):
        OnnxStudent(tmp_path).predict(["a"])
