"""Train a model: labelled articles in, a bundle out.

    python scripts/train.py configs/default.yaml data.path=PATH/TO/annotated.jsonl

Every key of the configuration can be given as section.key=value. The run leaves its log, its
checkpoints and the curves of loss and score (`training-curves.png`) in the configuration's `output`, and the
finished model in its subfolder `bundle`. Killed at any moment, the same command goes on from the last
checkpoint. What is wrong with the articles is said first, as scripts/check_data.py would.

    python scripts/train.py configs/default.yaml … --push-to-hub OWNER/NAME

uploads the model to the Hugging Face hub in the end, into a private repository unless --public is given.
"""

import argparse
import sys
from pathlib import Path

from khabar import KhabarError
from khabar._memory import keep_freed_memory
from khabar.config import load_config
from khabar.hub import check_push, push
from khabar.training import finish, fit_seeds, is_main_process, log_to, read_splits, warnings_of


def main(options: argparse.Namespace) -> None:
    """Read, train, export, calibrate, evaluate, save."""
    keep_freed_memory()
    config = load_config(options.config, options.overrides)
    if options.push_to_hub:
        check_push(options.push_to_hub)
    splits = read_splits(config)
    log_to(config.output)
    if is_main_process():
        for line in warnings_of(config, splits):
            print(f"train: {line}", file=sys.stderr)
    fitted = fit_seeds(config, splits)
    if not is_main_process():
        return
    bundle = finish(config, splits, fitted.model, fitted.tokenizer)
    print(f"{bundle}: saved; try it with `khabar annotate --model {bundle} examples/article.txt`")
    if options.push_to_hub:
        print(f"{push(bundle, options.push_to_hub, private=not options.public)}: uploaded")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", type=Path, help="YAML file of the run")
    parser.add_argument("overrides", nargs="*", metavar="section.key=value", help="win over the file")
    parser.add_argument("--push-to-hub", metavar="OWNER/NAME", help="upload the finished model there")
    parser.add_argument("--public", action="store_true", help="make a repository that anybody can see")
    try:
        main(parser.parse_intermixed_args())
    except (KhabarError, OSError) as error:
        sys.exit(f"train: {error}")
