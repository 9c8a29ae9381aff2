"""Measure how articles are read against the units of a labelled corpus, outlet by outlet.

    python scripts/measure_segmentation.py annotated.jsonl --split train

The units of a corpus are no gold standard of segmentation; what they show is where the reader differs, and above
all how much labelled text it takes for furniture.
"""

import argparse
import time
from collections import Counter, defaultdict
from pathlib import Path

from khabar.article import read_article
from khabar.corpus import read_jsonl
from khabar.schema import Article, LabelledArticle


def main() -> None:
    """Print one line of figures an outlet, and their totals."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("corpus", type=Path, help="labelled articles, one a line (JSONL)")
    parser.add_argument(
        "--split", default="train", help="which articles to measure on (default: %(default)s)"
    )
    parser.add_argument("--differences", type=Path, help="write every difference to this file")
    options = parser.parse_args()

    counts: dict[str, Counter[str]] = defaultdict(Counter)
    differences: list[str] = []
    characters = 0
    started = time.perf_counter()
    articles = [article for article in read_jsonl(options.corpus) if article.split == options.split]
    for labelled in articles:
        read = read_article(labelled.text, labelled.title)
        characters += len(labelled.text)
        count(labelled, read, counts[labelled.outlet or "unknown"], differences)
    seconds = time.perf_counter() - started

    total: Counter[str] = Counter()
    for figures in counts.values():
        total.update(figures)
    print(
        f"{'outlet':20} {'units':>6} {'precision':>9} {'recall':>7} {'F1':>6} {'furniture P':>11} {'R':>6} {'lost':>5} {'lost %':>7}"
    )
    for outlet, figures in [*sorted(counts.items()), ("all", total)]:
        print(f"{outlet:20} {row(figures)}")
    print(
        f"{len(articles)} articles, {characters / seconds:,.0f} characters a second, reading the file included"
    )
    if options.differences:
        options.differences.write_text("\n".join(differences), encoding="utf-8")


def count(labelled: LabelledArticle, read: Article, figures: Counter[str], differences: list[str]) -> None:
    """Add the figures of one article to ``figures`` and what differs to ``differences``."""
    units = [unit for unit in labelled.sentences if unit.part == "body"]
    sentences = [sentence for sentence in read.sentences if sentence.part == "body" or labelled.title is None]
    wanted = {unit.end for unit in units}
    found = {sentence.end for sentence in sentences} | {piece.end for piece in read.furniture}
    figures["units"] += len(wanted)
    figures["found"] += len(found)
    figures["common"] += len(wanted & found)
    for end in sorted(wanted ^ found):
        sign = "missed" if end in wanted else "added"
        differences.append(
            f"{sign}\t{labelled.outlet}\t{labelled.text[max(0, end - 60) : end]!r} | {labelled.text[end : end + 60]!r}"
        )
    for unit in units:
        inside = sum(
            max(0, min(unit.end, piece.end) - max(unit.start, piece.start)) for piece in read.furniture
        )
        taken = inside > (unit.end - unit.start) / 2
        kind = next((piece.kind for piece in read.furniture if piece.end > unit.start), None)
        if unit.label is None:
            figures["furniture"] += 1
            figures["furniture found"] += taken
            if not taken:
                differences.append(f"kept\t{labelled.outlet}\t{unit.text!r}")
        elif taken:
            figures["lost"] += 1
            differences.append(f"lost\t{labelled.outlet}\t{kind}\t{unit.label}\t{unit.text!r}")


def row(figures: Counter[str]) -> str:
    """Return the figures of an outlet as a line of the table."""
    precision = figures["common"] / max(1, figures["found"])
    recall = figures["common"] / max(1, figures["units"])
    f1 = 2 * precision * recall / max(1e-9, precision + recall)
    taken = figures["furniture found"] + figures["lost"]
    return (
        f"{figures['units']:6} {precision:9.3f} {recall:7.3f} {f1:6.3f} "
        f"{figures['furniture found'] / max(1, taken):11.3f} {figures['furniture found'] / max(1, figures['furniture']):6.3f} "
        f"{figures['lost']:5} {100 * figures['lost'] / max(1, figures['units']):7.2f}"
    )


if __name__ == "__main__":
    main()
