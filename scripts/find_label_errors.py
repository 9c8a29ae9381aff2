"""List the sentences that deserve a look: labels in doubt, confident mistakes, what the model is unsure of.

    python scripts/cross_validate.py CONFIG data.path=data.jsonl output=runs/folds --by article
    python scripts/find_label_errors.py data.jsonl runs/folds --output suspects.jsonl --html suspects.html
    python scripts/find_label_errors.py data.jsonl runs/folds --label-studio tasks.json

The probabilities must come from models that did not learn from the sentences, as cross-validation gives them.
Articles for Label Studio or doccano have their present labels, to be corrected; Label Studio gets the quality
of each label as its score, by which tasks can be sorted. Exit code 2 says that something given cannot be
used.
"""

import argparse
import sys
from collections import Counter
from pathlib import Path

from rich.console import Console

from khabar import KhabarError
from khabar._files import OutputFile, write_text
from khabar._grid import Grid
from khabar._json import json_text
from khabar.corpus import write_doccano, write_label_studio
from khabar.corpus.options import add_reading_options, read_from
from khabar.label_errors import Doubt, find_suspects, for_review, suspect_records, suspects_to_html
from khabar.labels import Label
from khabar.predictions import read_predictions


def main(options: argparse.Namespace) -> None:
    """Read, find, print, write."""
    files = (options.output, options.html, options.label_studio, options.doccano)
    for path in files:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
    articles = read_from(options)
    predictions = read_predictions(options.probabilities)
    suspects = find_suspects(predictions, most=options.most)
    if options.doubt:
        asked = set(map(Doubt, options.doubt))
        suspects = [suspect for suspect in suspects if asked & set(suspect.doubts)]
    records = list(suspect_records(suspects, articles))

    console = Console(width=None if sys.stdout.isatty() else 200)
    found = len({suspect.prediction.article for suspect in suspects})
    console.print(
        f"{len(suspects):,} of {len(predictions):,} sentences deserve a look, in {found:,} articles.",
        highlight=False,
    )
    rows = []
    for doubt in Doubt:
        labels = Counter(each.prediction.label for each in suspects if doubt in each.doubts)
        rows.append((doubt.value, f"{labels.total():,}", *(f"{labels[label]:,}" for label in Label)))
    console.print(Grid("By reason and gold label", ("", "all", *Label), rows).to_rich())
    pairs = Counter(
        (each.prediction.label.value, each.prediction.predicted.value)
        for each in suspects
        if Doubt.LABEL in each.doubts
    )
    rows = [(label, predicted, f"{count:,}") for (label, predicted), count in pairs.most_common()]
    table = Grid("Labels in doubt", ("label", "predicted", "sentences"), rows, words=frozenset({0, 1}))
    console.print(table.to_rich())

    if options.output:
        with OutputFile(options.output) as output:
            for record in records:
                output.write(f"{json_text(record)}\n".encode())
            output.commit()
    if options.html:
        write_text(options.html, suspects_to_html(suspects, articles))
    if options.label_studio or options.doccano:
        review = for_review(suspects, predictions, articles)
        if options.label_studio:
            write_label_studio(review, options.label_studio, model_version="labels to be checked")
        if options.doccano:
            write_doccano(review, options.doccano)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="the labelled articles that were cross-validated")
    parser.add_argument(
        "probabilities", type=Path, help="a probabilities.jsonl, or the folder with those of all folds"
    )
    add_reading_options(parser)
    parser.add_argument(
        "--most",
        type=int,
        default=100,
        help="list so many confident mistakes, and so many sentences that the model is unsure of "
        "(default: %(default)s); labels in doubt are all listed",
    )
    parser.add_argument(
        "--doubt",
        action="append",
        choices=[str(doubt) for doubt in Doubt],
        help="list only these suspects; can be given several times (default: all)",
    )
    parser.add_argument("--output", type=Path, help="JSON Lines to write, a suspect a line, the worst first")
    parser.add_argument("--html", type=Path, help="page to write, right to left")
    parser.add_argument("--label-studio", type=Path, help="tasks for Label Studio to write")
    parser.add_argument("--doccano", type=Path, help="examples for doccano to write")
    try:
        main(parser.parse_args())
    except (KhabarError, OSError, ValueError) as error:
        print(f"find_label_errors: {error}", file=sys.stderr)
        sys.exit(2)
