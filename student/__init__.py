"""Learn: texts and probabilities in, a small model out.

Names are imported when first used, so that a command line that trains nothing never waits for
torch. Sentence embeddings are in `student.encode`, scores in `student.score`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from student.errors import InputError
    from student.model import Student

__all__ = ["InputError", "Student"]

_WHERE = {"InputError": "student.errors", "Student": "student.model"}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'student' has no attribute {name!r}")
    return getattr(import_module(_WHERE[name]), name)
