"""Measure how far two annotators agree on the same sentences.

    python scripts/measure_agreement.py annotated.jsonl data/second-annotator.jsonl

DATA holds labelled articles with their text, SECOND the labels that somebody else gave to some of the same
sentences, by id and character offsets (docs/data-formats.md). Prints the share of sentences with the same
label, Cohen's kappa, F1 of each label and what was taken for what, with 95 % intervals over articles. Exit
code 2 says that something given cannot be used.
"""

import argparse
import sys
from pathlib import Path

from rich.console import Console

from khabar import KhabarError
from khabar._grid import Grid
from khabar.corpus import join_labels
from khabar.corpus.options import add_reading_options, read_from
from khabar.errors import DataError
from khabar.evaluation import percent, plain, score
from khabar.labels import Label


def main(options: argparse.Namespace) -> None:
    """Read both, pair the sentences, print."""
    articles = list(read_from(options))
    first = {
        (article.id, sentence.part, sentence.start, sentence.end): sentence
        for article in articles
        for sentence in article.sentences
    }
    gold: list[Label] = []
    other: list[Label] = []
    groups: list[str] = []
    lenient = furniture = 0
    for article in join_labels(options.second, articles):
        if options.guidelines and article.guidelines != options.guidelines:
            continue
        for sentence in article.sentences:
            same = first.get((article.id, sentence.part, sentence.start, sentence.end))
            if same is None:
                raise DataError(
                    f"{options.second}: {article.id!r} has a sentence at {sentence.part} {sentence.start} to "
                    f"{sentence.end}, and {options.data} has none there; both must label the same sentences."
                )
            if same.label is None or sentence.label is None:
                furniture += (same.label is None) != (sentence.label is None)
                continue
            gold.append(same.label)
            other.append(sentence.label)
            groups.append(article.id)
            lenient += same.label == sentence.label or bool(
                {same.label, *same.also} & {sentence.label, *sentence.also}
            )
    scores = score(gold, other, groups)
    console = Console(width=None if sys.stdout.isatty() else 160, highlight=False)
    console.print(
        f"{scores.sentences:,} sentences of {scores.articles:,} articles: the same label on "
        f"{percent(scores.accuracy)} %, Cohen's kappa {plain(scores.kappa)}; with second labels of either "
        f"{100 * lenient / scores.sentences:.1f} %. {furniture} more are page furniture to one of the two.",
        soft_wrap=True,
    )
    rows = [
        (label.value, f"{each.support:,}", percent(each.f1), *(f"{count:,}" for count in counts))
        for (label, each), counts in zip(scores.labels.items(), scores.confusion, strict=True)
    ]
    console.print(Grid("First label by second", ("", "sentences", "F1", *Label), rows).to_rich())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="labelled articles, in a format of docs/data-formats.md")
    parser.add_argument("second", type=Path, help="labels of the same sentences, by id and offsets")
    parser.add_argument("--guidelines", metavar="VERSION", help="only articles of SECOND under this version")
    add_reading_options(parser)
    try:
        main(parser.parse_args())
    except (KhabarError, OSError) as error:
        print(f"measure_agreement: {error}", file=sys.stderr)
        sys.exit(2)
