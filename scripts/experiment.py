"""Train variants of a configuration over the same seeds and print their scores as Markdown.

    python scripts/experiment.py configs/experiments/context.yaml data.path=PATH/TO/annotated.jsonl
    python scripts/experiment.py configs/experiments/learning-curve.yaml data.path=… --plot curve.png

Further words are overrides for all variants; output=FOLDER is the experiment's own. Stopped at any moment,
the same command goes on: what is trained stands in `results.json` of that output. Called once more it only
prints, and draws.
"""

import argparse
import sys
from pathlib import Path

from khabar import KhabarError
from khabar._files import write_text
from khabar._memory import keep_freed_memory
from khabar.config import JudgedSplit, load_experiment
from khabar.experiment import moved, plot, run, to_markdown
from khabar.training import is_main_process, log_to


def main(options: argparse.Namespace) -> None:
    """Read, train each, print the tables."""
    keep_freed_memory()
    experiment, overrides = moved(load_experiment(options.experiment), options.overrides)
    further = [JudgedSplit(path=Path(path), split=split) for path, split in options.judge_on]
    experiment = experiment.model_copy(update={"judge_on": (*experiment.judge_on, *further)})
    for path in filter(None, (options.plot, options.markdown)):
        path.parent.mkdir(parents=True, exist_ok=True)
    log_to(experiment.output)
    results = run(experiment, overrides)
    if not is_main_process():
        return
    if options.plot:
        plot(results, options.plot, experiment.varies)
    if options.markdown:
        write_text(options.markdown, to_markdown(results) + "\n")
    print(to_markdown(results))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("experiment", type=Path, help="YAML file of the experiment")
    parser.add_argument("overrides", nargs="*", metavar="section.key=value", help="for all variants")
    parser.add_argument(
        "--judge-on",
        nargs=2,
        action="append",
        default=[],
        metavar=("FILE", "SPLIT"),
        help="score finished models on these labelled articles too",
    )
    parser.add_argument("--plot", type=Path, metavar="FILE.png", help="draw the scores and their spread")
    parser.add_argument("--markdown", type=Path, metavar="FILE.md", help="write the tables to a file too")
    try:
        main(parser.parse_intermixed_args())
    except (KhabarError, OSError) as error:
        sys.exit(f"experiment: {error}")
