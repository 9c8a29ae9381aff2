"""Calibrated probabilities of a model's logits, and sets of labels that seldom miss the right one.

Both are rules with a few numbers, which `khabar.calibration` fits and a bundle's khabar.json stores.
"""

from collections.abc import Mapping
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from khabar.labels import Label

_ROUNDING = 1e-9


def calibrated(logits: NDArray[np.floating], temperature: float, slope: float = 0.0) -> NDArray[np.float64]:
    """Return probabilities: the softmax of logits that were divided by a temperature.

    The temperature of a sentence is ``temperature * exp(slope * entropy)``, where the entropy is that of its
    plain softmax as a share of the largest there can be, 0 to 1. With a slope of 0 this is temperature
    scaling (Guo et al. 2017); with another it is scaling by entropy (Balanya et al. 2022, «Adaptive
    Temperature Scaling for Robust Calibration of Deep Neural Networks»), here with an exponent linear in the
    entropy, so that a sentence without doubt does not get a temperature without bound. Either way the order
    of the labels stays.

    Args:
        logits: Shape ``(..., labels)``.
        temperature: Above 0.
        slope: Below 0, a model that is sure is trusted less, and one that doubts more, than by one
            temperature for all.

    Returns:
        Shape ``(..., labels)``; the last axis sums to 1.
    """
    wide = np.asarray(logits, dtype=np.float64)
    if not slope:
        return _softmax(wide / temperature)
    return _softmax(wide / (temperature * np.exp(slope * relative_entropy(wide)))[..., None])


def relative_entropy(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the entropy of the softmax over the last axis, as a share of that of equal probabilities."""
    probabilities = _softmax(logits)
    # The logarithm of a probability that underflowed to 0 would be infinite; its share of the entropy is 0.
    logarithms = np.log(np.maximum(probabilities, np.finfo(np.float64).tiny))
    result: NDArray[np.float64] = -(probabilities * logarithms).sum(axis=-1) / np.log(logits.shape[-1])
    return result


def _softmax(wide: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(wide - wide.max(axis=-1, keepdims=True, initial=-np.inf))
    result: NDArray[np.float64] = powers / powers.sum(axis=-1, keepdims=True)
    return result


class LabelSets(BaseModel):
    """Least probabilities at which labels are in a sentence's set, for some error rates.

    Split-conformal prediction with one threshold a label: of the sentences with a label, the set is to miss
    it in at most a share of ``error_rate`` (Vovk 2012, «Conditional validity of inductive conformal
    predictors»; Sadinle et al. 2019, «Least ambiguous set-valued classifiers with bounded error levels»). One
    threshold a label, rather than one for all, so that rare labels are covered as well as common ones, and so
    that it does not matter how common a label is at another outlet.

    The promise holds for articles like those that the thresholds come from, on average over them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    error_rates: tuple[float, ...] = Field(min_length=1)
    """Rates that there are thresholds for, ascending, each between 0 and 1."""
    thresholds: Mapping[Label, tuple[float, ...]]
    """Least probability of each label, one for each of ``error_rates``; at 0 it is in every set."""
    sentences: Mapping[Label, int]
    """How many sentences of each label the thresholds come from."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        rates = self.error_rates
        if list(rates) != sorted(set(rates)) or not all(0 < rate < 1 for rate in rates):
            raise ValueError("error_rates must ascend, each between 0 and 1")
        if set(self.thresholds) != set(Label) or set(self.sentences) != set(Label):
            raise ValueError(f"thresholds and sentences must have the labels {', '.join(Label)}")
        if any(len(column) != len(rates) for column in self.thresholds.values()):
            raise ValueError(f"each label must have {len(rates)} thresholds, one for each error rate")
        return self

    def at(self, error_rate: float) -> dict[Label, float]:
        """Return the least probability of each label at an error rate; between two rates the lower one's.

        Raises:
            ValueError: There are no thresholds for it.
        """
        lowest, highest = self.error_rates[0], self.error_rates[-1]
        if not lowest - _ROUNDING <= error_rate <= highest + _ROUNDING:
            raise ValueError(
                f"error_rate is {error_rate}, but this model has label sets for {lowest} to {highest}."
            )
        index = max(i for i, rate in enumerate(self.error_rates) if rate <= error_rate + _ROUNDING)
        return {label: column[index] for label, column in self.thresholds.items()}


def label_set(scores: Mapping[str, float], least: Mapping[Label, float]) -> tuple[Label, ...]:
    """Return the labels that are probable enough, the most probable first; there may be none.

    Args:
        scores: Probability of every label by its name.
        least: From `LabelSets.at`.
    """
    found = [label for label in Label if scores[label] >= least[label]]
    return tuple(sorted(found, key=lambda label: -scores[label]))
