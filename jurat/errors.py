"""How an error ends a command: one sentence, and an exit code."""

from __future__ import annotations

from typing import Any

import click

from labelfns import Fatal
from labelfns.errors import BadKey

KEPT = "what was answered is kept; run the same command again to go on"


class Failed(click.ClickException):
    """One sentence on standard error, and `code`: 2 is a user's mistake, 1 anything else."""

    def __init__(self, sentence: str, code: int) -> None:
        super().__init__(sentence)
        self.exit_code = code


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
            raise Failed(str(e), 2 if isinstance(e, BadKey) else 1) from e
        except OSError as e:
            raise Failed(f"{e.filename or 'a file'}: {e.strerror or e}; {KEPT}", 1) from e
        except ValueError as e:
            # Each room has an InputError of its own; to name them all would load them all.
            if type(e).__name__ not in ("InputError", "ModelError"):
                raise
            raise Failed(str(e), 2) from e
