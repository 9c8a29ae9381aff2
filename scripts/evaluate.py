"""Evaluate a model on labelled articles, next to other models and baselines, in one table.

    python scripts/evaluate.py default data.jsonl --tfidf --against-torch --output report.json
    python scripts/evaluate.py runs/a/bundle data.jsonl --split validation --compare "single=runs/b/bundle"

A model is "default" for the built-in one, else a folder or hub id, with NAME= before it to name its row.
Every model runs through the Annotator that users call, on its int8 graph where it has one. The TF-IDF
baseline is fitted on the train split of DATA and chosen on its validation split.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.progress import track

from khabar import Annotator, KhabarError
from khabar._files import write_text
from khabar.backends import BackendName
from khabar.bundle import BUILT_IN
from khabar.corpus import FORMATS, near_duplicates, read_labelled
from khabar.errors import DataError
from khabar.evaluation import (
    Agreement,
    Bootstrap,
    DataSummary,
    Judgement,
    Report,
    SentenceAnnotator,
    agreement,
    judge,
    summarise,
)
from khabar.schema import LabelledArticle


def main(options: argparse.Namespace) -> None:
    """Read, annotate, score, print, write."""
    outputs = [path for path in (options.output, options.markdown) if path is not None]
    for path in outputs:
        path.parent.mkdir(parents=True, exist_ok=True)
    corpus = read_labelled(options.data, options.format)
    articles = choose(corpus, options.split, options.data)
    train, validation = (
        choose(corpus, split, options.data) if options.tfidf else [] for split in ("train", "validation")
    )

    judged: dict[str, list[Judgement]] = {}
    agreements: dict[str, Agreement] = {}
    bootstrap = Bootstrap(resamples=options.resamples)

    main_name, model = named(options.model)
    judged[main_name] = run(load(model, "onnx" if options.against_torch else None), articles, main_name)
    if options.against_torch:
        exact = f"{main_name}, fp32"
        judged[exact] = run(load(model, "torch"), articles, exact)
        agreements["int8 against fp32"] = agreement(judged[main_name], judged[exact], bootstrap)
    for specification in options.compare:
        name, other = named(specification)
        if name in judged:
            raise DataError(f"two models are called {name!r}; name one of them: --compare NAME={other}.")
        judged[name] = run(load(other), articles, name)
    if options.tfidf:
        # Only this baseline needs scikit-learn.
        from khabar.baselines import TfidfBaseline

        judged["TF-IDF + logistic regression"] = run(TfidfBaseline.fit(train, validation), articles, "TF-IDF")

    parts = apart(corpus, options.split) if options.apart else {}
    report = Report(
        data=DataSummary.of(articles, options.data.name, options.split),
        systems={name: summarise(judgements, bootstrap, parts) for name, judgements in judged.items()},
        agreements=agreements,
        bootstrap=bootstrap,
    )
    console = Console(width=None if sys.stdout.isatty() else 200)
    console.print(report.note, highlight=False)
    for table in report.to_tables():
        console.print(table)
    if options.card:
        # Only a model's own folder gets its scores; it needs what only the train extra has.
        from khabar.card import add_evaluation

        summary, evaluation = report.data.to_dict(), report.systems[main_name].to_dict()
        add_evaluation(BUILT_IN if model == "default" else Path(model), options.split, summary, evaluation)
    if options.output:
        write_text(
            options.output, json.dumps(report.to_dict(), ensure_ascii=False, indent=2, allow_nan=False) + "\n"
        )
    if options.markdown:
        write_text(options.markdown, report.to_markdown())


def apart(corpus: list[LabelledArticle], split: str) -> dict[str, Callable[[Judgement], bool]]:
    """The part of a split without what other splits have a near-duplicate of, such as the same wire copy."""
    splits = {article.id: article.split for article in corpus}
    elsewhere = {
        identifier
        for group in near_duplicates(corpus)
        if {splits[other] for other in group} != {split}
        for identifier in group
    }
    return {"no near-duplicate in another split": lambda judged: judged.article not in elsewhere}


def choose(corpus: list[LabelledArticle], split: str, data: Path) -> list[LabelledArticle]:
    """The articles of a split, which must not be empty."""
    articles = [article for article in corpus if article.split == split]
    if not articles:
        counts = Counter(article.split or "no split" for article in corpus)
        there = ", ".join(f"{name} ({count} articles)" for name, count in counts.items())
        raise DataError(f"{data}: no article is in split {split!r}; there are {there}.")
    return articles


def named(specification: str) -> tuple[str, str]:
    """Split «NAME=MODEL»; a model without a name is called by its folder."""
    name, separator, model = specification.partition("=")
    return (name, model) if separator else (Path(specification).name, specification)


def load(model: str, backend: BackendName | None = None) -> Annotator:
    """The built-in model or a saved one."""
    if model == "default":
        return Annotator(backend=backend)
    return Annotator.from_pretrained(model, backend=backend)


def run(annotator: SentenceAnnotator, articles: list[LabelledArticle], name: str) -> list[Judgement]:
    """Judge with a bar on standard error, where somebody watches it."""
    console = Console(stderr=True)
    return judge(annotator, track(articles, name, console=console, disable=not console.is_terminal))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", help='the model that the report is about: "default", a folder or a hub id')
    parser.add_argument("data", type=Path, help="labelled articles, in a format of docs/data-formats.md")
    parser.add_argument(
        "--format", choices=FORMATS, help="format of DATA (default: as the file itself tells)"
    )
    parser.add_argument("--split", default="test", help="split to report on (default: %(default)s)")
    parser.add_argument("--tfidf", action="store_true", help="add the TF-IDF baseline, about a minute")
    parser.add_argument("--compare", nargs="+", default=[], metavar="MODEL", help="further models")
    parser.add_argument(
        "--against-torch", action="store_true", help="compare the int8 graph with fp32 in torch"
    )
    parser.add_argument(
        "--card", action="store_true", help="put MODEL's scores into its metrics.json and model card"
    )
    parser.add_argument(
        "--apart",
        action="store_true",
        help="report articles without a near-duplicate in another split of DATA apart",
    )
    parser.add_argument("--resamples", type=int, default=2000, help="of the bootstrap (default: %(default)s)")
    parser.add_argument("--output", type=Path, help="JSON report to write")
    parser.add_argument("--markdown", type=Path, help="Markdown report to write")
    try:
        main(parser.parse_args())
    except (KhabarError, OSError) as error:
        sys.exit(f"evaluate: {error}")
