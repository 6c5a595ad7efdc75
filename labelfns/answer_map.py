"""The `answers` of a prompt file: what the model may say, and what each of it means."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import permutations

from labelfns.yamlfile import YamlMap

SHOWN = 8  # classes that a complaint lists; a task may have hundreds


def read_answers(head: YamlMap, classes: Mapping[str, str]) -> dict[str, tuple[int, ...]] | None:
    """Read `answers`: a mapping of answers to class indices, or None for `classes`.

    Raises InputError for a class that is none, and for answers nobody could tell apart.
    """
    if head.values["answers"] == "classes":
        return None
    if not isinstance(head.values["answers"], YamlMap):
        raise head.error(
            "'answers' must be `classes` or a mapping such as {yes: CLASS, no: abstain}", "answers"
        )
    given = head.child("answers")
    answers = {said: _meaning(said, given, list(classes)) for said in given.values}
    _tell_apart(given)
    if not any(answers.values()):
        raise head.error("no answer leads to a class, so this prompt could never vote", "answers")
    return answers


def _meaning(said: str, given: YamlMap, classes: Sequence[str]) -> tuple[int, ...]:
    if not re.search(r"\w", said):
        raise given.error(f"{said!r} is no answer a model could give", said)
    wanted = given.words(said)
    if wanted == ["abstain"]:
        return ()
    if not wanted:
        raise given.error(f"{said!r} leads nowhere; name a class, several, or abstain", said)
    for name in wanted:
        if name not in classes:
            known = ", ".join(classes[:SHOWN]) + (", ..." if len(classes) > SHOWN else "")
            raise given.error(f"{name!r} is no class of this task; there are {known}, and abstain",
                              said)  # fmt: skip
    return tuple(sorted({classes.index(name) for name in wanted}))


def _tell_apart(given: YamlMap) -> None:
    """Refuse answers of which one is the beginning of another: "yes" and "yes, partly"."""
    for one, other in permutations(given.values, 2):
        if re.match(re.escape(one.strip()) + r"(?!\w)", other.strip(), re.IGNORECASE):
            raise given.error(
                f"the answers {one!r} and {other!r} overlap: what begins like the one may be the "
                "other; choose words that begin differently", other)  # fmt: skip
