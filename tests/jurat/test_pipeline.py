"""The whole job on a task of another domain, made by `jurat init`."""

from __future__ import annotations

import csv
import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from ticket_task import edit, jurat

import jurat as package
from jurat.stages import Stages
from jurat.task import read_task

CLASSES = ["Billing", "Login", "Shipping"]


def test_run_makes_everything(finished):
    names = {path.name for path in (finished / "out").iterdir()}
    assert names >= {"votes.parquet", "asked.json", "soft_labels.parquet", "student",
                     "scores.json", "report.html", "report.json", "store.sqlite"}  # fmt: skip


def test_the_files_read_as_what_they_are(finished):
    votes = pq.read_table(finished / "out" / "votes.parquet").to_pandas()
    assert list(votes)[:6] == ["item", "labelfn", "label", "status", "note", "p"]
    assert len(votes) == 60 * 8
    assert set(votes["label"].dropna()) == set(CLASSES)
    soft = pq.read_table(finished / "out" / "soft_labels.parquet").to_pandas()
    assert list(soft) == ["id", "test", "votes", "label", "confidence", "probs"]
    assert soft["test"].sum() == 12
    np.testing.assert_allclose(np.stack(soft["probs"]).sum(axis=1), 1, atol=1e-9)


def test_scores_stand_beside_every_baseline(finished):
    found = json.loads((finished / "out" / "scores.json").read_text())
    names = [row["name"].split(":")[0] for row in found["scores"]]
    assert names == ["student", "label model", "majority vote",
                     "TF-IDF + linear on the same soft labels",
                     "best single labeling function by gold",
                     "best single labeling function in hindsight"]  # fmt: skip
    assert found["held out"] == "test" and found["n"] == 12
    for row in found["scores"]:
        for key in ("accuracy", "macro_f1"):
            part = row[key]
            assert 0 <= part["low"] <= part["value"] <= part["high"] <= 1
    assert np.array(found["confusion"]).sum() == 12
    assert found["scores"][1]["accuracy"]["value"] > 0.6


def test_full_supervision_reads_the_reference_and_nothing_else_does(done):
    truth = ["Billing", "Shipping", "Login"]
    test = {row["id"] for row in csv.DictReader((done / "test.csv").open())}
    lines = [f"T{n:02},{truth[(n - 1) // 20]}\n" for n in range(1, 61) if f"T{n:02}" not in test]
    (done / "reference.csv").write_text("id,label\n" + "".join(lines))
    before = (done / "out" / "soft_labels.parquet").read_bytes()
    edit(done / "task.yaml", ("encoder:", "reference: reference.csv\nencoder:"))
    result = jurat("run", done)
    assert result.exit_code == 0, result.output
    assert "full supervision" in result.output
    assert (done / "out" / "soft_labels.parquet").read_bytes() == before


def test_a_second_run_does_nothing(done):
    files = ["votes.parquet", "soft_labels.parquet", "scores.json", "report.html", "store.sqlite"]
    before = {name: (done / "out" / name).stat().st_mtime_ns for name in files}
    assert jurat("run", done).exit_code == 0
    assert {name: (done / "out" / name).stat().st_mtime_ns for name in files} == before


def test_a_changed_prompt_is_asked_again_and_no_other(done):
    edit(done / "prompts" / "is_login.md", ("Is this text about: Login?", "Now, about: Login?"))
    result = jurat("collect", done)
    assert result.exit_code == 0, result.output
    assert Stages(done / "out").read()["collect"]["now"] == 60


def test_changed_answers_cost_nothing(done):
    edit(done / "prompts" / "is_login.md", ("no: abstain", "no: [Billing, Shipping]"))
    assert jurat("collect", done).exit_code == 0
    assert Stages(done / "out").read()["collect"]["now"] == 0
    votes = pq.read_table(done / "out" / "votes.parquet").to_pandas()
    some = votes[(votes["labelfn"] == "is_login") & (votes["note"] == "no")]
    assert set(some["status"]) == {"voted"} and some["label"].isna().all()


def test_stages_one_by_one_give_the_same(done, tmp_path):
    report = json.loads((done / "out" / "report.json").read_text())
    (done / "out" / "stages.json").unlink()
    for command in ("collect", "weigh", "eval", "report"):
        result = jurat(command, done)
        assert result.exit_code == 0, (command, result.output)
    again = json.loads((done / "out" / "report.json").read_text())
    again["task"]["trained on"] = report["task"]["trained on"]
    assert again == report


def test_the_student_gives_the_same_labels_in_transformers(finished):
    from transformers import pipeline

    task = read_task(finished)
    texts = [item.text for item in task.items][:20]
    from student import Student

    student = Student.load(finished / "out" / "student")
    ours = [student.classes[c] for c in student.predict(texts)]
    theirs = pipeline("text-classification", str(finished / "out" / "student"), device="cpu")
    assert [answer["label"] for answer in theirs(texts)] == ours
    assert set(student.classes) == set(CLASSES)


def test_the_python_api_is_the_command_line(done):
    task = package.load(done)
    votes = package.collect(task)
    targets = package.weigh(task, votes)
    folder = package.train(task, votes, targets)
    scores = package.evaluate(task, votes, targets)
    assert votes.L.shape == (60, 8) and targets.shape == (60, 3)
    assert (folder / "config.json").exists()
    assert scores == json.loads((done / "out" / "scores.json").read_text())["scores"]


def test_without_gold_and_test_there_is_a_student_and_a_report(done):
    edit(done / "task.yaml", ("test: test.csv\n", ""), ("gold: gold.csv", "# gold: gold.csv"))
    (done / "out" / "scores.json").unlink()
    edit(done / "task.yaml", ("epochs: 4", "epochs: 1"))
    result = jurat("run", done)
    assert result.exit_code == 0, result.output
    assert "nothing could be scored" in (done / "out" / "report.html").read_text()
    refused = jurat("eval", done)
    assert refused.exit_code == 2 and "neither 'test' nor 'gold'" in refused.stderr


def test_gold_is_scored_on_where_there_is_no_test(done):
    edit(done / "task.yaml", ("test: test.csv\n", ""), ("epochs: 4", "epochs: 1"))
    result = jurat("run", done)
    assert result.exit_code == 0, result.output
    assert "on 15 gold items" in result.output


def test_the_table_of_labeling_functions(finished):
    result = jurat("labelfns", finished)
    assert result.exit_code == 0, result.output
    assert "is_shipping" in result.output and "similar_description" in result.output


def test_votes_of_another_task_are_refused(done):
    (done / "patterns.yaml").unlink()
    result = jurat("weigh", done)
    assert result.exit_code == 2 and "was changed since" in result.stderr


@pytest.mark.slow
def test_end_to_end_with_the_embedded_encoder(minilm, tmp_path):
    from ticket_task import TICKETS, edit, prepare

    folder = tmp_path / "tickets"
    assert jurat("init", folder, "--from", TICKETS, "--id", "ticket").exit_code == 0
    prepare(folder, "all-MiniLM-L6-v2")
    edit(folder / "task.yaml", (" learning_rate: 3e-3,", ""))  # that is for the tiny encoder
    result = jurat("run", folder)
    assert result.exit_code == 0, result.output
    scores = json.loads((folder / "out" / "scores.json").read_text())["scores"]
    assert scores[0]["name"] == "student" and scores[0]["accuracy"]["value"] >= 0.75
