"""How an error ends a command: one sentence, and an exit code."""

from __future__ import annotations

from typing import Any

import click

from labelfns import Fatal
from labelfns.errors import BadKey

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
        except Fatal as e:
            raise (Mistaken if isinstance(e, BadKey) else Failed)(str(e)) from e
        except OSError as e:
            raise Failed(f"{e.filename or 'a file'}: {e.strerror or e}; {KEPT}") from e
        except ValueError as e:
            # Each room has an InputError of its own; to name them all would load them all.
            if type(e).__name__ not in ("InputError", "ModelError"):
                raise
            raise Mistaken(str(e)) from e
