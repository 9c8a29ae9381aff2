"""Training with the stock Trainer, once or with several seeds."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from transformers import (
    AutoModelForTokenClassification,
    DataCollatorForTokenClassification,
    EarlyStoppingCallback,
    EvalPrediction,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    Trainer,
    TrainerCallback,
    TrainerState,
    TrainingArguments,
)

from khabar.bundle import load_bundle, locate
from khabar.config import RunConfig
from khabar.errors import ConfigError
from khabar.metrics import MacroF1
from khabar.training._data import IGNORED, LABELS, Splits, draw, window_dataset
from khabar.training._lora import ADAPTED_HEAD, add_adapters, load_adapters, merge_adapters
from khabar.training._loss import loss_of, predicted_labels
from khabar.training._output import LogFigures, claim_output, last_checkpoint, whole_checkpoints
from khabar.training._parameters import freeze, parameter_groups
from khabar.training._precision import warn_of_slow_bf16
from khabar.training._processes import is_main_process, wait_for_all
from khabar.training._record import STATE, Clock, draw_curves
from khabar.training._start import load_start, probe_head

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Fitted:
    """What training gave."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    macro_f1: float | None
    """Of that model on the validation articles, or, where the last state is taken, of the last one that was
    evaluated; None where the configuration asks for no evaluation."""


def fit_seeds(config: RunConfig, splits: Splits) -> Fitted:
    """Train once, or once with each of ``recipe.seeds`` and average the weights.

    Each seed has its own folder in ``config.output``, so that a killed run goes on with the seed it was at.
    The scores of the seeds, their mean and their standard deviation are logged. In the end the bundles of
    ``recipe.average_with`` count like runs, and the start has ``recipe.start_share`` in the weights.

    Raises:
        ConfigError: As for `fit`, or a bundle to average with does not go with the encoder.
        BundleError: What is to be averaged with is no bundle.
    """
    others = _load_others(config)
    runs = [] if config.recipe.seeds else [fit(config, splits)]
    for seed in config.recipe.seeds:
        of_seed = config.model_copy(
            update={
                "output": config.output / f"seed-{seed}",
                "recipe": config.recipe.model_copy(update={"seeds": ()}),
                "training": {**config.training, "seed": seed},
            }
        )
        runs.append(fit(of_seed, splits))
        log.info("seed %d: macro-F1 %s", seed, runs[-1].macro_f1)
    scores = [run.macro_f1 for run in runs if run.macro_f1 is not None]
    if len(scores) > 1:
        log.info(
            "%d seeds: macro-F1 %.4f, deviation %.4f", len(scores), np.mean(scores), np.std(scores, ddof=1)
        )
    start_share = config.recipe.start_share
    models: list[PreTrainedModel] = [*(run.model for run in runs), *others]
    if len(models) == 1 and not start_share:
        return runs[0]
    shares = [(1 - start_share) / len(models)] * len(models)
    if start_share:
        models.append(load_start(config)[0])
        shares.append(start_share)
    mean = mean_weights(models, shares)
    first = runs[0]
    first.model.load_state_dict(mean)
    return Fitted(first.model, first.tokenizer, None)


def _load_others(config: RunConfig) -> list[PreTrainedModel]:
    """Load the bundles to average with, their layers in the order of ours.

    Raises:
        ConfigError: One reads other ids than the run's encoder, or its weights have other shapes.
        BundleError: One is no bundle.
    """
    if not config.recipe.average_with:
        return []
    start, tokenizer, _ = load_start(config)
    shapes, vocabulary = _shapes(start), tokenizer.get_vocab()
    return [_load_other(config, name, shapes, vocabulary) for name in config.recipe.average_with]


def _shapes(model: PreTrainedModel) -> dict[str, torch.Size]:
    return {key: value.shape for key, value in model.state_dict().items()}


def _load_other(
    config: RunConfig, name: str, shapes: dict[str, torch.Size], vocabulary: dict[str, int]
) -> PreTrainedModel:
    bundle = load_bundle(locate(name))
    of_other = config.model_copy(
        update={"encoder": config.encoder.model_copy(update={"path": str(bundle.path)})}
    )
    other, tokenizer, _ = load_start(of_other)
    differing = [
        what
        for what, theirs, ours in (
            ("shape", _shapes(other), shapes),
            ("vocabulary", tokenizer.get_vocab(), vocabulary),
            ("normalization", bundle.settings.normalization, config.normalization),
            ("pooling", bundle.settings.window.pooling, config.window.pooling),
        )
        if theirs != ours
    ]
    if differing:
        raise ConfigError(
            f"recipe.average_with: {name!r} has another {' and another '.join(differing)} than this run; "
            "name bundles that were trained from the same encoder in the same way."
        )
    return other


def mean_weights(models: Iterable[torch.nn.Module], shares: Sequence[float]) -> dict[str, torch.Tensor]:
    """Average the weights of models of one shape, each with its share; what is no float is the last one's.

    Models are asked for one by one, so no more than two are in memory if they are loaded that way.
    """
    mean: dict[str, torch.Tensor] = {}
    kinds: dict[str, torch.dtype] = {}
    for model, share in zip(models, shares, strict=True):
        for name, value in model.state_dict().items():
            kinds[name] = value.dtype
            if not value.is_floating_point():
                mean[name] = value
            elif name in mean:
                mean[name] += share * value.float()
            else:
                mean[name] = share * value.float()
    return {name: value.to(kinds[name]) for name, value in mean.items()}


def fit(config: RunConfig, splits: Splits, callbacks: Sequence[TrainerCallback] = ()) -> Fitted:
    """Train with the stock Trainer; return the checkpoint with the best macro-F1 on validation, or a mean.

    Which of the two is up to the configuration: ``training.load_best_model_at_end``, or
    ``recipe.average_checkpoints``; with neither it is the last state. A run that was killed goes on from its
    last checkpoint in ``config.output``, where loss and score by step are left as a picture. In several
    processes each returns the same model, and only the main one writes files.

    Args:
        config: The run.
        splits: The articles to learn from and to choose on.
        callbacks: What else the Trainer is to tell of its steps.

    Raises:
        ConfigError: The encoder cannot be loaded, an option does not fit it, or the output folder belongs to
        a run of another configuration.
    """
    model, tokenizer, encoder = load_start(config)
    recipe, checkpoints = config.recipe, config.output / "checkpoints"
    metric = MacroF1([str(label) for label in LABELS])
    arguments = _arguments(config, checkpoints, metric)
    if arguments.activation_checkpointing and not model.supports_gradient_checkpointing:
        raise ConfigError(
            f"training.activation_checkpointing is true, but {type(model).__name__} cannot do that; leave it "
            "out, and to save memory lower training.per_device_train_batch_size."
        )
    loss = loss_of(recipe, splits.train)
    warn_of_slow_bf16(arguments)
    adapters = None
    claim_output(config)

    checkpoint = last_checkpoint(checkpoints)
    collator = DataCollatorForTokenClassification(tokenizer)
    if recipe.probe_articles is not None and checkpoint is None:
        log.info("fitting the classification layer to the untrained encoder")
        few = draw(splits.train, recipe.probe_articles, arguments.seed)
        probe_head(model, window_dataset(few, encoder), collator)
    if recipe.freeze_layers is not None:
        freeze(model, recipe.freeze_layers)
    if recipe.lora is not None:
        adapters = add_adapters(model, recipe.lora)

    def compute_metrics(prediction: EvalPrediction) -> dict[str, float]:
        scored = prediction.predictions != IGNORED
        return metric.compute(  # type: ignore[no-any-return]  # evaluate has no types
            predictions=prediction.predictions[scored].tolist(),
            references=(prediction.label_ids[scored] % len(LABELS)).tolist(),
        )

    def trainer_of(learner: torch.nn.Module) -> Trainer:
        optimizer, options = Trainer.get_optimizer_cls_and_kwargs(arguments)
        groups = parameter_groups(
            learner,
            arguments,
            head_rate=recipe.head_learning_rate,
            heads=("classifier.", ADAPTED_HEAD),
            layer_decay=recipe.layer_decay,
            layers=int(model.config.num_hidden_layers),
        )
        patience = recipe.early_stopping_patience
        stopping = [] if patience is None else [EarlyStoppingCallback(patience)]
        return Trainer(
            model=learner,
            args=arguments,
            data_collator=collator,
            train_dataset=window_dataset(splits.train, encoder, config.data.cache),
            eval_dataset=window_dataset(splits.validation, encoder, config.data.cache),
            processing_class=tokenizer,
            compute_metrics=compute_metrics,
            callbacks=[Clock(), LogFigures(), *stopping, *callbacks],
            compute_loss_func=loss,
            preprocess_logits_for_metrics=predicted_labels,
            # The Trainer makes the optimizer, as it has to where weights are split among processes.
            optimizer_cls_and_kwargs=(optimizer, {**options, "params": groups}),
        )

    stopped = _stopped_early(checkpoint, recipe.early_stopping_patience)
    if stopped is not None and stopped.best_model_checkpoint is not None:
        if is_main_process():
            stopped.save_to_json(str(checkpoints / STATE))
            draw_curves(checkpoints, config.output)
        best = checkpoints / Path(stopped.best_model_checkpoint).name
        return Fitted(_model_of(config, best), tokenizer, stopped.best_metric)
    trainer = trainer_of(model if adapters is None else adapters)
    trainer.train(resume_from_checkpoint=checkpoint)
    trainer.save_state()
    if is_main_process():
        draw_curves(checkpoints, config.output)
    wait_for_all()
    if recipe.average_checkpoints is not None:
        model = _mean_of_checkpoints(config, checkpoints, recipe.average_checkpoints)
        scores = trainer_of(model).evaluate() if arguments.eval_strategy != "no" else {}
        return Fitted(model, tokenizer, scores.get(f"eval_{metric.selects_on}"))
    if trainer.is_fsdp_enabled:  # what is here is but a part of each matrix
        whole = config.output / "whole"
        trainer.save_model(str(whole))
        wait_for_all()
        model = _model_of(config, whole)
    elif adapters is not None:
        model = merge_adapters(adapters)
    if arguments.load_best_model_at_end:
        return Fitted(model, tokenizer, trainer.state.best_metric)
    name = f"eval_{metric.selects_on}"
    last = [entry[name] for entry in trainer.state.log_history if name in entry]
    return Fitted(model, tokenizer, last[-1] if last else None)


def _arguments(config: RunConfig, checkpoints: Path, metric: MacroF1) -> TrainingArguments:
    """Return the arguments of the Trainer, those that are not the user's to choose among them."""
    chosen = {"optim": "adamw_torch", **config.training}
    if config.recipe.early_stopping_patience is not None:
        # A run that goes on has to know how long it has waited.
        chosen.setdefault("restore_callback_states_from_checkpoint", True)
    try:
        return TrainingArguments(
            output_dir=str(checkpoints),
            metric_for_best_model=metric.selects_on,
            greater_is_better=metric.greater_is_better,
            **chosen,
        )
    except (TypeError, ValueError, ImportError) as error:
        raise ConfigError(f"training: {error}") from error


def _stopped_early(checkpoint: str | None, patience: int | None) -> TrainerState | None:
    """Return the state of a run that had no patience left; the Trainer would go on with it."""
    if checkpoint is None or patience is None:
        return None
    state = TrainerState.load_from_json(str(Path(checkpoint) / "trainer_state.json"))
    saved = state.stateful_callbacks.get(EarlyStoppingCallback.__name__, {})
    waited = saved.get("attributes", {}).get("early_stopping_patience_counter", 0)
    return state if waited >= patience else None


def _model_of(config: RunConfig, checkpoint: Path) -> PreTrainedModel:
    """Load a checkpoint as a model without adapters."""
    if config.recipe.lora is not None:
        return load_adapters(load_start(config)[0], checkpoint)
    model: PreTrainedModel = AutoModelForTokenClassification.from_pretrained(checkpoint, dtype=torch.float32)
    return model


def _mean_of_checkpoints(config: RunConfig, checkpoints: Path, count: int) -> PreTrainedModel:
    chosen = whole_checkpoints(checkpoints)[-count:]
    if len(chosen) < count:
        log.warning(
            "recipe.average_checkpoints is %d, but the run left %d: these are taken; lower "
            "training.save_steps to have more.",
            count,
            len(chosen),
        )
    if not chosen:
        raise ConfigError(
            f"recipe.average_checkpoints is {count}, but the run saved none; set training.save_strategy."
        )
    log.info("the mean of %s", ", ".join(path.name for path in chosen))
    mean = mean_weights((_model_of(config, path) for path in chosen), [1 / len(chosen)] * len(chosen))
    model = _model_of(config, chosen[-1])
    model.load_state_dict(mean)
    return model
