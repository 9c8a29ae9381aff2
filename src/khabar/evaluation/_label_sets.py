"""How often the sets of labels hold the gold label, and how large they are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from khabar.confidence import LabelSets, label_set
from khabar.evaluation._scores import Bootstrap, Estimate, estimate_ratio
from khabar.labels import Label

REPORTED_ERROR_RATES = (0.05, 0.1, 0.2)
"""Error rates that are reported, where the model has thresholds for them."""


@dataclass(frozen=True, slots=True)
class SetCoverage:
    """The label sets of an annotator at one error rate."""

    error_rate: float
    coverage: Estimate
    """Share of the sentences whose set holds the gold label; meant to be 1 - ``error_rate``."""
    labels: Mapping[Label, Estimate]
    """The same among the sentences of each gold label."""
    outlets: Mapping[str, Estimate]
    """The same by outlet."""
    sizes: tuple[int, ...]
    """How many sets hold none, one, two, three and four labels."""

    @property
    def mean_size(self) -> float:
        """Mean number of labels in a set."""
        return sum(size * count for size, count in enumerate(self.sizes)) / sum(self.sizes)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "error_rate": self.error_rate,
            "nominal": 1 - self.error_rate,
            "coverage": self.coverage.to_dict(),
            "labels": {label.value: found.to_dict() for label, found in self.labels.items()},
            "outlets": {outlet: found.to_dict() for outlet, found in self.outlets.items()},
            "sizes": list(self.sizes),
            "mean_size": self.mean_size,
        }


def set_coverage(
    scores: Sequence[Mapping[str, float]],
    gold: Sequence[Label],
    groups: Sequence[str],
    outlets: Sequence[str | None],
    sets: LabelSets,
    bootstrap: Bootstrap,
) -> tuple[SetCoverage, ...]:
    """Measure label sets at `REPORTED_ERROR_RATES`.

    Args:
        scores: Probability of every label by its name, for every sentence; at least one sentence.
        gold: The right label of every sentence.
        groups: The id of the article that it stands in.
        outlets: The outlet that it comes from, None where none is named.
        sets: Thresholds of the annotator.
        bootstrap: How intervals are drawn.
    """
    truth, sources = np.array(gold, dtype=object), np.array(outlets, dtype=object)
    names = sorted({outlet for outlet in outlets if outlet is not None})
    found = []
    for rate in REPORTED_ERROR_RATES:
        if not sets.error_rates[0] <= rate <= sets.error_rates[-1]:
            continue
        least = sets.at(rate)
        chosen = [label_set(row, least) for row in scores]
        held = np.array([label in each for each, label in zip(chosen, gold, strict=True)])

        def share(among: Any, held: Any = held) -> Estimate:  # noqa: ANN401  # arrays of booleans
            return estimate_ratio(held & among, among, groups, bootstrap)

        found.append(
            SetCoverage(
                error_rate=rate,
                coverage=share(np.ones_like(held)),
                labels={label: share(truth == label) for label in Label},
                outlets={outlet: share(sources == outlet) for outlet in names},
                sizes=tuple(sum(len(each) == size for each in chosen) for size in range(len(Label) + 1)),
            )
        )
    return tuple(found)
