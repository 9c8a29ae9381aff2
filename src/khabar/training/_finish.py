"""A trained model becomes a bundle."""

import logging
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import yaml
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from khabar.annotator import Annotator
from khabar.bundle import ONNX_INT8, Settings, save_settings
from khabar.calibration import calibrate
from khabar.card import write_card, write_metrics
from khabar.config import RunConfig
from khabar.evaluation import DataSummary, judge, summarise
from khabar.export import ExportCheck, ExportError, check_export, export_int8
from khabar.schema import LabelledArticle
from khabar.training._data import Splits
from khabar.training._record import training_record

log = logging.getLogger(__name__)

_ENOUGH_SENTENCES = 1000
"""On so many, a graph that agrees on 99.5 % is hardly ever taken for one that does not reach 99 %."""


def finish(
    config: RunConfig,
    splits: Splits,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    *,
    graph: bool = True,
) -> Path:
    """Make a trained model a bundle: weights, int8 graph, calibration, scores and card.

    The bundle is put together aside and takes its place when it is whole. An int8 graph that does not agree
    with the weights on the validation articles is left out, with a warning in the log.

    Args:
        config: The run.
        splits: Its articles; those of validation calibrate the model and are scored.
        model: The trained model.
        tokenizer: Its tokenizer.
        graph: Whether to make the int8 graph. Without it the model annotates on torch alone, and slower.

    Returns:
        Folder of the bundle, ``config.output / "bundle"``.
    """
    target, staging = config.output / "bundle", config.output / "bundle.partial"
    shutil.rmtree(staging, ignore_errors=True)
    settings = save_weights(config, model, tokenizer, staging)
    settings = settings.model_copy(update={"guidelines": _guidelines(splits.train) or settings.guidelines})
    (staging / "training.yaml").write_text(_shareable(config), encoding="utf-8")

    check = _add_graph(staging, splits) if graph else None
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
        "training": training_record(config.output, _precision(config)),
        "export": None if check is None else asdict(check),
        "evaluations": {validation: {"data": summaries[validation], "scores": evaluated.to_dict()}},
    }
    write_metrics(staging, metrics)
    write_card(staging)
    shutil.rmtree(target, ignore_errors=True)
    staging.rename(target)
    return target


def _add_graph(folder: Path, splits: Splits) -> ExportCheck | None:
    """Export the int8 graph, and keep it if it agrees with the weights.

    Where validation is so small that its share of equal labels says little, articles to learn from are
    compared as well: their gold labels play no part in it.
    """
    log.info("exporting the int8 graph")
    export_int8(folder)
    compared: list[list[str]] = []
    for article in (*splits.validation, *splits.train):
        if len(compared) >= len(splits.validation) and sum(map(len, compared)) >= _ENOUGH_SENTENCES:
            break
        compared.append([unit.text for unit in article.sentences])
    try:
        check = check_export(folder, compared)
    except ExportError as error:
        # What was trained is not thrown away for a graph: without one the model runs on torch.
        (folder / ONNX_INT8).unlink()
        log.warning("%s It was left out: the model annotates with its full weights, on torch.", error)
        return None
    log.info("int8 against fp32: %s", check)
    return check


def save_weights(
    config: RunConfig, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: Path
) -> Settings:
    """Write what annotating on torch needs: weights in 16 bits, tokenizer and settings, not yet calibrated.

    Returns:
        The settings that were written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # 16 bits are what is shipped, so the graph is made from weights that went through them.
    model.half().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    settings = Settings(normalization=config.normalization, window=config.window)
    save_settings(folder, settings)
    return settings


def _guidelines(articles: Sequence[LabelledArticle]) -> str:
    """Return the versions of the guidelines that articles say they were labelled under, "" if none does."""
    return ", ".join(sorted({article.guidelines for article in articles if article.guidelines}))


def _precision(config: RunConfig) -> str:
    return next((name for name in ("bf16", "fp16") if config.training.get(name)), "fp32")


def _shareable(config: RunConfig) -> str:
    """Return the effective configuration without the folders of this machine."""
    content = config.model_dump(mode="json")
    content["output"] = config.output.name
    content["data"]["path"] = config.data.path.name
    del content["data"]["cache"]
    if Path(config.encoder.path).is_dir():
        content["encoder"]["path"] = Path(config.encoder.path).name
    content["recipe"]["average_with"] = [
        Path(name).name if Path(name).is_dir() else name for name in config.recipe.average_with
    ]
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
