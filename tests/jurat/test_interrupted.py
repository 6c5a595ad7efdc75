"""Stopped anywhere and started again: the same result, and nothing asked twice."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from ticket_task import TICKETS, jurat, prepare

from jurat.asking import choose_live
from jurat.task import read_task
from labelfns import Store

CHILD = Path(__file__).with_name("crash_child.py")
ROOT = Path(__file__).parents[2]
POINTS = [("reading the texts", 1), ("asking", 1), ("asking", 17), ("asking", 59),
          ("training the student", 3), ("training the student", 12),
          ("scoring the student", 1)]  # fmt: skip


def killed(folder: Path, step: str, number: int) -> int:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TRANSFORMERS_VERBOSITY": "error"}
    return subprocess.run(
        [sys.executable, str(CHILD), str(folder), step, str(number)],
        env=environment, capture_output=True, check=False).returncode  # fmt: skip


def calls(folder: Path, store: str = "store.sqlite") -> list[int]:
    with sqlite3.connect(folder / "out" / store) as connection:
        rows = connection.execute("SELECT count(*) FROM calls GROUP BY key").fetchall()
    return [count for (count,) in rows]


@pytest.mark.slow
def test_killed_at_every_stage_and_resumed(tiny_encoder, finished, tmp_path):
    folder = tmp_path / "tickets"
    assert jurat("init", folder, "--from", TICKETS, "--id", "ticket").exit_code == 0
    prepare(folder, tiny_encoder)
    for step, number in POINTS:
        assert killed(folder, step, number) == -signal.SIGKILL, step
    result = jurat("run", folder)
    assert result.exit_code == 0, result.output
    assert calls(folder) == [1] * 240
    for name in ("votes.parquet", "soft_labels.parquet", "scores.json", "student/config.json",
                 "student/model.safetensors"):  # fmt: skip
        assert (folder / "out" / name).read_bytes() == (finished / "out" / name).read_bytes(), name
    assert not list((folder / "out").rglob("*.partial"))


def test_killed_while_asking_and_resumed(tickets):
    assert killed(tickets, "asking", 23) == -signal.SIGKILL
    before = calls(tickets)
    assert before and set(before) == {1} and len(before) < 240
    result = jurat("collect", tickets)
    assert result.exit_code == 0, result.output
    assert calls(tickets) == [1] * 240
    assert f"{len(before)} asked before it" in result.output


def test_fresh_asks_everything_again_in_a_store_of_its_own(tickets):
    assert jurat("collect", tickets).exit_code == 0
    result = jurat("collect", tickets, "--fresh")
    assert result.exit_code == 0, result.output
    assert calls(tickets, "fresh.sqlite") == [1] * 240
    assert jurat("collect", tickets, "--fresh").exit_code == 0
    assert calls(tickets, "fresh.sqlite") == [1] * 240


def test_a_second_run_at_the_same_time_is_told_so(tickets):
    with Store(tickets / "out" / "store.sqlite"):
        result = jurat("collect", tickets)
    assert result.exit_code == 2
    assert "another run is writing to this store" in result.stderr


@pytest.fixture
def recorded(tickets):
    """The tickets with the answers to all but the items T11 to T20 recorded, and 4 asked live."""
    assert jurat("collect", tickets).exit_code == 0
    shutil.copy(tickets / "out" / "store.sqlite", tickets / "recorded.sqlite")
    texts = [json.loads(line) for line in (tickets / "items.jsonl").open(encoding="utf-8")]
    with sqlite3.connect(tickets / "recorded.sqlite") as connection:
        for row in texts[10:20]:
            quoted = json.dumps(row["message"], ensure_ascii=False)[1:-1]
            connection.execute("DELETE FROM answers WHERE instr(question, ?)", (quoted,))
        connection.execute("DELETE FROM calls")
    connection.close()
    shutil.rmtree(tickets / "out")
    with (tickets / "task.yaml").open("a") as stream:
        stream.write("recorded: recorded.sqlite\nask: {live: 4}\n")
    return tickets


def test_recorded_answers_spare_questions_and_the_quota_asks_the_first_of_the_rest(recorded):
    result = jurat("collect", recorded)
    assert result.exit_code == 0, result.output
    assert calls(recorded) == [1] * 16
    assert "200 recorded with the task, 16 asked" in result.output
    assert "24 questions about 6 items were left unasked" in result.output


def test_the_quota_chooses_the_same_items_in_every_run(recorded):
    task = read_task(recorded)
    with Store(recorded / "out" / "store.sqlite") as store:
        store.seed(task.recorded)
        chosen = choose_live(task.prompts, task.training_items, store, 4)
    assert sorted(chosen) == ["T11", "T12", "T13", "T14"]
    assert killed(recorded, "asking", 12) == -signal.SIGKILL
    assert jurat("collect", recorded).exit_code == 0
    assert calls(recorded) == [1] * 16


def test_all_asks_what_the_quota_left_out(recorded):
    assert jurat("collect", recorded).exit_code == 0
    result = jurat("collect", recorded, "--all")
    assert result.exit_code == 0, result.output
    assert calls(recorded) == [1] * 40
    assert "24 asked by the last collect, 16 asked before it; 0 questions" in result.output


def test_a_changed_prompt_misses_the_recorded_answers(recorded):
    prompt = recorded / "prompts" / "is_login.md"
    prompt.write_text(prompt.read_text().replace("about: Login", "really about: Login"))
    result = jurat("collect", recorded)
    assert result.exit_code == 0, result.output
    assert "150 recorded with the task, 16 asked" in result.output


def test_ctrl_c_keeps_what_was_answered(tickets, monkeypatch):
    from jurat import pipeline

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline, "ask_all", stop)
    result = jurat("collect", tickets)
    assert result.exit_code == 130
    assert "what was answered is kept" in result.stderr


def test_a_real_ctrl_c_ends_with_130(tickets):
    program = (
        "import os, signal, sys\n"
        "import jurat.screen as screen\n"
        "from contextlib import contextmanager\n"
        "@contextmanager\n"
        "def stopping():\n"
        "    yield lambda step, done, total: done == 30 and os.kill(os.getpid(), signal.SIGINT)\n"
        "screen.progress = stopping\n"
        "from jurat.cli import main\n"
        "main()\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, "collect", str(tickets)],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 130, ended.stderr
    assert "Stopped: what was answered is kept" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert calls(tickets)
