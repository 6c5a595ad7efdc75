"""The `label_model:` and `student:` of a task: names and settings, checked without loading either.

scikit-learn and torch take seconds to import; a folder is checked in a fraction of one. So what may
be set stands here a second time, and a test compares it with the classes themselves.
"""

from __future__ import annotations

import re
from typing import Any

from labelfns.yamlfile import YamlMap

LABEL_MODELS: dict[str, tuple[str, ...]] = {
    "LabelModel": ("balance", "steps", "skill", "prior_items", "correlation", "trusted_votes"),
    "MajorityVote": ("balance",),
    "WeightedVote": ("balance",),
    "DawidSkene": ("balance", "prior", "balance_prior", "max_iter", "tol"),
    "OneCoin": ("balance", "prior", "balance_prior", "max_iter", "tol"),
    "IBCC": ("balance", "prior", "balance_prior", "max_iter", "tol"),
    "Triplet": ("balance",),
    "SnorkelModel": ("balance", "n_epochs", "seed"),
}
STUDENT = {
    "model": str, "loss": str, "epochs": float, "batch_size": int, "accumulate": int,
    "learning_rate": float, "layer_decay": float, "weight_decay": float, "frozen_layers": int,
    "max_length": int, "overlap": int, "pooling": str, "save_steps": int, "seed": int,
}  # fmt: skip


def check_label_model(top: YamlMap) -> dict[str, Any]:
    """Check `label_model: {name: ..., setting: ...}`; raises InputError with file and line."""
    entry = top.child("label_model") if "label_model" in top.values else None
    if entry is None:
        return {"name": "LabelModel"}
    name = entry.text("name", "LabelModel")
    if name not in LABEL_MODELS:
        raise entry.error(
            f"unknown label model {name!r}; there are {', '.join(LABEL_MODELS)}", "name"
        )
    entry.only(("name", *LABEL_MODELS[name]))
    return {"name": name, **entry.plain()}


def check_student(top: YamlMap) -> dict[str, Any]:
    """Check `student: {model: ..., setting: ...}`; raises InputError with file and line."""
    entry = top.child("student") if "student" in top.values else None
    if entry is None:
        return {"model": "all-MiniLM-L6-v2"}
    entry.only(STUDENT)
    for key in entry.values:
        if STUDENT[key] is str:
            entry.text(key)
        else:
            _number(entry, key, STUDENT[key])
    return {"model": "all-MiniLM-L6-v2", **entry.plain()}


def _number(entry: YamlMap, key: str, kind: type) -> None:
    value = entry.values[key]
    if kind is float and isinstance(value, str) and re.fullmatch(r"[\d.]+e-?\d+", value):
        value = entry.values[key] = float(value)  # YAML 1.1 reads 1e-4 as a text
    whole = kind is int and not isinstance(value, int)
    if isinstance(value, bool) or whole or not isinstance(value, (int, float)) or value < 0:
        wanted = "a whole number" if kind is int else "a number"
        raise entry.error(f"{key!r} must be {wanted} of at least 0, not {value!r}", key)
