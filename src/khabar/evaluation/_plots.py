"""Plots of a report, each as an SVG that needs nothing else.

Text stays text in them, so that a reader's browser draws Arabic names and a screen reader finds the figures.
"""

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from khabar.evaluation._calibration import Reliability
from khabar.evaluation._evaluate import Evaluation
from khabar.evaluation._report import Report
from khabar.evaluation._scores import Estimate, Scores
from khabar.labels import Label

_COLOURS: Mapping[Label, str] = {
    Label.CASUALTY_REPORT: "#b3261e",
    Label.OFFICIAL_STATEMENT: "#1b6ca8",
    Label.CLAIM: "#7a3e9d",
    Label.BACKGROUND: "#5f6b73",
}
_INK, _FAINT, _ACCENT = "#1f2933", "#c5ccd3", "#1b6ca8"

_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "khabar",
    "text.parse_math": False,
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.edgecolor": _FAINT,
    "axes.labelcolor": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": "#e6eaee",
    "text.color": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
}


@dataclass(frozen=True, slots=True)
class Plot:
    """A picture with the sentence that says what it shows."""

    title: str
    caption: str
    svg: str


def plots(report: Report) -> list[Plot]:
    """Draw what the tables of a report say, the system that it is about first of all."""
    name, evaluation = report.main
    drawn = [
        _draw_systems(report),
        _draw_labels(name, evaluation),
        _draw_parts(name, evaluation),
        _draw_confusion(name, evaluation),
    ]
    if name in report.raw:
        drawn.append(_draw_raw(report, name))
    drawn += [_draw_reliability(name, evaluation), _draw_risk(name, evaluation)]
    if evaluation.label_sets:
        drawn.append(_draw_sets(name, evaluation))
    return drawn


def _draw_systems(report: Report) -> Plot:
    names = list(report.systems)
    figures: tuple[tuple[str, Callable[[Scores], Estimate]], ...] = (
        ("macro-F1", lambda scores: scores.macro_f1),
        ("same label as gold (accuracy)", lambda scores: scores.accuracy),
        ("Cohen's kappa with gold", lambda scores: scores.kappa),
    )
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(9, 1.3 + 0.38 * len(names)), layout="constrained")
        axes = figure.subplots(1, 3, sharey=True)
        for ax, (title, of) in zip(axes, figures, strict=True):
            _dots(ax, [(name, of(report.systems[name].strict)) for name in names])
            ax.set_title(title, fontsize=10, loc="left")
        axes[2].xaxis.set_major_formatter("{x:.2f}")
        caption = "Each dot a score, its line the interval of the bootstrap over articles."
        if report.annotators is not None:
            for ax, value in ((axes[1], report.annotators.share), (axes[2], report.annotators.kappa)):
                if value is not None:
                    ax.axvline(value, color="#b3261e", linestyle="--", linewidth=1.2)
                    ax.set_xlim(right=max(ax.get_xlim()[1], value + 0.01))
            caption += " Dashed: annotators among themselves, on other sentences; none is known for macro-F1."
        return Plot("Systems", caption, _svg(figure))


def _draw_labels(name: str, evaluation: Evaluation) -> Plot:
    labels = list(Label)
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(9, 2.9), layout="constrained")
        axes = figure.subplots(1, 3, sharey=True, sharex=True)
        for ax, kind in zip(axes, ("precision", "recall", "f1"), strict=True):
            rows = [(label.value, getattr(evaluation.strict.labels[label], kind)) for label in labels]
            _dots(ax, rows, [_COLOURS[label] for label in labels])
            ax.set_title("F1" if kind == "f1" else kind, fontsize=10, loc="left")
        caption = f"Precision, recall and F1 of each label by “{name}”, with intervals."
        return Plot("Labels", caption, _svg(figure))


def _draw_parts(name: str, evaluation: Evaluation) -> Plot:
    parts: dict[str, Scores] = {"all": evaluation.strict, "all, lenient": evaluation.lenient}
    parts |= evaluation.slices
    parts |= {f"outlet: {outlet}": scores for outlet, scores in evaluation.outlets.items()}
    rows = [(f"{part} ({scores.sentences:,})", scores.accuracy) for part, scores in parts.items()]
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(9, 1 + 0.27 * len(rows)), layout="constrained")
        ax = figure.subplots()
        _dots(ax, rows)
        if evaluation.strict.accuracy.value is not None:
            ax.axvline(evaluation.strict.accuracy.value, color=_FAINT, linewidth=1, zorder=0)
        caption = f"Accuracy of “{name}” by part of the data (sentences in brackets), with intervals."
        return Plot("Parts of the data", caption, _svg(figure))


def _draw_confusion(name: str, evaluation: Evaluation) -> Plot:
    counts = np.array(evaluation.strict.confusion, dtype=float)
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros_like(counts), where=totals > 0)
    names = [label.value for label in Label]
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(6.4, 4.4), layout="constrained")
        ax = figure.subplots()
        ax.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        for row, column in np.ndindex(counts.shape):
            colour = "white" if shares[row, column] > 0.55 else _INK
            text = f"{counts[row, column]:,.0f}\n{shares[row, column]:.0%}"
            ax.text(column, row, text, ha="center", va="center", color=colour)
        ax.set_xticks(range(len(names)), names, rotation=20, ha="right")
        ax.set_yticks(range(len(names)), names)
        ax.set_xlabel("label given")
        ax.set_ylabel("gold label")
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)
        caption = f"Sentences by gold label and label of “{name}”, with the share of each gold label."
        return Plot("Confusion matrix", caption, _svg(figure))


def _draw_raw(report: Report, name: str) -> Plot:
    ways = {
        "sentences given": report.systems[name].strict,
        "raw text, by overlap": report.raw[name].overlap,
        "raw text, by exact span": report.raw[name].exact,
    }
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(9, 2.2), layout="constrained")
        axes = figure.subplots(1, 2, sharey=True)
        _dots(axes[0], [(way, scores.macro_f1) for way, scores in ways.items()])
        _dots(axes[1], [(way, scores.accuracy) for way, scores in ways.items()])
        axes[0].set_title("macro-F1", fontsize=10, loc="left")
        axes[1].set_title("gold sentences with the right label", fontsize=10, loc="left")
        caption = f"What splitting and furniture cost “{name}”: sentences given, and found in the raw text."
        return Plot("Raw text", caption, _svg(figure))


def _draw_reliability(name: str, evaluation: Evaluation) -> Plot:
    found = evaluation.calibration
    panels = [("most probable label", found.top, _ACCENT)]
    panels += [(label.value, each, _COLOURS[label]) for label, each in found.labels.items()]
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(9, 5.6), layout="constrained")
        axes = figure.subplots(2, 3, sharex=True, sharey=True).ravel()
        for ax, (title, each, colour) in zip(axes, panels, strict=False):
            _diagram(ax, each, colour)
            ax.set_title(f"{title}: ECE {each.calibration_error:.3f}", fontsize=10, loc="left")
        for ax in axes[len(panels) :]:
            ax.set_visible(False)
        axes[2].tick_params(labelbottom=True)  # what is below it shows nothing
        figure.supxlabel("mean probability of a bin", fontsize=10)
        figure.supylabel("share that is right", fontsize=10)
        caption = (
            f"Reliability of “{name}”: on the diagonal, probabilities are right as often as they say. "
            "The area of a dot is the number of sentences in its bin."
        )
        return Plot("Reliability", caption, _svg(figure))


def _draw_risk(name: str, evaluation: Evaluation) -> Plot:
    coverages, risks, _ = zip(*evaluation.abstaining.curve, strict=True)
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(6.4, 3.4), layout="constrained")
        ax = figure.subplots()
        ax.step(coverages, risks, where="post", color=_ACCENT)
        for each in evaluation.abstaining.thresholds:
            if each.min_score and each.coverage.value is not None and each.risk.value is not None:
                at = (each.coverage.value, each.risk.value)
                ax.plot(*at, "o", color=_ACCENT, markersize=4)
                ax.annotate(f"{each.min_score:g}", at, xytext=(-2, 6), textcoords="offset points", ha="right")
        ax.set_xlim(0, 1.02)
        ax.set_ylim(0, max(0.05, 1.25 * max(risks)))
        _percent_axes(ax)
        ax.set_xlabel("sentences that keep a label")
        ax.set_ylabel("wrong among them")
        caption = f"What “{name}” gains by abstaining; dots are values of min_score."
        return Plot("Risk and coverage", caption, _svg(figure))


def _draw_sets(name: str, evaluation: Evaluation) -> Plot:
    meant = [1 - found.error_rate for found in evaluation.label_sets]
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(6.4, 3.8), layout="constrained")
        ax = figure.subplots()
        low = min(meant) - 0.12
        ax.plot([low, 1], [low, 1], color=_FAINT, linestyle="--")
        lines = [("all", _INK, [found.coverage for found in evaluation.label_sets], "s")]
        lines += [
            (label.value, _COLOURS[label], [found.labels[label] for found in evaluation.label_sets], "o")
            for label in Label
        ]
        for number, (title, colour, estimates, marker) in enumerate(lines):
            shift = 0.004 * (number - len(lines) / 2)
            places = [place + shift for place in meant]
            _upright(ax, places, estimates, colour, marker, title)
        _percent_axes(ax)
        ax.set_xlabel("meant: one less the error rate")
        ax.set_ylabel("sets that hold the gold label")
        ax.legend(frameon=False, fontsize=9, loc="upper left")
        caption = (
            f"Label sets of “{name}”: how often they hold the gold label, and how often they are meant to."
        )
        return Plot("Label sets", caption, _svg(figure))


def _dots(ax: Axes, rows: Sequence[tuple[str, Estimate]], colours: Sequence[str] | None = None) -> None:
    """Draw an estimate a row, the first at the top."""
    for place, (_, estimate) in enumerate(rows):
        if estimate.value is None:
            continue
        colour = _ACCENT if colours is None else colours[place]
        if estimate.low is not None and estimate.high is not None:
            ax.plot([estimate.low, estimate.high], [place, place], color=colour, linewidth=1.6)
        ax.plot(estimate.value, place, "o", color=colour, markersize=6)
    ax.set_yticks(range(len(rows)), [name for name, _ in rows])
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.grid(axis="x")
    ax.tick_params(length=0)
    ax.spines["left"].set_visible(False)
    ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))


def _diagram(ax: Axes, reliability: Reliability, colour: str) -> None:
    """Draw a reliability diagram with a dot a bin."""
    ax.plot([0, 1], [0, 1], color=_FAINT, linestyle="--")
    total = sum(each.sentences for each in reliability.bins)
    for each in reliability.bins:
        if each.mean is not None and each.right is not None:
            size = 4 + 400 * each.sentences / total
            ax.scatter([each.mean], [each.right], s=size, color=colour, alpha=0.55, linewidths=0)
    ax.set_xlim(-0.02, 1.02)
    ax.set_ylim(-0.02, 1.02)
    ax.set_aspect("equal")
    _percent_axes(ax)


def _upright(
    ax: Axes,
    places: Iterable[float],
    estimates: Iterable[Estimate],
    colour: str,
    marker: str,
    title: str,
) -> None:
    """Draw estimates above places of the horizontal axis."""
    for number, (place, estimate) in enumerate(zip(places, estimates, strict=True)):
        if estimate.value is None:
            continue
        if estimate.low is not None and estimate.high is not None:
            ax.plot([place, place], [estimate.low, estimate.high], color=colour, linewidth=1.2)
        label = title if number == 0 else None
        ax.plot(place, estimate.value, marker, color=colour, markersize=5, label=label)


def _percent_axes(ax: Axes) -> None:
    ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    ax.grid()
    ax.tick_params(length=0)


def _svg(figure: Figure) -> str:
    buffer = io.StringIO()
    # Without a date, equal reports give equal files.
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()
