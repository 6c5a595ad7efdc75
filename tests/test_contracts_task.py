"""The task folder data/contracts is whole, and its files agree with one another."""

import csv
import json
from collections import Counter
from pathlib import Path

import pytest
import yaml

from labelfns.pattern import Pattern, read_patterns
from labelfns.prompt import Prompt
from labelfns.prompt_file import Context, read_prompt
from labelfns.similar import Similarity
from labelfns.vote import Item

TASK = Path(__file__).parent.parent / "data" / "contracts"
ITEM = Item("x", {"text": "Neither party may assign this Agreement.", "contract": "A.pdf"})
CONFUSED_IN_THE_SOURCE = 5  # test clauses that are also, word for word, training clauses


@pytest.fixture(scope="module")
def items() -> dict[str, dict[str, str]]:
    with (TASK / "items.jsonl").open(encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    assert len({row["id"] for row in rows}) == len(rows)
    return {row["id"]: row for row in rows}


@pytest.fixture(scope="module")
def classes() -> dict[str, str]:
    return yaml.safe_load((TASK / "task.yaml").read_text(encoding="utf-8"))["classes"]


@pytest.fixture(scope="module")
def patterns(classes: dict[str, str]) -> list[Pattern]:
    return read_patterns(TASK / "patterns.yaml", list(classes))


@pytest.fixture(scope="module")
def prompts(classes: dict[str, str], patterns: list[Pattern]) -> list[Prompt]:
    nearest = Similarity(lambda texts: pytest.fail("nothing is encoded"), list(classes.values()))
    fires = {p.name: p.fires for p in patterns}
    context = Context(classes, {"default": "m"}, ("text", "contract"), nearest, fires)
    return [read_prompt(file, context) for file in sorted((TASK / "prompts").glob("*.md"))]


def labels(name: str) -> dict[str, str]:
    with (TASK / name).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len({row["id"] for row in rows}) == len(rows), f"{name}: ids are not unique"
    return {row["id"]: row["label"] for row in rows}


def votes_for(prompt: Prompt) -> set[int]:
    return {c for meant in (prompt.answers or {}).values() for c in meant}


def test_the_sizes_are_those_of_the_source(items):
    assert (len(items), len(labels("reference.csv")), len(labels("test.csv"))) == (5430, 4689, 741)
    assert len(labels("gold.csv")) == 47
    assert set(items) == set(labels("reference.csv")) | set(labels("test.csv"))


def test_items_carry_no_labels(items):
    assert {tuple(row) for row in items.values()} == {("id", "text", "contract")}


def test_every_label_is_a_class_and_every_class_is_described(classes):
    assert len(classes) == 36
    assert all(len(description) > 40 for description in classes.values())
    for name in ("gold.csv", "test.csv", "reference.csv"):
        assert set(labels(name).values()) <= set(classes)


def test_gold_agrees_with_training_and_shows_every_class(classes):
    train = labels("reference.csv")
    gold = labels("gold.csv")
    assert all(train[i] == label for i, label in gold.items())
    assert set(gold.values()) == set(classes)


def test_gold_comes_from_the_few_contracts_that_are_named(items):
    named = (TASK / "gold_contracts.txt").read_text(encoding="utf-8").splitlines()
    assert {items[i]["contract"] for i in labels("gold.csv")} == set(named)
    assert len(named) == 7


def test_no_contract_is_in_both_training_and_test(items):
    train = {items[i]["contract"] for i in labels("reference.csv")}
    test = {items[i]["contract"] for i in labels("test.csv")}
    assert not train & test


def test_clauses_that_stand_in_both_are_counted_not_hidden(items):
    train = {items[i]["text"].strip() for i in labels("reference.csv")}
    both = sum(items[i]["text"].strip() in train for i in labels("test.csv"))
    assert both == CONFUSED_IN_THE_SOURCE


def test_every_class_has_one_to_three_patterns(classes, patterns):
    counts = Counter(p.label for p in patterns)
    assert set(counts) == set(range(len(classes)))
    assert max(counts.values()) <= 3


def test_no_two_labeling_functions_share_a_name(prompts, patterns):
    names = [f.name for f in [*prompts, *patterns]]
    assert len(set(names)) == len(names)


def test_every_class_has_a_one_sided_prompt_gated_by_its_own_patterns(classes, prompts, patterns):
    one_sided = [p for p in prompts if p.answers is not None]
    assert {c for p in one_sided for c in votes_for(p)} == set(range(len(classes)))
    for prompt in one_sided:
        assert sorted(prompt.answers) == ["no", "yes"]
        assert prompt.answers["no"] == ()
        own = [p.fires for p in patterns if p.label in votes_for(prompt)]
        assert list(prompt.gate.rules) == own


def test_two_multiple_choice_prompts_are_worded_differently(prompts):
    choosing = [p for p in prompts if p.answers is None]
    assert len({p.template for p in choosing}) == 2
    assert all(p.offer == 6 for p in choosing)


def test_prompts_share_their_beginning_so_that_a_clause_is_read_once(prompts):
    beginnings = {p.template.split("{{ text }}")[0] for p in prompts}
    assert beginnings == {'Read this contract clause.\n"""\n'}


def test_a_one_sided_question_is_short(prompts):
    for prompt in prompts:
        if prompt.answers is not None:
            question = prompt.template.split("Question: ")[1].split("?")[0]
            assert 8 <= len(question.split()) <= 16, prompt.name


def test_a_prompt_renders_the_clause_and_the_question(prompts):
    prompt = next(p for p in prompts if p.name == "is_anti_assignment")
    said = prompt.render(ITEM, []).messages[0].content
    assert said.startswith('Read this contract clause.\n"""\nNeither party may assign')
    assert said.endswith("Answer yes or no.")


def test_patterns_know_plain_clauses(classes, patterns):
    fired = {list(classes)[p.label] for p in patterns if p.fires(ITEM)}
    assert fired == {"Anti-Assignment"}


def test_patterns_are_mostly_right_on_gold(items, classes, patterns):
    names = list(classes)
    right = [
        names[p.label] == label
        for i, label in labels("gold.csv").items()
        for p in patterns
        if p.fires(Item(i, {"text": items[i]["text"]}))
    ]
    assert sum(right) / len(right) > 0.75
    assert len(right) > len(labels("gold.csv"))


def test_the_licence_is_stated():
    text = (TASK / "LICENSE.md").read_text(encoding="utf-8")
    assert all(said in text for said in ("CC BY 4.0", "The Atticus Project", "CUAD v1", "changed"))
