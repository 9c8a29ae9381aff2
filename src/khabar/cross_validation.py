"""A configuration trained once for each fold of a corpus and read on what it did not see there.

The steps of scripts/cross_validate.py. By outlet, one outlet is left out after the other, which says how a
model fares on an outlet that it never saw. By article, articles are dealt out, which gives every article
probabilities from a model that did not learn from it. Wire copy of a held-out article is never learnt from.
"""

import hashlib
import json
import logging
import shutil
import statistics
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from khabar._files import write_text
from khabar._grid import Grid, percent_cell
from khabar._version import __version__
from khabar.config import RunConfig
from khabar.corpus import folds as deal_folds
from khabar.corpus import near_duplicates
from khabar.encode import Encoder, pool
from khabar.errors import ConfigError, DataError
from khabar.evaluation import Bootstrap, Scores, score
from khabar.labels import Label
from khabar.predictions import PROBABILITIES, Prediction, read_predictions, write_predictions
from khabar.schema import LabelledArticle
from khabar.training import LABELS, Fitted, Splits, draw, fit_seeds, read_splits

log = logging.getLogger(__name__)

RESULTS = "results.json"
PLAN = "plan.json"

By = Literal["outlet", "article"]


@dataclass(frozen=True, slots=True)
class Plan:
    """How a corpus is cut into folds."""

    by: By = "outlet"
    """``outlet``: each outlet is a fold. ``article``: articles are dealt out to ``folds`` of them."""
    folds: int = 5
    """How many folds articles are dealt out to; by outlet, there are as many as outlets."""
    with_validation: bool = False
    """Cut the validation articles into folds too. None are left then to choose a checkpoint by."""
    max_held_out: int | None = None
    """Predict at most so many articles of each fold, drawn with the run's seed; None predicts all. The others
    of the fold are not learnt from either."""

    def __post_init__(self) -> None:
        if self.by == "article" and self.folds < 3:
            raise ValueError(f"folds is {self.folds}, expected 3 or more.")
        if self.max_held_out is not None and self.max_held_out < 1:
            raise ValueError(f"max_held_out is {self.max_held_out}, expected 1 or more, or None.")


@dataclass(frozen=True, slots=True)
class Fold:
    """What one model learns from, and what it is read on."""

    name: str
    """The outlet, or the number of the fold."""
    train: list[LabelledArticle]
    validation: list[LabelledArticle]
    """They choose the checkpoint, where the configuration asks for that."""
    held_out: list[LabelledArticle]
    near_duplicates: int
    """Articles left out of the first two because they are near-duplicates of one in the fold."""


@dataclass(frozen=True, slots=True)
class FoldResult:
    """What a fold's model scores on the articles that were held out."""

    name: str
    trained_on: int
    """Articles."""
    near_duplicates: int
    scores: Scores

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "name": self.name,
            "trained_on": self.trained_on,
            "near_duplicates_left_out": self.near_duplicates,
            "scores": self.scores.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class CrossValidation:
    """The results of all folds."""

    plan: Plan
    configuration: Mapping[str, Any]
    """What was trained, without the folders of this machine."""
    folds: tuple[FoldResult, ...]
    pooled: Scores
    """Scores of all held-out sentences together, each predicted by the model of its fold."""
    bootstrap: Bootstrap

    @property
    def mean(self) -> float:
        """Mean of the folds' macro-F1, whatever their sizes."""
        return statistics.fmean(fold.scores.macro_f1.value or 0.0 for fold in self.folds)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON, without NaN."""
        return {
            "khabar": __version__,
            "plan": asdict(self.plan),
            "configuration": dict(self.configuration),
            "bootstrap": {"unit": "article", **asdict(self.bootstrap)},
            "folds": [fold.to_dict() for fold in self.folds],
            "mean_macro_f1": self.mean,
            "pooled": self.pooled.to_dict(),
        }

    def to_markdown(self) -> str:
        """A table of the folds, scores in percent with their intervals."""
        kind = "held-out outlet" if self.plan.by == "outlet" else "held-out fold"
        header = (
            kind,
            "articles",
            "sentences",
            "macro-F1",
            "accuracy",
            *(f"F1 {label.value}" for label in Label),
        )
        rows = [_row(fold.name, fold.scores) for fold in self.folds]
        rows.append(_row("all", self.pooled))
        trained = sorted(fold.trained_on for fold in self.folds)
        left_out = sum(fold.near_duplicates for fold in self.folds)
        note = (
            f"Each row was predicted by a model that saw none of it: trained on {_range(trained)} other "
            f"articles, near-duplicates of held-out ones left out ({left_out:,} in all). Scores in percent; "
            f"in brackets the {self.bootstrap.confidence:.0%} interval of a bootstrap over articles "
            f"({self.bootstrap.resamples:,} resamples). Mean macro-F1 of the {len(self.folds)} models: "
            f"{100 * self.mean:.1f}."
        )
        return f"{note}\n\n{Grid('', header, rows).to_markdown()}\n"


def cross_validate(config: RunConfig, plan: Plan, bootstrap: Bootstrap | None = None) -> CrossValidation:
    """Train and read a model for every fold, or go on where an earlier call was stopped.

    A fold that has its ``probabilities.jsonl`` is not trained again; one that was killed goes on from its
    last checkpoint. Checkpoints of a finished fold are deleted.

    Args:
        config: The run; ``data.max_train_articles`` counts for each fold. ``config.output`` gets a folder for
            each fold and ``results.json``.
        plan: How the articles are cut into folds.
        bootstrap: How intervals are drawn; None draws them as everywhere.

    Raises:
        ConfigError: The configuration cannot be trained, or the output folder belongs to another
            cross-validation.
        DataError: The articles cannot be read, or do not allow the plan.
    """
    bootstrap = bootstrap or Bootstrap()
    # The limit counts for what a fold learns from, not for what is cut into folds.
    everything = config.data.model_copy(update={"max_train_articles": None})
    splits = read_splits(config.model_copy(update={"data": everything}))
    if plan.with_validation and str(config.training.get("eval_strategy", "no")) != "no":
        raise ConfigError(
            f"training.eval_strategy is {config.training['eval_strategy']!r}, but with the validation "
            "articles in the folds none are left to evaluate on; set training.eval_strategy=no and "
            "training.load_best_model_at_end=false."
        )
    cut = cut_folds(splits, plan, seed=config.seed)
    _claim(config, plan, cut)
    results, pooled = [], []
    for number, fold in enumerate(cut, start=1):
        train = draw(fold.train, config.data.max_train_articles, config.seed)
        place = config.output / f"fold-{number:02d}"
        if not (place / PROBABILITIES).is_file():
            log.info("fold %d of %d, %s: %d articles to learn from", number, len(cut), fold.name, len(train))
            _train(config, place, Splits(train, fold.validation), fold.held_out)
        predictions = read_predictions(place / PROBABILITIES)
        results.append(
            FoldResult(fold.name, len(train), fold.near_duplicates, _score(predictions, bootstrap))
        )
        log.info("fold %d, %s: macro-F1 %s", number, fold.name, results[-1].scores.macro_f1.value)
        pooled += predictions
    found = CrossValidation(plan, _shareable(config), tuple(results), _score(pooled, bootstrap), bootstrap)
    text = json.dumps(found.to_dict(), ensure_ascii=False, indent=2, allow_nan=False)
    write_text(config.output / RESULTS, text + "\n")
    return found


def cut_folds(splits: Splits, plan: Plan, *, seed: int) -> list[Fold]:
    """Cut a corpus into folds; nothing that is held out, nor its wire copy, is learnt from.

    Args:
        splits: The train articles, and the validation articles.
        plan: How.
        seed: Settles how articles are dealt out and drawn.

    Returns:
        The folds, by outlet in the order of their names. Articles without an outlet are in none of those.

    Raises:
        DataError: The articles are of less than two outlets, or too few for the folds.
    """
    pool_of = splits.train + splits.validation if plan.with_validation else splits.train
    choosing = [] if plan.with_validation else splits.validation
    named = _by_outlet(pool_of) if plan.by == "outlet" else _by_article(pool_of, plan.folds, seed)
    groups: dict[str, set[str]] = {}
    for group in near_duplicates([*pool_of, *choosing]):
        groups.update({identifier: set(group) for identifier in group})
    found = []
    for name, ids in named.items():
        copies = {copy for identifier in ids for copy in groups.get(identifier, ())} - ids
        barred = ids | copies
        train = [article for article in pool_of if article.id not in barred]
        # The validation articles of an outlet that is left out would choose the checkpoint that suits it.
        validation = [
            article
            for article in choosing
            if article.id not in barred and not (plan.by == "outlet" and article.outlet == name)
        ]
        if not train:
            raise DataError(
                f"without fold {name!r} and its near-duplicates no article is left to learn from."
            )
        held_out = draw([article for article in pool_of if article.id in ids], plan.max_held_out, seed)
        found.append(Fold(name, train, validation, held_out, len(copies)))
    return found


def predict(fitted: Fitted, config: RunConfig, articles: Sequence[LabelledArticle]) -> list[Prediction]:
    """Read articles with a model as it came out of training, without a bundle or a graph.

    Returns:
        A prediction for every sentence that has a gold label. Probabilities are not calibrated.
    """
    tokenizer = fitted.tokenizer
    encoder = Encoder(
        tokenizer.backend_tokenizer,
        cls_token=tokenizer.cls_token,
        sep_token=tokenizer.sep_token,
        normalization=config.normalization,
        window=config.window,
    )
    model = fitted.model.eval()
    predictions = []
    for article in articles:
        logits = np.empty((len(article.sentences), len(LABELS)), dtype=np.float32)
        for window in encoder.encode([sentence.text for sentence in article.sentences]).windows:
            ids = torch.tensor([window.input_ids], device=model.device)
            with torch.inference_mode():
                output = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits
            logits[window.sentences] = pool(output[0].float().cpu().numpy(), window)
        rows = torch.from_numpy(logits).double().softmax(-1).tolist()
        predictions += [
            Prediction.of(article, sentence, dict(zip(LABELS, row, strict=True)))
            for sentence, row in zip(article.sentences, rows, strict=True)
            if sentence.label is not None
        ]
    return predictions


def _by_outlet(articles: Sequence[LabelledArticle]) -> dict[str, set[str]]:
    outlets: dict[str, set[str]] = {}
    for article in articles:
        if article.outlet is not None:
            outlets.setdefault(article.outlet, set()).add(article.id)
    if len(outlets) < 2:
        raise DataError(
            f"the outlets named are {', '.join(outlets) or 'none'}, and leaving one out needs two or more; "
            "give articles an outlet (docs/data-formats.md), or deal them out by article."
        )
    return dict(sorted(outlets.items()))


def _by_article(articles: Sequence[LabelledArticle], folds: int, seed: int) -> dict[str, set[str]]:
    return {
        f"{number} of {folds}": {article.id for article in dealt if article.split == "test"}
        for number, dealt in enumerate(deal_folds(articles, folds, seed=seed), start=1)
    }


def _train(config: RunConfig, place: Path, splits: Splits, held_out: Sequence[LabelledArticle]) -> None:
    fitted = fit_seeds(config.model_copy(update={"output": place}), splits)
    write_predictions(place / PROBABILITIES, predict(fitted, config, held_out))
    # A checkpoint is several times the model, and nobody goes on from one of a finished fold.
    for checkpoints in place.rglob("checkpoints"):
        shutil.rmtree(checkpoints)


def _claim(config: RunConfig, plan: Plan, cut: Collection[Fold]) -> None:
    """Write down what is trained and which articles the folds have, or find that they are the same."""
    output = config.output
    content = {
        "plan": asdict(plan),
        "configuration": _shareable(config),
        "folds": {fold.name: [_fingerprint(part) for part in (fold.train, fold.held_out)] for fold in cut},
    }
    text = json.dumps(content, ensure_ascii=False, indent=2) + "\n"
    path = output / PLAN
    if path.is_file() and path.read_text(encoding="utf-8") != text:
        raise ConfigError(
            f"{output}: holds another cross-validation ({PLAN} differs: another configuration, other options "
            "or other articles); choose another folder with output=FOLDER, or delete this one."
        )
    output.mkdir(parents=True, exist_ok=True)
    write_text(path, text)


def _fingerprint(articles: Sequence[LabelledArticle]) -> str:
    digest = hashlib.sha256()
    for article in articles:
        labels = [(unit.part, unit.start, unit.end, unit.label, unit.also) for unit in article.sentences]
        digest.update(repr((article.id, article.title, article.text, labels)).encode(errors="surrogatepass"))
    return f"{len(articles)} articles, sha256 {digest.hexdigest()[:16]}"


def _score(predictions: Sequence[Prediction], bootstrap: Bootstrap) -> Scores:
    return score(
        [prediction.label for prediction in predictions],
        [prediction.predicted for prediction in predictions],
        [prediction.article for prediction in predictions],
        bootstrap,
    )


def _shareable(config: RunConfig) -> dict[str, Any]:
    content = config.model_dump(mode="json", exclude={"card", "output"})
    content["data"]["path"] = config.data.path.name
    if Path(config.encoder.path).is_dir():
        content["encoder"]["path"] = Path(config.encoder.path).name
    return content


def _row(name: str, scores: Scores) -> tuple[str, ...]:
    estimates = (scores.macro_f1, scores.accuracy, *(scores.labels[label].f1 for label in Label))
    return (
        name,
        f"{scores.articles:,}",
        f"{scores.sentences:,}",
        *(percent_cell(each.value, each.low, each.high) for each in estimates),
    )


def _range(counts: Sequence[int]) -> str:
    low, high = counts[0], counts[-1]
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
