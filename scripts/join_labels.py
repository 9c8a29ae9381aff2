"""Put labels that are kept without their text back on the articles that they are of.

    python scripts/join_labels.py data/news-labels.jsonl FOLDER --with annotated.jsonl --output all.jsonl

FOLDER holds the articles (.jsonl, .jsonl.gz), LABELS their labels by id and character offsets
(docs/data-formats.md). Every text is checked to be the one that was labelled. Exit code 2 says that something
given cannot be used; nothing is written then.
"""

import argparse
import sys
from collections import Counter
from pathlib import Path

from khabar import KhabarError
from khabar.corpus import join_labels, read_labelled, write_jsonl
from khabar.errors import DataError


def main(options: argparse.Namespace) -> None:
    """Read, join, check, write."""
    articles = [] if options.among is None else list(read_labelled(options.among))
    given = len(articles)
    articles += join_labels(options.labels, options.texts)
    twice = [name for name, count in Counter(article.id for article in articles).items() if count > 1]
    if twice:
        raise DataError(
            f"{options.among}: has {len(twice)} articles that are in {options.labels} too, "
            f"{twice[0]!r} first; an article has one set of labels, so drop one of the two."
        )
    options.output.parent.mkdir(parents=True, exist_ok=True)
    write_jsonl(articles, options.output)
    print(f"{options.output}: {given:,} articles and {len(articles) - given:,} joined ones")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("labels", type=Path, help="labels by id and offsets")
    parser.add_argument("texts", type=Path, help="the articles: a file or a folder")
    parser.add_argument(
        "--with", dest="among", type=Path, metavar="FILE", help="labelled articles to add them to"
    )
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="labelled JSON Lines")
    try:
        main(parser.parse_args())
    except (KhabarError, OSError) as error:
        print(f"join_labels: {error}", file=sys.stderr)
        sys.exit(2)
