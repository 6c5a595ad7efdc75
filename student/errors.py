"""What this room says when what it was given is wrong."""

from __future__ import annotations


class InputError(ValueError):
    """A caller's mistake, said in one sentence: what is wrong, where, and what to do."""
