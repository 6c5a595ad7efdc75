"""The command line: one command a stage. Each reads, calls one function, and prints a table."""

from __future__ import annotations

import os
from pathlib import Path

import click

# Our own bars and tables say what there is to say. Both are read when the libraries are imported.
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")

from jurat import __version__
from jurat.errors import Polite
from jurat.models.commands import models

FOLDER = click.argument(
    "folder", type=click.Path(path_type=Path, exists=True, file_okay=False), default="."
)
ALL = click.option("--all", "all_", is_flag=True, help="Ask about every item, whatever the quota.")
FRESH = click.option(
    "--fresh", is_flag=True, help="Ask everything again, without recorded answers."
)


@click.group(cls=Polite, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="jurat")
def main() -> None:
    """Turn many prompts over language models into one small text classifier.

    A task is a folder (task.yaml, items, prompts). Start with `jurat init`, then `jurat run`.
    """


main.add_command(models)


@main.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--from", "table", required=True, type=click.Path(path_type=Path, dir_okay=False),
              help="Table of texts: .csv, .jsonl or .parquet.")  # fmt: skip
@click.option("--text", default="", help="Column that is labelled (default: the longest texts).")
@click.option("--id", "id_", default="", help="Column with a value of its own in every row.")
@click.option("--label", default="", help="Column of labels, where some rows have one.")
@click.option("--classes", default="", help="Names of the classes, separated by commas.")
def init(folder: Path, table: Path, text: str, id_: str, label: str, classes: str) -> None:
    """Make a task folder from a table."""
    from jurat.starter import start_task
    from jurat.tell import tell_started

    names = [name.strip() for name in classes.split(",") if name.strip()]
    found = start_task(folder, table, text=text, id=id_, label=label, classes=names)
    tell_started(folder, found)


@main.command("try")
@click.argument("prompt")
@click.argument(
    "folder", type=click.Path(path_type=Path, exists=True, file_okay=False), required=False
)
@click.option("--items", default=20, show_default=True, help="How many items to ask about.")
def try_(prompt: str, folder: Path | None, items: int) -> None:
    """Ask one PROMPT about a few items: what it says, who says otherwise, what it takes.

    PROMPT is a name, or the path of a prompt file, which says itself which FOLDER it belongs to.
    """
    from jurat import screen, tell
    from jurat.task import read_task
    from jurat.trying import try_prompt

    file = Path(prompt)
    task = read_task(folder or (file.absolute().parent.parent if file.is_file() else "."))
    with screen.progress() as progress:
        tried = try_prompt(task, prompt, items=items, progress=progress)
    tell.tell_tried(tried)


@main.command()
@FOLDER
def labelfns(folder: Path) -> None:
    """Show every labeling function: coverage, overlap, conflict, accuracy, cost."""
    from jurat import pipeline, tell
    from jurat.labelfn_table import labelfn_table
    from jurat.task import read_task

    task = read_task(folder)
    tell.tell_labelfns(labelfn_table(task, pipeline.votes_of(task)))


@main.command()
@FOLDER
def check(folder: Path) -> None:
    """Read the whole folder and say what is in it; nothing is asked or loaded."""
    from jurat.task import read_task
    from jurat.tell import tell_task

    tell_task(read_task(folder))


@main.command()
@FOLDER
@ALL
@FRESH
def collect(folder: Path, all_: bool, fresh: bool) -> None:
    """Let every labeling function vote on every item."""
    from jurat import pipeline, screen, tell
    from jurat.task import read_task

    task = read_task(folder)
    with screen.progress() as progress:
        votes = pipeline.collect(task, all=all_, fresh=fresh, progress=progress)
    tell.tell_votes(task, votes)


@main.command()
@FOLDER
def weigh(folder: Path) -> None:
    """Fit the label model on the votes: soft labels."""
    from jurat import pipeline, tell
    from jurat.task import read_task

    task = read_task(folder)
    votes = pipeline.votes_of(task)
    tell.tell_soft_labels(task, votes, pipeline.weigh(task, votes))


@main.command()
@FOLDER
def train(folder: Path) -> None:
    """Train the student on the soft labels."""
    from jurat import pipeline, screen, tell
    from jurat.task import read_task

    task = read_task(folder)
    with screen.progress() as progress:
        pipeline.train(task, *pipeline.labels_of(task), progress=progress)
    tell.tell_student(task)


@main.command("eval")
@FOLDER
def eval_(folder: Path) -> None:
    """Score the student and its baselines on the test items (or gold, without a test)."""
    from jurat import pipeline, screen, tell
    from jurat.task import read_task

    task = read_task(folder)
    with screen.progress() as progress:
        pipeline.evaluate(task, *pipeline.labels_of(task), progress=progress)
    tell.tell_scores(task)


@main.command()
@FOLDER
def report(folder: Path) -> None:
    """Write out/report.html and the same numbers as out/report.json."""
    from jurat import pipeline, tell
    from jurat.task import read_task

    task = read_task(folder)
    pipeline.labels_of(task)
    tell.tell_report(task, pipeline.report(task))


@main.command()
@FOLDER
@ALL
@FRESH
def run(folder: Path, all_: bool, fresh: bool) -> None:
    """Do all of it: collect, weigh, train, eval, report; what is up to date is skipped."""
    from jurat import pipeline, screen, tell

    with screen.progress() as progress:
        task = pipeline.run(folder, all=all_, fresh=fresh, progress=progress)
    tell.tell_run(task)


@main.command()
@click.argument("corpus", type=click.Path(path_type=Path, exists=True))
@click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False),
              help="Folder for the labels: numbered Parquet files and a manifest.")  # fmt: skip
@click.option("--student", type=click.Path(path_type=Path), default="out/student",
              show_default=True, help="Folder of a trained student.")  # fmt: skip
@click.option("--text", default="text", show_default=True, help="Column that is labelled.")
@click.option("--rows", default=4096, show_default=True, help="Rows in each file.")
def label(corpus: Path, out: Path, student: Path, text: str, rows: int) -> None:
    """Label a corpus (Parquet, CSV, JSON lines, or a folder of them) with a trained student."""
    from jurat import scale, screen, tell

    with screen.progress() as progress:
        done = scale.label(corpus, out, student, text=text, rows=rows, progress=progress)
    tell.tell_labels(done, out)
