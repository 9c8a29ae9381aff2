"""How far the probabilities of an annotator can be taken at their word.

A probability of 0.8 should be right in 80 of 100 sentences. The expected calibration error measures by how
much it is not: probabilities are sorted into bins of equal width from 0 to 1, and in each bin the mean
probability is set against the share that is right,

    ECE = sum over bins of (sentences in the bin / all) * |share right - mean probability|

(Naeini et al. 2015; Guo et al. 2017, with 15 bins). For all labels together the probability is that of the
most probable label; for one label it is that label's own, for every sentence, and right means that it is the
gold label (classwise ECE, Kull et al. 2019).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from khabar.labels import Label

BINS = 15
_DRAWS = 200
_SEED = 20150

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Bin:
    """The sentences whose probability lies between two bounds."""

    low: float
    """Included."""
    high: float
    """Not included, but in the last bin."""
    sentences: int
    mean: float | None
    """Mean probability; None in an empty bin."""
    right: float | None
    """Share that is right; None in an empty bin."""

    def to_dict(self) -> dict[str, float | int | None]:
        """Plain data for JSON."""
        return {
            "low": self.low,
            "high": self.high,
            "sentences": self.sentences,
            "mean": self.mean,
            "right": self.right,
        }


@dataclass(frozen=True, slots=True)
class Reliability:
    """How well probabilities of something fit how often it is so."""

    calibration_error: float
    """Expected calibration error, 0 to 1."""
    brier: float
    """For all labels together the mean of the summed squared distances between the probabilities and the gold
    label, 0 to 2 (Brier 1950); for one label the mean squared distance, 0 to 1."""
    bins: tuple[Bin, ...]
    """The reliability diagram."""

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "calibration_error": self.calibration_error,
            "brier": self.brier,
            "bins": [each.to_dict() for each in self.bins],
        }


@dataclass(frozen=True, slots=True)
class CalibrationScores:
    """How far probabilities can be taken at their word, in general and for each label."""

    top: Reliability
    """Of the most probable label."""
    labels: Mapping[Label, Reliability]
    log_loss: float
    """Mean negative natural logarithm of the gold label's probability."""
    by_chance: float
    """Mean ECE of the same probabilities if each were exactly right: what so few sentences show by chance."""

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "bins": BINS,
            "top": self.top.to_dict(),
            "labels": {label.value: found.to_dict() for label, found in self.labels.items()},
            "log_loss": self.log_loss,
            "by_chance": self.by_chance,
        }


def calibration_scores(scores: Sequence[Mapping[str, float]], gold: Sequence[Label]) -> CalibrationScores:
    """Compare the probabilities of sentences with their gold labels.

    Args:
        scores: Probability of every label by its name, for every sentence; at least one sentence.
        gold: The right label of every sentence.
    """
    probabilities = np.array([[row[label] for label in Label] for row in scores], dtype=np.float64)
    truth = np.array([[label is each for each in Label] for label in gold])
    squared = (probabilities - truth) ** 2
    top = probabilities.max(axis=1)
    right = truth[np.arange(len(truth)), probabilities.argmax(axis=1)]
    gold_probability = np.maximum(probabilities[truth], np.finfo(np.float64).tiny)
    return CalibrationScores(
        top=_reliability(top, right, float(squared.sum(axis=1).mean())),
        labels={
            label: _reliability(probabilities[:, index], truth[:, index], float(squared[:, index].mean()))
            for index, label in enumerate(Label)
        },
        log_loss=float(-np.log(gold_probability).mean()),
        by_chance=_by_chance(top),
    )


def calibration_error(probabilities: Floats, right: Booleans) -> float:
    """Return the expected calibration error over `BINS` bins of equal width.

    Args:
        probabilities: Shape ``(sentences,)``, 0 to 1.
        right: Whether each was so.
    """
    return sum(
        each.sentences / len(right) * abs(each.right - each.mean)
        for each in _bins(probabilities, right)
        if each.right is not None and each.mean is not None
    )


def _reliability(probabilities: Floats, right: Booleans, brier: float) -> Reliability:
    return Reliability(calibration_error(probabilities, right), brier, _bins(probabilities, right))


def _bins(probabilities: Floats, right: Booleans) -> tuple[Bin, ...]:
    place = np.minimum((probabilities * BINS).astype(int), BINS - 1)
    counts = np.bincount(place, minlength=BINS)
    sums = np.bincount(place, weights=probabilities, minlength=BINS)
    hits = np.bincount(place, weights=right.astype(float), minlength=BINS)
    return tuple(
        Bin(
            low=index / BINS,
            high=(index + 1) / BINS,
            sentences=int(count),
            mean=float(sums[index] / count) if count else None,
            right=float(hits[index] / count) if count else None,
        )
        for index, count in enumerate(counts)
    )


def _by_chance(probabilities: Floats) -> float:
    generator = np.random.default_rng(_SEED)
    draws = generator.random((_DRAWS, len(probabilities))) < probabilities
    return float(np.mean([calibration_error(probabilities, right) for right in draws]))
