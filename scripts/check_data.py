"""Check labelled articles before training on them: what they hold, and everything that is wrong with them.

    python scripts/check_data.py articles.jsonl
    python scripts/check_data.py articles.jsonl --splits train validation --min-per-label 5

Prints how many sentences of each label every split and outlet has, and the problems by kind, errors first.
The exit code is 0 without errors (there may be warnings), 1 with errors, and 2 when DATA cannot be read.
"""

import argparse
import sys
from collections import defaultdict
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from khabar import KhabarError
from khabar.corpus import (
    MIN_PER_LABEL,
    SPLITS,
    Figures,
    Problem,
    ProblemKind,
    Summary,
    check,
    summary,
)
from khabar.corpus.options import add_reading_options, read_from
from khabar.errors import DataError
from khabar.labels import Label
from khabar.render import printable


def main(options: argparse.Namespace) -> int:
    """Read, count, check, print; return the exit code."""
    try:
        articles = read_from(options)
    except DataError as error:
        if not (options.all and error.problems):
            raise
        for problem in error.problems:
            print(printable(f"{options.data}: {problem}"), file=sys.stderr)
        print("check_data: the splits were not checked, as the file cannot be read.", file=sys.stderr)
        return 2
    problems = check(articles, splits=options.splits, min_per_label=options.min_per_label)
    console = Console(width=None if sys.stdout.isatty() else 200, highlight=False)
    console.print(shares(summary(articles)))
    for line in report(problems, None if options.all else options.show):
        console.print(line, soft_wrap=True)
    return int(any(problem.severity == "error" for problem in problems))


def shares(counted: Summary) -> Table:
    """Return the table of label shares: each split with its outlets, and all."""
    table = Table(title="Sentences of each label, and their share of the labelled ones in percent")
    table.add_column("split, outlet")
    for heading in ("articles", "sentences", *Label, "furniture"):
        table.add_column(heading, justify="right")
    for split, figures in counted["splits"].items():
        table.add_row(*row(split, figures), style="bold")
        for outlet, part in figures["outlets"].items():
            table.add_row(*row(f"  {printable(outlet)}", part))
        table.add_section()
    table.add_row(*row("all", counted), style="bold")
    return table


def row(name: str, figures: Figures) -> list[Text]:
    """Return the cells of a line of the table."""
    labels = [
        f"{count:,} {100 * figures['shares'][label]:5.1f}" for label, count in figures["labels"].items()
    ]
    counts = [f"{figures['articles']:,}", f"{figures['sentences']:,}", *labels, f"{figures['furniture']:,}"]
    return [Text(cell) for cell in (name, *counts)]


def report(problems: list[Problem], most: int | None) -> list[Text]:
    """Return the lines that tell the problems by kind, errors first; ``most`` of a kind, None for all."""
    kinds: dict[ProblemKind, list[Problem]] = defaultdict(list)
    for problem in sorted(problems, key=lambda problem: problem.severity == "warning"):
        kinds[problem.kind].append(problem)
    lines = []
    for kind, found in kinds.items():
        severity = found[0].severity
        lines.append(
            Text(f"\n{severity}: {kind} ({len(found):,})", "bold red" if severity == "error" else "yellow")
        )
        lines += [Text(f"  {printable(str(problem))}") for problem in found[:most]]
        if len(found) > len(found[:most]):
            lines.append(Text(f"  … and {len(found) - len(found[:most]):,} more, which --all shows."))
    errors = sum(problem.severity == "error" for problem in problems)
    total = f"{number_of(errors, 'error')}, {number_of(len(problems) - errors, 'warning')}"
    return [*lines, Text(f"\n{total}", "bold")]


def number_of(number: int, noun: str) -> str:
    """Return «1 error», «2 errors»."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="labelled articles")
    add_reading_options(parser)
    parser.add_argument(
        "--splits", nargs="+", default=SPLITS, metavar="NAME", help="the splits that there are to be"
    )
    parser.add_argument(
        "--min-per-label",
        type=int,
        default=MIN_PER_LABEL,
        metavar="N",
        help="sentences of each label that a split needs (default: %(default)s)",
    )
    parser.add_argument(
        "--show", type=int, default=10, metavar="N", help="problems shown of a kind (default: %(default)s)"
    )
    parser.add_argument("--all", action="store_true", help="show all problems of every kind")
    try:
        code = main(parser.parse_args())
    except (KhabarError, OSError) as error:
        print(f"check_data: {error}", file=sys.stderr)
        code = 2
    sys.exit(code)
