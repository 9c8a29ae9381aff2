"""Calibrate a model: fit its temperature and its label sets on a split, and write them into the model.

    python scripts/calibrate.py default data.jsonl
    python scripts/calibrate.py runs/a/bundle data.jsonl --split validation --dry-run

MODEL is "default" for the built-in one, else a folder; DATA are labelled articles that it did not learn from.
The model runs as it annotates, on its int8 graph where it has one. Its weights are left as they are: what is
written is khabar.json, and the model card where there is one. scripts/train.py does the same at its end.
"""

import argparse
import sys
from collections import Counter
from pathlib import Path

from rich.console import Console

from khabar import Annotator, KhabarError
from khabar._grid import Grid
from khabar.bundle import built_in, save_settings
from khabar.calibration import Calibration, HeldOut, calibrate
from khabar.card import CARD, METRICS, TRAINING, write_card
from khabar.corpus.options import add_reading_options, read_from
from khabar.errors import DataError
from khabar.labels import Label


def main(options: argparse.Namespace) -> None:
    """Read, fit, print, write."""
    path = built_in(options.model) or Path(options.model)
    corpus = read_from(options)
    articles = [article for article in corpus if article.split == options.split]
    if not articles:
        counts = Counter(article.split or "no split" for article in corpus)
        there = ", ".join(f"{name} ({count} articles)" for name, count in counts.items())
        raise DataError(f"{options.data}: no article is in split {options.split!r}; there are {there}.")
    if not path.is_dir():
        raise DataError(f"{path}: no such folder; a model from the hub has to be saved in a folder first.")
    annotator = Annotator.from_pretrained(path)
    settings = annotator.bundle.settings
    found = calibrate(annotator, articles)

    console = Console(width=None if sys.stdout.isatty() else 200)
    for grid in tables(found):
        console.print(grid.to_rich())
    before, after = settings.temperature, found.scaling
    print(f"temperature {before} before, {after.temperature} now; its slope by entropy is {after.slope}")
    if options.dry_run:
        return
    save_settings(path, found.apply(settings))
    if all((path / name).is_file() for name in (CARD, METRICS, TRAINING)):
        write_card(path)
    print(f"written into {path}; scripts/evaluate.py shows what it is worth on other articles")


def tables(found: Calibration) -> list[Grid]:
    """What was compared, and what was fitted."""
    scaling = Grid(
        f"{found.sentences:,} sentences; each of the {found.left_out} left out of the fit in turn",
        ("scaling", "log loss", "ECE"),
        [("one temperature", *figures(found.plain)), ("temperature by entropy", *figures(found.by_entropy))],
    )
    rates = (0.05, 0.1, 0.2)
    sets = Grid(
        "Least probability of a label in a set, by error rate",
        ("label", "sentences", *map(str, rates)),
        [
            (
                label.value,
                f"{found.label_sets.sentences[label]:,}",
                *(f"{found.label_sets.at(rate)[label]:.4f}" for rate in rates),
            )
            for label in Label
        ],
    )
    return [scaling, sets]


def figures(held_out: HeldOut | None) -> tuple[str, str]:
    """Cells of a row of the comparison."""
    if held_out is None:
        return "–", "–"
    return f"{held_out.log_loss:.4f}", f"{held_out.calibration_error:.4f}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", help='"default" or the folder of a model')
    parser.add_argument("data", type=Path, help="labelled articles, in a format of docs/data-formats.md")
    add_reading_options(parser)
    parser.add_argument("--split", default="validation", help="split to fit on (default: %(default)s)")
    parser.add_argument("--dry-run", action="store_true", help="print what would be written, and stop")
    try:
        main(parser.parse_args())
    except (KhabarError, OSError) as error:
        print(f"calibrate: {error}", file=sys.stderr)
        sys.exit(2)
