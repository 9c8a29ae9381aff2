"""What is wrong with the articles of a run, said before the hour that it takes."""

import logging
from collections import defaultdict

from khabar.config import AdaptConfig, RunConfig
from khabar.corpus import Problem, ProblemKind, check
from khabar.render import printable
from khabar.training._data import Splits

log = logging.getLogger(__name__)

_MOST_OF_A_KIND = 3


def warnings_of(config: RunConfig | AdaptConfig, splits: Splits) -> list[str]:
    """Log what `khabar.corpus.check` finds in the two splits of a run.

    None of it keeps a model from being trained, and some of it may be meant so; but a score on articles that
    the model learnt from is a lie that nobody sees in the end.

    Args:
        config: The run.
        splits: Its articles.

    Returns:
        The lines that were logged, a few of each kind of problem.
    """
    names = (config.data.train_split, config.data.validation_split)
    kinds: dict[ProblemKind, list[Problem]] = defaultdict(list)
    for problem in check([*splits.train, *splits.validation], splits=names):
        kinds[problem.kind].append(problem)
    lines = []
    for kind, problems in kinds.items():
        lines += [f"{kind}: {problem}" for problem in problems[:_MOST_OF_A_KIND]]
        if len(problems) > _MOST_OF_A_KIND:
            more = len(problems) - _MOST_OF_A_KIND
            lines.append(f"{kind}: {more:,} more, which scripts/check_data.py --all shows.")
    lines = [printable(f"{config.data.path}: {line}") for line in lines]
    for line in lines:
        log.warning("%s", line)
    return lines
