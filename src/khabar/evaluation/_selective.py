"""What abstaining costs and gains: how many sentences keep a label, and how many of these are wrong.

An annotator with a ``min_score`` labels only the sentences whose score reaches it. The curve of risk against
coverage (El-Yaniv and Wiener 2010; Geifman and El-Yaniv 2017) shows every such threshold at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from khabar.evaluation._scores import Bootstrap, Estimate, estimate_ratio

THRESHOLDS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
"""Values of ``min_score`` that are reported with intervals."""

_POINTS = 100
"""Points of the curve that are kept."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """An annotator that abstains below a score."""

    min_score: float
    answered: int
    """Sentences that keep their label."""
    coverage: Estimate
    """Their share of all sentences."""
    risk: Estimate
    """Share of wrong labels among them; undefined when there are none."""

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "min_score": self.min_score,
            "answered": self.answered,
            "coverage": self.coverage.to_dict(),
            "risk": self.risk.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class RiskCoverage:
    """Errors against answered sentences, for an annotator that answers its surest sentences first."""

    thresholds: tuple[Threshold, ...]
    curve: tuple[tuple[float, float, float], ...]
    """Coverage, risk and the score they are reached at, from few sentences to all."""
    area: float
    """Mean risk over all coverages, 0 to 1: the smaller, the better errors are told by their score."""

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "thresholds": [each.to_dict() for each in self.thresholds],
            "curve": [
                {"coverage": coverage, "risk": risk, "min_score": score}
                for coverage, risk, score in self.curve
            ],
            "area": self.area,
        }


def risk_coverage(
    scores: Sequence[float], right: Sequence[bool], groups: Sequence[str], bootstrap: Bootstrap
) -> RiskCoverage:
    """Measure what an annotator gains by abstaining.

    Args:
        scores: Probability of the most probable label of every sentence; at least one.
        right: Whether that label is the gold one.
        groups: The id of the article that the sentence stands in.
        bootstrap: How intervals are drawn.
    """
    certain, hit = np.array(scores, dtype=np.float64), np.array(right, dtype=bool)
    coverages, risks, levels = _curve(certain, hit)
    kept = np.unique(np.linspace(0, len(levels) - 1, _POINTS).round().astype(int))
    return RiskCoverage(
        thresholds=tuple(_threshold(level, certain, hit, groups, bootstrap) for level in THRESHOLDS),
        curve=tuple((float(coverages[i]), float(risks[i]), float(levels[i])) for i in kept),
        # Between two levels all sentences of the next one come in together.
        area=float((risks * np.diff(coverages, prepend=0.0)).sum()),
    )


def _curve(
    certain: NDArray[np.float64], right: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return coverage and risk at every score that occurs, the highest first."""
    order = np.argsort(-certain, kind="stable")
    ordered = certain[order]
    wrong = np.cumsum(~right[order])
    last = np.append(np.flatnonzero(np.diff(ordered)), len(ordered) - 1)
    return (last + 1) / len(ordered), wrong[last] / (last + 1), ordered[last]


def _threshold(
    level: float,
    certain: NDArray[np.float64],
    right: NDArray[np.bool_],
    groups: Sequence[str],
    bootstrap: Bootstrap,
) -> Threshold:
    answered = certain >= level
    return Threshold(
        min_score=level,
        answered=int(answered.sum()),
        coverage=estimate_ratio(answered, np.ones_like(answered), groups, bootstrap),
        risk=estimate_ratio(answered & ~right, answered, groups, bootstrap),
    )
