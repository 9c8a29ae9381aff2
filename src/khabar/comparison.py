"""Whether one model is better than another on the same labelled sentences, and where the two differ.

The first model is the old one, the second the new one, and every difference is new minus old. Intervals come
from a paired bootstrap over articles (Efron and Tibshirani 1993, chapter 16): each resample scores both
models on the same articles, so that what makes an article hard for both cancels out.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Literal

from khabar._grid import Grid, percent_cell
from khabar._version import __version__
from khabar.errors import DataError, MissingExtraError
from khabar.evaluation import Bootstrap, DataSummary, Estimate, Judgement
from khabar.evaluation._scores import Floats, confusion_by_group, rates
from khabar.labels import Label

try:
    from scipy.stats import binomtest
except ImportError as error:
    raise MissingExtraError(
        f"Comparing models needs {error.name}, which is not installed: pip install 'khabar[train]'."
    ) from error

MACRO = "macro"
"""Name of macro-F1 among the gates, beside the labels."""

GateOn = Literal["estimate", "interval"]


class Direction(StrEnum):
    """What became of a sentence that the two models label differently."""

    BROKEN = "right to wrong"
    MENDED = "wrong to right"
    MOVED = "wrong to other wrong"


class Outcome(StrEnum):
    """What the interval of the macro-F1 difference says of the second model."""

    BETTER = "better"
    WORSE = "worse"
    UNDECIDED = "not told apart"


@dataclass(frozen=True, slots=True)
class Difference:
    """A score of both models, 0 to 1."""

    first: float | None
    """None where the score is undefined, as the F1 of a label that neither occurs nor is predicted."""
    second: float | None
    difference: Estimate
    """Second minus first, with its interval; all None where one of the two is undefined."""

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {"first": self.first, "second": self.second, "difference": self.difference.to_dict()}


@dataclass(frozen=True, slots=True)
class McNemar:
    """The exact test of McNemar (1947): would two equally good models disagree so unevenly?

    It takes sentences for independent, which those of one article are not; its p-value is too small by as
    much.
    """

    only_first_right: int
    only_second_right: int
    p_value: float
    """Two-sided, from the binomial distribution."""


@dataclass(frozen=True, slots=True)
class Flip:
    """A sentence that the two models label differently."""

    direction: Direction
    first: Judgement
    second: Judgement

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON, with the sentence's text."""
        gold = self.first.gold
        return {
            "direction": self.direction.value,
            "article": self.first.article,
            "outlet": self.first.outlet,
            "part": gold.part,
            "start": gold.start,
            "end": gold.end,
            "text": gold.text,
            "label": self.first.label.value,
            "also": [label.value for label in gold.also],
            "first": {"label": chosen(self.first).value, "scores": dict(self.first.predicted.scores)},
            "second": {"label": chosen(self.second).value, "scores": dict(self.second.predicted.scores)},
        }


@dataclass(frozen=True, slots=True)
class Gate:
    """What a pipeline asks of the second model."""

    points: float
    """Points of F1, 0 to 100, that it may lose."""
    on: str = MACRO
    """`MACRO`, or the name of a label."""

    def __post_init__(self) -> None:
        if not 0 <= self.points <= 100:
            raise ValueError(f"a gate of {self.points} points is none; give points of F1 from 0 to 100.")
        if self.on not in (MACRO, *Label):
            raise ValueError(f"{self.on!r} is no label; use one of {', '.join([MACRO, *Label])}.")


@dataclass(frozen=True, slots=True)
class GateResult:
    """Whether the second model passes a gate."""

    gate: Gate
    by: GateOn
    measured: float
    """Points of F1 that were compared with the gate: the difference, or the lower end of its interval."""

    @property
    def passed(self) -> bool:
        """Whether it loses no more than the gate allows."""
        return self.measured >= -self.gate.points

    def __str__(self) -> str:
        name = "macro-F1" if self.gate.on == MACRO else f"F1 of {self.gate.on}"
        kind = "differs" if self.by == "estimate" else "differs at worst"
        sign = "passed" if self.passed else "FAILED"
        return f"{sign}: {name} {kind} by {self.measured:+.2f} points; it may lose {self.gate.points:g}"

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {**asdict(self.gate), "by": self.by, "measured": self.measured, "passed": self.passed}


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two models side by side on the same sentences."""

    first: str
    """Name of the old model."""
    second: str
    """Name of the new one."""
    sentences: int
    articles: int
    macro_f1: Difference
    accuracy: Difference
    labels: Mapping[Label, Difference]
    """F1 of each label."""
    mcnemar: McNemar
    flips: tuple[Flip, ...]
    """By direction, and within one by how sure the second model is, the surest first."""
    bootstrap: Bootstrap

    @property
    def outcome(self) -> Outcome:
        """Better or worse where the interval of the macro-F1 difference leaves out 0, else not told apart."""
        low, high = self.macro_f1.difference.low, self.macro_f1.difference.high
        if low is not None and low > 0:
            return Outcome.BETTER
        if high is not None and high < 0:
            return Outcome.WORSE
        return Outcome.UNDECIDED

    @property
    def verdict(self) -> str:
        """The outcome in a sentence."""
        found = _difference(self.macro_f1)
        if self.outcome is Outcome.UNDECIDED:
            return (
                f"{self.second} and {self.first} are not told apart: macro-F1 differs by {found} points, and "
                f"the {self.bootstrap.confidence:.0%} interval does not leave out 0."
            )
        return f"{self.second} is {self.outcome.value} than {self.first}: macro-F1 differs by {found} points."

    def check(self, gates: Sequence[Gate], by: GateOn = "estimate") -> list[GateResult]:
        """Hold the second model to gates.

        Args:
            gates: What is asked.
            by: ``"estimate"`` compares the measured difference, which passes a model that lost no more on
                these articles. ``"interval"`` compares the lower end of its interval, which passes a model
                only if these articles show that it loses no more on others (a test of non-inferiority); on a
                few hundred articles that takes a model that is better, or hardly differs.

        Raises:
            DataError: The articles cannot tell: no sentence has the label, or there is but one article.
        """
        results = []
        for gate in gates:
            found = self.macro_f1 if gate.on == MACRO else self.labels[Label(gate.on)]
            measured = found.difference.value if by == "estimate" else found.difference.low
            if measured is None:
                raise DataError(
                    f"the gate on {gate.on} cannot be checked on these articles: the difference has no "
                    f"{'value' if found.difference.value is None else 'interval'}; compare on more of "
                    "them, or leave the gate out."
                )
            # Sums of floats must not fail a gate that is met to the point.
            results.append(GateResult(gate, by, round(100 * measured, 9)))
        return results

    def count(self, direction: Direction, label: Label | None = None) -> int:
        """Number of flips in a direction, of sentences with a gold label or of all."""
        return sum(flip.direction is direction and label in (None, flip.first.label) for flip in self.flips)

    def to_dict(self, data: DataSummary | None = None, gates: Sequence[GateResult] = ()) -> dict[str, Any]:
        """Plain data for JSON, without NaN and without any text."""
        return {
            "khabar": __version__,
            "first": self.first,
            "second": self.second,
            "data": None if data is None else data.to_dict(),
            "sentences": self.sentences,
            "articles": self.articles,
            "bootstrap": {"unit": "article", "paired": True, **asdict(self.bootstrap)},
            "macro_f1": self.macro_f1.to_dict(),
            "accuracy": self.accuracy.to_dict(),
            "labels": {label.value: found.to_dict() for label, found in self.labels.items()},
            "mcnemar": asdict(self.mcnemar),
            "flips": {direction.value: self.count(direction) for direction in Direction},
            "outcome": self.outcome.value,
            "verdict": self.verdict,
            "gates": [result.to_dict() for result in gates],
        }

    def to_markdown(self, gates: Sequence[GateResult] = ()) -> str:
        """A page with the verdict, the scores, the flips and the gates."""
        blocks = [f"# {self.second} against {self.first}", self.verdict, self.note]
        for grid in self.to_grids():
            blocks += [f"## {grid.title}", grid.to_markdown()]
        if gates:
            blocks += ["## Gates", "\n".join(f"- {result}" for result in gates)]
        return "\n\n".join(blocks) + "\n"

    @property
    def note(self) -> str:
        """What was compared, and how to read the figures."""
        test = self.mcnemar
        return (
            f"{self.sentences:,} sentences of {self.articles:,} articles. Scores in percent, differences in "
            f"points, {self.second} minus {self.first}; in brackets the {self.bootstrap.confidence:.0%} "
            f"interval of a paired bootstrap over articles ({self.bootstrap.resamples:,} resamples). Only "
            f"{self.first} is right {test.only_first_right:,} times, only {self.second} "
            f"{test.only_second_right:,} times: McNemar's exact test gives p = {test.p_value:.3g}, which is "
            "too small by as much as sentences of one article resemble one another."
        )

    def to_grids(self) -> list[Grid]:
        """The tables: scores, and flips by direction and label."""
        scores = {"macro-F1": self.macro_f1, "accuracy": self.accuracy}
        scores |= {f"F1 {label.value}": found for label, found in self.labels.items()}
        header = ("", self.first, self.second, "difference")
        rows = [
            (name, percent_cell(found.first), percent_cell(found.second), _difference(found))
            for name, found in scores.items()
        ]
        by_label = [
            (
                direction.value,
                f"{self.count(direction):,}",
                *(f"{self.count(direction, label):,}" for label in Label),
            )
            for direction in Direction
        ]
        return [
            Grid("Scores", header, rows),
            Grid("Sentences labelled differently, by gold label", ("", "all", *Label), by_label),
        ]


def compare(
    first: Sequence[Judgement],
    second: Sequence[Judgement],
    *,
    names: tuple[str, str] = ("first", "second"),
    bootstrap: Bootstrap | None = None,
) -> Comparison:
    """Compare two models that were judged on the same articles.

    Args:
        first: What `khabar.evaluation.judge` says of the old model.
        second: The same of the new one.
        names: How to call them.
        bootstrap: How intervals are drawn; None draws them as everywhere.

    Raises:
        DataError: No sentence was judged.
        ValueError: The two were not judged on the same sentences.
    """
    bootstrap = bootstrap or Bootstrap()
    if [(item.article, item.gold) for item in first] != [(item.article, item.gold) for item in second]:
        raise ValueError("the two were not judged on the same sentences, so they cannot be compared.")
    if not first:
        raise DataError("no sentence has a gold label, so there is nothing to compare.")
    gold, articles = [item.label for item in first], [item.article for item in first]
    one, other = (
        confusion_by_group(gold, [chosen(item) for item in items], articles) for items in (first, second)
    )
    differences = _Differences(one, other, bootstrap)
    return Comparison(
        first=names[0],
        second=names[1],
        sentences=len(gold),
        articles=len(one),
        macro_f1=differences.of("macro_f1"),
        accuracy=differences.of("accuracy"),
        labels={label: differences.of("f1", index) for index, label in enumerate(Label)},
        mcnemar=mcnemar(first, second),
        flips=tuple(_flips(first, second)),
        bootstrap=bootstrap,
    )


def mcnemar(first: Sequence[Judgement], second: Sequence[Judgement]) -> McNemar:
    """Test on sentences whether two models are right equally often."""
    right = [
        (chosen(one) is one.label, chosen(other) is other.label)
        for one, other in zip(first, second, strict=True)
    ]
    lost, won = right.count((True, False)), right.count((False, True))
    p_value = float(binomtest(won, lost + won, 0.5).pvalue) if lost + won else 1.0
    return McNemar(lost, won, p_value)


def chosen(judgement: Judgement) -> Label:
    """The most probable label, which is the predicted one even where the annotator abstains."""
    scores = judgement.predicted.scores
    return Label(max(scores, key=lambda name: scores[name]))


class _Differences:
    """Scores of both models and of the resamples that they share."""

    def __init__(self, first: Floats, second: Floats, bootstrap: Bootstrap) -> None:
        """Score both.

        Args:
            first: Confusion counts of shape (articles, gold label, predicted label).
            second: The same of the other model.
            bootstrap: How resamples are drawn; of one article there are none.
        """
        self._bootstrap = bootstrap
        self._points = [rates(counts.sum(axis=0)) for counts in (first, second)]
        self._drawn = []
        if len(first) > 1:
            weights = bootstrap.weights(len(first))
            for counts in (first, second):
                drawn = weights @ counts.reshape(len(counts), -1)
                self._drawn.append(rates(drawn.reshape(-1, *counts.shape[1:])))

    def of(self, name: str, index: int | None = None) -> Difference:
        """The difference of a score, or of its entry for one label."""
        at = ... if index is None else (..., index)
        points = [float(found[name][at]) for found in self._points]
        first, second = (None if point != point else point for point in points)
        if first is None or second is None:
            return Difference(first, second, Estimate(None, None, None))
        if not self._drawn:
            return Difference(first, second, Estimate(second - first, None, None))
        drawn = self._drawn[1][name][at] - self._drawn[0][name][at]
        return Difference(first, second, Estimate(second - first, *self._bootstrap.interval(drawn)))


def _flips(first: Sequence[Judgement], second: Sequence[Judgement]) -> Iterator[Flip]:
    found = []
    for one, other in zip(first, second, strict=True):
        if chosen(one) is chosen(other):
            continue
        if chosen(one) is one.label:
            direction = Direction.BROKEN
        else:
            direction = Direction.MENDED if chosen(other) is other.label else Direction.MOVED
        found.append(Flip(direction, one, other))
    order = list(Direction)
    return iter(
        sorted(
            found,
            key=lambda flip: (order.index(flip.direction), -max(flip.second.predicted.scores.values())),
        )
    )


def _difference(found: Difference) -> str:
    estimate = found.difference
    return percent_cell(estimate.value, estimate.low, estimate.high, signed=True)
