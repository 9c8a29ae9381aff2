"""Fits how sure a model may say it is: its temperature, and the thresholds of its label sets.

Both come from labelled articles that the model did not learn from, through the annotator that ships. The
parameters are few, so the same articles serve for both.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from khabar.bundle import Bundle, Settings
from khabar.confidence import LabelSets, calibrated
from khabar.errors import DataError, MissingExtraError
from khabar.evaluation import calibration_error
from khabar.labels import Label
from khabar.schema import LabelledArticle

try:
    from scipy.optimize import minimize
except ImportError as error:
    raise MissingExtraError(
        f"khabar.calibration needs the package {error.name!r}, which comes with "
        "`pip install 'khabar[train]'`."
    ) from error

ERROR_RATES = tuple(round(rate / 100, 2) for rate in range(1, 51))
"""Error rates that thresholds are fitted for."""

_FOLDS = 5
"""Parts that articles are dealt into where no two outlets are named."""

_TEMPERATURES = (0.05, 20.0)
_SLOPES = (-2.0, 2.0)

_THRESHOLD_DECIMALS = 6

Floats = NDArray[np.float64]


class Scored(Protocol):
    """What can be calibrated: `khabar.Annotator`."""

    @property
    def bundle(self) -> Bundle:
        """The model."""

    def logits(self, sentences: list[str], /) -> NDArray[np.float32]:
        """Raw scores of the sentences of one article, columns in the order of ``bundle.labels``."""


@dataclass(frozen=True, slots=True)
class Scaling:
    """How logits become probabilities: see `khabar.confidence.calibrated`."""

    temperature: float
    slope: float = 0.0

    def __call__(self, logits: Floats) -> Floats:
        """Return the probabilities."""
        return calibrated(logits, self.temperature, self.slope)


@dataclass(frozen=True, slots=True)
class HeldOut:
    """How probabilities fit sentences of outlets (or articles) that a scaling was not fitted on."""

    log_loss: float
    """Mean negative logarithm of the gold label's probability."""
    calibration_error: float
    """As `khabar.evaluation.calibration_error`."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was fitted, and what decided between the two scalings."""

    scaling: Scaling
    label_sets: LabelSets
    sentences: int
    left_out: str
    """What was left out in turn: «outlets», «articles», or «nothing» when there is only one article."""
    plain: HeldOut | None
    """One temperature for all sentences; None when nothing could be left out."""
    by_entropy: HeldOut | None
    """A temperature that changes with the entropy; None when nothing could be left out."""

    def apply(self, settings: Settings) -> Settings:
        """Return the settings of a bundle with this calibration."""
        return settings.model_copy(
            update={
                "temperature": self.scaling.temperature,
                "temperature_slope": self.scaling.slope,
                "label_sets": self.label_sets,
            }
        )


def calibrate(annotator: Scored, articles: Sequence[LabelledArticle]) -> Calibration:
    """Fit a temperature and the thresholds of label sets.

    Whether the temperature changes with the entropy is decided by the logarithmic loss on outlets that are
    left out of the fit one after the other, since other outlets are what a model meets.

    Raises:
        DataError: No sentence has a label.
    """
    logits, targets, articles_of, outlets_of = _collect(annotator, articles)
    if not len(targets):
        raise DataError("no sentence of these articles has a label, so there is nothing to calibrate on.")
    left_out, groups = _groups(articles_of, outlets_of)
    plain = by_entropy = None
    entropy_wins = False
    if left_out != "nothing":
        plain, by_entropy = (
            _held_out(logits, targets, groups, by_entropy=wanted) for wanted in (False, True)
        )
        entropy_wins = by_entropy.log_loss < plain.log_loss
    scaling = fit_scaling(logits, targets, by_entropy=entropy_wins)
    return Calibration(
        scaling=scaling,
        label_sets=fit_label_sets(scaling(logits), targets),
        sentences=len(targets),
        left_out=left_out,
        plain=plain,
        by_entropy=by_entropy,
    )


def fit_scaling(logits: Floats, targets: NDArray[np.intp], *, by_entropy: bool = False) -> Scaling:
    """Find the scaling at which the probabilities fit the labels best.

    Args:
        logits: Shape ``(sentences, labels)``.
        targets: Column of the gold label of every sentence.
        by_entropy: Whether the temperature may change with the entropy.

    Returns:
        The scaling of the least negative log-likelihood, its temperature between 0.05 and 20, rounded to four
        decimals.
    """
    rows = np.arange(len(targets))

    def loss(parameters: Floats) -> float:
        temperature, slope = float(np.exp(parameters[0])), float(parameters[1]) if by_entropy else 0.0
        right = calibrated(logits, temperature, slope)[rows, targets]
        return float(-np.log(np.maximum(right, np.finfo(np.float64).tiny)).mean())

    bounds = [tuple(np.log(_TEMPERATURES)), *([_SLOPES] if by_entropy else [])]
    found = minimize(loss, np.zeros(len(bounds)), method="Powell", bounds=bounds).x
    slope = round(float(found[1]), 4) if by_entropy else 0.0
    return Scaling(round(float(np.exp(found[0])), 4), slope)


def fit_label_sets(probabilities: Floats, targets: NDArray[np.intp]) -> LabelSets:
    """Find the least probability of each label for each of `ERROR_RATES`.

    Of the ``n`` sentences with a label, ``floor((n + 1) * error_rate)`` less one may stay below its
    threshold: with that correction for a finite sample, the next sentence of the label stays below it in at
    most the asked share of cases (Sadinle et al. 2019). Where ``n`` is too small for a rate, the threshold is
    0.

    Args:
        probabilities: Calibrated ones, shape ``(sentences, labels)``, columns in the order of `Label`.
        targets: Column of the gold label of every sentence.
    """
    thresholds, counts = {}, {}
    for index, label in enumerate(Label):
        right = np.sort(probabilities[targets == index, index])
        counts[label] = len(right)
        thresholds[label] = tuple(_threshold(right, rate) for rate in ERROR_RATES)
    return LabelSets(error_rates=ERROR_RATES, thresholds=thresholds, sentences=counts)


def _threshold(ascending: Floats, error_rate: float) -> float:
    # The rounding keeps (99 + 1) * 0.29, which is 28.999…, from becoming 28.
    below = int(np.floor(round((len(ascending) + 1) * error_rate, 6)))
    if below < 1:
        return 0.0
    # Rounded down: a threshold that is a hair too low keeps the promise, one too high breaks it.
    scale = 10**_THRESHOLD_DECIMALS
    return float(np.floor(ascending[below - 1] * scale) / scale)


def _collect(
    annotator: Scored, articles: Sequence[LabelledArticle]
) -> tuple[Floats, NDArray[np.intp], list[int], list[str | None]]:
    """Return logits with columns in the order of `Label`, and gold column, article and outlet of each."""
    columns = [annotator.bundle.labels.index(label) for label in Label]
    order = list(Label)
    logits, targets, places, outlets = [], [], [], []
    for number, article in enumerate(articles):
        rows = annotator.logits([sentence.text for sentence in article.sentences])
        for row, sentence in zip(rows, article.sentences, strict=True):
            if sentence.label is not None:
                logits.append(row[columns])
                targets.append(order.index(sentence.label))
                places.append(number)
                outlets.append(article.outlet)
    return np.array(logits, dtype=np.float64), np.array(targets, dtype=np.intp), places, outlets


def _groups(articles: Sequence[int], outlets: Sequence[str | None]) -> tuple[str, list[str]]:
    """Return what to leave out of a fit in turn, and the group of each sentence.

    Articles without an outlet are a group of their own where others name one.
    """
    if len(set(outlets)) > 1:
        return "outlets", [str(outlet) for outlet in outlets]
    if len(set(articles)) > 1:
        order = {article: place for place, article in enumerate(dict.fromkeys(articles))}
        return "articles", [str(order[article] % _FOLDS) for article in articles]
    return "nothing", [""] * len(articles)


def _held_out(
    logits: Floats, targets: NDArray[np.intp], groups: Sequence[str], *, by_entropy: bool
) -> HeldOut:
    """Fit on all groups but one, and look at that one; all of them in turn."""
    names = np.array(groups)
    probabilities = np.empty_like(logits)
    for group in dict.fromkeys(groups):
        out = names == group
        scaling = fit_scaling(logits[~out], targets[~out], by_entropy=by_entropy)
        probabilities[out] = scaling(logits[out])
    right = probabilities[np.arange(len(targets)), targets]
    return HeldOut(
        log_loss=float(-np.log(np.maximum(right, np.finfo(np.float64).tiny)).mean()),
        calibration_error=calibration_error(
            probabilities.max(axis=1), probabilities.argmax(axis=1) == targets
        ),
    )
