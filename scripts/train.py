"""Train a model: labelled articles in, a bundle out.

    python scripts/train.py configs/default.yaml data.path=PATH/TO/annotated.jsonl

Every key of the configuration can be given as section.key=value. The run leaves its log and checkpoints in
the configuration's `output` and the finished model in its subfolder `bundle`. Killed at any moment, the same
command goes on from the last checkpoint.
"""

import argparse
import sys
from pathlib import Path

from khabar import KhabarError
from khabar._memory import keep_freed_memory
from khabar.config import load_config
from khabar.training import finish, fit_seeds, is_main_process, log_to, read_splits


def main(options: argparse.Namespace) -> None:
    """Read, train, export, calibrate, evaluate, save."""
    keep_freed_memory()
    config = load_config(options.config, options.overrides)
    splits = read_splits(config)
    log_to(config.output)
    fitted = fit_seeds(config, splits)
    if not is_main_process():
        return
    bundle = finish(config, splits, fitted.model, fitted.tokenizer)
    print(f"{bundle}: saved; try it with `khabar annotate --model {bundle} examples/article.txt`")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", type=Path, help="YAML file of the run")
    parser.add_argument("overrides", nargs="*", metavar="section.key=value", help="win over the file")
    try:
        main(parser.parse_args())
    except (KhabarError, OSError) as error:
        sys.exit(f"train: {error}")
