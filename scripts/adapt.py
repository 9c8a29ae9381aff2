"""Adapt an encoder to the news: labelled and unlabelled articles in, an encoder for scripts/train.py out.

    python scripts/adapt.py configs/adapt.yaml data.path=PATH/TO/annotated.jsonl unlabelled.path=FOLDER

Every key of the configuration can be given as section.key=value. The run leaves its log and checkpoints in
the configuration's `output` and the adapted encoder in its subfolder `encoder`. Killed at any moment, the
same command goes on from the last checkpoint.
"""

import argparse
import sys
from pathlib import Path

from khabar import KhabarError
from khabar._memory import keep_freed_memory
from khabar.adaptation import adapt
from khabar.config import load_adapt_config
from khabar.training import is_main_process, log_to


def main(options: argparse.Namespace) -> None:
    """Read, let the teacher read, train, save."""
    keep_freed_memory()
    config = load_adapt_config(options.config, options.overrides)
    log_to(config.output)
    encoder = adapt(config)
    if is_main_process():
        print(f"{encoder}: saved; fine-tune it with `scripts/train.py CONFIG encoder.path={encoder}`")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", type=Path, help="YAML file of the run")
    parser.add_argument("overrides", nargs="*", metavar="section.key=value", help="win over the file")
    try:
        main(parser.parse_args())
    except (KhabarError, OSError) as error:
        sys.exit(f"adapt: {error}")
