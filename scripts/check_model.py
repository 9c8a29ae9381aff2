"""Run the behaviour tests on a model: what must turn its labels, and what must leave them alone.

    python scripts/check_model.py default --markdown checks.md
    python scripts/check_model.py runs/a/bundle --least-directional 0.85 --least-invariant 0.95
    python scripts/check_model.py runs/a/bundle --card

A model is "default" for the built-in one, else a folder or hub id. It runs through the Annotator that users
call, on its int8 graph where it has one. Exit code 1 says that fewer cases passed than a --least option asks
for, 2 that the model cannot be loaded or a report cannot be written.
"""

import argparse
import json
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import track

from khabar import Annotator, KhabarError
from khabar._files import write_text
from khabar.bundle import BUILT_IN
from khabar.checks import CheckReport, Kind, all_cases, run_checks


def main(options: argparse.Namespace) -> list[str]:
    """Expand, annotate, count, print, write; return what misses a gate."""
    for path in (options.output, options.markdown):
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
    annotator = Annotator() if options.model == "default" else Annotator.from_pretrained(options.model)

    progress = Console(stderr=True)
    cases = track(all_cases(), "checks", console=progress, disable=not progress.is_terminal)
    report = CheckReport.of(options.model, run_checks(annotator, cases))

    console = Console(width=None if sys.stdout.isatty() else 200)
    console.print(report.note, highlight=False)
    for table in report.to_tables():
        console.print(table)
    if options.card:
        # Only a model's own folder gets its rates; it needs what only the train extra has.
        from khabar.card import add_behaviour

        add_behaviour(BUILT_IN if options.model == "default" else Path(options.model), report.to_dict())
    if options.output:
        text = json.dumps(report.to_dict(), ensure_ascii=False, indent=2, allow_nan=False)
        write_text(options.output, text + "\n")
    if options.markdown:
        write_text(options.markdown, report.to_markdown())

    least = {Kind.DIRECTIONAL: options.least_directional, Kind.INVARIANT: options.least_invariant}
    return report.misses({kind: share for kind, share in least.items() if share is not None})


def share(text: str) -> float:
    """Read a share of cases, which lies between 0 and 1."""
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is no share; give 0.85 for 85 %.")
    return value


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", help='"default", a folder or a hub id')
    parser.add_argument(
        "--card", action="store_true", help="put the pass rates into MODEL's metrics.json and model card"
    )
    parser.add_argument("--output", type=Path, help="JSON report to write")
    parser.add_argument("--markdown", type=Path, help="Markdown report to write, with every failure in it")
    for kind in Kind:
        parser.add_argument(
            f"--least-{kind.value}",
            type=share,
            metavar="SHARE",
            help=f"least share of {kind.value} cases that must pass, 0 to 1",
        )
    try:
        missed = main(parser.parse_args())
    except (KhabarError, OSError) as error:
        print(f"check_model: {error}", file=sys.stderr)
        sys.exit(2)
    if missed:
        print("\n".join(f"check_model: {line}" for line in missed), file=sys.stderr)
        sys.exit(1)
