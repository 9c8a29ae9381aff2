"""Training with the stock Trainer, once or with several seeds."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from transformers import (
    DataCollatorForTokenClassification,
    EvalPrediction,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from khabar.config import RunConfig
from khabar.errors import ConfigError
from khabar.metrics import MacroF1
from khabar.training._data import IGNORED, LABELS, Splits, draw, window_dataset
from khabar.training._loss import SentenceLoss, predicted_labels
from khabar.training._output import LogFigures, claim_output, last_checkpoint
from khabar.training._parameters import freeze, parameter_groups
from khabar.training._record import Clock, draw_curves
from khabar.training._start import load_start, probe_head

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Fitted:
    """What training gave."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    macro_f1: float | None
    """On the validation articles, in training; None where the configuration asks for no evaluation."""


def fit_seeds(config: RunConfig, splits: Splits) -> Fitted:
    """Train once, or once with each of ``recipe.seeds`` and average the weights.

    Each seed has its own folder in ``config.output``, so that a killed run goes on with the seed it was at.
    The scores of the seeds, their mean and their standard deviation are logged. In the end the start has
    ``recipe.start_share`` in the weights.

    Raises:
        ConfigError: As for `fit`.
    """
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
    if len(runs) == 1 and not start_share:
        return runs[0]
    models: list[torch.nn.Module] = [run.model for run in runs]
    shares = [(1 - start_share) / len(runs)] * len(runs)
    if start_share:
        models.append(load_start(config)[0])
        shares.append(start_share)
    first = runs[0]
    first.model.load_state_dict(mean_weights(models, shares))
    return Fitted(first.model, first.tokenizer, None)


def mean_weights(models: Sequence[torch.nn.Module], shares: Sequence[float]) -> dict[str, torch.Tensor]:
    """Average the weights of models of one shape, each with its share; what is no float must be the same."""
    states = [model.state_dict() for model in models]
    return {
        name: sum(share * state[name].float() for share, state in zip(shares, states, strict=True)).to(
            value.dtype
        )
        if value.is_floating_point()
        else value
        for name, value in states[0].items()
    }


def fit(config: RunConfig, splits: Splits, callbacks: Sequence[TrainerCallback] = ()) -> Fitted:
    """Train with the stock Trainer and return the checkpoint with the best macro-F1 on validation.

    A run that was killed goes on from its last checkpoint in ``config.output``. Loss and score by step are
    left there as a picture.

    Args:
        config: The run.
        splits: The articles to learn from and to choose on.
        callbacks: What else the Trainer is to tell of its steps.

    Raises:
        ConfigError: The encoder cannot be loaded, or the output folder belongs to a run of another
        configuration.
    """
    model, tokenizer, encoder = load_start(config)
    metric = MacroF1([str(label) for label in LABELS])
    checkpoints = config.output / "checkpoints"
    try:
        arguments = TrainingArguments(
            output_dir=str(checkpoints),
            metric_for_best_model=metric.selects_on,
            greater_is_better=metric.greater_is_better,
            **config.training,
        )
    except (TypeError, ValueError) as error:
        raise ConfigError(f"training: {error}") from error
    claim_output(config)

    def compute_metrics(prediction: EvalPrediction) -> dict[str, float]:
        scored = prediction.predictions != IGNORED
        return metric.compute(  # type: ignore[no-any-return]  # evaluate has no types
            predictions=prediction.predictions[scored].tolist(),
            references=(prediction.label_ids[scored] % len(LABELS)).tolist(),
        )

    collator = DataCollatorForTokenClassification(tokenizer)
    checkpoint = last_checkpoint(checkpoints)
    if config.recipe.probe_articles is not None and checkpoint is None:
        log.info("fitting the classification layer to the untrained encoder")
        few = draw(splits.train, config.recipe.probe_articles, arguments.seed)
        probe_head(model, window_dataset(few, encoder), collator)
    if config.recipe.freeze_layers is not None:
        freeze(model, config.recipe.freeze_layers)
    trainer = Trainer(
        model=model,
        args=arguments,
        data_collator=collator,
        train_dataset=window_dataset(splits.train, encoder, config.data.cache),
        eval_dataset=window_dataset(splits.validation, encoder, config.data.cache),
        processing_class=tokenizer,
        compute_metrics=compute_metrics,
        callbacks=[Clock(), LogFigures(), *callbacks],
        compute_loss_func=SentenceLoss(config.recipe.second_label, config.recipe.label_smoothing),
        preprocess_logits_for_metrics=predicted_labels,
        optimizers=(
            torch.optim.AdamW(
                parameter_groups(
                    model,
                    arguments,
                    head_rate=config.recipe.head_learning_rate,
                    layer_decay=config.recipe.layer_decay,
                    layers=int(model.config.num_hidden_layers),
                ),
                lr=arguments.learning_rate,
                betas=(arguments.adam_beta1, arguments.adam_beta2),
                eps=arguments.adam_epsilon,
            ),
            None,
        ),
    )
    # The loss is a mean over one batch, so the Trainer has to divide it when it sums several into one step.
    trainer.loss_is_scaled_for_ga = False
    trainer.train(resume_from_checkpoint=checkpoint)
    trainer.save_state()
    if trainer.is_world_process_zero():
        draw_curves(checkpoints, config.output)
    return Fitted(model, tokenizer, trainer.state.best_metric)
