"""The student over a corpus: every kind of file, part by part, resumed, never mixed."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ticket_task import TICKETS, jurat

from jurat.scale import label

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def student(finished):
    return finished / "out" / "student"


def texts() -> list[str]:
    with TICKETS.open(encoding="utf-8") as stream:
        return [row["message"] for row in csv.DictReader(stream)]


def corpus(folder: Path, kind: str, n: int = 150) -> Path:
    rows = [{"id": f"c{i}", "text": texts()[i % 60]} for i in range(n)]
    file = folder / f"corpus.{kind}"
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), file, row_group_size=20)
    elif kind == "jsonl":
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        with file.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, ["id", "text"])
            writer.writeheader()
            writer.writerows(rows)
    return file


def read(out: Path) -> list[dict]:
    parts = sorted(out.glob("part-*.parquet"))
    return [row for part in parts for row in pq.read_table(part).to_pylist()]


@pytest.mark.parametrize("kind", ["parquet", "csv", "jsonl"])
def test_every_kind_of_corpus_gets_the_students_labels(tmp_path, student, kind):
    from student import Student

    file = corpus(tmp_path, kind, 70)
    result = jurat("label", file, "--out", tmp_path / "out", "--student", student, "--rows", 32)
    assert result.exit_code == 0, result.output
    found = read(tmp_path / "out")
    assert [row["id"] for row in found] == [f"c{i}" for i in range(70)]
    model = Student.load(student)
    wanted = model.predict((texts() * 2)[:70])
    assert [row["label"] for row in found] == [model.classes[c] for c in wanted]
    assert all(1 / 3 <= row["confidence"] <= 1 for row in found)
    assert "70 rows in 3 files" in result.output


def test_a_folder_of_files_is_one_corpus(tmp_path, student):
    folder = tmp_path / "many"
    folder.mkdir()
    corpus(folder, "csv", 10)
    corpus(folder, "parquet", 10)
    manifest = label(folder, tmp_path / "out", student, rows=8)
    assert [part["rows"] for part in manifest["parts"]] == [8, 8, 4]
    assert [row["id"] for row in read(tmp_path / "out")] == [f"c{i}" for i in range(10)] * 2


def test_a_row_without_text_has_no_label_and_one_without_id_its_number(tmp_path, student):
    file = tmp_path / "c.jsonl"
    file.write_text('{"text": "My parcel is lost"}\n{"text": null}\n{"text": " "}\n')
    label(file, tmp_path / "out", student)
    found = read(tmp_path / "out")
    assert [row["id"] for row in found] == ["0", "1", "2"]
    assert [row["label"] is None for row in found] == [False, True, True]
    assert found[1]["confidence"] is None


@pytest.mark.parametrize("kind", ["parquet", "csv"])
@pytest.mark.slow
def test_killed_and_resumed_the_parts_are_the_same(tmp_path, student, kind):
    file = corpus(tmp_path, kind)
    label(file, tmp_path / "whole", student, rows=32)
    program = (
        "import os, signal, sys\n"
        "from jurat.scale import label\n"
        "def stop(step, done, total):\n"
        "    if done == 96: os.kill(os.getpid(), signal.SIGKILL)\n"
        "label(*sys.argv[1:4], rows=32, progress=stop)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, str(file), str(tmp_path / "out"), str(student)],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False, capture_output=True,
    )  # fmt: skip
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    kept = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "out").glob("part-*")}
    assert len(kept) == 3
    label(file, tmp_path / "out", student, rows=32)
    for name, time in kept.items():
        assert (tmp_path / "out" / name).stat().st_mtime_ns == time
    assert read(tmp_path / "out") == read(tmp_path / "whole")
    assert not list((tmp_path / "out").glob(".*partial"))


def test_what_is_done_is_not_done_again(tmp_path, student):
    file = corpus(tmp_path, "csv", 10)
    label(file, tmp_path / "out", student)
    time = (tmp_path / "out" / "part-00000.parquet").stat().st_mtime_ns
    label(file, tmp_path / "out", student)
    assert (tmp_path / "out" / "part-00000.parquet").stat().st_mtime_ns == time


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda f: f.write_text(f.read_text() + "c99,more\n"), "made with another corpus"),
        (lambda f: f.unlink(), "does not exist"),
        (lambda f: f.write_text("id,txt\n1,x\n"), "has no column 'text'; there are id, txt"),
        (lambda f: f.write_text('id,text\n1,"x\n'), "is broken CSV"),
        (lambda f: f.write_bytes(b"id,text\n1,\xff\n"), "corpus.csv:2: is not UTF-8"),
    ],
)
def test_mistakes_are_one_sentence(tmp_path, student, change, sentence):
    file = corpus(tmp_path, "csv", 5)
    out = tmp_path / "out"
    if "another" in sentence:
        assert jurat("label", file, "--out", out, "--student", student).exit_code == 0
    change(file)
    result = jurat("label", file, "--out", out, "--student", student)
    assert result.exit_code == 2, result.output
    assert sentence in result.stderr


def test_a_folder_without_a_student_is_refused(tmp_path):
    file = corpus(tmp_path, "csv", 5)
    result = jurat("label", file, "--out", tmp_path / "out", "--student", tmp_path)
    assert result.exit_code == 2 and "no trained student here" in result.stderr


def test_damaged_parquet_is_a_sentence(tmp_path, student):
    file = tmp_path / "c.parquet"
    file.write_bytes(b"PAR1 nothing")
    result = jurat("label", file, "--out", tmp_path / "out", "--student", student)
    assert result.exit_code == 2 and "cannot be read as Parquet" in result.stderr
