"""A report on several systems over the same articles: as data, as Markdown, as tables in a terminal.

`khabar.evaluation.html` makes a page with plots of it.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.table import Table

from khabar._grid import Grid
from khabar._version import __version__
from khabar.evaluation._calibration import BINS
from khabar.evaluation._end_to_end import EndToEnd
from khabar.evaluation._evaluate import Agreement, Evaluation
from khabar.evaluation._kinds import ERROR_KINDS
from khabar.evaluation._scores import Bootstrap, Estimate, Scores
from khabar.labels import Label
from khabar.schema import LabelledArticle

_UNDEFINED = "–"

_RAW_NOTE = (
    "By overlap, a gold sentence has the label of the predicted one that shares the most characters with it, "
    "and at least half of its own; it is missed otherwise. By exact span, both ends have to be the same."
)
_CALIBRATION_NOTE = (
    f"ECE: expected calibration error of the most probable label, {BINS} bins of equal width. By chance "
    "alone: what the same probabilities would show on so many sentences if each were exactly right."
)
_SETS_NOTE = "Share of the sentences, of all and of each label and outlet, whose set holds the gold label."


@dataclass(frozen=True, slots=True)
class DataSummary:
    """What the systems were evaluated on."""

    name: str
    """Name of the file, without its folder."""
    split: str
    articles: int
    outlets: int
    support: Mapping[Label, int]
    """Labelled sentences by gold label."""
    furniture: int
    """Units without a label, which are annotated with the others and not scored."""

    @classmethod
    def of(cls, articles: Sequence[LabelledArticle], name: str, split: str) -> "DataSummary":
        """Count what is in the articles of a split."""
        counts = Counter(sentence.label for article in articles for sentence in article.sentences)
        return cls(
            name=name,
            split=split,
            articles=len(articles),
            outlets=len({article.outlet for article in articles if article.outlet is not None}),
            support={label: counts[label] for label in Label},
            furniture=counts[None],
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "name": self.name,
            "split": self.split,
            "articles": self.articles,
            "outlets": self.outlets,
            "sentences": sum(self.support.values()),
            "support": {label.value: count for label, count in self.support.items()},
            "furniture": self.furniture,
        }


@dataclass(frozen=True, slots=True)
class AnnotatorAgreement:
    """How far two annotators agree who label the same sentences independently: what a model can reach.

    Accuracy is agreement with the gold labels, so the share stands on the same axis as accuracy, and kappa on
    that of kappa. It says nothing about macro-F1.
    """

    share: float
    """Share of the units with the same label, 0 to 1."""
    kappa: float | None = None
    """Cohen's kappa."""
    units: int | None = None
    """How many units both labelled."""
    source: str = "given by the user"
    """Who agreed, on what."""

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError(f"share is {self.share}, but a share of units lies between 0 and 1.")

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {"share": self.share, "kappa": self.kappa, "units": self.units, "source": self.source}


CORPUS_AGREEMENT = AnnotatorAgreement(
    share=0.982,
    kappa=0.97,
    units=1588,
    source=(
        "two language-model annotators of the same make, independently, under the guidelines of the labels "
        "that the built-in model learnt from, on other articles than those; no measure of what people would "
        "agree on"
    ),
)
"""Agreement on the labels that the built-in model learnt from, as its model card states it."""


@dataclass(frozen=True, slots=True)
class Report:
    """Systems side by side; the first one is what the report is about."""

    data: DataSummary
    systems: Mapping[str, Evaluation]
    """Evaluations by the name of the system, in the order of the table's rows; at least one."""
    agreements: Mapping[str, Agreement]
    """Agreements by what was compared, such as «int8 against fp32»."""
    bootstrap: Bootstrap
    raw: Mapping[str, EndToEnd] = field(default_factory=dict)
    """Scores from raw text of those of ``systems`` that read it, by name."""
    annotators: AnnotatorAgreement | None = None
    """What annotators of such labels agree on, where it is known."""

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON, without NaN."""
        return {
            "khabar": __version__,
            "data": self.data.to_dict(),
            "bootstrap": {
                "unit": "article",
                "resamples": self.bootstrap.resamples,
                "confidence": self.bootstrap.confidence,
                "seed": self.bootstrap.seed,
            },
            "systems": {name: evaluation.to_dict() for name, evaluation in self.systems.items()},
            "raw_text": {name: scores.to_dict() for name, scores in self.raw.items()},
            "annotators": None if self.annotators is None else self.annotators.to_dict(),
            "agreements": {name: agreement.to_dict() for name, agreement in self.agreements.items()},
        }

    def to_markdown(self, level: int = 1) -> str:
        """The tables as Markdown, under a line that says on what and how.

        Args:
            level: Of the report's own heading; those of the tables are one below.
        """
        blocks = [f"{'#' * level} {self.title}", self.note]
        for grid, remark in self.grids():
            blocks += [f"{'#' * (level + 1)} {grid.title}", grid.to_markdown(), *([remark] if remark else [])]
        return "\n\n".join(blocks) + "\n"

    def to_tables(self) -> list[Table]:
        """The same tables for a terminal."""
        return [grid.to_rich() for grid, _ in self.grids()]

    @property
    def main(self) -> tuple[str, Evaluation]:
        """The system that the report is about: its name and its scores."""
        return next(iter(self.systems.items()))

    @property
    def title(self) -> str:
        """What the report is called."""
        return f"Evaluation on {self.data.name}, split {self.data.split}"

    @property
    def version(self) -> str:
        """Version of khabar that wrote it."""
        return __version__

    @property
    def note(self) -> str:
        """What the figures were measured on, and what stands in brackets."""
        sentences = sum(self.data.support.values())
        return (
            f"{sentences:,} sentences of {self.data.articles:,} articles, outlets: {self.data.outlets}. "
            f"Scores in percent; in brackets the {self.bootstrap.confidence:.0%} interval of a bootstrap "
            f"over articles ({self.bootstrap.resamples:,} resamples)."
        )

    def grids(self) -> list[tuple[Grid, str]]:
        """The tables, each with what has to be said of it, if anything."""
        grids = [
            (self._overview(), ""),
            (self._labels(), ""),
            (self._agreement_with_gold(), self._ceiling_note()),
            (self._by_part("Accuracy by part of the data", lambda scores: scores.accuracy), ""),
            (self._by_part("Macro-F1 by part of the data", lambda scores: scores.macro_f1), ""),
            (self._confusion(), ""),
            (self._errors(), ""),
        ]
        if self.raw:
            grids += [(self._raw_text(), _RAW_NOTE), (self._found(), "")]
        grids += [
            (self._calibration(), _CALIBRATION_NOTE),
            (self._calibration_of_labels(), ""),
            (self._abstaining(), self._abstaining_note()),
        ]
        if self.main[1].label_sets:
            grids += [(self._label_sets(), _SETS_NOTE), (self._set_sizes(), "")]
        return [*grids, (self._agreement(), "")] if self.agreements else grids

    def _overview(self) -> Grid:
        labels = [f"{label.value} ({count:,})" for label, count in self.data.support.items()]
        rows = [
            (
                name,
                percent(evaluation.strict.macro_f1),
                percent(evaluation.strict.accuracy),
                *(percent(scores.f1) for scores in evaluation.strict.labels.values()),
            )
            for name, evaluation in self.systems.items()
        ]
        return Grid("Systems, with the F1 of every label", ("system", "macro-F1", "accuracy", *labels), rows)

    def _by_part(self, title: str, figure: Callable[[Scores], Estimate]) -> Grid:
        # All systems saw the same sentences, so they have the same parts.
        parts = [_parts(evaluation) for evaluation in self.systems.values()]
        rows = [
            (name, f"{scores.sentences:,}", *(percent(figure(each[name])) for each in parts))
            for name, scores in parts[0].items()
        ]
        return Grid(title, ("part", "sentences", *self.systems), rows)

    def _confusion(self) -> Grid:
        name, evaluation = self.main
        rows = [
            (label.value, *(f"{count:,}" for count in row))
            for label, row in zip(Label, evaluation.strict.confusion, strict=True)
        ]
        return Grid(
            f"Gold labels (rows) and those of {name} (columns)", ("", *(label.value for label in Label)), rows
        )

    def _errors(self) -> Grid:
        totals = [sum(evaluation.errors.values()) for evaluation in self.systems.values()]
        rows = [
            (
                kind,
                *(
                    f"{evaluation.errors[kind]:,} ({evaluation.errors[kind] / max(total, 1):.0%})"
                    for evaluation, total in zip(self.systems.values(), totals, strict=True)
                ),
            )
            for kind in ERROR_KINDS
        ]
        rows.append(("all", *(f"{total:,}" for total in totals)))
        return Grid("Errors by kind, with their share of all errors", ("kind", *self.systems), rows)

    def _labels(self) -> Grid:
        name, evaluation = self.main
        rows = [
            (
                label.value,
                f"{strict.support:,}",
                percent(strict.precision),
                percent(strict.recall),
                percent(strict.f1),
                percent(evaluation.lenient.labels[label].f1),
            )
            for label, strict in evaluation.strict.labels.items()
        ]
        header = ("label", "sentences", "precision", "recall", "F1", "F1, lenient")
        return Grid(f"Labels, {name}", header, rows)

    def _agreement_with_gold(self) -> Grid:
        rows = [
            (name, percent(evaluation.strict.accuracy), plain(evaluation.strict.kappa))
            for name, evaluation in self.systems.items()
        ]
        if self.annotators is not None:
            kappa = _UNDEFINED if self.annotators.kappa is None else f"{self.annotators.kappa:.2f}"
            rows.append(("annotators among themselves", f"{100 * self.annotators.share:.1f}", kappa))
        return Grid("Agreement with the gold labels", ("", "same label", "Cohen's kappa"), rows)

    def _ceiling_note(self) -> str:
        if self.annotators is None:
            return ""
        units = "" if self.annotators.units is None else f" on {self.annotators.units:,} units"
        return f"Annotators among themselves{units}: {self.annotators.source}."

    def _raw_text(self) -> Grid:
        rows = []
        for name, found in self.raw.items():
            ways = (
                ("sentences given", self.systems[name].strict),
                ("raw text, by overlap", found.overlap),
                ("raw text, by exact span", found.exact),
            )
            rows += [
                (
                    f"{name}: {way}",
                    percent(scores.macro_f1),
                    percent(scores.accuracy),
                    *(percent(each.f1) for each in scores.labels.values()),
                )
                for way, scores in ways
            ]
        header = ("", "macro-F1", "accuracy", *(f"F1 {label.value}" for label in Label))
        return Grid("From raw text, beside sentences given", header, rows)

    def _found(self) -> Grid:
        rows = []
        for name, found in self.raw.items():
            total = found.overlap.sentences
            missed, spurious = sum(found.missed.values()), sum(found.spurious.values())
            rows.append(
                (
                    name,
                    f"{total:,}",
                    f"{found.same_span:,} ({found.same_span / total:.1%})",
                    f"{missed:,} ({missed / total:.1%})",
                    f"{spurious:,}",
                )
            )
        header = ("", "gold sentences", "span found exactly", "missed", "spurious sentences")
        return Grid("What reading raw text finds", header, rows)

    def _calibration(self) -> Grid:
        rows = [
            (
                name,
                f"{evaluation.calibration.top.calibration_error:.3f}",
                f"{evaluation.calibration.by_chance:.3f}",
                f"{evaluation.calibration.top.brier:.3f}",
                f"{evaluation.calibration.log_loss:.3f}",
            )
            for name, evaluation in self.systems.items()
        ]
        header = ("system", "ECE", "ECE by chance alone", "Brier, 0 to 2", "log loss")
        return Grid("Calibration", header, rows)

    def _calibration_of_labels(self) -> Grid:
        name, evaluation = self.main
        rows = [
            (label.value, f"{found.calibration_error:.3f}", f"{found.brier:.3f}")
            for label, found in evaluation.calibration.labels.items()
        ]
        return Grid(f"Calibration of each label, {name}", ("label", "ECE", "Brier, 0 to 1"), rows)

    def _abstaining(self) -> Grid:
        name, evaluation = self.main
        rows = [
            (
                f"{each.min_score:.2f}",
                f"{each.answered:,}",
                percent(each.coverage),
                percent(each.risk),
            )
            for each in evaluation.abstaining.thresholds
        ]
        header = ("min_score", "sentences with a label", "share", "wrong among them")
        return Grid(f"Abstaining below a score, {name}", header, rows)

    def _abstaining_note(self) -> str:
        area = self.main[1].abstaining.area
        return f"Mean share of errors over all coverages (area under the risk-coverage curve): {area:.3f}."

    def _label_sets(self) -> Grid:
        name, evaluation = self.main
        outlets = next((tuple(found.outlets) for found in evaluation.label_sets), ())
        rows = [
            (
                f"{1 - found.error_rate:.0%}",
                percent(found.coverage),
                *(percent(each) for each in found.labels.values()),
                *(percent(found.outlets[outlet]) for outlet in outlets),
            )
            for found in evaluation.label_sets
        ]
        header = ("meant", "all", *(label.value for label in Label), *outlets)
        return Grid(f"Label sets that hold the gold label, {name}", header, rows)

    def _set_sizes(self) -> Grid:
        name, evaluation = self.main
        rows = [
            (
                f"{1 - found.error_rate:.0%}",
                f"{found.mean_size:.2f}",
                *(f"{count:,} ({count / sum(found.sizes):.0%})" for count in found.sizes),
            )
            for found in evaluation.label_sets
        ]
        header = ("meant", "mean size", "none", "one", "two", "three", "four")
        return Grid(f"Labels in a set, {name}", header, rows)

    def _agreement(self) -> Grid:
        rows = [
            (
                name,
                f"{agreement.sentences:,}",
                f"{100 * agreement.share:.2f}",
                f"{agreement.sentences - agreement.same:,}",
                percent(agreement.macro_f1_difference, digits=2),
            )
            for name, agreement in self.agreements.items()
        ]
        header = (
            "compared",
            "sentences",
            "same label",
            "sentences that differ",
            "macro-F1, first minus second",
        )
        return Grid("Agreement", header, rows)


def _parts(evaluation: Evaluation) -> dict[str, Scores]:
    outlets = {f"outlet: {outlet}": scores for outlet, scores in evaluation.outlets.items()}
    return {"all": evaluation.strict, "all, lenient": evaluation.lenient, **evaluation.slices, **outlets}


def percent(estimate: Estimate, digits: int = 1) -> str:
    """«78.3 [75.0, 81.2]», without brackets where there is no interval."""
    if estimate.value is None:
        return _UNDEFINED
    value = f"{100 * estimate.value:.{digits}f}"
    if estimate.low is None or estimate.high is None:
        return value
    return f"{value} [{100 * estimate.low:.{digits}f}, {100 * estimate.high:.{digits}f}]"


def plain(estimate: Estimate) -> str:
    """«0.78 [0.75, 0.81]»."""
    if estimate.value is None:
        return _UNDEFINED
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.2f}"
    return f"{estimate.value:.2f} [{estimate.low:.2f}, {estimate.high:.2f}]"
