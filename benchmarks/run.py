"""Measure the library beside what else labels sentences, side by side, in one run.

    python benchmarks/run.py
    python benchmarks/run.py --articles FOLDER --soak 100 1000 10000 --write

Contenders are loaded in processes of their own and take turns; every figure is the median of the repeats,
with the range. Prints tables; writes them as JSON and pictures to --output; with --write also into
docs/benchmarks.md. Without --articles, the articles written for the project are annotated.
"""

import argparse
import json
import os
import sys
from pathlib import Path

from contenders import CONTENDERS
from measure import run
from report import plots, put_into, tables

from khabar._files import write_text
from khabar.bundle import BUILT_IN
from khabar.errors import KhabarError

DOCS = Path(__file__).parents[1] / "docs"
_PICTURE = "\n![Sentences a second](benchmarks/rates.png)\n"


def main(options: argparse.Namespace) -> None:
    """Measure, print and write."""
    found = run(options)
    text = tables(found)
    print(text)
    folder = DOCS / "benchmarks" if options.write else options.output
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / "benchmark.json", json.dumps(found, indent=1) + "\n")
    plots(found, folder)
    if options.write:
        page = DOCS / "benchmarks.md"
        write_text(page, put_into(page.read_text(encoding="utf-8"), text + _PICTURE))


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--articles", type=Path, help="folder of .jsonl or .jsonl.gz files")
    parser.add_argument("--model", type=Path, default=BUILT_IN, help="bundle; default: the built-in model")
    parser.add_argument("--sample", type=int, default=64, help="articles that the contenders annotate")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1), help="of every contender")
    parser.add_argument("--only", nargs="+", choices=CONTENDERS, default=list(CONTENDERS))
    parser.add_argument("--long-sentences", type=int, default=2000, help="of one long article; 0 for none")
    parser.add_argument(
        "--soak", nargs="*", type=int, default=[], help="numbers of articles for rate and memory of a stream"
    )
    parser.add_argument("--output", type=Path, default=Path("build/benchmarks"))
    parser.add_argument("--write", action="store_true", help="put figures and pictures into docs/")
    return parser.parse_args(argv)


if __name__ == "__main__":
    try:
        main(arguments())
    except KhabarError as error:
        sys.exit(f"{Path(__file__).name}: {error}")
