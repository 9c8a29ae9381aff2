"""Labelled articles in, a bundle out: the steps of scripts/train.py."""

import json
import logging
import re
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from datasets import Dataset
from sklearn.linear_model import LogisticRegression
from transformers import (
    AutoConfig,
    AutoModelForTokenClassification,
    AutoTokenizer,
    DataCollatorForTokenClassification,
    EvalPrediction,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
    set_seed,
)
from transformers.modeling_outputs import TokenClassifierOutput

from khabar.annotator import Annotator
from khabar.bundle import BUILT_IN, ONNX_INT8, Settings, save_settings
from khabar.calibration import calibrate
from khabar.card import write_card, write_metrics
from khabar.config import AdaptConfig, RunConfig
from khabar.corpus import read_labelled
from khabar.encode import Encoder
from khabar.errors import ConfigError, DataError, KhabarError
from khabar.evaluation import DataSummary, judge, summarise
from khabar.export import ExportError, check_export, export_int8
from khabar.labels import Label
from khabar.metrics import MacroF1
from khabar.schema import LabelledArticle

log = logging.getLogger(__name__)

LABELS = tuple(Label)
"""Order of the logits of a newly trained model."""

IGNORED = -100
"""Label of every token that is not scored, as the loss of transformers defines it."""


@dataclass(frozen=True, slots=True)
class Splits:
    """The articles that a run learns from and chooses on."""

    train: list[LabelledArticle]
    validation: list[LabelledArticle]


def read_splits(config: RunConfig | AdaptConfig) -> Splits:
    """Read the labelled articles and take the two splits of the run.

    Raises:
        DataError: The file breaks the format, or one of the splits is empty.
    """
    data = config.data
    if not data.path.exists():
        raise DataError(
            f"{data.path}: no such file; name the labelled articles with data.path=FILE "
            "(docs/data-formats.md describes them)."
        )
    try:
        articles = read_labelled(
            data.path,
            data.format,
            columns=data.columns,
            one_sentence_articles=data.one_sentence_articles,
            offset_unit=data.offset_unit,
        )
    except ValueError as error:
        if isinstance(error, KhabarError):
            raise
        raise ConfigError(f"data: {error}") from error
    found = sorted({str(article.split) for article in articles})
    chosen = {}
    for name in (data.train_split, data.validation_split):
        chosen[name] = [article for article in articles if article.split == name]
        if not chosen[name]:
            raise DataError(f"{data.path}: no article of split {name!r}; the splits are {', '.join(found)}.")
    train = chosen[data.train_split]
    if data.max_train_articles is not None:
        train = _draw(train, data.max_train_articles, config.seed)
    return Splits(train, chosen[data.validation_split])


def _draw(articles: Sequence[LabelledArticle], count: int, seed: int) -> list[LabelledArticle]:
    """Draw some articles, in their order."""
    order = np.random.default_rng(seed).permutation(len(articles))[:count]
    return [articles[index] for index in sorted(order)]


def window_dataset(articles: Sequence[LabelledArticle], encoder: Encoder) -> Dataset:
    """Encode articles as rows with ``input_ids``, ``attention_mask``, ``labels``, ``length``: one a window.

    At the tokens of a sentence's span ``labels`` holds ``ordinal * CODES + index``: which sentence of the
    window it is and which of `LABELS` it has, so that `sentence_logits` can find the span again; a sentence
    with a second label has ``index + len(LABELS) * (1 + second index)``.
    Elsewhere it is `IGNORED`. Page furniture that an annotator marked is read as context, as it would be on
    a page where it was not recognised, but nothing is learnt from it.
    """
    rows: dict[str, list[Any]] = {"input_ids": [], "attention_mask": [], "labels": [], "length": []}
    for article in articles:
        encoded = encoder.encode([sentence.text for sentence in article.sentences])
        for window in encoded.windows:
            labels = [IGNORED] * len(window.input_ids)
            for ordinal, (span, index) in enumerate(zip(window.spans, window.sentences, strict=True)):
                label = article.sentences[index].label
                if label is not None:
                    code = ordinal * CODES + _code(label, article.sentences[index].also)
                    labels[slice(*span)] = [code] * (span[1] - span[0])
            rows["input_ids"].append(window.input_ids)
            rows["attention_mask"].append([1] * len(window.input_ids))
            rows["labels"].append(labels)
            rows["length"].append(len(window.input_ids))
    return Dataset.from_dict(rows)


CODES = len(LABELS) * (1 + len(LABELS))
"""How many codes there are of a label with, maybe, a second one."""


def _code(label: Label, also: Sequence[Label]) -> int:
    return LABELS.index(label) + len(LABELS) * (1 + LABELS.index(also[0]) if also else 0)


def soft_target(label: Label, also: Sequence[Label], second_label: float) -> list[float]:
    """Return the distribution over `LABELS` that a sentence is to get.

    Args:
        label: Its gold label.
        also: What its annotator found almost as right; only the first has a say.
        second_label: Share that goes to it.
    """
    target = [float(label is each) for each in LABELS]
    if also:
        target[LABELS.index(label)] -= second_label
        target[LABELS.index(also[0])] += second_label
    return target


def sentence_logits(logits: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Average outputs over each sentence's span, as `khabar.encode.pool` does for inference.

    Args:
        logits: Shape ``(windows, tokens, features)``: logits, or any other output per token.
        labels: Shape ``(windows, tokens)``, coded as in `window_dataset`.

    Returns:
        The averages, shape ``(sentences, features)`` in 32-bit floats, and the codes of the labels without
        the ordinals, shape ``(sentences,)``: modulo ``len(LABELS)`` they are indices into `LABELS`.
    """
    chosen = labels != IGNORED
    row = torch.arange(labels.shape[0], device=labels.device).unsqueeze(1).expand_as(labels)
    width = int(labels.max()) + 1 if bool(chosen.any()) else 1
    codes, place = torch.unique(row[chosen] * width + labels[chosen], return_inverse=True)
    sums = logits.new_zeros((len(codes), logits.shape[-1]), dtype=torch.float32)
    sums = sums.index_add(0, place, logits[chosen].float())
    counts = torch.bincount(place, minlength=len(codes)).unsqueeze(1)
    return sums / counts, codes % width % CODES


@dataclass(frozen=True, slots=True)
class SentenceLoss:
    """Cross-entropy averaged over the sentences of a batch, whatever number of tokens they have."""

    second_label: float = 0.0
    """Share of the target that goes to a second label."""
    label_smoothing: float = 0.0
    """Share of the target that is spread over all labels."""

    def __call__(
        self,
        outputs: TokenClassifierOutput,
        labels: torch.Tensor,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> torch.Tensor:
        """Return the loss of a batch; the Trainer calls it."""
        if outputs.logits is None:
            raise ValueError("the model gave no logits.")
        pooled, codes = sentence_logits(outputs.logits, labels)
        if not len(codes):  # nothing but page furniture: a mean of nothing would be no number
            return outputs.logits.sum() * 0.0
        one_hot = torch.nn.functional.one_hot
        targets = one_hot(codes % len(LABELS), len(LABELS)).float()
        second = torch.div(codes, len(LABELS), rounding_mode="floor")  # 0: none
        others = one_hot(second, len(LABELS) + 1).float()[:, 1:]
        has_second = others.sum(-1, keepdim=True)
        targets = targets * (1 - self.second_label * has_second) + self.second_label * others
        return torch.nn.functional.cross_entropy(pooled, targets, label_smoothing=self.label_smoothing)


def predicted_labels(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Put the predicted index of each sentence at its last token, `IGNORED` at all others.

    Arguments and shapes as in `sentence_logits`; the result is shaped like ``labels``.
    """
    pooled, _ = sentence_logits(logits, labels)
    following = torch.nn.functional.pad(labels[:, 1:], (0, 1), value=IGNORED)
    last = (labels != IGNORED) & (labels != following)
    predicted = torch.full_like(labels, IGNORED)
    predicted[last] = pooled.argmax(-1)
    return predicted


def probe_head(
    model: PreTrainedModel, dataset: Dataset, collator: DataCollatorForTokenClassification
) -> None:
    """Fit the classification layer to the states of the untrained encoder.

    Sentence states of an encoder made for retrieval differ little from each other, so a layer that starts at
    random spends an epoch on finding their scale. A logistic regression on standardised states, folded into
    the layer, starts where that would end (linear probing, then fine-tuning: Kumar et al. 2022).

    Raises:
        ConfigError: The model's last layer is not one linear layer called ``classifier``.
    """
    head = getattr(model, "classifier", None)
    if not isinstance(head, torch.nn.Linear):
        raise ConfigError(
            f"recipe.probe_articles: {type(model).__name__} has no linear layer 'classifier' to fit; "
            "leave the key out."
        )
    model.eval()
    states, targets = [], []
    columns = dataset.select_columns(["input_ids", "attention_mask", "labels"])
    for row in columns:
        batch = collator([row])
        with torch.inference_mode():
            hidden = model.base_model(
                input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]
            ).last_hidden_state
        if bool((batch["labels"] != IGNORED).any()):
            pooled, index = sentence_logits(hidden, batch["labels"])
            states.append(pooled.numpy())
            targets.append(index.numpy() % len(LABELS))
    if len({index for found in targets for index in found.tolist()}) < len(LABELS):
        raise ConfigError(
            "recipe.probe_articles: these articles do not have all four labels; raise the number."
        )
    features, labels = np.concatenate(states), np.concatenate(targets)
    mean, deviation = features.mean(axis=0), features.std(axis=0) + 1e-6
    probe = LogisticRegression(C=0.02, max_iter=1000).fit((features - mean) / deviation, labels)
    weight = probe.coef_ / deviation
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(weight))
        head.bias.copy_(torch.from_numpy(probe.intercept_ - weight @ mean))


def load_start(config: RunConfig | AdaptConfig) -> tuple[PreTrainedModel, PreTrainedTokenizerBase, Encoder]:
    """Load the encoder with a classification layer, its tokenizer and the encoder of articles.

    The layer is the one in the encoder's folder, as an adapted encoder and a bundle have it, else a new one.

    Raises:
        ConfigError: There is no such encoder, or the windows are longer than it reads.
    """
    name = str(BUILT_IN) if config.encoder.path == "default" else config.encoder.path
    try:
        trained_with = AutoConfig.from_pretrained(name).id2label
        model_config = AutoConfig.from_pretrained(
            name,
            id2label=dict(enumerate(map(str, LABELS))),
            label2id={str(label): index for index, label in enumerate(LABELS)},
            **config.encoder.overrides,
        )
        tokenizer = AutoTokenizer.from_pretrained(name)
    except OSError as error:
        raise ConfigError(
            f"encoder.path is {name!r}: no such folder or hub name ({str(error).splitlines()[0]}). "
            "The encoder of the built-in model is made by `python scripts/build_base.py`."
        ) from error
    positions = getattr(model_config, "max_position_embeddings", None)
    if positions is not None and config.window.max_tokens > positions:
        raise ConfigError(
            f"window.max_tokens is {config.window.max_tokens}, "
            f"but {name} has {positions} positions; lower it."
        )
    for key in config.encoder.overrides:
        if not hasattr(model_config, key):
            near = get_close_matches(key, model_config.to_dict(), n=1)
            hint = f"; did you mean {near[0]!r}?" if near else "."
            raise ConfigError(f"encoder.overrides: {name} has no key {key!r} in its config{hint}")
    set_seed(config.seed)
    # A bundle's weights are in 16 bits, in which small steps are lost.
    model = AutoModelForTokenClassification.from_pretrained(
        name, config=model_config, dtype=torch.float32, attn_implementation=config.encoder.attention
    )
    _order_head(model, trained_with)
    encoder = Encoder(
        tokenizer.backend_tokenizer,
        cls_token=tokenizer.cls_token,
        sep_token=tokenizer.sep_token,
        normalization=config.normalization,
        window=config.window,
    )
    return model, tokenizer, encoder


def _order_head(model: PreTrainedModel, trained_with: dict[int, str]) -> None:
    """Put the rows of a layer that was trained with another order of labels in the order of `LABELS`."""
    names = [trained_with.get(index) for index in range(len(LABELS))]
    if sorted(map(str, names)) == sorted(LABELS) and isinstance(model.classifier, torch.nn.Linear):
        order = [names.index(label) for label in LABELS]
        with torch.no_grad():
            model.classifier.weight.copy_(model.classifier.weight[order].clone())
            model.classifier.bias.copy_(model.classifier.bias[order].clone())


def parameter_groups(
    model: torch.nn.Module,
    arguments: TrainingArguments,
    *,
    head_rate: float | None,
    heads: tuple[str, ...] = ("classifier.",),
    layer_decay: float = 1.0,
    layers: int = 0,
) -> list[dict[str, Any]]:
    """Group parameters by learning rate, and without weight decay on biases and norms (Devlin et al. 2019).

    Args:
        model: What is trained; frozen parameters are left out.
        arguments: They hold the peak learning rate and the weight decay.
        head_rate: Learning rate of the new layers; None takes that of the encoder.
        heads: What the names of the new layers' parameters begin with.
        layer_decay: Each layer learns at the rate of the one above times this.
        layers: Number of layers of the encoder.
    """
    groups: dict[tuple[float, float], list[torch.nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        decay = 0.0 if parameter.ndim < 2 else arguments.weight_decay
        if name.startswith(heads):
            rate = head_rate or arguments.learning_rate
        else:
            rate = arguments.learning_rate * layer_decay ** (layers - _depth(name, layers))
        groups.setdefault((rate, decay), []).append(parameter)
    return [{"params": found, "lr": rate, "weight_decay": decay} for (rate, decay), found in groups.items()]


def _depth(name: str, layers: int) -> int:
    """Return 0 for the embeddings, 1 for the lowest layer, and so on; what is above the layers is the top."""
    found = re.search(r"\.layers?\.(\d+)\.", name)
    if found:
        return int(found.group(1)) + 1
    return 0 if "embeddings." in name else layers


def freeze(model: PreTrainedModel, layers: int) -> None:
    """Leave the embeddings and the lowest ``layers`` layers as they are.

    Raises:
        ConfigError: The model has fewer layers.
    """
    total = int(model.config.num_hidden_layers)
    if layers > total:
        raise ConfigError(f"recipe.freeze_layers is {layers}, but the encoder has {total} layers; lower it.")
    for name, parameter in model.named_parameters():
        if not name.startswith("classifier.") and _depth(name, total + 1) <= layers:
            parameter.requires_grad_(False)


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


def fit(config: RunConfig, splits: Splits) -> Fitted:
    """Train with the stock Trainer and return the checkpoint with the best macro-F1 on validation.

    A run that was killed goes on from its last checkpoint in ``config.output``.

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
        few = _draw(splits.train, config.recipe.probe_articles, arguments.seed)
        probe_head(model, window_dataset(few, encoder), collator)
    if config.recipe.freeze_layers is not None:
        freeze(model, config.recipe.freeze_layers)
    trainer = Trainer(
        model=model,
        args=arguments,
        data_collator=collator,
        train_dataset=window_dataset(splits.train, encoder),
        eval_dataset=window_dataset(splits.validation, encoder),
        processing_class=tokenizer,
        compute_metrics=compute_metrics,
        callbacks=[LogFigures()],
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
    return Fitted(model, tokenizer, trainer.state.best_metric)


def last_checkpoint(folder: Path) -> str | None:
    """Return the last checkpoint that is whole; a run killed while saving leaves one that is not."""
    whole = []
    for path in folder.glob("checkpoint-*/trainer_state.json"):  # the Trainer writes it last
        try:
            whole.append((int(json.loads(path.read_text(encoding="utf-8"))["global_step"]), str(path.parent)))
        except (ValueError, KeyError):
            log.warning("%s is not whole and is passed over", path.parent)
    return max(whole)[1] if whole else None


def claim_output(config: RunConfig | AdaptConfig) -> None:
    """Write the effective configuration beside the checkpoints, or find that it is the same one."""
    # The card has no part in training: it may be reworded without training again.
    content = config.model_dump(mode="json", exclude={"card"})
    effective = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    path = config.output / "training.yaml"
    if path.is_file() and path.read_text(encoding="utf-8") != effective:
        raise ConfigError(
            f"{config.output}: holds a run of another configuration (training.yaml differs); "
            "choose another folder with output=FOLDER, or delete this one."
        )
    config.output.mkdir(parents=True, exist_ok=True)
    path.write_text(effective, encoding="utf-8")


def log_to(output: Path) -> None:
    """Let the steps of a run, its losses and scores among them, be written to ``output/train.log``."""
    output.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(output / "train.log", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    library = logging.getLogger("khabar")
    library.addHandler(handler)
    library.setLevel(logging.INFO)


class LogFigures(TrainerCallback):
    """Writes what the Trainer reports to the run's log."""

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **_: object,
    ) -> None:
        """Write the figures of a step."""
        figures = ", ".join(f"{name} {value}" for name, value in (logs or {}).items())
        log.info("step %d of %d: %s", state.global_step, state.max_steps, figures)


def finish(
    config: RunConfig, splits: Splits, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase
) -> Path:
    """Make a trained model a bundle: weights, int8 graph, calibration, scores and card.

    The bundle is put together aside and takes its place when it is whole. An int8 graph that does not agree
    with the weights on the validation articles is left out, with a warning in the log.

    Returns:
        Folder of the bundle, ``config.output / "bundle"``.
    """
    target, staging = config.output / "bundle", config.output / "bundle.partial"
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    # 16 bits are what is shipped, so the graph is made from weights that went through them.
    model = model.half()
    model.save_pretrained(staging)
    tokenizer.save_pretrained(staging)
    settings = Settings(normalization=config.normalization, window=config.window)
    save_settings(staging, settings)
    (staging / "training.yaml").write_text(_shareable(config), encoding="utf-8")

    log.info("exporting the int8 graph")
    export_int8(staging)
    try:
        check = check_export(
            staging, [[sentence.text for sentence in article.sentences] for article in splits.validation]
        )
        log.info("int8 against fp32: %s", check)
    except ExportError as error:
        # What was trained is not thrown away for a graph: without one the model runs on torch.
        check = None
        (staging / ONNX_INT8).unlink()
        log.warning("%s It was left out: the model annotates with its full weights, on torch.", error)

    calibration = calibrate(Annotator.from_pretrained(staging), splits.validation)
    save_settings(staging, calibration.apply(settings))

    evaluated = summarise(judge(Annotator.from_pretrained(staging), splits.validation))
    validation = config.data.validation_split
    summaries = {
        name: DataSummary.of(articles, config.data.path.name, name).to_dict()
        for name, articles in ((config.data.train_split, splits.train), (validation, splits.validation))
    }
    metrics = {
        "data": summaries,
        "export": None if check is None else asdict(check),
        "evaluations": {validation: {"data": summaries[validation], "scores": evaluated.to_dict()}},
    }
    write_metrics(staging, metrics)
    write_card(staging)
    shutil.rmtree(target, ignore_errors=True)
    staging.rename(target)
    return target


def _shareable(config: RunConfig) -> str:
    """Return the effective configuration without the folders of this machine."""
    content = config.model_dump(mode="json")
    content["output"] = config.output.name
    content["data"]["path"] = config.data.path.name
    if Path(config.encoder.path).is_dir():
        content["encoder"]["path"] = Path(config.encoder.path).name
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
