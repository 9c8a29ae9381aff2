"""Measure how articles are read against the units of a labelled corpus, outlet by outlet.

    python scripts/measure_segmentation.py annotated.jsonl --split train

The units of a corpus are no gold standard of segmentation; what they show is where the reader differs, and
above all how much labelled text it takes for furniture.
"""

import argparse
import time
from collections import Counter, defaultdict
from pathlib import Path

from khabar.article import read_article
from khabar.corpus import read_labelled
from khabar.schema import Article, LabelledArticle

COLUMNS = ("units", "precision", "recall", "F1", "furniture P", "furniture R", "lost", "lost %")


def main() -> None:
    """Print one line of figures an outlet, and their totals."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("corpus", type=Path, help="labelled articles, in a format of docs/data-formats.md")
    parser.add_argument(
        "--split", default="train", help="which articles to measure on (default: %(default)s)"
    )
    parser.add_argument("--differences", type=Path, help="write every difference to this file")
    options = parser.parse_args()

    articles = [article for article in read_labelled(options.corpus) if article.split == options.split]
    started = time.perf_counter()
    read = [read_article(article.text, article.title) for article in articles]
    seconds = time.perf_counter() - started

    counts: dict[str, Counter[str]] = defaultdict(Counter)
    differences: list[str] = []
    for labelled, article in zip(articles, read, strict=True):
        figures = compare(labelled, article, differences)
        counts[labelled.outlet or "unknown"].update(figures)
        counts["all"].update(figures)

    print(f"{'outlet':20}" + "".join(f"{column:>13}" for column in COLUMNS))
    for outlet in [*sorted(counts.keys() - {"all"}), "all"]:
        print(f"{outlet:20}" + "".join(f"{value:>13}" for value in row(counts[outlet])))
    characters = sum(len(article.text) for article in articles)
    print(f"{len(articles)} articles read at {characters / max(seconds, 1e-9):,.0f} characters a second")
    if options.differences:
        options.differences.write_text("\n".join(differences) + "\n", encoding="utf-8")


def compare(labelled: LabelledArticle, read: Article, differences: list[str]) -> Counter[str]:
    """Return the counts of one article, and add what differs to ``differences``."""
    units = [unit for unit in labelled.sentences if unit.part == "body"]
    sentences = [sentence for sentence in read.sentences if sentence.part == "body" or labelled.title is None]
    wanted = {unit.end for unit in units}
    found = {sentence.end for sentence in sentences} | {piece.end for piece in read.furniture}
    figures = Counter(units=len(wanted), found=len(found), common=len(wanted & found))
    for end in sorted(wanted ^ found):
        sign = "missed" if end in wanted else "added"
        around = f"{labelled.text[max(0, end - 60) : end]!r} | {labelled.text[end : end + 60]!r}"
        differences.append(f"{sign}\t{labelled.outlet}\t{around}")
    for unit in units:
        overlaps = [min(unit.end, piece.end) - max(unit.start, piece.start) for piece in read.furniture]
        taken = sum(max(0, overlap) for overlap in overlaps) > (unit.end - unit.start) / 2
        figures["furniture"] += unit.label is None
        figures["furniture found"] += unit.label is None and taken
        figures["lost"] += unit.label is not None and taken
        if taken != (unit.label is None):
            sign = "lost" if taken else "kept"
            differences.append(f"{sign}\t{labelled.outlet}\t{unit.label}\t{unit.text!r}")
    return figures


def row(figures: Counter[str]) -> list[str]:
    """Return the cells of a line of the table."""
    precision = figures["common"] / max(1, figures["found"])
    recall = figures["common"] / max(1, figures["units"])
    f1 = 2 * precision * recall / max(1e-9, precision + recall)
    furniture_precision = figures["furniture found"] / max(1, figures["furniture found"] + figures["lost"])
    furniture_recall = figures["furniture found"] / max(1, figures["furniture"])
    shares = [precision, recall, f1, furniture_precision, furniture_recall]
    lost = figures["lost"]
    return [
        str(figures["units"]),
        *(f"{share:.3f}" for share in shares),
        str(lost),
        f"{100 * lost / max(1, figures['units']):.2f}",
    ]


if __name__ == "__main__":
    main()
