"""A search over configurations of a training run: the steps of scripts/tune.py.

Optuna draws (tree-structured Parzen estimator, Bergstra et al. 2011) and keeps the study in an SQLite file. A
trial is one training run; its folder is called by what was drawn, so a trial that was killed is drawn again
and goes on from its last checkpoint.
"""

import csv
import hashlib
import io
import json
import logging
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import optuna
import yaml
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import FrozenTrial, Trial, TrialState
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from khabar._files import write_text
from khabar._grid import Grid
from khabar.config import Choices, FloatRange, IntRange, RunConfig, SearchConfig, load_config
from khabar.errors import ConfigError, DataError
from khabar.metrics import MacroF1
from khabar.plots import search_history
from khabar.training import Splits, fit, read_splits

log = logging.getLogger(__name__)

STUDY: Final = "study.db"
BEST: Final = "best.yaml"
TABLE_CSV: Final = "trials.csv"
TABLE_MARKDOWN: Final = "trials.md"
HISTORY: Final = "history.png"

_DONE: Final = (TrialState.COMPLETE, TrialState.PRUNED)
_NAMES: Final = {TrialState.COMPLETE: "whole", TrialState.PRUNED: "stopped early"}


@dataclass(frozen=True, slots=True)
class TrialRecord:
    """What became of one trial."""

    number: int
    parameters: dict[str, Any]
    """What was drawn, by the dotted key of the configuration."""
    macro_f1: float
    """The best on validation; of a trial that was stopped early, up to there. 0 to 1."""
    whole: bool
    """Whether it ran to its end."""
    seconds: float
    """How long it took, from its last start."""


def search(options: SearchConfig, overrides: Sequence[str] = ()) -> list[TrialRecord]:
    """Run trials until the study has as many as the options ask for, or go on where an earlier call stopped.

    After each trial, the tables, the plot and the best configuration so far are written anew to the folder
    ``options.output``: `TABLE_CSV`, `TABLE_MARKDOWN`, `HISTORY` and `BEST`, which scripts/train.py takes.

    Args:
        options: The search.
        overrides: ``section.key=value`` each, for all trials; they win over the search's file.

    Returns:
        All trials that ran, in order; those of earlier calls among them.

    Raises:
        ConfigError: A key or value of the space does not fit the configuration, the configuration asks for
            no evaluation, or the folder holds a search over another space or configuration.
        DataError: The labelled articles cannot be read, or the study cannot.
    """
    base = [*options.overrides, *overrides]
    check_space(options, overrides)
    splits = read_splits(load_config(options.config, base))
    options.output.mkdir(parents=True, exist_ok=True)
    study = _open_study(options, base)
    for killed in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        # One process at a time works on a study. Drawn again, the trial goes on from its last checkpoint.
        study.enqueue_trial(killed.params)
        study.tell(killed.number, state=TrialState.FAIL)
    space = {key: _distribution(values) for key, values in options.space.items()}
    while (done := len(_finished(study))) < options.trials:
        # A sampler knows nothing of the draws of the process before it: with one seed it would repeat them.
        study.sampler = optuna.samplers.TPESampler(seed=options.seed + len(study.trials))
        trial = study.ask(space)
        _run(trial, study, options, base, splits)
        _report(study, options, base)
        log.info("%d of %d trials", done + 1, options.trials)
    _report(study, options, base)
    return [_record(trial) for trial in _finished(study)]


def to_grid(records: Sequence[TrialRecord]) -> Grid:
    """Return a table of trials, the best first and those that were stopped early last."""
    keys = list(dict.fromkeys(key for record in records for key in record.parameters))
    ranked = sorted(records, key=lambda record: (not record.whole, -record.macro_f1))
    rows = [
        (
            str(record.number),
            f"{100 * record.macro_f1:.2f}",
            "whole" if record.whole else "stopped early",
            f"{record.seconds:.0f}",
            *(_cell(record.parameters.get(key)) for key in keys),
        )
        for record in ranked
    ]
    return Grid("Trials", ("trial", "macro-F1", "ran", "seconds", *keys), rows, words=frozenset({2}))


def _cell(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _run(
    trial: Trial, study: optuna.Study, options: SearchConfig, base: Sequence[str], splits: Splits
) -> None:
    """Train with what a trial drew, and tell the study what came of it."""
    config = load_config(options.config, _overrides(options, base, trial.params))
    reporter = _Reporter(trial)
    log.info("trial %d: %s", trial.number, trial.params)
    fitted = fit(config, splits, callbacks=[reporter])
    if reporter.pruned:
        study.tell(trial, state=TrialState.PRUNED)
    elif fitted.macro_f1 is None:
        study.tell(trial, state=TrialState.FAIL)
        raise ConfigError("training.eval_strategy is 'no', but a search compares scores; evaluate.")
    else:
        study.tell(trial, fitted.macro_f1)
    # A trial leaves its score and curves; its weights are several times the size of the model.
    shutil.rmtree(config.output / "checkpoints")


class _Reporter(TrainerCallback):
    """Tells Optuna each score on validation, and stops training when it says that the trial is hopeless."""

    def __init__(self, trial: Trial) -> None:
        self._trial = trial
        self._evaluations = 0
        self.pruned = False

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        """Report again what a trial that goes on from a checkpoint had before."""
        for entry in state.log_history:
            self._report(entry)

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: dict[str, float] | None = None,
        **_: object,
    ) -> None:
        """Report a score."""
        if self._report(metrics or {}) and state.global_step < state.max_steps and self._trial.should_prune():
            self.pruned = True
            control.should_training_stop = True

    def _report(self, figures: dict[str, Any]) -> bool:
        score = figures.get(f"eval_{MacroF1.selects_on}")
        if score is None:
            return False
        # By number, not by training step: batch sizes may differ from trial to trial.
        self._trial.report(float(score), self._evaluations)
        self._evaluations += 1
        return True


def check_space(options: SearchConfig, overrides: Sequence[str] = ()) -> None:
    """Load the configuration with the ends of every range and every choice, and tell all that is wrong.

    Raises:
        ConfigError: A key is none of the configuration, or a value is none for it; all in one message.
    """
    load_config(options.config, [*options.overrides, *overrides])  # what is wrong there is not of the space
    problems = []
    for key, values in options.space.items():
        if key in ("output", "data.path", "training.seed"):
            problems.append(f"space.{key}: is not for a search to choose; leave it out.")
            continue
        ends = values.choices if isinstance(values, Choices) else (values.low, values.high)
        for value in ends:
            try:
                load_config(options.config, [*options.overrides, *overrides, _override(key, value)])
            except ConfigError as error:
                problems += [f"space.{key}: {line}" for line in str(error).splitlines()]
                break
    if problems:
        raise ConfigError("\n".join(dict.fromkeys(problems)))


def _open_study(options: SearchConfig, base: Sequence[str]) -> optuna.Study:
    """Open the study of the folder, which must be of this search."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    pruner: optuna.pruners.BasePruner = optuna.pruners.NopPruner()
    if options.pruning is not None:
        pruner = optuna.pruners.MedianPruner(
            n_startup_trials=options.pruning.startup_trials, n_warmup_steps=options.pruning.warmup_evaluations
        )
    place = options.output / STUDY
    try:
        study = optuna.create_study(
            storage=f"sqlite:///{place}",
            study_name="khabar",
            direction="maximize" if MacroF1.greater_is_better else "minimize",
            pruner=pruner,
            load_if_exists=True,
        )
    except Exception as error:  # whatever SQLAlchemy makes of a file that is no study
        raise DataError(
            f"{place}: cannot be opened as a study ({str(error).splitlines()[0]}); "
            "delete it to search anew, or name another folder in `output`."
        ) from error
    config = load_config(options.config, [*base, f"output={json.dumps(str(options.output))}"])
    asked = {
        "space": options.model_dump(mode="json")["space"],
        "configuration": config.model_dump(mode="json", exclude={"card": True, "data": {"cache"}}),
    }
    asked = json.loads(json.dumps(asked))  # as the study gives it back
    before = study.user_attrs.get("asked")
    if before is None:
        study.set_user_attr("asked", asked)
    elif before != asked:
        differs = " and ".join(part for part in asked if before.get(part) != asked[part])
        raise ConfigError(
            f"{place}: holds a search in which the {differs} was another, and trials of the two cannot be "
            "compared; name another folder in `output`, or delete this one."
        )
    return study


def _distribution(values: FloatRange | IntRange | Choices) -> BaseDistribution:
    if isinstance(values, FloatRange):
        return FloatDistribution(values.low, values.high, log=values.log, step=values.step)
    if isinstance(values, IntRange):
        return IntDistribution(values.low, values.high, log=values.log, step=values.step)
    return CategoricalDistribution(values.choices)


def _overrides(options: SearchConfig, base: Sequence[str], parameters: dict[str, Any]) -> list[str]:
    drawn = [_override(key, value) for key, value in sorted(parameters.items())]
    name = hashlib.sha256("\n".join(drawn).encode()).hexdigest()[:12]
    return [*base, *drawn, f"output={json.dumps(str(options.output / 'trials' / name))}"]


def _override(key: str, value: object) -> str:
    return f"{key}={json.dumps(value, ensure_ascii=False)}"  # JSON is YAML


def _finished(study: optuna.Study) -> list[FrozenTrial]:
    return [trial for trial in study.get_trials(deepcopy=False) if trial.state in _DONE]


def _record(trial: FrozenTrial) -> TrialRecord:
    seen = list(trial.intermediate_values.values())
    whole = trial.state is TrialState.COMPLETE
    score = trial.value if whole and trial.value is not None else max(seen)
    duration = trial.duration.total_seconds() if trial.duration is not None else 0.0
    return TrialRecord(trial.number, trial.params, score, whole, duration)


def _report(study: optuna.Study, options: SearchConfig, base: Sequence[str]) -> None:
    """Write the tables, the plot and the best configuration."""
    records = [_record(trial) for trial in _finished(study)]
    if not records:
        return
    grid = to_grid(records)
    write_text(options.output / TABLE_MARKDOWN, grid.to_markdown() + "\n")
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerows([grid.header, *grid.rows])
    write_text(options.output / TABLE_CSV, text.getvalue())
    search_history(
        [(record.number, record.macro_f1, record.whole) for record in records], options.output / HISTORY
    )
    whole = [record for record in records if record.whole]
    if whole:
        best = max(whole, key=lambda record: record.macro_f1)
        chosen = load_config(options.config, _overrides(options, base, best.parameters))
        write_text(options.output / BEST, _as_yaml(chosen, options, best, len(records)))


def _as_yaml(config: RunConfig, options: SearchConfig, best: TrialRecord, trials: int) -> str:
    content = config.model_dump(mode="json")
    content["output"] = str(options.output / "best")
    header = (
        f"# Macro-F1 {100 * best.macro_f1:.2f} on validation: trial {best.number}, the best of {trials}.\n"
        "# Chosen on validation, so the score is flattering; other seeds show by how much.\n"
        "#\n"
        f"#   python scripts/train.py {options.output / BEST}\n"
    )
    return header + yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
