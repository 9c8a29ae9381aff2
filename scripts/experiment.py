"""Train variants of a configuration over the same seeds and print their scores on validation.

    python scripts/experiment.py configs/experiments/context.yaml data.path=PATH/TO/annotated.jsonl

Further words are overrides for all variants. Stopped at any moment, the same command goes on: what is trained
stands in `results.json` of the experiment's output.
"""

import argparse
import sys
from pathlib import Path

from khabar import KhabarError
from khabar._memory import keep_freed_memory
from khabar.config import load_experiment
from khabar.experiment import run, to_markdown
from khabar.training import is_main_process, log_to


def main(options: argparse.Namespace) -> None:
    """Read, train each, print the table."""
    keep_freed_memory()
    experiment = load_experiment(options.experiment)
    log_to(experiment.output)
    table = to_markdown(run(experiment, options.overrides))
    if is_main_process():
        print(table)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("experiment", type=Path, help="YAML file of the experiment")
    parser.add_argument("overrides", nargs="*", metavar="section.key=value", help="for all variants")
    try:
        main(parser.parse_args())
    except (KhabarError, OSError) as error:
        sys.exit(f"experiment: {error}")
