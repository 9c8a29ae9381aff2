"""Find suspects among labelled sentences, from probabilities of models that did not learn from them.

Labels in doubt are found by confident learning (Northcutt et al. 2021, «Confident Learning: Estimating
Uncertainty in Dataset Labels») as cleanlab does it: how often each label is taken for each other one is
estimated from the probabilities, and so many sentences, those with the least margin for their label, are
doubted.
"""

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from khabar.errors import DataError, MissingExtraError
from khabar.evaluation import Judgement
from khabar.labels import Label
from khabar.predictions import Prediction

try:
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores
except ImportError as error:
    raise MissingExtraError(
        f"Finding label errors needs {error.name}, which is not installed: pip install 'khabar[train]'."
    ) from error

_LABELS = tuple(Label)


class Doubt(StrEnum):
    """Why a sentence deserves a look."""

    LABEL = "label in doubt"
    """Confident learning says that the label is more likely wrong than not."""
    MISTAKE = "confident mistake"
    """The model is sure of another label. Where the label stays, the model has something to learn."""
    UNSURE = "model unsure"
    """The two most probable labels are nearly as probable, whatever the gold label is."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """A sentence that deserves a look, and why."""

    prediction: Prediction
    quality: float
    """How likely its label is right, 0 to 1: the model's margin for it, as cleanlab scales it."""
    doubts: tuple[Doubt, ...]
    """At least one, in the order of `Doubt`."""


def find_suspects(predictions: Sequence[Prediction], *, most: int | None = None) -> list[Suspect]:
    """Find labels in doubt, confident mistakes and sentences that the model is unsure of.

    A sentence whose predicted label is among those that its annotator found almost as right is neither in
    doubt nor mistaken.

    Args:
        predictions: Of models that did not learn from these sentences: from scripts/cross_validate.py, or
            from `as_predictions`.
        most: At most so many confident mistakes, the surest first, and so many sentences that the model is
            unsure of, those with the least margin first; None lists all mistakes and as many unsure ones.

    Returns:
        Each suspect once, the one with the worst label first.

    Raises:
        DataError: There is no prediction.
        ValueError: ``most`` is less than 1.
    """
    if most is not None and most < 1:
        raise ValueError(f"most is {most}, expected 1 or more, or None.")
    if not predictions:
        raise DataError("there are no predictions, so there is nothing to find.")
    labels = np.array([_LABELS.index(each.label) for each in predictions])
    probabilities = np.array([[each.probabilities[label] for label in Label] for each in predictions])
    quality = get_label_quality_scores(labels, probabilities, method="normalized_margin")
    settled = np.array([each.predicted in (each.label, *each.also) for each in predictions])

    found: dict[int, set[Doubt]] = {}

    def doubt(places: Iterable[int], kind: Doubt) -> None:
        for place in places:
            found.setdefault(int(place), set()).add(kind)

    doubt((place for place in _issues(labels, probabilities) if not settled[place]), Doubt.LABEL)
    mistakes = np.flatnonzero(~settled)
    mistakes = mistakes[np.argsort(-probabilities[mistakes].max(axis=1), kind="stable")][:most]
    doubt(mistakes, Doubt.MISTAKE)
    top = np.sort(probabilities, axis=1)
    margins = top[:, -1] - top[:, -2]
    doubt(np.argsort(margins, kind="stable")[: len(mistakes) if most is None else most], Doubt.UNSURE)
    suspects = [
        Suspect(predictions[place], float(quality[place]), tuple(kind for kind in Doubt if kind in kinds))
        for place, kinds in found.items()
    ]
    return sorted(suspects, key=lambda each: (each.quality, each.prediction.place))


def _issues(labels: NDArray[np.int64], probabilities: NDArray[np.float64]) -> Sequence[int]:
    """Return the places of the labels that confident learning doubts."""
    if len(np.unique(labels)) < 2:
        return []  # there is nothing that they could have been confused with
    with warnings.catch_warnings():
        # A label that nobody gave has no wrong ones either.
        warnings.filterwarnings("ignore", message="May not flag all label issues", category=UserWarning)
        found: Sequence[int] = find_label_issues(
            labels, probabilities, return_indices_ranked_by="normalized_margin", n_jobs=1, verbose=False
        )
    return found


def as_predictions(judgements: Iterable[Judgement]) -> list[Prediction]:
    """Take the scores of an annotator for predictions: of one that never learnt from these articles."""
    return [
        Prediction(
            article=each.article,
            outlet=each.outlet,
            part=each.gold.part,
            start=each.gold.start,
            end=each.gold.end,
            label=each.label,
            also=each.gold.also,
            probabilities={label: each.predicted.scores[label.value] for label in Label},
        )
        for each in judgements
    ]
