"""Pictures of scores and of runs, as PNG files.

Drawn with matplotlib's `Figure` itself, not with `pyplot`: no window, no backend to choose, no state that one
picture leaves to the next.
"""

import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from khabar._files import OutputFile

_BLUE, _ORANGE, _GREY = "#1f5f99", "#c65a11", "#8a8f98"
_DPI: Final = 120


def confusion_matrix(counts: Sequence[Sequence[int]], labels: Sequence[str], title: str, path: Path) -> None:
    """Draw how often each gold label was predicted as each label.

    The shade is the share of the gold label's sentences, so that a rare label is seen as well as a common
    one; the figures are counts and shares.

    Args:
        counts: Sentences by gold label (rows) and predicted label (columns).
        labels: Names of the labels, in the order of rows and columns.
        title: What stands above the picture.
        path: The PNG to write.

    Raises:
        OSError: The file cannot be written.
    """
    table = np.asarray(counts, dtype=float)
    totals = table.sum(axis=1, keepdims=True)
    shares = np.divide(table, totals, out=np.zeros_like(table), where=totals > 0)
    figure = Figure(figsize=(6.4, 5.2), layout="constrained")
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    names = [label.replace("_", "\n") for label in labels]
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel="predicted", ylabel="gold", title=title)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    for (row, column), share in np.ndenumerate(shares):
        axes.text(
            column,
            row,
            f"{int(table[row, column]):,}\n{share:.0%}",
            ha="center",
            va="center",
            color="white" if share > 0.5 else "black",
        )
    _save(figure, path)


def training_curves(history: Sequence[Mapping[str, Any]], path: Path) -> bool:
    """Draw loss and validation macro-F1 by step, as the Trainer recorded them.

    Args:
        history: ``log_history`` of trainer_state.json.
        path: The PNG to write.

    Returns:
        Whether there was anything to draw; without a recorded loss or score no file is written.

    Raises:
        OSError: The file cannot be written.
    """
    losses = {
        "training": _by_step(history, "loss"),
        "validation": _by_step(history, "eval_loss"),
    }
    scores = _by_step(history, "eval_macro_f1")
    if not any(losses.values()) and not scores:
        return False
    figure = Figure(figsize=(9.6, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    for (name, points), color in zip(losses.items(), (_BLUE, _ORANGE), strict=True):
        if points:
            marker = "" if name == "training" else "."
            left.plot(*zip(*points, strict=True), color=color, label=name, marker=marker)
    left.set(title="Loss", xlabel="step", ylabel="cross-entropy a sentence", ylim=(0, None))
    _quiet(left)
    if any(losses.values()):
        left.legend(frameon=False)
    right.set(title="Macro-F1 on validation", xlabel="step")
    _quiet(right)
    if scores:
        right.plot(*zip(*scores, strict=True), color=_BLUE, marker=".")
        best = max(scores, key=lambda point: point[1])
        right.plot(*best, color=_ORANGE, marker="o", linestyle="")
        right.annotate(
            f"{100 * best[1]:.1f} %", best, xytext=(0, -14), textcoords="offset points", ha="center"
        )
        right.yaxis.set_major_formatter(PercentFormatter(1.0))
    else:
        right.text(0.5, 0.5, "not evaluated", transform=right.transAxes, ha="center", color=_GREY)
    _save(figure, path)
    return True


def variants(panels: Mapping[str, Mapping[str, Sequence[float]]], path: Path, x_label: str = "") -> None:
    """Draw the scores of variants: every run a dot, their mean a line, one standard deviation its bars.

    Where all names begin with a number, such as «25 %», they stand at that number on a logarithmic axis, and
    the means are joined: a learning curve. Otherwise they stand side by side.

    Args:
        panels: By what was scored, the macro-F1 of each run, 0 to 1, by the name of the variant, in order.
        path: The PNG to write.
        x_label: What the variants vary.

    Raises:
        OSError: The file cannot be written.
    """
    width = max(6.4, 1.3 * max(len(scores) for scores in panels.values()))
    figure = Figure(figsize=(width * len(panels), 4.4), layout="constrained")
    for axes, (title, scores) in zip(
        figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True
    ):
        _draw_variants(axes, scores)
        axes.set(title=title, xlabel=x_label, ylabel="macro-F1")
        axes.margins(y=0.15)  # numbers beside the points must not run into the frame
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        _quiet(axes)
    _save(figure, path)


def _draw_variants(axes: Axes, scores: Mapping[str, Sequence[float]]) -> None:
    numbers = [float(found[0]) for name in scores if (found := re.match(r"\d+(\.\d+)?", name))]
    curve = len(numbers) == len(scores) > 1 and min(numbers) > 0
    places = numbers if curve else [float(place) for place in range(len(scores))]
    means = [float(np.mean(of)) for of in scores.values()]
    spreads = [float(np.std(of, ddof=1)) if len(of) > 1 else 0.0 for of in scores.values()]
    for place, of in zip(places, scores.values(), strict=True):
        axes.plot([place] * len(of), of, marker="o", linestyle="", color=_GREY, alpha=0.7, markersize=5)
    axes.errorbar(
        places,
        means,
        yerr=spreads,
        color=_BLUE,
        linestyle="-" if curve else "",
        marker="_",
        markersize=14,
        capsize=4,
    )
    for place, mean in zip(places, means, strict=True):
        axes.annotate(
            f"{100 * mean:.1f}", (place, mean), xytext=(8, -14), textcoords="offset points", color=_BLUE
        )
    if curve:
        axes.set_xscale("log")
        axes.minorticks_off()
        axes.margins(x=0.1)
    else:
        axes.set_xlim(-0.5, len(scores) - 0.5)
    axes.set_xticks(places, list(scores))


def search_history(trials: Sequence[tuple[int, float, bool]], path: Path) -> None:
    """Draw the score of each trial of a search, and the best one so far.

    Args:
        trials: Number, macro-F1 (0 to 1; of a pruned trial its last) and whether the trial ran to its end.
        path: The PNG to write.

    Raises:
        OSError: The file cannot be written.
    """
    figure = Figure(figsize=(7.2, 4.2), layout="constrained")
    axes = figure.subplots()
    for complete, name, color, marker in (
        (True, "trial", _BLUE, "o"),
        (False, "stopped early", _GREY, "x"),
    ):
        points = [(number, score) for number, score, whole in trials if whole is complete]
        if points:
            axes.plot(*zip(*points, strict=True), linestyle="", marker=marker, color=color, label=name)
    best = [(number, score) for number, score, whole in trials if whole]
    if best:
        highest = np.maximum.accumulate([score for _, score in best])
        axes.step([number for number, _ in best], highest, where="post", color=_ORANGE, label="best so far")
    axes.set(title="Macro-F1 on validation", xlabel="trial")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    _quiet(axes)
    if trials:
        axes.legend(frameon=False)
    _save(figure, path)


def _by_step(history: Sequence[Mapping[str, Any]], key: str) -> list[tuple[int, float]]:
    # A step that was trained twice, before and after a kill, counts as it was last.
    return sorted({entry["step"]: float(entry[key]) for entry in history if key in entry}.items())


def _quiet(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.3)


def _save(figure: Figure, path: Path) -> None:
    picture = io.BytesIO()
    # Without the version of matplotlib in it, equal figures give equal files.
    figure.savefig(picture, format="png", dpi=_DPI, metadata={"Software": None})
    with OutputFile(path) as file:
        file.write(picture.getvalue())
        file.commit()
