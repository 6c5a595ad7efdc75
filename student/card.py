"""The model card: what a stranger must know before using a student."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from student.score import Scores


@dataclass(frozen=True)
class Card:
    """What goes on the card.

    `labelfns` maps the name of a labeling function to a line about it; `scores` maps the name of
    a set of rows to the student's scores there. `license` is a Hub identifier.
    """

    title: str
    base_model: str
    classes: Sequence[str]
    data: str
    n_rows: int
    labelfns: Mapping[str, str] = field(default_factory=dict)
    scores: Mapping[str, Scores] = field(default_factory=dict)
    temperature: float | None = None
    license: str = "apache-2.0"


def write_card(folder: str | Path, card: Card) -> None:
    """Write the card as README.md into the folder of a saved student."""
    (Path(folder) / "README.md").write_text(render(card), encoding="utf-8")


def render(card: Card) -> str:
    """Render the card in Markdown, with the head that the Hub reads."""
    head = {
        "license": card.license,
        "base_model": card.base_model,
        "library_name": "transformers",
        "pipeline_tag": "text-classification",
        "tags": ["weak-supervision", "distillation"],
    }
    return "\n".join(
        [
            f"---\n{yaml.safe_dump(head, sort_keys=False)}---\n\n# {card.title}\n",
            f"A text classifier of {len(card.classes)} classes, distilled from "
            f"{len(card.labelfns)} labeling functions into `{card.base_model}`.\n",
            f"## Data\n\n{card.data} Trained on {card.n_rows} rows of soft labels.\n",
            *_section("Labeling functions", [f"- `{n}`: {t}" for n, t in card.labelfns.items()]),
            *_section("Scores", _table(card.scores)),
            *_section("Calibration", _calibration(card.temperature)),
            *_section("Classes", [f"- {name}" for name in card.classes]),
        ]
    )


def _section(title: str, lines: Sequence[str]) -> list[str]:
    return [f"## {title}\n", *lines, ""] if lines else []


def _table(scores: Mapping[str, Scores]) -> list[str]:
    if not scores:
        return []
    rows = [
        f"| {name} | {s.n} | {s.accuracy} | {s.macro_f1} | {s.ece or 'not known'} |"
        for name, s in scores.items()
    ]
    return [
        "| rows | n | accuracy | macro-F1 | ECE |",
        "|---|---|---|---|---|",
        *rows,
        "",
        "In brackets: 95 % bootstrap intervals.",
    ]


def _calibration(temperature: float | None) -> list[str]:
    if temperature is None:
        return ["Probabilities are as trained: no gold was used to calibrate them."]
    return [f"Temperature {temperature:.3f}, fitted on gold, is folded into the last layer."]
