"""To ask somebody else is to change one line of task.yaml."""

from __future__ import annotations

import json

import pyarrow.parquet as pq
import pytest
from ticket_task import edit, jurat

from labelfns.rehearse import Fault, Manners, Rehearsal, Trouble


def ask(folder, entry):
    text = (folder / "task.yaml").read_text(encoding="utf-8")
    start, end = text.index("models:"), text.index("label_model:")
    changed = text[:start] + f"models:\n  default: {entry}\n" + text[end:]
    (folder / "task.yaml").write_text(changed, encoding="utf-8")


def by_word(prompt, choices):
    about = next((c for c in ("Billing", "Login", "Shipping") if f"about: {c}" in prompt), "")
    words = {"Billing": "charged", "Login": "password", "Shipping": "parcel"}
    if not about:
        return "A"
    return "yes" if words[about] in prompt else "no"


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_a_hosted_model_is_asked_once_a_question_and_paid(tickets, provider, monkeypatch):
    monkeypatch.setenv("MY_KEY", "sk-ant-very-secret")
    manners = Manners(says=by_word, faults=[Fault(Trouble.LIMIT, first=3)])
    with Rehearsal(manners) as server:
        url = server.openai_url if provider == "openai" else server.anthropic_url
        ask(tickets, f"{{backend: {provider}, model: m, base_url: '{url}', key_name: MY_KEY, "
                     "at_once: 8, price: {input: 1, output: 2}}")  # fmt: skip
        edit(tickets / "task.yaml", ("label_model:", "budget: 100\nlabel_model:"))
        result = jurat("collect", tickets)
        assert result.exit_code == 0, (result.output, result.exception)
        assert jurat("collect", tickets).exit_code == 0
        assert server.calls == 240
    votes = pq.read_table(tickets / "out" / "votes.parquet").to_pandas()
    mine = votes[votes["labelfn"] == "is_billing"].set_index("item")
    assert mine.loc["T01", "label"] == "Billing" and mine.loc["T41", "status"] == "abstained"
    assert votes["cost"].sum() > 0
    for file in (tickets / "out").rglob("*"):
        assert file.is_dir() or b"sk-ant-very-secret" not in file.read_bytes()


def test_a_wrong_key_is_told_at_once(tickets, monkeypatch):
    monkeypatch.setenv("MY_KEY", "sk-wrong")
    with Rehearsal(Manners(key="sk-right")) as server:
        ask(tickets, f"{{backend: openai, model: m, base_url: '{server.openai_url}', "
                     "key_name: MY_KEY}")  # fmt: skip
        result = jurat("collect", tickets)
        assert result.exit_code == 2 and "MY_KEY" in result.stderr, result.output
        assert "sk-wrong" not in result.output and sum(server.statuses.values()) == 1


def test_what_failed_is_asked_again_next_time_and_nothing_else(tickets):
    with Rehearsal(Manners(says=by_word, faults=[Fault(Trouble.REJECT, share=0.2)])) as server:
        ask(tickets, f"{{backend: openai, model: m, base_url: '{server.openai_url}'}}")
        assert jurat("collect", tickets).exit_code == 0
        assert 0 < server.calls < 240
        server.manners.faults = []
        result = jurat("collect", tickets)
        assert result.exit_code == 0, result.output
        assert server.calls == 240 and max(server.answered.values()) == 1


@pytest.mark.slow
def test_a_model_in_this_process_votes_softly(smollm, tickets):
    lines = (tickets / "items.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    ids = [json.loads(line)["id"] for line in lines[:3]]
    (tickets / "items.jsonl").write_text("".join(lines[:3]), encoding="utf-8")
    gold = [f"{i},Billing\n" for i in ids]
    (tickets / "gold.csv").write_text("id,label\n" + "".join(gold), encoding="utf-8")
    ask(tickets, "{backend: local, model: smollm2-135m-instruct-q4_1, threads: 1, context: 1024}")
    result = jurat("collect", tickets)
    assert result.exit_code == 0, result.output
    votes = pq.read_table(tickets / "out" / "votes.parquet").to_pandas()
    soft = votes[votes["labelfn"].isin(["is_billing", "is_login"])]
    assert ((soft["p"] > 0) & (soft["p"] < 1)).all() and (soft["seconds"] > 0).all()
    assert "12 asked by the last collect" in result.output


def test_a_file_that_is_no_model_stops_the_run(tickets):
    pytest.importorskip("xllamacpp")
    (tickets / "mine.gguf").write_bytes(b"GGUF nothing")
    ask(tickets, "{backend: local, model: mine.gguf}")
    assert jurat("check", tickets).exit_code == 0
    result = jurat("collect", tickets)
    assert result.exit_code == 2, result.output
    assert "mine.gguf" in result.stderr
