"""Tables and pictures of a benchmark's figures."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from measure import MEGABYTE, spread

from khabar._files import OutputFile
from khabar._grid import Grid

_BLUE, _GREY = "#1f5f99", "#8a8f98"
_DPI: Final = 120
START, END = "<!-- figures -->\n", "<!-- end of figures -->\n"


def tables(found: Mapping[str, Any]) -> str:
    """Return the figures as Markdown: ratios first, since seconds are of one machine."""
    parts = [_rates(found).to_markdown(), _floor(found)]
    parts += [_others(found).to_markdown()]
    if found["soak"]:
        parts.append(_soak(found).to_markdown())
    return "\n\n".join(parts) + "\n"


def rate(contender: Mapping[str, Any], unit: str = "sentences") -> tuple[float, float, float]:
    """Return median, least and largest number of units a second over the repeats."""
    median, least, largest = spread(contender["seconds"])
    amount = contender[unit]
    return amount / median, amount / largest, amount / least


def _rates(found: Mapping[str, Any]) -> Grid:
    own = found["contenders"].get("khabar")
    rows = []
    for contender in found["contenders"].values():
        median, least, largest = rate(contender)
        ratio = rate(own)[0] / median if own else float("nan")
        rows.append(
            (
                contender["title"],
                f"{rate(contender, 'articles')[0]:.2f}",
                f"{median:.1f} ({least:.1f}–{largest:.1f})",
                f"{rate(contender, 'tokens')[0]:.0f}",
                f"{ratio:.2f}",
                f"{contender['peak'] / MEGABYTE:.0f}",
            )
        )
    return Grid(
        "Rates",
        ("", "articles/s", "sentences/s (range)", "tokens/s", "khabar is faster by", "peak MB"),
        rows,
    )


def _floor(found: Mapping[str, Any]) -> str:
    own = found["contenders"].get("khabar")
    product = spread(found["integer_product"]["multiply_adds_a_second"])[0]
    text = f"A plain int8 product of matrices reached {product / 1e9:.0f} billion multiply-adds a second"
    if own is None:
        return text + "."
    floor = own["multiply_adds"] / product
    share = floor / spread(own["seconds"])[0]
    return (
        f"{text}. At that rate the {own['multiply_adds'] / 1e9:.0f} billion of the sample, attention "
        f"included, take {floor:.2f} s; khabar took {spread(own['seconds'])[0]:.2f} s from text to labels, "
        f"so it reaches {share:.0%} of the floor."
    )


def _others(found: Mapping[str, Any]) -> Grid:
    rows = []
    for name, seconds in found["first_label"].items():
        median, least, largest = spread(seconds)
        title = found["contenders"][name]["title"]
        rows.append((f"start to first label, {title}", f"{median:.2f} s ({least:.2f}–{largest:.2f})"))
    rows += [
        (f"padding among the tokens computed, {found['contenders'][name]['title']}", f"{share:.1%}")
        for name, share in found["padding"].items()
        if name in found["contenders"]
    ]
    if "long_article" in found:
        long = found["long_article"]
        usual = rate(found["contenders"]["khabar"])[0]
        ratio = long["sentences"] / spread(long["seconds"])[0] / usual
        rows.append((f"one article of {long['sentences']} sentences, rate to the usual", f"{ratio:.2f}"))
    return Grid("Others", ("", ""), rows)


def _soak(found: Mapping[str, Any]) -> Grid:
    first = found["soak"][0]
    usual = first["tokens"] / first["seconds"]
    rows = []
    for run in found["soak"]:
        resident = run["resident"]
        rows.append(
            (
                f"{run['articles']:,}",
                f"{run['sentences'] / run['seconds']:.1f}",
                f"{run['tokens'] / run['seconds'] / usual:.3f}",
                f"{resident[len(resident) // 10] / MEGABYTE:.0f}",
                f"{resident[-1] / MEGABYTE:.0f}",
                f"{run['peak'] / MEGABYTE:.0f}",
            )
        )
    header = ("articles", "sentences/s", "tokens/s to the first row", "MB after a tenth", "MB at the end")
    return Grid("Soak", (*header, "peak MB"), rows)


def plots(found: Mapping[str, Any], folder: Path) -> list[Path]:
    """Draw rates, and memory over articles where it was measured; return the files."""
    written = [folder / "rates.png"]
    _draw(found, written[0])
    if found["soak"]:
        written.append(folder / "memory.png")
        _draw_memory(found, written[1])
    return written


def _draw(found: Mapping[str, Any], path: Path) -> None:
    contenders = list(found["contenders"].values())[::-1]
    figure = Figure(figsize=(8, 0.55 * len(contenders) + 1.2), layout="constrained")
    axes = figure.add_subplot()
    for row, contender in enumerate(contenders):
        median, least, largest = rate(contender)
        own = contender["title"].startswith("khabar")
        error = [[median - least], [largest - median]]
        axes.barh(row, median, xerr=error, color=_BLUE if own else _GREY, height=0.6, ecolor="black")
        axes.annotate(f" {median:,.0f}", (largest, row), va="center")
    axes.set_yticks(range(len(contenders)), [contender["title"] for contender in contenders])
    axes.set_xscale("log")
    axes.set_xlabel("sentences a second (logarithmic), median and range")
    _quiet(axes)
    _save(figure, path)


def _draw_memory(found: Mapping[str, Any], path: Path) -> None:
    figure = Figure(figsize=(8, 3), layout="constrained")
    axes = figure.add_subplot()
    for run in found["soak"]:
        resident = run["resident"]
        steps = [run["articles"] * (index + 1) / len(resident) for index in range(len(resident))]
        axes.plot(
            steps, [value / MEGABYTE for value in resident], marker=".", label=f"{run['articles']:,} articles"
        )
    axes.set_ylim(0, 1.15 * max(axes.get_ylim()[1], 1))
    axes.set_xscale("log")
    axes.set_xlabel("articles annotated")
    axes.set_ylabel("memory held, MB")
    axes.legend(frameon=False, loc="lower right")
    _quiet(axes)
    _save(figure, path)


def _quiet(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x", alpha=0.3)


def _save(figure: Figure, path: Path) -> None:
    picture = io.BytesIO()
    # Without the version of matplotlib in it, equal figures give equal files.
    figure.savefig(picture, format="png", dpi=_DPI, metadata={"Software": None})
    with OutputFile(path) as file:
        file.write(picture.getvalue())
        file.commit()


def put_into(page: str, text: str) -> str:
    """Return a page with the stretch between its two marks replaced.

    Raises:
        ValueError: A mark is missing.
    """
    before, opened, rest = page.partition(START)
    _, closed, after = rest.partition(END)
    if not opened or not closed:
        raise ValueError(f"the page lacks {START.strip()} or {END.strip()}.")
    return f"{before}{START}\n{text}\n{END}{after}"
