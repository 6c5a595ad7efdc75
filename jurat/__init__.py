"""Jurat: many LLM prompts, one small, cheap, accurate text classifier.

>>> import jurat
>>> task = jurat.load("data/contracts")       # a folder, read and checked whole
>>> votes = jurat.collect(task)               # prompts and rules vote on every item
>>> targets = jurat.weigh(task, votes)        # a label model weighs the votes
>>> folder = jurat.train(task, votes, targets)  # a plain Hugging Face folder
>>> scores = jurat.evaluate(task, votes, targets)

`jurat.run("data/contracts")` is all of it, and skips what is up to date.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jurat.pipeline import collect, evaluate, run, train, weigh
    from jurat.scale import label
    from jurat.task import Task
    from jurat.task import read_task as load

__version__ = "0.1.0"
__all__ = ["Task", "collect", "evaluate", "label", "load", "run", "train", "weigh"]

# Imported when first used: a command line that only checks a folder never waits for torch.
_WHERE = dict.fromkeys(("collect", "evaluate", "run", "train", "weigh"), "pipeline")
_WHERE |= {"Task": "task", "load": "task", "label": "scale"}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'jurat' has no attribute {name!r}")
    module = import_module(f"jurat.{_WHERE[name]}")
    return getattr(module, "read_task" if name == "load" else name)
