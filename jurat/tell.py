"""The short table that each command ends in."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jurat.asking import read_tallies, unanswered
from jurat.screen import say, table
from jurat.stages import Stages
from jurat.starter import Columns
from jurat.task import Task, kind_of
from jurat.trying import Tried
from labelfns import STATUSES, Status, Votes

Floats = NDArray[np.float64]


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
    asked, noted = read_tallies(task.out), Stages(task.out).read().get("collect", {})
    recorded, here = (sum(entry[k] for entry in asked.values()) for k in ("recorded", "asked"))
    now = noted.get("now", 0)
    items, questions = unanswered(votes)
    say(f"Answers: {recorded:,} recorded with the task, {now:,} asked by the last collect, "
        f"{here - now:,} asked before it; {questions:,} questions about {items:,} items were "
        "left unasked.")  # fmt: skip


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


def tell_tried(tried: Tried) -> None:
    """Say what one prompt said of each item, what others said, and what it took."""
    lines = []
    for i, item in enumerate(tried.items):
        status, label = STATUSES[tried.votes.status[i, 0]], int(tried.votes.L[i, 0])
        said = tried.votes.classes[label] if label >= 0 else str(status)
        others = Counter(tried.others[i])
        against = ", ".join(f"{name} x{n}" if n > 1 else name for name, n in others.most_common(3))
        row = tried.votes.V[i].data if tried.votes.V is not None else np.zeros(0)
        sure = f"{row.max():.2f}" if len(row) else ""
        lines.append((_short(item.text), said, sure, tried.gold[i], against))
    table((f"{tried.prompt}: text", "says", "p", "gold", "others say"), lines)
    tally = tried.tally
    clash = sum(bool(set(o) - {tried.votes.classes[c]}) for o, c in
                zip(tried.others, tried.votes.L[:, 0], strict=True) if c >= 0)  # fmt: skip
    cost, seconds = (0.0 if spent is None else spent.sum()
                     for spent in (tried.votes.cost, tried.votes.seconds))  # fmt: skip
    say(
        f"{tally.recorded + tally.asked} answers ({tally.now} asked now), {clash} votes that "
        f"another contradicts, {cost:.4f} US dollars, {seconds:.1f} s."
    )


def _short(text: str, width: int = 60) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= width else plain[: width - 1] + "\u2026"


def tell_started(folder: Path, columns: Columns) -> None:
    """Say what `jurat init` found and what to do next."""
    table((str(folder), ""), [
        ("text", columns.text), ("id", columns.id or "made here: row-1, row-2, ..."),
        ("labels, now in gold.csv", columns.label or "none"),
    ])  # fmt: skip
    say(f"Next: describe the classes in {folder}/task.yaml, read the questions in "
        f"{folder}/prompts, then `jurat check {folder}` and `jurat run {folder}`.")  # fmt: skip


def tell_labelfns(lines: Sequence[Mapping[str, Any]]) -> None:
    """Say what each labeling function is worth, the widest first."""
    headings = ("labeling function", "covers", "over-\nlap", "con-\nflict", "right on gold",
                "un-\nread", "re-\nfused", "failed", "US $", "s")  # fmt: skip
    shown = [
        (row["name"], *(f"{row[key]:.1%}" for key in ("coverage", "overlap", "conflict")),
         _on_gold(row), *(row[key] or "" for key in ("unreadable", "refused", "failed")),
         f"{row['cost']:.2f}" if row["cost"] else "",
         f"{row['seconds']:,.0f}" if row["seconds"] else "")
        for row in sorted(lines, key=lambda row: -row["voted"])
    ]  # fmt: skip
    table(headings, shown)


def _on_gold(row: Mapping[str, Any]) -> str:
    if row["accuracy"] is None:
        return ""
    return f"{row['accuracy']:.0%} of {row['gold']} [{row['low']:.0%}\u2013{row['high']:.0%}]"
