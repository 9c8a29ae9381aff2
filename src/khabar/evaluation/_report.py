"""A report on several systems over the same articles: as data, as Markdown, as tables in a terminal."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table

from khabar._grid import Grid
from khabar._version import __version__
from khabar.evaluation._evaluate import Agreement, Evaluation
from khabar.evaluation._kinds import ERROR_KINDS
from khabar.evaluation._scores import Bootstrap, Estimate, Scores
from khabar.labels import Label
from khabar.schema import LabelledArticle

_UNDEFINED = "–"


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
class Report:
    """Systems side by side; the first one is what the report is about."""

    data: DataSummary
    systems: Mapping[str, Evaluation]
    """Evaluations by the name of the system, in the order of the table's rows; at least one."""
    agreements: Mapping[str, Agreement]
    """Agreements by what was compared, such as «int8 against fp32»."""
    bootstrap: Bootstrap

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
            "agreements": {name: agreement.to_dict() for name, agreement in self.agreements.items()},
        }

    def to_markdown(self) -> str:
        """The tables as Markdown, under a line that says on what and how."""
        blocks = [f"# Evaluation on {self.data.name}, split {self.data.split}", self.note]
        for grid in self._grids():
            blocks += [f"## {grid.title}", grid.to_markdown()]
        return "\n\n".join(blocks) + "\n"

    def to_tables(self) -> list[Table]:
        """The same tables for a terminal."""
        return [grid.to_rich() for grid in self._grids()]

    @property
    def note(self) -> str:
        """What the figures were measured on, and what stands in brackets."""
        sentences = sum(self.data.support.values())
        return (
            f"{sentences:,} sentences of {self.data.articles:,} articles, outlets: {self.data.outlets}. "
            f"Scores in percent; in brackets the {self.bootstrap.confidence:.0%} interval of a bootstrap "
            f"over articles ({self.bootstrap.resamples:,} resamples)."
        )

    def _grids(self) -> list[Grid]:
        grids = [
            self._overview(),
            self._by_part("Accuracy by part of the data", lambda scores: scores.accuracy),
            self._by_part("Macro-F1 by part of the data", lambda scores: scores.macro_f1),
            self._confusion(),
            self._errors(),
        ]
        return [*grids, self._agreement()] if self.agreements else grids

    def _overview(self) -> Grid:
        labels = [f"{label.value} ({count:,})" for label, count in self.data.support.items()]
        rows = [
            (
                name,
                _percent(evaluation.strict.macro_f1),
                _percent(evaluation.strict.accuracy),
                *(_percent(scores.f1) for scores in evaluation.strict.labels.values()),
            )
            for name, evaluation in self.systems.items()
        ]
        return Grid("Systems, with the F1 of every label", ("system", "macro-F1", "accuracy", *labels), rows)

    def _by_part(self, title: str, figure: Callable[[Scores], Estimate]) -> Grid:
        # All systems saw the same sentences, so they have the same parts.
        parts = [_parts(evaluation) for evaluation in self.systems.values()]
        rows = [
            (name, f"{scores.sentences:,}", *(_percent(figure(each[name])) for each in parts))
            for name, scores in parts[0].items()
        ]
        return Grid(title, ("part", "sentences", *self.systems), rows)

    def _confusion(self) -> Grid:
        name, evaluation = next(iter(self.systems.items()))
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

    def _agreement(self) -> Grid:
        rows = [
            (
                name,
                f"{agreement.sentences:,}",
                f"{100 * agreement.share:.2f}",
                f"{agreement.sentences - agreement.same:,}",
                _percent(agreement.macro_f1_difference, digits=2),
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


def _percent(estimate: Estimate, digits: int = 1) -> str:
    """«78.3 [75.0, 81.2]», without brackets where there is no interval."""
    if estimate.value is None:
        return _UNDEFINED
    value = f"{100 * estimate.value:.{digits}f}"
    if estimate.low is None or estimate.high is None:
        return value
    return f"{value} [{100 * estimate.low:.{digits}f}, {100 * estimate.high:.{digits}f}]"
