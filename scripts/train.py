"""Train a model: labelled articles in, a bundle out.

    python scripts/train.py configs/default.yaml data.path=PATH/TO/annotated.jsonl

Every key of the configuration can be given as section.key=value. The run leaves its log and checkpoints in the
configuration's `output` and the finished model in its subfolder `bundle`. Killed at any moment, the same command
goes on from the last checkpoint.
"""

import argparse
from pathlib import Path

from khabar.cli import exit_on_error
from khabar.config import load_config
from khabar.training import finish, fit, log_to, read_splits

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("config", type=Path, help="YAML file of the run")
parser.add_argument("overrides", nargs="*", metavar="section.key=value", help="win over the file")
arguments = parser.parse_args()

with exit_on_error():
    config = load_config(arguments.config, arguments.overrides)
    splits = read_splits(config)
    log_to(config.output)
    model, tokenizer = fit(config, splits)
    bundle = finish(config, splits, model, tokenizer)
    print(f"{bundle}: model saved; look at it with `khabar annotate --model {bundle} ARTICLE.txt`")
