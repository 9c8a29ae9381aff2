"""Evaluate a model on labelled articles, next to other models and baselines, in one table.

    python scripts/evaluate.py default data.jsonl --output report
    python scripts/evaluate.py default data.jsonl --tfidf --against-torch --output report
    python scripts/evaluate.py runs/a/bundle data.jsonl --split validation --compare "single=runs/b/bundle"

A model is "default" for the built-in one, else a folder or hub id, with NAME= before it to name its row.
Every model runs through the Annotator that users call, on its int8 graph where it has one; MODEL also from
the raw text of the articles. The TF-IDF baseline is fitted on the train split of DATA and chosen on its
validation split. --output FOLDER leaves report.json, report.md and report.html, a page with plots.
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
from khabar.bundle import BUILT_IN, Bundle
from khabar.confidence import LabelSets
from khabar.corpus import near_duplicates
from khabar.corpus.options import add_reading_options, read_from
from khabar.errors import DataError
from khabar.evaluation import (
    CORPUS_AGREEMENT,
    Agreement,
    AnnotatorAgreement,
    ArticleAnnotator,
    Bootstrap,
    DataSummary,
    Judgement,
    Report,
    SentenceAnnotator,
    agreement,
    end_to_end,
    judge,
    summarise,
    write_markdown,
)
from khabar.schema import LabelledArticle


def main(options: argparse.Namespace) -> None:
    """Read, annotate, score, print, write."""
    outputs = files_of(options.output, options.markdown)
    for path in outputs.values():
        path.parent.mkdir(parents=True, exist_ok=True)
    corpus = read_from(options)
    articles = choose(corpus, options.split, options.data)
    train, validation = (
        choose(corpus, split, options.data) if options.tfidf else [] for split in ("train", "validation")
    )

    judged: dict[str, list[Judgement]] = {}
    agreements: dict[str, Agreement] = {}
    bootstrap = Bootstrap(resamples=options.resamples)

    main_name, model = named(options.model)
    annotator = load(model, "onnx" if options.against_torch else None)
    judged[main_name] = run(annotator, articles, main_name)
    raw = {}
    if options.raw_text and isinstance(annotator, ArticleAnnotator):
        raw[main_name] = end_to_end(annotator, articles, bootstrap)
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
        systems={
            name: summarise(
                judgements, bootstrap, parts, label_sets_of(annotator) if name == main_name else None
            )
            for name, judgements in judged.items()
        },
        agreements=agreements,
        bootstrap=bootstrap,
        raw=raw,
        annotators=options.agreement,
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
    if "json" in outputs:
        data = json.dumps(report.to_dict(), ensure_ascii=False, indent=2, allow_nan=False)
        write_text(outputs["json"], data + "\n")
    if "md" in outputs:
        write_markdown(outputs["md"], report)
    if "html" in outputs:
        # Only the page needs matplotlib.
        from khabar.evaluation.html import render_html

        write_text(outputs["html"], render_html(report))


def files_of(output: Path | None, markdown: Path | None) -> dict[str, Path]:
    """What to write where, by its ending: a folder gets all three, a name in .json the data alone."""
    files = {}
    if output is not None and output.suffix.lower() == ".json":
        files["json"] = output
    elif output is not None:
        if output.exists() and not output.is_dir():
            raise DataError(f"--output {output}: is a file; name a folder, or FILE.json for data alone.")
        files = {ending: output / f"report.{ending}" for ending in ("json", "md", "html")}
    return files if markdown is None else {**files, "md": markdown}


def label_sets_of(annotator: SentenceAnnotator) -> LabelSets | None:
    """Thresholds of label sets, of a model that has them."""
    bundle = getattr(annotator, "bundle", None)
    return bundle.settings.label_sets if isinstance(bundle, Bundle) else None


def agreed(value: str) -> AnnotatorAgreement:
    """What annotators agree on."""
    try:
        return AnnotatorAgreement(float(value))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{value!r} is no share of units from 0 to 1") from None


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
    add_reading_options(parser)
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
    parser.add_argument(
        "--agreement",
        nargs="?",
        const=CORPUS_AGREEMENT,
        type=agreed,
        metavar="SHARE",
        help="how often annotators agree on such labels, 0 to 1, shown beside accuracy; "
        "without a number what is known of the built-in model's corpus",
    )
    parser.add_argument(
        "--no-raw-text",
        dest="raw_text",
        action="store_false",
        help="leave out the scores from raw text, which take as long as the others",
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FOLDER",
        help="folder for report.json, report.md and report.html; a name in .json is that file alone",
    )
    parser.add_argument(
        "--markdown",
        type=Path,
        help="Markdown report to write; of a page with the lines <!-- report --> and <!-- end of report --> "
        "only what stands between them is replaced",
    )
    try:
        main(parser.parse_args())
    except (KhabarError, OSError) as error:
        sys.exit(f"evaluate: {error}")
