"""
The four diagrams of an evaluation, each as a piece of SVG: reliability, ROC, gains, and the weeks.

Equal figures give equal bytes: no date stands in them, and names inside are drawn from a fixed salt.
"""

from collections.abc import Callable
from io import StringIO
from typing import Any, Final

import numpy as np

from streams.evaluate.extras import needed
from streams.evaluate.judging import YOUNG_WEEKS, Evaluation, Evidence
from streams.evaluate.measures import Numbers, clipped, reliability

POINTS: Final = 200
"""Points that a curve is drawn with; more would not be seen."""

COLOURS: Final = ("#0b5c86", "#c0562f", "#3f8f5f", "#8a5aa8", "#b08a1e", "#58646e", "#b23a6b", "#2b8c92")

Draw = Callable[[Any], None]
"""Draws into the axes of one diagram."""


def reliability_diagram(evidence: list[Evidence]) -> str:
    """Of those to whom a risk was told, how many fell silent: one point for each bin of a cut."""

    def draw(axes: Any) -> None:
        axes.plot([0, 1], [0, 1], color="#999999", linewidth=1, linestyle="--")
        for colour, one in zip(_colours(evidence), evidence, strict=True):
            foretold, happened, _ = reliability(one.silent, clipped(one.risk))
            axes.plot(foretold, happened, marker="o", markersize=3, linewidth=1, color=colour, label=one.cut)
        axes.set(xlabel="risk foretold", ylabel="share that fell silent", xlim=(0, 1), ylim=(0, 1))

    return _svg("reliability", draw)


def roc(evidence: list[Evidence]) -> str:
    """How many of the silent are found among how many of the others."""

    def draw(axes: Any) -> None:
        axes.plot([0, 1], [0, 1], color="#999999", linewidth=1, linestyle="--")
        for colour, one in zip(_colours(evidence), evidence, strict=True):
            if one.silent.any() and not one.silent.all():
                others, found, _ = needed("sklearn.metrics").roc_curve(one.silent, clipped(one.risk))
                axes.plot(*_thinned(others, found), linewidth=1.4, color=colour, label=one.cut)
        axes.set(
            xlabel="share of the active called silent", ylabel="share of the silent found", xlim=(0, 1), ylim=(0, 1)
        )

    return _svg("roc", draw)


def gains(evidence: list[Evidence]) -> str:
    """How many of the silent are reached by going through the customers from the highest risk down."""

    def draw(axes: Any) -> None:
        axes.plot([0, 1], [0, 1], color="#999999", linewidth=1, linestyle="--")
        for colour, one in zip(_colours(evidence), evidence, strict=True):
            if one.silent.any():
                found = np.cumsum(one.silent[np.argsort(-one.risk, kind="stable")]) / np.count_nonzero(one.silent)
                reached = np.arange(1, len(found) + 1) / len(found)
                axes.plot(*_thinned(reached, found), linewidth=1.4, color=colour, label=one.cut)
        axes.set(xlabel="share of all customers, highest risk first", ylabel="share of the silent reached")
        axes.set(xlim=(0, 1), ylim=(0, 1))

    return _svg("gains", draw)


def weeks(evaluation: Evaluation) -> str:
    """Each week's log loss beside the base rate's; the first weeks are shaded, for nothing is asked of them yet."""

    def draw(axes: Any) -> None:
        numbers = range(1, len(evaluation.weeks) + 1)
        axes.axvspan(0.5, YOUNG_WEEKS + 0.5, color="#eeeeee")
        base = [week.base_log_loss for week in evaluation.weeks]
        axes.plot(numbers, base, color="#999999", linewidth=1.4, label="base rate")
        axes.plot(numbers, [week.log_loss for week in evaluation.weeks], color=COLOURS[0], linewidth=1.4, label="risk")
        axes.set(xlabel="week", ylabel="log loss of a week foretold", xlim=(0.5, max(2, len(base)) + 0.5))
        axes.set_ylim(bottom=0)

    return _svg("weeks", draw, width=10.4)


def _colours(evidence: list[Evidence]) -> list[str]:
    return [COLOURS[place % len(COLOURS)] for place in range(len(evidence))]


def _thinned(x: Numbers, y: Numbers) -> tuple[Numbers, Numbers]:
    """A curve from the origin, in so many points as are seen."""
    x, y = np.concatenate([[0.0], x]), np.concatenate([[0.0], y])
    kept = np.unique(np.linspace(0, len(x) - 1, POINTS).astype(np.int64))
    return x[kept], y[kept]


def _svg(name: str, draw: Draw, width: float = 3.55) -> str:
    """Draw a diagram; text stays text, so it can be read and searched."""
    matplotlib, figures = needed("matplotlib"), needed("matplotlib.figure")
    looks = {"svg.hashsalt": name, "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 8}
    with matplotlib.rc_context(looks):
        figure = figures.Figure(figsize=(width, 3.4), layout="constrained")
        axes = figure.subplots()
        draw(axes)
        axes.spines[["top", "right"]].set_visible(False)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(frameon=False, fontsize=7)
        written = StringIO()
        figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None})
    return "<svg" + written.getvalue().partition("<svg")[2]
