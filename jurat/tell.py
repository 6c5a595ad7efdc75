"""The short table that each command ends in."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jurat.screen import say, table
from jurat.stages import Stages
from jurat.task import Task
from labelfns import STATUSES, LabelFn, Pattern, Prompt, SimilarTo, Status, Votes

Floats = NDArray[np.float64]
NOT_ASKED = "no answer in the store"
KINDS = {Prompt: "prompts", Pattern: "patterns", SimilarTo: "similarity"}


def kind_of(labelfn: LabelFn) -> str:
    """Say what a labeling function is, in a word."""
    return next((word for kind, word in KINDS.items() if isinstance(labelfn, kind)), "rules")


def tell_task(task: Task) -> None:
    """Say what is in a task folder."""
    kinds = Counter(kind_of(f) for f in task.labelfns)
    models = [teacher.identity for teacher in task.teachers.values()]
    lines = [
        ("items", f"{len(task.items):,}, of them {len(task.test):,} kept for the test"),
        ("classes", f"{len(task.classes)}"),
        ("labeling functions", ", ".join(f"{count} {kind}" for kind, count in kinds.items())),
        ("gold", f"{len(task.gold):,} items" if task.gold else "none"),
        ("models asked", ", ".join(models) if task.prompts else "none"),
        ("encoder", task.encoder.model if task.encoder else "none"),
        ("label model", task.label_model["name"]),
        ("student", str(task.student["model"])),
        ("recorded answers", str(task.recorded) if task.recorded else "none"),
    ]
    table((task.name, ""), [(f"[{name}]"[1:-1], said) for name, said in lines])
    print("The folder is in order.")  # noqa: T201


def tell_votes(task: Task, votes: Votes) -> None:
    """Say how the votes were cast, kind by kind, and where the answers came from."""
    headings = ("", "functions", "items voted on", "votes", *("unreadable", "refused", "failed"))
    lines = []
    for kind in dict.fromkeys(kind_of(f) for f in task.labelfns):
        mine = votes.status[:, [kind_of(f) == kind for f in task.labelfns]]
        counts = np.bincount(mine.ravel(), minlength=len(STATUSES))
        count = dict(zip(STATUSES, counts, strict=True))
        voted = mine == STATUSES.index(Status.VOTED)
        lines.append((kind, mine.shape[1], f"{voted.any(axis=1).mean():.1%}",
                      *(f"{count[s]:,}" for s in (Status.VOTED, Status.UNREADABLE,
                                                  Status.REFUSED, Status.FAILED))))  # fmt: skip
    table(headings, lines)
    tell_answers(task, votes)


def tell_answers(task: Task, votes: Votes) -> None:
    """Say how many answers were recorded, asked now, and known from before."""
    if not task.prompts:
        return
    asked, noted = asked_of(task), Stages(task.out).read().get("collect", {})
    recorded, here = (sum(entry[k] for entry in asked.values()) for k in ("recorded", "asked"))
    now = noted.get("now", 0)
    items, questions = unanswered(votes)
    say(f"Answers: {recorded:,} recorded with the task, {now:,} asked by the last collect, "
        f"{here - now:,} asked before it; {questions:,} questions about {items:,} items were "
        "left unasked.")  # fmt: skip


def unanswered(votes: Votes) -> tuple[int, int]:
    """Count the items, and the questions about them, that were only looked up, in vain."""
    left = [i for (i, _), note in votes.notes.items() if note == NOT_ASKED]
    return len(set(left)), len(left)


def asked_of(task: Task) -> Mapping[str, Mapping[str, Any]]:
    """Read the tallies of the last collect, labeling function by labeling function."""
    return dict(json.loads((task.out / "asked.json").read_text(encoding="utf-8")))


def tell_soft_labels(task: Task, votes: Votes, soft: Floats) -> None:
    """Say how sure the label model is, and of what."""
    covered = votes.coverage > 0
    labels = Counter(soft[covered].argmax(axis=1).tolist())
    sure = soft.max(axis=1)
    lines = [(list(task.classes)[c], f"{count:,}", f"{count / max(1, covered.sum()):.1%}",
              f"{sure[covered & (soft.argmax(axis=1) == c)].mean():.2f}")
             for c, count in labels.most_common(10)]  # fmt: skip
    table(("likeliest label (the ten most frequent)", "items", "share", "mean confidence"), lines)
    say(f"{covered.sum():,} of {len(covered):,} items got at least one vote.")


def tell_student(task: Task) -> None:
    """Say what was trained and where it lies."""
    note = Stages(task.out).read().get("train", {})
    table(("student", ""), [
        ("started from", task.student["model"]), ("learned from", f"{note.get('rows', 0):,} items"),
        ("took", f"{note.get('seconds', 0):,.0f} s"), ("saved in", task.out / "student"),
    ])  # fmt: skip


def tell_scores(task: Task) -> None:
    """Say what the student and its baselines are worth."""
    found = json.loads((task.out / "scores.json").read_text(encoding="utf-8"))
    lines = [(row["name"], _interval(row["accuracy"]), _interval(row["macro_f1"]))
             for row in found["scores"]]  # fmt: skip
    title = f"on {found['n']:,} {found['held out']} items"
    table((title, "accuracy", "macro-F1"), lines)


def _interval(part: Mapping[str, float]) -> str:
    return f"{part['value']:.1%} [{part['low']:.1%}, {part['high']:.1%}]"


def tell_report(task: Task, file: Path) -> None:
    """Say where the report is."""
    table(("report", ""), [("for people", file), ("for programs", file.with_suffix(".json"))])


def tell_run(task: Task) -> None:
    """Say how each stage went, and the scores."""
    from jurat.pipeline import votes_of

    tell_votes(task, votes_of(task))
    stages = Stages(task.out).read()
    spent = ", ".join(f"{name} {note.get('seconds', 0):,.0f} s" for name, note in stages.items())
    say(f"Stages, when they were last done: {spent}.")
    if (task.out / "scores.json").exists():
        tell_scores(task)
    tell_report(task, task.out / "report.html")


def tell_labels(manifest: Mapping[str, Any], out: Path) -> None:
    """Say how many rows were labelled, and how."""
    counts: Counter[str] = Counter()
    for part in manifest["parts"]:
        counts.update(part["labels"])
    total = sum(counts.values())
    lines = [(name or "(no text, no label)", f"{n:,}", f"{n / total:.1%}")
             for name, n in counts.most_common(12)]  # fmt: skip
    table(("label", "rows", "share"), lines)
    say(f"{total:,} rows in {len(manifest['parts'])} files in {out}.")
