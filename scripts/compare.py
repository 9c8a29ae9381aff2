"""Tell whether model B is better than model A on labelled articles, and hold it to gates.

    python scripts/compare.py default runs/new/bundle data.jsonl --markdown comparison.md --flips flips.jsonl
    python scripts/compare.py A B data.jsonl --no-worse-than 0.5 --no-worse-than 1 --class casualty_report

A model is "default" for the built-in one, else a folder or hub id, with NAME= before it to name it. Both run
through the Annotator that users call. Differences are B minus A, with intervals from a paired bootstrap over
articles.

--no-worse-than POINTS is a gate: B may lose so many points of F1. It counts for macro-F1, or for every
--class that follows it. Exit code 0 says that all gates are passed, 1 that one is not, 2 that something given
cannot be used.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from khabar import Annotator, KhabarError
from khabar._files import OutputFile, write_text
from khabar._json import json_text
from khabar.backends import BackendName
from khabar.comparison import MACRO, Gate, GateResult, compare
from khabar.corpus.options import add_reading_options, read_from
from khabar.errors import DataError
from khabar.evaluation import Bootstrap, DataSummary, Judgement, judge
from khabar.labels import Label
from khabar.schema import LabelledArticle


def main(options: argparse.Namespace) -> list[GateResult]:
    """Read, annotate with both, compare, print, write; return the gates that B fails."""
    for path in (options.output, options.markdown, options.flips):
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
    gates = [Gate(points, on) for points, classes in options.gates or () for on in (classes or [MACRO])]
    (first_name, first), (second_name, second) = named(options.first), named(options.second)
    if first_name == second_name:
        raise DataError(f"both models are called {first_name!r}; name one of them: NAME={second}.")
    corpus = read_from(options)
    articles = [article for article in corpus if article.split == options.split]
    if not articles:
        splits = ", ".join(sorted({str(article.split) for article in corpus}))
        raise DataError(f"{options.data}: no article of split {options.split!r}; the splits are {splits}.")
    found = compare(
        run(first, options.backend, articles, first_name),
        run(second, options.backend, articles, second_name),
        names=(first_name, second_name),
        bootstrap=Bootstrap(resamples=options.resamples),
    )
    results = found.check(gates, options.gate_on)

    console = Console(width=None if sys.stdout.isatty() else 200)
    console.print(found.note, highlight=False)
    for grid in found.to_grids():
        console.print(grid.to_rich())
    for line in (found.verdict, *results):
        console.print(str(line), highlight=False, markup=False)
    if options.output:
        data = DataSummary.of(articles, options.data.name, options.split)
        text = json.dumps(found.to_dict(data, results), ensure_ascii=False, indent=2, allow_nan=False)
        write_text(options.output, text + "\n")
    if options.markdown:
        write_text(options.markdown, found.to_markdown(results))
    if options.flips:
        with OutputFile(options.flips) as output:
            for flip in found.flips:
                output.write(f"{json_text(flip.to_dict())}\n".encode())
            output.commit()
    return [result for result in results if not result.passed]


def named(specification: str) -> tuple[str, str]:
    """Split «NAME=MODEL»; a model without a name is called as it was given."""
    name, separator, model = specification.partition("=")
    return (name, model) if separator else (specification, specification)


def run(
    model: str, backend: BackendName | None, articles: list[LabelledArticle], name: str
) -> list[Judgement]:
    """Judge with a bar on standard error, where somebody watches it."""
    if model == "default":
        annotator = Annotator(backend=backend)
    else:
        annotator = Annotator.from_pretrained(model, backend=backend)
    console = Console(stderr=True)
    return judge(annotator, track(articles, name, console=console, disable=not console.is_terminal))


class AddGate(argparse.Action):
    """Collects `--no-worse-than POINTS` and the `--class NAME` that follow it."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        options: argparse.Namespace,
        value: Any,
        flag: str | None = None,
    ) -> None:
        """Open a gate, or name what the last one counts for."""
        gates = getattr(options, self.dest) or []
        if flag == "--class":
            if not gates:
                parser.error(f"--class {value}: say first how much may be lost: --no-worse-than POINTS")
            points, classes = gates[-1]
            gates = [*gates[:-1], (points, [*classes, value])]
        else:
            gates = [*gates, (value, [])]
        setattr(options, self.dest, gates)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("first", metavar="A", help='the old model: "default", a folder or a hub id')
    parser.add_argument("second", metavar="B", help="the new one")
    parser.add_argument(
        "data", metavar="DATA", type=Path, help="labelled articles, in a format of docs/data-formats.md"
    )
    add_reading_options(parser)
    parser.add_argument("--split", default="test", help="split to compare on (default: %(default)s)")
    parser.add_argument(
        "--backend",
        choices=("onnx", "torch"),
        help="engine of both (default: the int8 graph where there is one)",
    )
    parser.add_argument(
        "--no-worse-than",
        dest="gates",
        action=AddGate,
        type=float,
        metavar="POINTS",
        help="points of F1 that B may lose; can be given several times",
    )
    parser.add_argument(
        "--class",
        dest="gates",
        action=AddGate,
        choices=(MACRO, *map(str, Label)),
        help="what the gate before it counts for (default: macro)",
    )
    parser.add_argument(
        "--gate-on",
        choices=("estimate", "interval"),
        default="estimate",
        help="compare gates with the measured difference, or with the lower end of its interval: a proof "
        "that B loses no more, which needs many articles (default: %(default)s)",
    )
    parser.add_argument("--resamples", type=int, default=2000, help="of the bootstrap (default: %(default)s)")
    parser.add_argument("--output", type=Path, help="JSON report to write")
    parser.add_argument("--markdown", type=Path, help="Markdown report to write")
    parser.add_argument(
        "--flips", type=Path, help="JSON Lines to write of every sentence that the two label differently"
    )
    try:
        failed = main(parser.parse_args())
    except (KhabarError, OSError, ValueError) as error:
        print(f"compare: {error}", file=sys.stderr)
        sys.exit(2)
    if failed:
        print("\n".join(f"compare: gate {result}" for result in failed), file=sys.stderr)
        sys.exit(1)
