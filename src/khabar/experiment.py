"""Variants of a training run side by side: the steps of scripts/experiment.py."""

import json
import logging
import shutil
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from khabar._files import write_text
from khabar._grid import Grid
from khabar.annotator import Annotator
from khabar.bundle import locate
from khabar.config import ExperimentConfig, JudgedSplit, RunConfig, load_config
from khabar.corpus import read_labelled
from khabar.errors import ConfigError, DataError
from khabar.evaluation import Bootstrap, judge, summarise
from khabar.export import export_int8
from khabar.plots import variants
from khabar.schema import LabelledArticle
from khabar.training import check_output, fit_seeds, is_main_process, read_splits, save_weights

log = logging.getLogger(__name__)

RESULTS = "results.json"
IN_TRAINING = "validation, in training"
"""What tables call the score that chose the checkpoint."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one variant came to on one set of articles."""

    name: str
    scores: dict[int | None, float]
    """Macro-F1 by seed, 0 to 1; the start of the runs has no seed."""

    @property
    def mean(self) -> float:
        """Mean over the seeds."""
        return statistics.fmean(self.scores.values())

    @property
    def deviation(self) -> float | None:
        """Standard deviation over the seeds; None where there is only one."""
        return statistics.stdev(self.scores.values()) if len(self.scores) > 1 else None


Results = Mapping[str, Sequence[Outcome]]
"""Outcomes by what was scored, in the order of the tables; the start of the runs, if it was, comes first."""


def moved(experiment: ExperimentConfig, overrides: Sequence[str]) -> tuple[ExperimentConfig, tuple[str, ...]]:
    """Take ``output=FOLDER`` for the experiment's own: each run has a folder below it and none to be named.

    Returns:
        The experiment, with the last folder named, and the other overrides.
    """
    folders = [word.partition("=")[2] for word in overrides if word.startswith("output=")]
    if folders:
        experiment = experiment.model_copy(update={"output": Path(folders[-1])})
    return experiment, tuple(word for word in overrides if not word.startswith("output="))


def run(experiment: ExperimentConfig, overrides: Sequence[str] = ()) -> Results:
    """Train every variant with every seed, or go on where an earlier call was stopped.

    All configurations are checked, and all articles to score on are read, before the first is trained.
    Finished models are scored as they would ship, through their int8 graph and the `Annotator`. Scores are
    written to ``results.json`` after each run, and a run whose scores are in there is not trained again.

    Args:
        experiment: The variants.
        overrides: ``section.key=value`` each, for all variants; they win over the experiment's file.
            ``output=FOLDER`` moves the experiment (`moved`).

    Raises:
        ConfigError: A configuration is wrong, or has changed since its variant was trained, or there is
        nothing that the variants are scored on.
        DataError: The labelled articles cannot be read, or ``results.json`` is damaged.
    """
    experiment, overrides = moved(experiment, overrides)
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
    for config in configs.values():
        _check_unchanged(config, experiment)
    judged = {split.name: _articles(split) for split in experiment.judge_on}
    place = experiment.output / RESULTS
    known = _read_results(place)
    experiment.output.mkdir(parents=True, exist_ok=True)

    def note(key: str, score: float) -> None:
        known[key] = score
        log.info("%s: macro-F1 %.4f", key, score)
        if is_main_process():
            write_text(place, json.dumps(known, ensure_ascii=False, indent=2) + "\n")

    start = next(iter(configs.values()))
    start_name = f"start: {start.encoder.path}"
    if experiment.judge_start and any(_key(start_name, None, on) not in known for on in judged):
        # As its users call it: through its own graph and windows.
        for on, score in _judge(Annotator.from_pretrained(locate(start.encoder.path)), judged):
            note(_key(start_name, None, on), score)
    for (name, seed), config in configs.items():
        # A score in training is missing where the configuration asks for none.
        wanted = [_key(name, seed, on) for on in judged] or [_key(name, seed)]
        if all(key in known for key in wanted):
            continue
        fitted = fit_seeds(config, read_splits(config))
        if fitted.macro_f1 is None and not judged:
            raise ConfigError(
                "training.eval_strategy is 'no', or recipe.start_share changes the weights afterwards, so "
                "there is no score to compare; evaluate in training, or name articles with --judge-on."
            )
        if judged:
            folder = config.output / "judged"
            save_weights(config, fitted.model, fitted.tokenizer, folder)
            export_int8(folder)
            for on, score in _judge(Annotator.from_pretrained(folder), judged):
                note(_key(name, seed, on), score)
            shutil.rmtree(folder)
        if fitted.macro_f1 is not None:
            note(_key(name, seed), fitted.macro_f1)

    start_of = start_name if experiment.judge_start else None
    return _collected(experiment, known, [None, *judged], start_of)


def _collected(
    experiment: ExperimentConfig, known: Mapping[str, float], scored: Sequence[str | None], start: str | None
) -> Results:
    """Sort known scores by what was scored (None: in training) and by variant."""
    results: dict[str, list[Outcome]] = {}
    for on in scored:
        outcomes = [
            Outcome(name, {seed: known[_key(name, seed, on)] for seed in experiment.seeds})
            for name in experiment.variants
            if all(_key(name, seed, on) in known for seed in experiment.seeds)
        ]
        if start is not None and on is not None:
            outcomes.insert(0, Outcome(start, {None: known[_key(start, None, on)]}))
        if outcomes:
            results[on or IN_TRAINING] = outcomes
    return results


def _check_unchanged(config: RunConfig, experiment: ExperimentConfig) -> None:
    """Refuse to give scores of what a variant was for those of what it is."""
    try:
        check_output(config)
    except ConfigError as error:
        raise ConfigError(
            f"{config.output}: was trained with another configuration than the variant has now "
            f"(training.yaml differs); delete {experiment.output} to train again, or name another folder "
            "with output=FOLDER."
        ) from error


def _place(experiment: ExperimentConfig, name: str, seed: int) -> Path:
    return experiment.output / name.replace(" ", "-") / f"seed-{seed}"


def _key(name: str, seed: int | None, on: str | None = None) -> str:
    parts = [name, *([] if seed is None else [f"seed {seed}"]), *([] if on is None else [f"on {on}"])]
    return ", ".join(parts)


def _articles(split: JudgedSplit) -> list[LabelledArticle]:
    if not split.path.exists():
        raise DataError(f"{split.path}: no such file; it was to be scored on.")
    articles = [article for article in read_labelled(split.path) if article.split == split.split]
    if not articles:
        raise DataError(f"{split.path}: no article of split {split.split!r} to score on.")
    return articles


def _judge(
    annotator: Annotator, judged: Mapping[str, Sequence[LabelledArticle]]
) -> Iterator[tuple[str, float]]:
    """Score a model on each set of articles."""
    for on, articles in judged.items():
        # Without intervals: what varies here is the seed.
        score = summarise(judge(annotator, articles), Bootstrap(resamples=1)).strict.macro_f1.value
        if score is not None:
            yield on, score


def _read_results(place: Path) -> dict[str, float]:
    if not place.is_file():
        return {}
    try:
        found = json.loads(place.read_text(encoding="utf-8"))
        return {str(key): float(value) for key, value in found.items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise DataError(f"{place}: is no record of scores ({error}); delete it to train again.") from error


def to_markdown(results: Results) -> str:
    """Return a table for each set of articles that was scored, scores in percent."""
    return "\n\n".join(
        f"**Macro-F1 on {on}**\n\n{_grid(on, outcomes).to_markdown()}" for on, outcomes in results.items()
    )


def _grid(on: str, outcomes: Sequence[Outcome]) -> Grid:
    start = next((outcome for outcome in outcomes if None in outcome.scores), None)
    rows: list[tuple[str, ...]] = []
    for outcome in outcomes:
        deviation = "–" if outcome.deviation is None else f"{100 * outcome.deviation:.2f}"
        seeds = ", ".join(
            f"{100 * score:.1f}" if seed is None else f"{100 * score:.1f} ({seed})"
            for seed, score in outcome.scores.items()
        )
        gain = "–" if outcome is start or start is None else f"{100 * (outcome.mean - start.mean):+.1f}"
        row = (outcome.name, f"{100 * outcome.mean:.1f}", deviation, seeds)
        rows.append(row if start is None else (*row, gain))
    names = ("variant", "mean", "deviation", "by seed")
    header = names if start is None else (*names, "over the start")
    return Grid(on, header, rows, words=frozenset({0, 3}))


def plot(results: Results, path: Path, varies: str = "") -> None:
    """Draw the scores with their spread, a panel for each set of articles.

    Args:
        results: From `run`.
        path: The PNG to write.
        varies: What the variants differ in.

    Raises:
        OSError: The file cannot be written.
    """
    panels = {
        f"Macro-F1 on {on}": {outcome.name: list(outcome.scores.values()) for outcome in outcomes}
        for on, outcomes in results.items()
    }
    variants(panels, path, varies)
