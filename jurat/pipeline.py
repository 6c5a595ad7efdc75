"""The main job, stage by stage: ask, weigh, learn, score, report; none is done twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jurat import __version__, scoring
from jurat.asking import TALLIES, Asked, choose_live
from jurat.files import digest, replacing, write_json
from jurat.models import Progress, resolve
from jurat.models.progress import silent
from jurat.soft_labels import read_soft_labels, write_soft_labels
from jurat.stages import Stages, fingerprint
from jurat.task import Task, read_task
from jurat.teachers import route
from jurat.votes_file import read_votes, write_votes
from labelfns import STATUSES, InputError, Prompt, Status, Store, Votes, remembered
from labelfns import collect as ask_all
from labelfns.calibrate import calibrate
from labelfns.layers import Purse

Floats = NDArray[np.float64]


def run(
    folder: Path | str, *, fresh: bool = False, all: bool = False, progress: Progress = silent
) -> Task:
    """Do the whole main job for a task folder; what it makes is in the task's `out`.

    `all` asks also about the items that the task's live quota leaves out; `fresh` asks everything
    again, without the recorded answers. Raises InputError for a user's mistake and Fatal where a
    model cannot be asked any more; what was answered until then is kept.
    """
    task = read_task(folder)
    votes = collect(task, fresh=fresh, all=all, progress=progress)
    soft = weigh(task, votes)
    train(task, votes, soft, progress=progress)
    if task.test or task.gold:
        evaluate(task, votes, soft, progress=progress)
    report(task)
    return task


def collect(
    task: Task, *, fresh: bool = False, all: bool = False, progress: Progress = silent
) -> Votes:
    """Ask: let every labeling function vote on every item, into `votes.parquet`.

    The file has the votes as they were cast; what is given is calibrated.
    """
    file, stages = task.out / "votes.parquet", Stages(task.out)
    asks = [fresh or all or task.live, digest(None if fresh else task.recorded)]
    inputs = fingerprint(
        __version__, digest(task.items_file), task.text, list(task.classes), asks,
        task.encoder and task.encoder.model, [(f.name, f.version) for f in task.labelfns],
    )  # fmt: skip
    if stages.current("collect", inputs, file, task.out / TALLIES):
        return calibrate(read_votes(file))
    with (
        stages.doing("collect", inputs) as note,
        Store(task.out / ("fresh.sqlite" if fresh else "store.sqlite")) as store,
    ):
        if task.recorded and not fresh:
            store.seed(task.recorded)
        _read_texts(task, progress)
        votes, asked = _ask(task, store, fresh or all, progress)
        write_votes(votes, file)
        write_json(task.out / TALLIES, {f.name: f.tally.lasting() for f in asked})
        note["now"] = sum(f.tally.now for f in asked)
        note["again"] = _has_failures(task, votes)
    return calibrate(votes)


def weigh(task: Task, votes: Votes) -> Floats:
    """Weigh: the label model's probabilities of every item, shape (n, k).

    It is fitted on the items that are not kept for the test.
    """
    file, stages = task.out / "soft_labels.parquet", Stages(task.out)
    inputs = fingerprint(__version__, digest(task.out / "votes.parquet"), task.label_model,
                         sorted(task.test))  # fmt: skip
    if stages.current("weigh", inputs, file):
        return read_soft_labels(file, len(task.classes))
    with stages.doing("weigh", inputs) as note:
        model = label_model(task)
        training = np.array([item.id not in task.test for item in task.items])
        model.fit(rows(votes, training))
        soft = np.asarray(model.predict_proba(votes))
        note["weights"] = [float(w) for w in getattr(model, "weights_", [])]
        note["balance"] = [float(b) for b in getattr(model, "balance_", [])]
        write_soft_labels(task, votes, soft, file)
    return soft


def train(task: Task, votes: Votes, soft: Floats, *, progress: Progress = silent) -> Path:
    """Learn: the student, from the soft labels of the training items that got a vote.

    Gives its folder, a plain Hugging Face one.
    """
    folder, stages = task.out / "student", Stages(task.out)
    inputs = fingerprint(__version__, digest(task.out / "soft_labels.parquet", task.items_file),
                         task.text, task.student)  # fmt: skip
    if stages.current("train", inputs, folder):
        return folder
    rows = scoring.training_rows(task, votes)
    if not len(rows):
        raise InputError("no training item got a vote, so there is nothing to learn from",
                         task.folder)  # fmt: skip
    with stages.doing("train", inputs) as note:
        from student import Student

        settings = {**task.student, "model": resolve(task.student["model"], progress)}
        student = Student(**settings, classes=list(task.classes)).fit(
            [task.items[i].text for i in rows],
            soft[rows],
            checkpoints=task.out / "checkpoints",
            progress=lambda done, total: progress("training the student", done, total),
        )
        note["rows"] = len(rows)
        with replacing(folder) as partial:
            student.save(partial)
    return folder


def evaluate(
    task: Task, votes: Votes, soft: Floats, *, progress: Progress = silent
) -> list[dict[str, Any]]:
    """Score the student and its baselines on the held-out items, into `scores.json`."""
    file, folder, stages = task.out / "scores.json", task.out / "student", Stages(task.out)
    name, labels = scoring.held_out(task)
    inputs = fingerprint(
        __version__, digest(folder, task.out / "soft_labels.parquet", task.out / "votes.parquet"),
        name, labels, task.gold, task.reference)  # fmt: skip
    if stages.current("eval", inputs, file):
        return list(json.loads(file.read_text(encoding="utf-8"))["scores"])
    with stages.doing("eval", inputs):
        said = predict(
            folder, [task.items[i].text for i in scoring.rows_of(task, labels)[0]], progress
        )
        table = scoring.scores(task, scoring.predictions(task, votes, soft, said))
        gold = scoring.rows_of(task, labels)[1]
        write_json(file, {
            "held out": name, "n": len(gold), "scores": table,
            "confusion": scoring.confusion(gold, said.argmax(axis=1), len(task.classes)),
        })  # fmt: skip
    return table


def report(task: Task) -> Path:
    """Write `report.html` and the same numbers as `report.json`; give the path of the first."""
    from jurat.report import numbers, page

    file, stages = task.out / "report.html", Stages(task.out)
    made = [task.out / name for name in ("votes.parquet", "soft_labels.parquet", TALLIES)]
    made += [f for f in [task.out / "scores.json"] if f.exists()]
    inputs = fingerprint(__version__, digest(*made), task.name, task.gold)
    if stages.current("report", inputs, file, task.out / "report.json"):
        return file
    with stages.doing("report", inputs):
        found = numbers(task)
        write_json(task.out / "report.json", found)
        with replacing(file) as partial:
            partial.write_text(page(found), encoding="utf-8")
    return file


def votes_of(task: Task) -> Votes:
    """Read the votes of an earlier run, calibrated; raises InputError where there are none."""
    votes_file = task.out / "votes.parquet"
    votes = read_votes(votes_file)
    same = (list(votes.items), list(votes.classes)) == (
        [item.id for item in task.items], list(task.classes))  # fmt: skip
    if not same or list(votes.labelfns) != [f.name for f in task.labelfns]:
        raise InputError(
            "the task was changed since the votes were cast; `jurat collect` casts them again, "
            "and asks only what is new", votes_file)  # fmt: skip
    return calibrate(votes)


def labels_of(task: Task) -> tuple[Votes, Floats]:
    """Read the votes and soft labels of an earlier run; raises InputError where there are none."""
    votes = votes_of(task)
    return votes, read_soft_labels(task.out / "soft_labels.parquet", len(task.classes))


def predict(folder: Path, texts: list[str], progress: Progress = silent) -> Floats:
    """Probabilities (n, k) by the student saved in `folder`."""
    from student import Student

    tell = "scoring the student"
    student = Student.load(folder)
    return student.predict_proba(texts, progress=lambda done, total: progress(tell, done, total))


def label_model(task: Task) -> Any:
    """Make the label model that the task names, not fitted yet."""
    import labelmodel

    settings = {name: value for name, value in task.label_model.items() if name != "name"}
    return getattr(labelmodel, task.label_model["name"])(len(task.classes), **settings)


def rows(votes: Votes, keep: NDArray[np.bool_]) -> Votes:
    """Give the votes on some of the items; notes are left out."""
    items = [item for item, kept in zip(votes.items, keep, strict=True) if kept]
    V = None if votes.V is None else votes.V[np.flatnonzero(keep)]
    return Votes(items, votes.labelfns, votes.classes, votes.L[keep], votes.status[keep], V)


def _ask(
    task: Task, store: Store, everything: bool, progress: Progress
) -> tuple[Votes, list[Asked]]:
    purse = Purse(np.inf if task.budget is None else task.budget, store.spent)
    ask = remembered(route(task.teachers, purse, progress), store)
    live = None if everything else task.live
    chosen = choose_live(task.prompts, task.training_items, store, live) if live else None
    asked = [Asked(f, store, chosen) for f in task.labelfns]
    votes = ask_all(
        asked, task.items, ask, list(task.classes),
        progress=lambda done, total: progress("asking", done, total))  # fmt: skip
    return votes, asked


def _read_texts(task: Task, progress: Progress) -> None:
    """Encode all texts at once: labeling functions and gates then only look them up."""
    if task.encoder is None:
        return
    texts = [item.text for item in task.items]
    task.encoder.fill([*texts, *(t for s in task.similarities for t in s.references)], progress)
    for similarity in task.similarities:
        similarity.prepare(texts)


def _has_failures(task: Task, votes: Votes) -> bool:
    prompts = [isinstance(f, Prompt) for f in task.labelfns]
    return bool((votes.status[:, prompts] == STATUSES.index(Status.FAILED)).any())
