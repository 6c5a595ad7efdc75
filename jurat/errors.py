"""How an error ends a command: one sentence, and an exit code."""

from __future__ import annotations

from typing import Any

import click

KEPT = "what was answered is kept; run the same command again to go on"


class Failed(click.ClickException):
    """One sentence on standard error; the exit code is 1."""


class Mistaken(Failed):
    """The user's mistake."""

    exit_code = 2


class Polite(click.Group):
    """A group whose commands end as people expect: no traceback for what is no defect of ours."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo(f"\nStopped: {KEPT}.", err=True)
            ctx.exit(130)
        except Exception as e:
            if (said := _said(e)) is None:
                raise
            raise said from e


def _said(error: Exception) -> Failed | None:
    """Say an error in a sentence; None for click's own, and for a defect of ours."""
    if isinstance(error, click.ClickException | click.exceptions.Exit | click.Abort):
        return None
    if isinstance(error, OSError):
        return Failed(f"{error.filename or 'a file'}: {error.strerror or error}; {KEPT}")
    from labelfns.errors import BadKey, Fatal  # not before it is needed: --help is to be quick

    if isinstance(error, Fatal):
        return (Mistaken if isinstance(error, BadKey) else Failed)(str(error))
    # Each room has an InputError of its own; to name them all would load them all.
    if isinstance(error, ValueError) and type(error).__name__ in ("InputError", "ModelError"):
        return Mistaken(str(error))
    return None
