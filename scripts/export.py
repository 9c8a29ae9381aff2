"""Make the int8 graph of a bundle anew from its weights, check it, and put it in the old one's place.

    python scripts/export.py MODEL
    python scripts/export.py MODEL --data data.jsonl --split validation

MODEL is a bundle's folder, or "default" for the built-in model. The graph must give at least 99 % of the
sentences the label that the full weights give, else the old one stays and the exit code is 1. The sentences
are those of a split of DATA; without it, of the articles written for the project. With --card the outcome
goes into the bundle's metrics.json and card, which is meant for the validation split.
"""

import argparse
import sys
from dataclasses import asdict
from pathlib import Path

from khabar.bundle import ONNX_INT8, built_in
from khabar.card import add_export
from khabar.corpus import read_labelled
from khabar.errors import DataError, KhabarError
from khabar.export import ExportError, renew_export

OWN = Path(__file__).parents[1] / "data" / "sports-and-courts.jsonl"


def main(options: argparse.Namespace) -> None:
    """Read, export, check, print."""
    bundle = built_in(options.model) or Path(options.model)
    articles = [
        [sentence.text for sentence in article.sentences]
        for article in read_labelled(options.data or OWN)
        if options.split is None or article.split == options.split
    ]
    if not articles:
        raise DataError(f"{options.data or OWN}: no article is in split {options.split!r}.")
    check = renew_export(bundle, articles, least_same=options.least_same)
    size = (bundle / ONNX_INT8).stat().st_size
    print(f"{bundle / ONNX_INT8}: {size / 1e6:.1f} MB")
    print(
        f"{check.same_label:.2%} of {check.sentences:,} sentences get the label that the full weights give; "
        f"a logit differs by {check.mean_difference:.3f} on average, {check.largest_difference:.2f} at most"
    )
    if options.card:
        add_export(bundle, asdict(check))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", help='"default" or the folder of a bundle')
    parser.add_argument("--data", type=Path, help="labelled articles, in a format of docs/data-formats.md")
    parser.add_argument("--split", help="split of DATA to check on (default: all of them)")
    parser.add_argument("--least-same", type=float, default=0.99, help="share (default: %(default)s)")
    parser.add_argument("--card", action="store_true", help="put the outcome into metrics.json and the card")
    try:
        main(parser.parse_args())
    except ExportError as error:
        print(f"export: {error}", file=sys.stderr)
        sys.exit(1)
    except (KhabarError, OSError) as error:
        print(f"export: {error}", file=sys.stderr)
        sys.exit(2)
