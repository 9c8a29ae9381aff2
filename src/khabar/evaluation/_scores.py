"""Scores of predicted labels, each with an interval from a bootstrap over articles.

Sentences of one article share a speaker, a subject and a style, so they are not independent, and an interval
that resamples sentences is too narrow. Whole articles are resampled instead (Efron and Tibshirani 1993,
chapter 8). All scores follow from confusion counts, so a resample is a sum of the articles' counts, weighted
by how often each article was drawn: one matrix product for all resamples.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from khabar.labels import Label

_LABELS = tuple(Label)
_INDEX: Mapping[Label | None, int] = {label: index for index, label in enumerate((*_LABELS, None))}
"""Row or column of a label in confusion counts; the last one is for nothing on that side."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """How intervals are drawn."""

    resamples: int = 2000
    """How many times the articles are drawn with replacement."""
    confidence: float = 0.95
    """Share of the resampled values that an interval holds; it runs between percentiles."""
    seed: int = 20150
    """Equal seeds give equal intervals."""

    def __post_init__(self) -> None:
        if self.resamples < 1:
            raise ValueError(f"resamples is {self.resamples}, but at least one is needed.")
        if not 0 < self.confidence < 1:
            raise ValueError(f"confidence is {self.confidence}, but a share lies between 0 and 1.")

    def weights(self, articles: int) -> Floats:
        """How often each article is drawn in each resample, of shape (resamples, articles)."""
        generator = np.random.default_rng(self.seed)
        return generator.multinomial(articles, np.full(articles, 1 / articles), size=self.resamples).astype(
            float
        )

    def interval(self, resampled: Floats) -> tuple[float | None, float | None]:
        """The percentiles of one score over the resamples in which it is defined."""
        defined = resampled[~np.isnan(resampled)]
        if not defined.size:
            return None, None
        tail = (1 - self.confidence) / 2
        low, high = np.quantile(defined, [tail, 1 - tail])
        return float(low), float(high)


DEFAULT_BOOTSTRAP = Bootstrap()


@dataclass(frozen=True, slots=True)
class Estimate:
    """A score with its interval."""

    value: float | None
    """None when the score is undefined, as the recall of a label that never occurs."""
    low: float | None
    """Lower end of the interval; None when ``value`` is, or when there is only one article to draw from."""
    high: float | None

    def to_dict(self) -> dict[str, float | None]:
        """Plain data for JSON."""
        return {"value": self.value, "low": self.low, "high": self.high}


@dataclass(frozen=True, slots=True)
class LabelScores:
    """How well one label is found."""

    precision: Estimate
    recall: Estimate
    f1: Estimate
    support: int
    """Sentences that have this label in the gold data."""

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "precision": self.precision.to_dict(),
            "recall": self.recall.to_dict(),
            "f1": self.f1.to_dict(),
            "support": self.support,
        }


@dataclass(frozen=True, slots=True)
class Scores:
    """How well the labels of some sentences are predicted."""

    sentences: int
    articles: int
    """Articles that the sentences come from, which is what the bootstrap draws."""
    macro_f1: Estimate
    """Mean F1 of the labels that occur, in the gold data or among the predictions."""
    accuracy: Estimate
    """Share of the gold sentences that got their label."""
    kappa: Estimate
    """Cohen's kappa of predicted and gold labels: accuracy beyond what chance would give (Cohen 1960)."""
    labels: Mapping[Label, LabelScores]
    confusion: tuple[tuple[int, ...], ...]
    """Sentences by gold label (rows) and predicted label (columns), both in the order of `Label`; without
    what has nothing on the other side."""

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "sentences": self.sentences,
            "articles": self.articles,
            "macro_f1": self.macro_f1.to_dict(),
            "accuracy": self.accuracy.to_dict(),
            "kappa": self.kappa.to_dict(),
            "labels": {label.value: scores.to_dict() for label, scores in self.labels.items()},
            "confusion": {
                "labels": [label.value for label in _LABELS],
                "gold_by_predicted": [list(row) for row in self.confusion],
            },
        }


def score(
    gold: Sequence[Label | None],
    predicted: Sequence[Label | None],
    groups: Sequence[str],
    bootstrap: Bootstrap = DEFAULT_BOOTSTRAP,
) -> Scores:
    """Score predicted labels against gold ones.

    Args:
        gold: The right label of every sentence; None where something was predicted and no sentence is.
        predicted: The label that was predicted for it; None where a sentence is and nothing was predicted.
        groups: The id of the article that it stands in.
        bootstrap: How intervals are drawn.

    Raises:
        ValueError: The three are not equally long, or empty.
    """
    counts = confusion_by_group(gold, predicted, groups)
    total = counts.sum(axis=0)
    value = rates(total)
    drawn = rates(_resample(counts, bootstrap)) if len(counts) > 1 else None

    def estimate(name: str, index: int | None = None) -> Estimate:
        at = ... if index is None else (..., index)
        point = float(value[name][at])
        if np.isnan(point):
            return Estimate(None, None, None)
        return Estimate(point, *(bootstrap.interval(drawn[name][at]) if drawn else (None, None)))

    return Scores(
        sentences=sum(label is not None for label in gold),
        articles=len(counts),
        macro_f1=estimate("macro_f1"),
        accuracy=estimate("accuracy"),
        kappa=estimate("kappa"),
        labels={
            label: LabelScores(
                precision=estimate("precision", index),
                recall=estimate("recall", index),
                f1=estimate("f1", index),
                support=int(total[index].sum()),
            )
            for index, label in enumerate(_LABELS)
        },
        confusion=tuple(tuple(int(count) for count in row[:-1]) for row in total[:-1]),
    )


def difference(
    gold: Sequence[Label],
    first: Sequence[Label],
    second: Sequence[Label],
    groups: Sequence[str],
    bootstrap: Bootstrap = DEFAULT_BOOTSTRAP,
) -> Estimate:
    """Macro-F1 of the first predictions minus that of the second, both on the same resamples of articles."""
    one, two = confusion_by_group(gold, first, groups), confusion_by_group(gold, second, groups)
    value = float(rates(one.sum(axis=0))["macro_f1"] - rates(two.sum(axis=0))["macro_f1"])
    if len(one) < 2:
        return Estimate(value, None, None)
    drawn = rates(_resample(one, bootstrap))["macro_f1"] - rates(_resample(two, bootstrap))["macro_f1"]
    return Estimate(value, *bootstrap.interval(drawn))


def confusion_by_group(
    gold: Sequence[Label | None], predicted: Sequence[Label | None], groups: Sequence[str]
) -> Floats:
    """Confusion counts of every article, of shape (articles, gold label, predicted label).

    Articles stand in the order in which they first occur, labels in the order of `Label`; behind them comes
    what has no gold or no predicted label.
    """
    if not len(gold) == len(predicted) == len(groups):
        raise ValueError(
            f"there are {len(gold)} gold labels, {len(predicted)} predicted ones and {len(groups)} groups, "
            "but every sentence has one of each."
        )
    if not gold:
        raise ValueError("there is nothing to score: no sentence was given.")
    rows = {group: row for row, group in enumerate(dict.fromkeys(groups))}
    counts = np.zeros((len(rows), len(_INDEX), len(_INDEX)))
    places = (
        [rows[g] for g in groups],
        [_INDEX[label] for label in gold],
        [_INDEX[label] for label in predicted],
    )
    np.add.at(counts, places, 1)
    return counts


def rates(counts: Floats) -> dict[str, Floats]:
    """Scores of confusion counts as `confusion_by_group` makes them; NaN where one is undefined."""
    real = slice(len(_LABELS))
    right = np.diagonal(counts, axis1=-2, axis2=-1)[..., real]
    support, chosen = counts.sum(axis=-1)[..., real], counts.sum(axis=-2)[..., real]
    both = counts[..., real, real]
    total = both.sum(axis=(-2, -1))
    agreed = _ratio(right.sum(axis=-1), total)
    chance = _ratio((both.sum(axis=-1) * both.sum(axis=-2)).sum(axis=-1), total**2)
    f1 = _ratio(2 * right, support + chosen)
    return {
        "precision": _ratio(right, chosen),
        "recall": _ratio(right, support),
        "f1": f1,
        "macro_f1": _ratio(np.nansum(f1, axis=-1), (~np.isnan(f1)).sum(axis=-1).astype(float)),
        "accuracy": _ratio(right.sum(axis=-1), support.sum(axis=-1)),
        "kappa": _ratio(agreed - chance, 1 - chance),
    }


def _ratio(numerator: Floats, denominator: Floats) -> Floats:
    empty = np.full_like(denominator, np.nan, dtype=float)
    return np.asarray(np.divide(numerator, denominator, out=empty, where=denominator > 0))


def _resample(counts: Floats, bootstrap: Bootstrap) -> Floats:
    """Confusion counts of every resample, of shape (resamples, gold label, predicted label)."""
    articles = len(counts)
    drawn = bootstrap.weights(articles) @ counts.reshape(articles, -1)
    return np.asarray(drawn.reshape(-1, *counts.shape[1:]))


def estimate_ratio(
    numerator: NDArray[np.bool_],
    denominator: NDArray[np.bool_],
    groups: Sequence[str],
    bootstrap: Bootstrap = DEFAULT_BOOTSTRAP,
) -> Estimate:
    """Estimate a share of sentences, with its interval from a bootstrap over articles.

    Args:
        numerator: Whether a sentence counts above the line.
        denominator: Whether it counts below.
        groups: The id of the article that it stands in.
        bootstrap: How intervals are drawn.
    """
    places = {group: place for place, group in enumerate(dict.fromkeys(groups))}
    rows = [places[group] for group in groups]
    counts = np.zeros((len(places), 2))
    np.add.at(counts, rows, np.stack([numerator, denominator], axis=1).astype(float))
    above, below = counts.sum(axis=0)
    if not below:
        return Estimate(None, None, None)
    if len(places) < 2:
        return Estimate(float(above / below), None, None)
    drawn = _resample(counts, bootstrap)
    return Estimate(float(above / below), *bootstrap.interval(_ratio(drawn[:, 0], drawn[:, 1])))
