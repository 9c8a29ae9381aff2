"""Train a configuration once for each fold and print its scores on what was held out.

    python scripts/cross_validate.py configs/cross-validation.yaml data.path=PATH/TO/annotated.jsonl
    python scripts/cross_validate.py CONFIG data.path=FILE output=FOLDER --by article --with-validation

Leaves each outlet out in turn, or deals articles out to folds. Every fold's folder gets
`probabilities.jsonl`, from which scripts/find_label_errors.py tells doubtful labels, and the configuration's
`output` gets `results.json`. Killed at any moment, the same command goes on where it was. Exit code 2 says
that the configuration or the articles do not allow it.
"""

import argparse
import sys
from pathlib import Path

from khabar import KhabarError
from khabar._files import write_text
from khabar._memory import keep_freed_memory
from khabar.config import load_config
from khabar.cross_validation import Plan, cross_validate
from khabar.evaluation import Bootstrap
from khabar.training import log_to


def main(options: argparse.Namespace) -> None:
    """Read, train each, print the table."""
    keep_freed_memory()
    config = load_config(options.config, options.overrides)
    plan = Plan(options.by, options.folds, options.with_validation, options.max_held_out)
    bootstrap = Bootstrap(resamples=options.resamples)
    log_to(config.output)
    table = cross_validate(config, plan, bootstrap).to_markdown()
    print(table)
    if options.markdown:
        options.markdown.parent.mkdir(parents=True, exist_ok=True)
        write_text(options.markdown, table)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", type=Path, help="YAML file of the run")
    parser.add_argument("overrides", nargs="*", metavar="section.key=value", help="win over the file")
    parser.add_argument(
        "--by", choices=("outlet", "article"), default="outlet", help="what a fold is (default: %(default)s)"
    )
    parser.add_argument("--folds", type=int, default=5, help="folds by article (default: %(default)s)")
    parser.add_argument(
        "--with-validation",
        action="store_true",
        help="hold out validation articles too; the configuration must then do without evaluation",
    )
    parser.add_argument(
        "--max-held-out",
        type=int,
        metavar="N",
        help="predict only N articles of a fold, drawn (default: all)",
    )
    parser.add_argument("--resamples", type=int, default=2000, help="of the bootstrap (default: %(default)s)")
    parser.add_argument("--markdown", type=Path, help="Markdown file for the table")
    try:
        main(parser.parse_intermixed_args())
    except (KhabarError, OSError, ValueError) as error:
        print(f"cross_validate: {error}", file=sys.stderr)
        sys.exit(2)
