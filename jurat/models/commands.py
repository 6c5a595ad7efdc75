"""`jurat models`: list, get, verify, where."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Table

from jurat.models.cache import root, verify, where
from jurat.models.fetch import get
from jurat.models.model import ModelError, catalogue, find
from jurat.models.progress import Progress


class _Failed(click.ClickException):
    exit_code = 2


class _Models(click.Group):
    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a `ModelError` is one sentence and exit code 2."""
        try:
            return super().invoke(ctx)
        except ModelError as error:
            raise _Failed(str(error)) from error


@contextmanager
def shown(name: str) -> Iterator[Progress]:
    """Show one model's progress on standard error: yields what `get` and `resolve` take."""
    columns = (
        TextColumn("{task.fields[model]}  [dim]{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", model=name, total=None)

        def report(step: str, done: int, total: int) -> None:
            bar.update(task, description=step, completed=done, total=total)

        yield report


@click.group(cls=_Models)
def models() -> None:
    """Fetch and check the embedded models."""


@models.command("list")
def list_() -> None:
    """Show every embedded model: size, licence, source, and whether it is here."""
    table = _table("model, and where Hugging Face has it", "MB", "licence", "here")
    for model in catalogue():
        about = f"{model.name}\n[dim]{model.about}\n{model.repo}\n"
        here = "yes" if where(model.name) else "no"
        table.add_row(about, f"{model.bytes / 1e6:,.0f}", model.licence, here)
    Console().print(table)
    click.echo(f"kept in {root()}")


@models.command("get")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
def get_(names: tuple[str, ...]) -> None:
    """Download, check and keep a model; one that is here is not fetched again."""
    table = _table("model and path", "licence", "published by")
    for model in [find(name) for name in names]:
        with shown(model.name) as progress:
            path = get(model.name, progress)
        publisher = model.repo.split("/")[0]
        table.add_row(f"{model.name}\n[dim]{escape(str(path))}", model.licence, publisher)
    Console().print(table)


@models.command("verify")
@click.argument("names", nargs=-1, metavar="[NAME...]")
def verify_(names: tuple[str, ...]) -> None:
    """Compare what is kept with the pinned SHA-256 (all that is here, when no NAME is given)."""
    chosen = names or tuple(model.name for model in catalogue() if where(model.name))
    table = _table("model and SHA-256 of its weights", "")
    for name in chosen:
        verify(name)
        weights = max(find(name).files, key=lambda file: file.bytes)
        table.add_row(f"{name}\n[dim]{weights.sha256}", "as pinned")
    Console().print(table)


@models.command("where")
@click.argument("name")
def where_(name: str) -> None:
    """Print the path of a model that is here."""
    path = where(name)
    if path is None:
        raise ModelError(f"{name} is not in {root()}: fetch it with `jurat models get {name}`.")
    click.echo(path)


def _table(first: str, *others: str) -> Table:
    """Start a table whose first column folds: a path or a hash that is cut says nothing."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(first, overflow="fold")
    for heading in others:
        table.add_column(heading, no_wrap=True, justify="right" if heading == "MB" else "left")
    return table
