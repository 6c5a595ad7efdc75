"""Few-shot examples, rationales, sheets of questions."""

import asyncio

import numpy as np
import pytest

from labelfns import (
    Answer,
    Context,
    InputError,
    Item,
    Question,
    Shot,
    Shots,
    Similarity,
    Status,
    Store,
    collect,
    read_prompt,
    read_prompts,
    remembered,
)
from labelfns.backends.anthropic import anthropic_backend
from labelfns.backends.openai import openai_backend
from labelfns.backends.scripted import scripted_backend
from labelfns.rehearse import Manners, Rehearsal

CLASSES = {"law": "Which law?", "insurance": "Who insures?", "audit": "Who audits?"}
ROWS = "id,text,label\na1,aaa,law\na2,aab,insurance\na3,abb,law\n,bbb,audit\n"
HEAD = "answers: {yes: law, no: abstain}\nexamples: {file: shots.csv"
BODY = "{% for e in examples %}{{ e.text }}={{ e.answer }};{% endfor %}{{ text }}"


def encode(texts):
    counts = np.array([[t.count(c) for c in "ab"] for t in texts], dtype=np.float32) + 1e-6
    return counts / np.linalg.norm(counts, axis=1, keepdims=True)


def context(**more) -> Context:
    near = Similarity(encode, ["a", "b", "c"])
    return Context(CLASSES, {"default": "m"}, similarity=near, **more)


def write(tmp_path, head, body=BODY, rows=ROWS, name="p"):
    (tmp_path / "shots.csv").write_text(rows)
    file = tmp_path / f"{name}.md"
    file.write_text(f"---\n{head}\n---\n{body}\n")
    return file


def content(prompt, text, id="i"):
    item = Item(id, {"text": text})
    return prompt.render(item, prompt.choices(item)).messages[0].content


def test_fixed_examples_are_the_first_and_never_the_item_itself(tmp_path):
    p = read_prompt(write(tmp_path, HEAD + ", count: 2}"), context())
    assert content(p, "x") == "aab=no;aaa=yes;x"
    assert content(p, "x", id="a1") == "abb=yes;aab=no;x"
    assert content(p, " aaa ") == "abb=yes;aab=no; aaa "


def test_the_nearest_examples_come_last(tmp_path):
    p = read_prompt(write(tmp_path, HEAD + ", count: 2, choose: nearest}"), context())
    assert content(p, "bbbb") == "abb=yes;bbb=no;bbbb"
    assert content(p, "aaaa") == "aab=no;aaa=yes;aaaa"


def test_diverse_examples_show_each_answer_in_turn(tmp_path):
    rows = "text,label\naaa,law\naaab,law\naabb,law\nbbb,audit\n"
    p = read_prompt(write(tmp_path, HEAD + ", count: 2, choose: diverse}", rows=rows), context())
    assert content(p, "aa") == "bbb=no;aaa=yes;aa"
    plain = Context(CLASSES, {"default": "m"})
    p = read_prompt(write(tmp_path, HEAD + ", count: 2, choose: diverse}", rows=rows), plain)
    assert content(p, "aa") == "bbb=no;aaa=yes;aa"


def test_examples_of_a_multiple_choice_prompt_answer_with_the_letters_offered(tmp_path):
    body = BODY + "{% for c in choices %}{{ c.key }}{% endfor %}"
    p = read_prompt(
        write(tmp_path, "answers: classes\nexamples: {file: shots.csv}", body), context()
    )
    assert content(p, "x") == "bbb=C;abb=A;aab=B;aaa=A;xABC"


def test_the_best_answer_for_an_example_is_the_most_telling_one(tmp_path):
    head = "answers: {either: [law, insurance], law: law, no: abstain}\nexamples: {file: shots.csv}"
    p = read_prompt(write(tmp_path, head), context())
    assert content(p, "x") == "bbb=no;abb=law;aab=either;aaa=law;x"


def test_examples_are_tamed_too():
    shots = Shots((Shot(Item("1", {"text": '<|im_end|> """'}), 0),), 1)
    assert shots.pick(Item("2", {"text": "x"}), str) == [
        {"text": "< |im_end| > '''", "answer": "0"}
    ]


def test_other_examples_are_another_version(tmp_path):
    one = read_prompt(write(tmp_path, HEAD + "}"), context())
    other = read_prompt(write(tmp_path, HEAD + "}", rows=ROWS.replace("bbb", "bba")), context())
    assert one.version != other.version


@pytest.mark.parametrize(
    ("rows", "line", "says"),
    [
        ("", 1, "has no column 'text'"),
        ("id,text,label\n", None, "has no examples"),
        ("text,class\na,law\n", 1, "has no column 'label'"),
        ("text,label,answer\na,law,yes\n", 1, "may not be called 'answer'"),
        ("text,label\na,lwa\n", 2, "'lwa' is no class"),
        ("text,label\na,law\nb\n", 3, "not as many values"),
        ("text,label\na,law,more\n", 2, "not as many values"),
        ("text,label\n ,law\n", 2, "has no text"),
        ('text,label\n"a,law\n', 2, "no readable CSV"),
        ("id,text,label\ng1,a,law\n", 2, "is a gold or test item"),
        ("id,text,label\nx,the  gold\ttext,law\n", 2, "is a gold or test item"),
    ],
)
def test_bad_examples_are_told_with_their_line(tmp_path, rows, line, says):
    with pytest.raises(InputError, match=says) as caught:
        read_prompt(write(tmp_path, HEAD + "}", rows=rows), context(scored={"g1": "the gold text"}))
    where = "shots.csv: " if line is None else f"shots.csv:{line}: "
    assert where in str(caught.value)


@pytest.mark.parametrize(
    ("head", "body", "says"),
    [
        (HEAD + ", choose: best}", BODY, r"p\.md:3: 'choose' must be one of fixed, nearest, diver"),
        (HEAD + ", count: 0}", BODY, r"p\.md:3: 'count' must be a whole number"),
        (HEAD + ", how: x}", BODY, r"p\.md:3: unknown key 'how'"),
        (HEAD.replace("shots", "none") + "}", BODY, r"p\.md:3: there is no file .*none.csv"),
        ("answers: classes\nexamples: 3", BODY, r"p\.md:3: 'examples' must be a mapping"),
        (HEAD + "}", "{{ text }}", r"p\.md:5: never shows the examples"),
        (HEAD + "}", BODY.replace("e.text", "e.title"), r"p\.md:5: broken template"),
        ("answers: {yes: law}", BODY, r"p\.md:4: 'examples' belongs to a prompt with"),
    ],
)
def test_bad_heads_are_told_with_their_line(tmp_path, head, body, says):
    with pytest.raises(InputError, match=says):
        read_prompt(write(tmp_path, head, body), context())


def test_the_nearest_need_an_encoder(tmp_path):
    with pytest.raises(InputError, match="needs an encoder"):
        read_prompt(
            write(tmp_path, HEAD + ", choose: nearest}"), Context(CLASSES, {"default": "m"})
        )


WHY = "answers: {yes: law, no: abstain}\nrationale: true"


def ask_about(prompt, said):
    ask = scripted_backend(lambda request: said)
    return asyncio.run(prompt.vote(Item("i", {"text": "x"}), ask))


@pytest.mark.parametrize(
    "said",
    [
        "Reason: It names Utah.\nAnswer: yes",
        "**Reason:** It names Utah.\n\n**Answer:** Yes.",
        "It names Utah.\nAnswer: yes",
        "Answer: yes\nReason: It names Utah.",
        '{"reason": "It names Utah.", "answer": "yes"}',
        '```json\n{"reason": "It names Utah.",\n "answer": "yes"}\n```',
    ],
)
def test_a_reason_comes_with_the_vote(tmp_path, said):
    p = read_prompt(write(tmp_path, WHY, "{{ text }}"), context())
    got = ask_about(p, said)
    assert (got.label, got.rationale, got.note) == (0, "It names Utah.", said)


@pytest.mark.parametrize(
    "said",
    [
        "It names Utah, yes.",
        "Reason: none\nAnswer: maybe",
        "Answer: yes\nAnswer: no",
        "Reason: yes",
        '{"answer": 3}',
        "{Answer yes}",
        "Reason: the text says\nAnswer: yes\nso\nAnswer: no",
        "",
    ],
)
def test_without_a_plain_answer_there_is_no_vote(tmp_path, said):
    p = read_prompt(write(tmp_path, WHY, "{{ text }}"), context())
    assert ask_about(p, said).status is Status.UNREADABLE


def test_a_prompt_that_wants_a_reason_says_so_and_gives_it_room(tmp_path):
    p = read_prompt(write(tmp_path, WHY, "{{ text }}"), context())
    request = p.render(Item("i", {"text": "x"}), [])
    assert request.messages[0].content.endswith("which is one of: yes, no.")
    assert (request.choices, request.max_tokens) == ((), 256)
    assert request.form == (("reason", ()), ("answer", ("yes", "no")))
    votes = collect([p], [Item("i", {"text": "x"})],
                    scripted_backend({"": "Reason: so.\nAnswer: yes"}), list(CLASSES))  # fmt: skip
    assert votes.rationales == {(0, 0): "so."}
    with pytest.raises(InputError, match="'rationale' must be true or false"):
        read_prompt(write(tmp_path, WHY.replace("true", "please"), "{{ text }}"), context())


SHEET = """\
questions:
  is_law:
    ask: Is it law?
    answers: {yes: law, no: abstain}
  who:
    ask: Insurance or audit?
    answers: {insurance: insurance, audit: audit, neither: abstain}
model: default
ask: {similar: 3}"""
LINES = "{{ text }}\n{% for q in questions %}{{ q.number }}. {{ q.ask }}\n{% endfor %}"


def test_one_call_several_votes(tmp_path):
    prompts = read_prompts(write(tmp_path, SHEET, LINES), context())
    assert [p.name for p in prompts] == ["is_law", "who"]
    asked = []

    def say(request):
        asked.append(request.messages[0].content)
        return Answer("1. yes\n2. Audit.", cost=0.5, seconds=2.0)

    with Store(tmp_path / "s") as store:
        ask = remembered(scripted_backend(say), store)
        votes = collect(prompts, [Item("i", {"text": "x"})], ask, list(CLASSES))
        assert store.spent() == 0.5
    assert asked == ["x\n1. Is it law?\n2. Insurance or audit?\n"]
    assert votes.L.tolist() == [[0, 2]]
    assert votes.cost.tolist() == [[0.25, 0.25]] and votes.seconds.tolist() == [[1.0, 1.0]]
    assert prompts[0].version != prompts[1].version
    assert prompts[0].gate.classes == {0, 1, 2}


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_a_provider_that_can_is_asked_for_a_json_object(tmp_path, monkeypatch, provider):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "key")
    (p, _) = read_prompts(write(tmp_path, SHEET, LINES), context())
    with Rehearsal(Manners(unsupported=())) as server:
        if provider == "openai":
            ask = openai_backend("m", server.openai_url)
        else:
            ask = anthropic_backend("m", server.anthropic_url)
        asyncio.run(ask(p.render(Item("i", {"text": "x"}), [])))
        body = server.bodies[-1]
    if provider == "openai":
        schema = body["response_format"]["json_schema"]["schema"]
        assert "logprobs" not in body
    else:
        schema = body["output_config"]["format"]["schema"]
    assert list(schema["properties"]) == schema["required"] == ["answer_1", "answer_2"]
    assert schema["properties"]["answer_1"] == {"type": "string", "enum": ["yes", "no"]}


@pytest.mark.parametrize(
    ("said", "labels"),
    [
        ("1) yes\n2) insurance", (0, 1)),
        ("**1.** Yes\n**2.** insurance", (0, 1)),
        ('{"1": "yes", "2": "neither"}', (0, -1)),
        ('{"is_law": "no", "who": "audit"}', (-1, 2)),
        ('{"answer_1": "no", "answer_2": "audit"}', (-1, 2)),
        ("1. yes", (0, None)),
        ("yes\naudit", (None, None)),
        ("1. yes\n1. no\n2. audit", (None, 2)),
        ("1. yes and no\n2. I cannot help with that", (None, None)),
        ('["yes"]', (None, None)),
    ],
)
def test_each_question_reads_its_own_line(tmp_path, said, labels):
    prompts = read_prompts(write(tmp_path, SHEET, LINES), context())
    for prompt, label in zip(prompts, labels, strict=True):
        got = ask_about(prompt, said)
        assert isinstance(prompt, Question)
        assert (got.status is Status.UNREADABLE) == (label is None)
        assert got.label == (-1 if label is None else label)


@pytest.mark.parametrize(
    ("head", "body", "says"),
    [
        ("questions: {}", LINES, r"p\.md:2: 'questions' is empty"),
        ("questions: [a]", LINES, r"p\.md:2: 'questions' must be a mapping"),
        (SHEET + "\nanswers: classes", LINES, "unknown key 'answers'"),
        (SHEET + "\nrationale: true", LINES, "unknown key 'rationale'"),
        ("questions:\n  a: {ask: x}", LINES, r"p\.md:3: the key 'answers' is missing"),
        ("questions:\n  a: {ask: x, answers: classes}", LINES, "needs its answers named"),
        ("questions:\n  a: {ask: x, answers: {yes: lwa}}", LINES, r"p\.md:3: 'lwa' is no class"),
        ("questions:\n  a: {ask: x, how: y, answers: {yes: law}}", LINES, "unknown key 'how'"),
        (SHEET, "{{ text }}", "never shows the questions"),
        (SHEET, LINES.replace("q.ask", "q.text"), "broken template"),
    ],
)
def test_bad_sheets_are_told_with_their_line(tmp_path, head, body, says):
    with pytest.raises(InputError, match=says):
        read_prompts(write(tmp_path, head, body), context())


def test_a_sheet_is_not_one_prompt(tmp_path):
    with pytest.raises(InputError, match="holds several questions"):
        read_prompt(write(tmp_path, SHEET, LINES), context())
