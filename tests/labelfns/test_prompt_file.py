import numpy as np
import pytest

from labelfns import Context, InputError, Item, Similarity, read_prompt

CLASSES = {"law": "Which law governs?", "insurance": "Who insures?", "audit": "Who audits?"}
SIMILARITY = Similarity(lambda texts: np.eye(3, dtype=np.float32)[: len(texts)], list("abc"))
CONTEXT = Context(
    CLASSES,
    {"default": "qwen@1", "big": "gpt"},
    ("text", "title"),
    SIMILARITY,
    {"law_words": lambda item: "law" in item.text},
)
BODY = "{{ text }}\nIs it?\n"
GOOD = "---\nanswers: {yes: law, no: abstain}\n---\n" + BODY


def read(tmp_path, text, context=CONTEXT):
    file = tmp_path / "is_law.md"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_prompt(file, context)


def test_a_prompt_file(tmp_path):
    p = read(tmp_path, GOOD)
    assert (p.name, p.model, p.answers) == ("is_law", "qwen@1", {"yes": (0,), "no": ()})
    assert p.template == "{{ text }}\nIs it?"
    assert (p.max_tokens, p.temperature, p.gate, p.offer) == (64, 0.0, None, None)


def test_every_key(tmp_path):
    head = (
        "---\nanswers: classes\nmodel: big\nask: {similar: 2, patterns: law_words}\noffer: 2\n"
        "max_tokens: 9\ntemperature: 0.5\n---\n"
    )
    body = "{{ text }} {% for c in choices %}{{ c.key }}{{ c.description }}{% endfor %}"
    p = read(tmp_path, head + body)
    assert (p.answers, p.model, p.offer, p.max_tokens, p.temperature) == (None, "gpt", 2, 9, 0.5)
    assert p.gate.nearest == 2 and p.gate.classes == {0, 1, 2} and len(p.gate.rules) == 1


def test_answers_may_lead_to_several_classes_and_several_to_one(tmp_path):
    p = read(
        tmp_path,
        "---\nanswers:\n  both: [insurance, law]\n  law: law\n  venue: law\n  1: audit\n"
        "  none: abstain\n---\n" + BODY,
    )
    assert p.answers == {"both": (0, 1), "law": (0,), "venue": (0,), "1": (2,), "none": ()}


@pytest.mark.parametrize("ends", ["\r\n", "\r"])
def test_any_line_ends_and_a_byte_order_mark_make_no_difference(tmp_path, ends):
    other = read(tmp_path, b"\xef\xbb\xbf" + GOOD.replace("\n", ends).encode())
    assert other == read(tmp_path, GOOD)


def test_a_gate_of_patterns_alone_needs_no_encoder(tmp_path):
    context = Context(CLASSES, {"default": "m"}, patterns=CONTEXT.patterns)
    p = read(tmp_path, GOOD.replace("---\n{{", "ask: {patterns: [law_words]}\n---\n{{"), context)
    assert p.gate.opens(Item("i", {"text": "a law"}))


def head(line: str) -> str:
    return f"---\nanswers: {{yes: law, no: abstain}}\n{line}\n---\n{BODY}"


def answers(text: str, body: str = BODY) -> str:
    return f"---\nmodel: default\nanswers: {text}\n---\n{body}"


def body(text: str) -> str:
    return GOOD.replace(BODY, text)


SHOW = "{{ text }}{% for c in choices %}{{ c.key }}{% endfor %}"
BAD = {
    "an empty file": ("", None, "is empty"),
    "spaces only": (" \n\n ", None, "is empty"),
    "no head": ("{{ text }}", 1, "must begin with a line ---"),
    "a head that is not closed": ("---\nanswers: classes\n" + BODY, 1, "not closed"),
    "an empty head": ("---\n---\n" + BODY, 2, "must be a mapping"),
    "a head that is a list": ("---\n- a\n- b\n---\n" + BODY, 2, "must be a mapping"),
    "a head of prose": ("---\nAnswer yes or no\n---\n" + BODY, 2, "must be a mapping"),
    "broken YAML": ("---\nanswers: {yes: law\n---\n" + BODY, 2, "broken YAML"),
    "broken YAML further down": (head("ask: [a"), 3, "broken YAML"),
    "a tab in YAML": (head("\tmodel: big"), 3, "broken YAML"),
    "YAML that holds itself": (answers("&a {yes: *a}"), 2, "holds itself"),
    "YAML that makes Python objects": (head("model: !!python/name:os.system"), 3, "constructor"),
    "a control character": (head("model: a\x07b"), 3, "control character"),
    "no question": ("---\nanswers: classes\n---\n\n", 3, "no question"),
    "no answers": ("---\nmodel: default\n---\n" + BODY, 2, "'answers' is missing"),
    "an unknown key": (head("anwsers: x"), 3, "unknown key 'anwsers'; known are answers"),
    "a key twice": (head("answers: classes"), 3, "stands here twice .first in line 2"),
    "an unknown model": (head("model: huge"), 3, "unknown model 'huge'; .* default, big"),
    "a model that is a list": (head("model: [big]"), 3, "'model' must be a text"),
    "answers of one word": (answers("yes"), 3, "must be `classes` or a mapping"),
    "answers as a list": (answers("[yes, no]"), 3, "must be `classes` or a mapping"),
    "no answer at all": (answers("{}"), 3, "could never vote"),
    "only abstains": (answers("{yes: abstain, no: abstain}"), 3, "could never vote"),
    "an unknown class": (answers("{yes: lwa, no: abstain}"), 3, "'lwa' is no class .* law, insur"),
    "an unknown class among several": (answers("{yes: [law, lwa]}"), 3, "'lwa' is no class"),
    "abstain among several": (answers("{yes: [law, abstain]}"), 3, "'abstain' is no class"),
    "a class of the wrong case": (answers("{yes: Law}"), 3, "'Law' is no class"),
    "an answer that leads nowhere": (answers("{yes: law, no: }"), 3, "'no' leads nowhere"),
    "an answer that leads to a mapping": (answers("{yes: {a: b}}"), 3, "a name or a list of names"),
    "lists in lists": (answers("{yes: [[law]]}"), 3, "a name or a list of names"),
    "the same answer in another case": (answers("{yes: law, YES: audit}"), 3, "overlap"),
    "answers that overlap": (answers("{yes: law, 'yes, partly': audit}"), 3, "overlap"),
    "an answer that is nothing": (answers("{'': law}"), 3, "no answer a model could give"),
    "an answer of signs": (answers("{'?': law}"), 3, "no answer a model could give"),
    "a missing column": (body("{{ text }}\n\n{{ tilte }}"), 6, "'tilte' is no column .* title"),
    "a text that is never shown": (body("Is it law?"), 4, "never shows the item"),
    "choices without a choice": (body("{{ text }} {{ choices }}"), 4, "belongs to a prompt with"),
    "choices that are never shown": (answers("classes"), 5, "never shows the choices"),
    "a template tag that is not closed": (body("\n{{ text }}\n{% if"), 6, "broken template"),
    "a variable that is not closed": (body("{{ text"), 4, "broken template"),
    "an unknown filter": (body("{{ text | shorten }}"), 4, "broken template: No filter"),
    "an unknown field of a choice": (
        answers("classes", "{{ text }}\n{% for c in choices %}\n{{ c.letter }}{% endfor %}"),
        7,
        "broken template: .* no attribute 'letter'",
    ),
    "an attack on the sandbox": (body("{{ text.__class__.__mro__ }}"), 4, "broken template"),
    "a file included": (body("{{ text }}{% include '/etc/passwd' %}"), 4, "broken template"),
    "an offer with answers": (head("offer: 2"), 3, "belongs to a prompt with `answers: classes`"),
    "an offer of one": (answers("classes\noffer: 1", SHOW), 4, "number of classes, 3"),
    "an offer of too many": (answers("classes\noffer: 4", SHOW), 4, "from 2 to the number"),
    "an offer of some": (answers("classes\noffer: some", SHOW), 4, "whole number"),
    "no tokens": (head("max_tokens: 0"), 3, "whole number of at least 1, not 0"),
    "half a token": (head("max_tokens: 0.5"), 3, "whole number"),
    "a temperature below nothing": (head("temperature: -1"), 3, "from 0 to 2, not -1"),
    "a temperature that is no number": (head("temperature: .nan"), 3, "from 0 to 2, not nan"),
    "a temperature in words": (head("temperature: warm"), 3, "from 0 to 2, not 'warm'"),
    "a gate that is no mapping": (head("ask: 5"), 3, "must be a mapping"),
    "an empty gate": (head("ask: {}"), 3, "'ask' is empty"),
    "a gate with an unknown key": (head("ask: {simular: 5}"), 3, "unknown key 'simular'"),
    "a gate with an unknown pattern": (head("ask: {patterns: [lwa]}"), 3, "no pattern is named"),
    "a gate of no similar ones": (head("ask: {similar: 0}"), 3, "whole number of at least 1"),
    "bytes that are not UTF-8": (GOOD.encode() + b"\xff\xfe", 6, "not UTF-8"),
    "UTF-16": (GOOD.encode("utf-16"), 1, "not UTF-8"),
    "a NUL": (GOOD + "a\0b", 6, "NUL"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "line", "says"), BAD.values(), ids=BAD.keys())
def test_bad_input_is_told_in_one_sentence_with_file_and_line(tmp_path, text, line, says):
    with pytest.raises(InputError, match=says) as caught:
        read(tmp_path, text)
    said = str(caught.value)
    where = f"{tmp_path / 'is_law.md'}:" + ("" if line is None else f"{line}:")
    assert said.startswith(where + " ")
    assert "\n" not in said and len(said) < 400 + len(where)


def test_there_are_at_least_forty_of_them():
    assert len(BAD) >= 40


def test_without_an_encoder_nothing_is_similar(tmp_path):
    context = Context(CLASSES, {"default": "m"})
    for text in (head("ask: {similar: 2}"), answers("classes\noffer: 2", SHOW)):
        with pytest.raises(InputError, match="needs an encoder"):
            read(tmp_path, text, context)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match=r"nope\.md: cannot be read \(No such file"):
        read_prompt(tmp_path / "nope.md", CONTEXT)
    with pytest.raises(InputError, match="cannot be read"):
        read_prompt(tmp_path, CONTEXT)
