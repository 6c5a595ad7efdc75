"""`jurat init`: columns found or named, prompts that pass the check, nothing overwritten."""

from __future__ import annotations

import json

import pytest
from ticket_task import TICKETS, jurat

from jurat.task import read_task


def start(tmp_path, text, *options):
    table = tmp_path / "table.csv"
    table.write_text(text, encoding="utf-8")
    return jurat("init", tmp_path / "task", "--from", table, *options)


def test_the_tickets_become_a_task_that_passes_the_check(tmp_path):
    result = jurat("init", tmp_path / "task", "--from", TICKETS, "--id", "ticket")
    assert result.exit_code == 0, result.output
    task = read_task(tmp_path / "task")
    assert list(task.classes) == ["Billing", "Login", "Shipping"]
    assert task.text == "message" and len(task.items) == 60 and len(task.gold) == 15
    assert {p.name for p in task.prompts} == {"is_billing", "is_login", "is_shipping", "choose"}
    assert jurat("check", tmp_path / "task").exit_code == 0


def test_the_label_is_in_gold_and_not_among_the_columns_a_prompt_may_show(tmp_path):
    start(tmp_path, "id,label,text\n1,A,hello\n2,B,good bye\n3,,hm\n")
    rows = [json.loads(line) for line in (tmp_path / "task" / "items.jsonl").open()]
    assert rows[0] == {"id": "1", "text": "hello"}
    assert (tmp_path / "task" / "gold.csv").read_text() == "id,label\n1,A\n2,B\n"


def test_columns_are_found(tmp_path):
    result = start(tmp_path, "no,what,category\n7,a long text here,A\n7,another text,B\n")
    assert result.exit_code == 0, result.output
    task = read_task(tmp_path / "task")
    assert task.text == "what"
    assert [item.id for item in task.items] == ["row-1", "row-2"]


def test_awkward_names_of_classes_survive(tmp_path):
    names = "Yes: no,@home,Größe #1"
    result = start(tmp_path, "text\nhello\n", "--classes", names)
    assert result.exit_code == 0, result.output
    assert list(read_task(tmp_path / "task").classes) == names.split(",")


def test_empty_texts_are_left_out(tmp_path):
    start(tmp_path, "id,text\n1,x\n2,\n3,y\n", "--classes", "A,B")
    assert [item.id for item in read_task(tmp_path / "task").items] == ["1", "3"]


@pytest.mark.parametrize(
    ("text", "options", "sentence"),
    [
        ("text\nx\n", [], "at least two classes are needed"),
        ("text\n", ["--classes", "A,B"], "has no rows"),
        ("", ["--classes", "A,B"], "is empty"),
        ("text\nx\n", ["--classes", "A,B", "--text", "t"], "no column 't'; there are text"),
        ("text,label\nx,C\n", ["--classes", "A,B"], "the label 'C' is not among --classes"),
        ("text\nx\n", ["--classes", "A b,A-b"], "differ in punctuation only"),
    ],
)
def test_mistakes_are_one_sentence_and_leave_nothing(tmp_path, text, options, sentence):
    result = start(tmp_path, text, *options)
    assert result.exit_code == 2 and sentence in result.stderr, result.output
    assert not (tmp_path / "task").exists()


def test_a_task_is_never_overwritten(tmp_path):
    assert start(tmp_path, "text\nx\n", "--classes", "A,B").exit_code == 0
    again = start(tmp_path, "text\ny\n", "--classes", "A,B")
    assert again.exit_code == 2 and "there is a task here already" in again.stderr
