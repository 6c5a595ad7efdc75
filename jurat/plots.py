"""The pictures of the report, as SVG to stand inside the page."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, BLUE, GREY, PALE = "#1f2933", "#2b6cb0", "#9aa5b1", "#e4e7eb"
SMALL: dict[Any, Any] = {"font.size": 8, "font.family": "DejaVu Sans", "axes.edgecolor": GREY,
         "axes.labelcolor": INK, "text.color": INK, "xtick.color": INK, "ytick.color": INK,
         "svg.hashsalt": "jurat", "svg.fonttype": "none"}  # fmt: skip


def all_of(found: Mapping[str, Any]) -> dict[str, str]:
    """Draw every picture there are numbers for; raises nothing for those that lack."""
    import matplotlib as mpl

    with mpl.rc_context(SMALL):
        made = {"agreement": agreement(found["agreement"])}
        if "scores" in found:
            names = [entry["name"] for entry in found["classes"]]
            made["scores"] = scores(found["scores"])
            made["reliability"] = reliability(found["reliability"]["bins"])
            made["confusion"] = confusion(found["confusion"], names)
    return made


def agreement(table: Mapping[str, Any]) -> str:
    """Draw who says the same as whom, where both vote."""
    cells = np.array(table["cells"], dtype=float).reshape(len(table["names"]), -1)
    size = min(10.0, 2.2 + 0.14 * len(cells))
    figure, axes = _figure(size, size)
    image = _map(axes, cells, "RdYlBu", table["names"])
    figure.colorbar(image, ax=axes, shrink=0.5, label="share of common items with the same vote")
    return _svg(figure)


def confusion(table: Sequence[Sequence[int]], names: Sequence[str]) -> str:
    """Draw what the student called the items of each class, as shares of the class."""
    counts = np.array(table, dtype=float)
    with np.errstate(invalid="ignore"):
        shares = counts / counts.sum(axis=1, keepdims=True)
    size = min(9.0, 3.0 + 0.17 * len(counts))
    figure, axes = _figure(size, size)
    _map(axes, shares, "Blues", names)
    axes.set_xlabel("the student says")
    axes.set_ylabel("true class")
    if len(counts) <= 12:
        for (i, j), count in np.ndenumerate(counts):
            color = "white" if shares[i, j] > 0.6 else INK
            axes.text(j, i, f"{count:.0f}" if count else "", ha="center", va="center", color=color)
    return _svg(figure)


def reliability(bins: Sequence[Mapping[str, float]]) -> str:
    """Draw how often the label model is right against how sure it is; dots grow with items."""
    figure, axes = _figure(3.6, 3.4)
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle=(0, (4, 4)))
    x, y = [b["confidence"] for b in bins], [b["accuracy"] for b in bins]
    most = max((b["items"] for b in bins), default=1)
    axes.plot(x, y, color=BLUE, linewidth=1.2)
    axes.scatter(x, y, s=[12 + 120 * b["items"] / most for b in bins], color=BLUE, alpha=0.8)
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="how sure the label model is",
             ylabel="how often it is right")  # fmt: skip
    _quiet(axes)
    return _svg(figure)


def scores(table: Sequence[Mapping[str, Any]]) -> str:
    """Draw accuracy and macro-F1 of each contender with their intervals."""
    figure, axes = _figure(7.2, 0.5 + 0.36 * len(table))
    for row, entry in enumerate(table):
        strong = row == 0
        for key, offset, color in (("accuracy", -0.12, BLUE), ("macro_f1", 0.16, GREY)):
            part = entry[key]
            axes.plot([part["low"], part["high"]], [row + offset] * 2, color=color,
                      linewidth=3 if strong else 2, alpha=0.6)  # fmt: skip
            axes.plot(part["value"], row + offset, "o", color=color, markersize=6 if strong else 4)
    axes.set_yticks(range(len(table)), [entry["name"] for entry in table])
    axes.get_yticklabels()[0].set_fontweight("bold")
    axes.invert_yaxis()
    axes.set(xlim=(0, 1), xlabel="accuracy (blue) and macro-F1 (grey), with 95 % intervals")
    _quiet(axes)
    return _svg(figure)


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    # No pyplot: it keeps every figure, and looks for a display.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def _map(axes: Axes, cells: Any, colors: str, names: Sequence[str]) -> Any:
    image = axes.imshow(cells, cmap=colors, vmin=0, vmax=1, interpolation="nearest")
    size = max(3.0, min(8.0, 300 / max(1, len(names))))
    axes.set_xticks(range(len(names)), names, rotation=90, fontsize=size)
    axes.set_yticks(range(len(names)), names, fontsize=size)
    axes.tick_params(length=0)
    return image


def _quiet(axes: Axes) -> None:
    axes.grid(color=PALE, linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _svg(figure: Figure) -> str:
    stream = io.StringIO()
    figure.savefig(
        stream, format="svg", bbox_inches="tight", pad_inches=0.05, metadata={"Date": None}
    )
    text = stream.getvalue()
    return re.sub(r'width="[\d.]+pt" height="[\d.]+pt"', "", text[text.index("<svg") :], count=1)
