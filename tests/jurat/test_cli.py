"""The command line as people meet it: fast to start, polite when it stops, tables to read."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ticket_task import edit, jurat

from jurat import screen
from jurat.encoder import Encoder
from jurat.votes_file import read_votes, write_votes
from labelfns import InputError, Votes

ROOT = Path(__file__).parents[2]
HEAVY = ("torch", "transformers", "pandas", "sklearn", "matplotlib", "snorkel")


def ask(folder, entry):
    text = (folder / "task.yaml").read_text(encoding="utf-8")
    start, end = text.index("models:"), text.index("label_model:")
    changed = text[:start] + f"models:\n  default: {entry}\n" + text[end:]
    (folder / "task.yaml").write_text(changed, encoding="utf-8")


@pytest.mark.parametrize("command", [["--help"], ["check", "FOLDER"], ["models", "list"]])
def test_nothing_heavy_is_loaded_to_check_a_folder(tickets, command):
    program = (
        "import sys\nfrom jurat.cli import main\n"
        "try:\n    main()\nexcept SystemExit as e:\n    assert not e.code, e.code\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    words = [str(tickets) if word == "FOLDER" else word for word in command]
    ended = subprocess.run(
        [sys.executable, "-c", program, *words], capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)})  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines()[-1] == "[]"


def test_check_says_what_is_in_the_folder(tickets):
    result = jurat("check", tickets)
    assert result.exit_code == 0
    for part in (
        "60, of them 0 kept",
        "4 prompts, 3 patterns",
        "15 items",
        "The folder is in order",
    ):
        assert part in result.output


def test_try_shows_votes_beside_gold_and_the_others(tickets):
    result = jurat("try", "is_login", tickets, "--items", 15)
    assert result.exit_code == 0, result.output
    assert "15 answers (15 asked now)" in result.output
    again = jurat("try", "prompts/is_login.md", tickets, "--items", 15)
    assert "15 answers (0 asked now)" in again.output
    assert "I forgot my password" in again.output


def test_try_of_a_prompt_that_is_not_there_names_those_that_are(tickets):
    result = jurat("try", "is_logout", tickets)
    assert result.exit_code == 2
    assert "there is no prompt 'is_logout'; there are choose, is_billing" in result.stderr


def test_a_missing_key_is_a_mistake_and_nothing_is_asked(tickets, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    ask(tickets, "{backend: openai, model: gpt-5-mini}")
    result = jurat("collect", tickets)
    assert result.exit_code == 2, result.output
    assert "OPENAI_API_KEY" in result.stderr and "Traceback" not in result.output


def test_a_budget_is_kept_before_anything_is_sent(tickets, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "not-a-key")
    ask(tickets, "{backend: openai, model: gpt-5-mini}")
    edit(tickets / "task.yaml", ("label_model:", "budget: 0\nlabel_model:"))
    result = jurat("collect", tickets)
    assert result.exit_code == 1, result.output
    assert "of a budget of 0.00" in result.stderr and "what was answered is kept" in result.stderr


def test_a_defect_of_ours_is_not_hidden(tickets, monkeypatch):
    from jurat import pipeline

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(pipeline, "ask_all", broken)
    result = jurat("collect", tickets)
    assert result.exit_code == 1 and isinstance(result.exception, ZeroDivisionError)


def test_progress_is_an_occasional_line_where_there_is_no_terminal(monkeypatch, capsys):
    times = iter([0.0, 10.0, 31.0, 32.0, 62.0])
    monkeypatch.setattr(screen.time, "monotonic", lambda: next(times))
    with screen.progress() as report:
        for done in (1, 2, 3, 4, 5):
            report("asking", done, 1000)
    assert capsys.readouterr().err == "asking: 3 of 1,000\nasking: 5 of 1,000\n"


def test_progress_is_a_bar_on_a_terminal(monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with screen.progress() as report:
        report("asking", 1, 10)
        report("asking", 10, 10)


def test_a_task_without_an_answer_left_has_nothing_to_learn_from(tickets):
    (tickets / "patterns.yaml").unlink()
    edit(tickets / "task.yaml", ('"yes"', '"perhaps"'), ('"no"', '"perhaps"'))
    edit(tickets / "task.yaml", ("': \"A\"", "': \"?\""), ("': \"B\"", "': \"?\""),
         ("': \"C\"", "': \"?\""))  # fmt: skip
    for command in ("collect", "weigh"):
        assert jurat(command, tickets).exit_code == 0
    result = jurat("train", tickets)
    assert result.exit_code == 2 and "no training item got a vote" in result.stderr


def test_texts_are_encoded_once_and_a_damaged_file_costs_only_its_own(tiny_encoder, tmp_path):
    texts = ["my parcel is late", "I was charged twice"]
    first = Encoder(str(tiny_encoder), tmp_path)(texts)
    again = Encoder(str(tiny_encoder), tmp_path)
    assert again.fill(texts) == 0
    np.testing.assert_array_equal(again(texts), first)
    next(tmp_path.rglob("*.npz")).write_bytes(b"PK nothing")
    repaired = Encoder(str(tiny_encoder), tmp_path)
    assert repaired.fill(texts) == 2
    np.testing.assert_array_equal(repaired(texts), first)


def test_votes_survive_the_file(tmp_path):
    from scipy import sparse

    V = sparse.csr_matrix(np.array([[0, 1, 0, 0], [0.25, 0, 0.5, 0.5]], dtype=np.float32))
    votes = Votes(["a", "b"], ["f", "g"], ["x", "y"], np.array([[1, -1], [-1, -1]], np.int32),
                  np.array([[0, 1], [2, 0]], np.int8), V, {(1, 0): "hm"},
                  np.array([[0.5, 0], [0, 0]]), np.zeros((2, 2)), {(0, 0): "why"})  # fmt: skip
    write_votes(votes, tmp_path / "v.parquet")
    back = read_votes(tmp_path / "v.parquet")
    for name in ("L", "status", "cost", "seconds"):
        np.testing.assert_array_equal(getattr(back, name), getattr(votes, name))
    assert (back.V != votes.V).nnz == 0
    assert (back.notes, back.rationales) == (votes.notes, votes.rationales)
    assert (back.items, back.labelfns, back.classes) == (["a", "b"], ["f", "g"], ["x", "y"])


def test_a_damaged_votes_file_is_a_sentence(tmp_path):
    (tmp_path / "v.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match="is damaged"):
        read_votes(tmp_path / "v.parquet")


def test_the_report_needs_no_other_file(finished):
    text = (finished / "out" / "report.html").read_text(encoding="utf-8")
    assert text.count("<svg") == 4
    for foreign in ("<script", "<link", "http://localhost", "src=", "@import"):
        assert foreign not in text


def test_a_class_cannot_break_out_of_the_report(finished):
    import json

    from jurat.report import page

    found = json.loads((finished / "out" / "report.json").read_text())
    found["classes"][0]["name"] = "<script>alert(1)</script>"
    found["task"]["name"] = "</title><script>"
    assert "<script>" not in page(found)
