"""Search for a better configuration of a training run.

    python scripts/tune.py configs/search/recipe.yaml data.path=PATH/TO/annotated.jsonl

Further words are overrides for all trials. The search's output gets the tables `trials.md` and `trials.csv`,
the plot `history.png` and `best.yaml`, which scripts/train.py takes. Stopped at any moment, the same command
goes on; with a larger --trials a finished search does.
"""

import argparse
import sys
from pathlib import Path

from rich.console import Console

from khabar import KhabarError
from khabar._memory import keep_freed_memory
from khabar.config import load_search
from khabar.training import log_to
from khabar.tuning import BEST, search, to_grid


def main(options: argparse.Namespace) -> None:
    """Read, search, print the table."""
    keep_freed_memory()
    wanted = load_search(options.search)
    if options.trials is not None:
        wanted = wanted.model_copy(update={"trials": options.trials})
    log_to(wanted.output)
    records = search(wanted, options.overrides)
    Console(width=None if sys.stdout.isatty() else 200).print(to_grid(records).to_rich())
    print(f"{wanted.output / BEST}: saved; train it with `python scripts/train.py {wanted.output / BEST}`")


def positive(text: str) -> int:
    """Read a number of trials."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} trials are none to search with; at least 1")
    return number


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("search", type=Path, help="YAML file of the search")
    parser.add_argument("overrides", nargs="*", metavar="section.key=value", help="for all trials")
    parser.add_argument("--trials", type=positive, help="how many to have in all (default: the file's)")
    try:
        main(parser.parse_intermixed_args())
    except (KhabarError, OSError) as error:
        sys.exit(f"tune: {error}")
