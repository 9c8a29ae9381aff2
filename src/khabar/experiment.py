"""Variants of a training run side by side: the steps of scripts/experiment.py."""

import json
import logging
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from khabar._files import write_text
from khabar.config import ExperimentConfig, RunConfig, load_config
from khabar.errors import ConfigError, DataError
from khabar.training import fit, is_main_process, read_splits

log = logging.getLogger(__name__)

RESULTS = "results.json"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one variant came to."""

    name: str
    scores: dict[int, float]
    """Macro-F1 on the validation articles by seed, 0 to 1."""

    @property
    def mean(self) -> float:
        """Mean over the seeds."""
        return statistics.fmean(self.scores.values())

    @property
    def deviation(self) -> float | None:
        """Standard deviation over the seeds; None where there is only one."""
        return statistics.stdev(self.scores.values()) if len(self.scores) > 1 else None


def run(experiment: ExperimentConfig, overrides: Sequence[str] = ()) -> list[Outcome]:
    """Train every variant with every seed, or go on where an earlier call was stopped.

    All configurations are checked before the first is trained. Results are written to ``results.json`` after
    each run, and a run that is in there is not trained again.

    Args:
        experiment: The variants.
        overrides: ``section.key=value`` each, for all variants; they win over the experiment's file.

    Raises:
        ConfigError: A configuration is wrong, or asks for no evaluation.
        DataError: The labelled articles cannot be read, or ``results.json`` is damaged.
    """
    configs = {
        (name, seed): load_config(
            experiment.config,
            [
                *experiment.overrides,
                *changes,
                *overrides,
                f"training.seed={seed}",
                f"output={_place(experiment, name, seed)}",
            ],
        )
        for name, changes in experiment.variants.items()
        for seed in experiment.seeds
    }
    place = experiment.output / RESULTS
    known = _read_results(place)
    for (name, seed), config in configs.items():
        key = f"{name}, seed {seed}"
        if key not in known:
            known[key] = _score(config)
            log.info("%s: macro-F1 %.4f", key, known[key])
            if is_main_process():
                write_text(place, json.dumps(known, ensure_ascii=False, indent=2) + "\n")
    return [
        Outcome(name, {seed: known[f"{name}, seed {seed}"] for seed in experiment.seeds})
        for name in experiment.variants
    ]


def _place(experiment: ExperimentConfig, name: str, seed: int) -> Path:
    return experiment.output / name.replace(" ", "-") / f"seed-{seed}"


def _score(config: RunConfig) -> float:
    fitted = fit(config, read_splits(config))
    if fitted.macro_f1 is None:
        raise ConfigError("training.eval_strategy is 'no', but an experiment compares scores; evaluate.")
    return fitted.macro_f1


def _read_results(place: Path) -> dict[str, float]:
    if not place.is_file():
        return {}
    try:
        found = json.loads(place.read_text(encoding="utf-8"))
        return {str(key): float(value) for key, value in found.items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise DataError(f"{place}: is no record of scores ({error}); delete it to train again.") from error


def to_markdown(outcomes: Sequence[Outcome]) -> str:
    """Return a table of the variants, scores in percent."""
    rows = ["| variant | macro-F1, mean | deviation | by seed |", "|---|---:|---:|---|"]
    for outcome in outcomes:
        deviation = "–" if outcome.deviation is None else f"{100 * outcome.deviation:.2f}"
        seeds = ", ".join(f"{100 * score:.1f} ({seed})" for seed, score in outcome.scores.items())
        rows.append(f"| {outcome.name} | {100 * outcome.mean:.1f} | {deviation} | {seeds} |")
    return "\n".join(rows)
