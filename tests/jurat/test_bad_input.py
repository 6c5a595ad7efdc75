"""Whatever a user gets wrong: one sentence with file and line, exit code 2, nothing spent."""

from __future__ import annotations

from pathlib import Path

import pytest
from ticket_task import jurat


def write(name, text):
    def change(folder: Path) -> None:
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())

    return change


def swap(name, old, new):
    def change(folder: Path) -> None:
        text = (folder / name).read_text(encoding="utf-8")
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1), encoding="utf-8")

    return change


def append(name, text):
    def change(folder: Path) -> None:
        with (folder / name).open("a", encoding="utf-8") as stream:
            stream.write(text)

    return change


def drop(name):
    return lambda folder: (folder / name).unlink()


CASES = {
    "no task.yaml": (drop("task.yaml"), "task.yaml: there is no task here"),
    "empty task.yaml": (write("task.yaml", ""), "task.yaml:1: "),
    "broken YAML": (write("task.yaml", "name: [x\nitems: y"), "task.yaml:2: broken YAML"),
    "unknown key": (append("task.yaml", "itmes: x\n"), "unknown key 'itmes'"),
    "key twice": (append("task.yaml", "name: again\n"), "the key 'name' stands here twice"),
    "no items key": (swap("task.yaml", "items: items.jsonl\n", ""), "'items' is missing"),
    "items not there": (swap("task.yaml", "items.jsonl", "no.jsonl"), "no.jsonl: there is no such"),
    "items of another kind": (swap("task.yaml", "items.jsonl", "task.yaml"), "is none of .jsonl"),
    "items empty": (write("items.jsonl", ""), "items.jsonl: has no rows"),
    "items no JSON": (append("items.jsonl", "{'id': 1}\n"), "items.jsonl:61: is no JSON"),
    "items no object": (append("items.jsonl", "[1]\n"), "items.jsonl:61: is no JSON object"),
    "no text column": (
        append("items.jsonl", '{"id": "x", "msg": "y"}\n'),
        "items.jsonl:61: has no column 'message'; there are id, msg",
    ),
    "empty text": (append("items.jsonl", '{"id": "x", "message": " "}\n'), "items.jsonl:61: the c"),
    "NaN text": (append("items.jsonl", '{"id": "x", "message": NaN}\n'), "'message' is empty"),
    "text a number": (append("items.jsonl", '{"id": "x", "message": 5}\n'), "5, which is no text"),
    "id missing": (
        append("items.jsonl", '{"message": "y"}\n'),
        "items.jsonl:61: has no column 'id'",
    ),
    "id null": (append("items.jsonl", '{"id": null, "message": "y"}\n'), ":61: the id is empty"),
    "id twice": (
        append("items.jsonl", '{"id": "T01", "message": "y"}\n'),
        "items.jsonl:61: the id 'T01' stands here twice (first in line 1)",
    ),
    "items not UTF-8": (write("items.jsonl", b'{"id": "\xff"}\n'), "items.jsonl:1: is not UTF-8"),
    "items with NUL": (append("items.jsonl", "\0\n"), "items.jsonl:61: has a NUL byte"),
    "one class": (
        swap("task.yaml", "  Login: Login\n  Shipping: Shipping\n", ""),
        "'classes' needs at least two",
    ),
    "class of a reserved name": (
        swap("task.yaml", "  Login: Login", "  abstain: x"),
        "cannot be the",
    ),
    "gold not there": (drop("gold.csv"), "gold.csv: there is no such file"),
    "gold empty": (write("gold.csv", ""), "gold.csv: is empty"),
    "gold without rows": (write("gold.csv", "id,label\n"), "gold.csv: has no rows"),
    "gold without header": (
        write("gold.csv", "T01,Billing\nT02,Billing\n"),
        "gold.csv:2: has no co",
    ),
    "gold unknown id": (
        append("gold.csv", "T99,Login\n"),
        "gold.csv:17: the id 'T99' is not among",
    ),
    "gold unknown class": (append("gold.csv", "T06,Logn\n"), "gold.csv:17: 'Logn' is no class"),
    "gold id twice": (
        append("gold.csv", "T01,Login\n"),
        "gold.csv:17: the id 'T01' stands here tw",
    ),
    "gold with a cell too many": (append("gold.csv", "T06,Login,x\n"), "gold.csv:17: has 3 cells"),
    "gold with an open quote": (append("gold.csv", '"T06,Login\n'), "gold.csv:17: is broken CSV"),
    "test item in gold": (
        lambda f: (
            append("task.yaml", "test: t.csv\n")(f),
            write("t.csv", "id,label\nT01,Login\n")(f),
        ),
        "the item 'T01' is in 'test' and in 'gold'",
    ),
    "unknown backend": (swap("task.yaml", "scripted", "scribbled"), "unknown backend 'scribbled'"),
    "script no expression": (
        swap("task.yaml", "'(parcel", "'((parcel"),
        "is no regular expression",
    ),
    "unknown label model": (
        swap("task.yaml", "name: LabelModel", "name: Lab"),
        "unknown label mod",
    ),
    "label model setting": (swap("task.yaml", "name: LabelModel", "name: LabelModel, x: 1"), "'x'"),
    "student setting": (swap("task.yaml", "epochs: 3", "epoch: 3"), "unknown key 'epoch'"),
    "student epochs": (swap("task.yaml", "epochs: 3", "epochs: many"), "'epochs' must be a number"),
    "budget": (append("task.yaml", "budget: -1\n"), "'budget' must be US dollars"),
    "live quota": (append("task.yaml", "ask: {live: lots}\n"), "'live' must be a whole number"),
    "similarity without encoder": (
        append("task.yaml", "similar: {near: name}\n"),
        "'similar' needs an encoder",
    ),
    "prompt without head": (write("prompts/choose.md", "hello"), "choose.md:1: must begin"),
    "prompt of no class": (
        swap("prompts/is_login.md", "yes: Login", "yes: Logn"),
        "is_login.md:2: 'Logn' is no class",
    ),
    "prompt of no model": (swap("prompts/is_login.md", "default", "big"), "unknown model 'big'"),
    "prompt with a strange column": (
        swap("prompts/is_login.md", "{{ text }}", "{{ txt }}"),
        "is_login.md:",
    ),
    "patterns no expression": (
        append("patterns.yaml", "x: {class: Login, any: '('}\n"),
        ".yaml:4: ",
    ),
    "two of one name": (append("patterns.yaml", "is_login: {class: Login, any: x}\n"), "own name"),
    "rules that do not run": (write("rules.py", "x = 1\nimport nothing_there\n"), "rules.py:2: "),
    "nothing that votes": (
        lambda f: (drop("patterns.yaml")(f), [p.unlink() for p in (f / "prompts").iterdir()]),
        "the task has no labeling function",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_mistake_is_one_sentence_with_its_place(tickets, case):
    change, sentence = CASES[case]
    change(tickets)
    result = jurat("check", tickets)
    assert result.exit_code == 2, (result.output, result.exception)
    assert sentence in result.stderr
    assert result.stderr.count("\n") == 1 and "Traceback" not in result.stderr
    assert not (tickets / "out").exists()


@pytest.mark.parametrize("command", ["collect", "run", "weigh", "train", "eval", "report"])
def test_every_command_checks_first(tickets, command):
    append("gold.csv", "T99,Login\n")(tickets)
    result = jurat(command, tickets)
    assert result.exit_code == 2
    assert "gold.csv:17" in result.stderr
    assert not (tickets / "out").exists()


@pytest.mark.parametrize(
    ("command", "sentence"),
    [("weigh", "no votes yet"), ("train", "no votes yet"), ("report", "no votes yet"),
     ("labelfns", "no votes yet")],
)  # fmt: skip
def test_a_stage_without_its_input_says_what_to_run(tickets, command, sentence):
    result = jurat(command, tickets)
    assert result.exit_code == 2
    assert sentence in result.stderr and "jurat collect" in result.stderr


def test_models_are_checked_before_they_are_asked(tickets):
    for entry, sentence in [
        ("{backend: local, model: qwen9}", "'qwen9' is no embedded model"),
        ("{backend: openai, model: nobody-knows}", "no price is known"),
        ("{backend: openai, model: gpt-5-mini, key_name: sk-secret-123}", "'key_name' must be"),
        ("{backend: openai}", "'model' is missing"),
        ("{backend: anthropic, model: x, price: {input: 1}}", "'output' is missing"),
        ("{backend: local, model: smollm2-135m-instruct-q4_1, threads: 0}", "'threads' must be"),
    ]:
        text = (tickets / "task.yaml").read_text(encoding="utf-8")
        start, end = text.index("models:"), text.index("label_model:")
        changed = text[:start] + f"models:\n  default: {entry}\n" + text[end:]
        (tickets / "task.yaml").write_text(changed, encoding="utf-8")
        result = jurat("check", tickets)
        assert result.exit_code == 2 and sentence in result.stderr, (entry, result.stderr)
        assert "sk-secret" not in result.output
