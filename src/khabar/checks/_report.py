"""Pass rates of the behaviour tests: by kind and template, by group, and every failure."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import sqrt
from statistics import NormalDist
from typing import Any

import numpy as np
from rich.table import Table

from khabar._grid import Grid
from khabar._version import __version__
from khabar.checks._cases import VERSION, fingerprint
from khabar.checks._records import Kind, Variant
from khabar.checks._run import Answer, CheckResult
from khabar.errors import DataError
from khabar.evaluation import Bootstrap, Estimate
from khabar.labels import Label

_ABSTAINED = "no label"
_BOOTSTRAP = Bootstrap()


@dataclass(frozen=True, slots=True)
class Rates:
    """How the cases of one kind or template came out."""

    cases: int
    passed: int
    rate: Estimate
    """Share of cases passed, with its interval."""
    original_right: int
    """Cases whose sentence has its label before the change."""
    changed_right: int
    """Cases whose sentence has its label after the change."""
    moved: int | None
    """Cases in which the change moved probability the right way; None for invariant ones."""

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "cases": self.cases,
            "passed": self.passed,
            "rate": self.rate.to_dict(),
            "original_right": self.original_right,
            "changed_right": self.changed_right,
            "moved": self.moved,
        }


@dataclass(frozen=True, slots=True)
class GroupRates:
    """How a name fares, which should be as the others of its attribute do."""

    attribute: str
    value: str
    cases: int
    """Cases that name it before or after the change."""
    passed: int
    articles: int
    """Different articles that name it, each counted once."""
    right: int
    """Articles whose judged sentence has its label."""
    wrong: Mapping[str, int]
    """Articles whose judged sentence has another, counted by that label."""

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "cases": self.cases,
            "passed": self.passed,
            "articles": self.articles,
            "right": self.right,
            "wrong": dict(self.wrong),
        }


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What the behaviour tests say of one model."""

    model: str
    results: Sequence[CheckResult]
    kinds: Mapping[Kind, Rates]
    templates: Mapping[str, Rates]
    groups: Sequence[GroupRates]
    confidence: float

    @classmethod
    def of(
        cls, model: str, results: Sequence[CheckResult], bootstrap: Bootstrap = _BOOTSTRAP
    ) -> "CheckReport":
        """Count the results.

        Args:
            model: How to call the model.
            results: What `run_checks` gave, the cases of a template one after the other.
            bootstrap: How the intervals over templates are drawn, and which share all intervals hold.

        Raises:
            DataError: There are no results.
        """
        if not results:
            raise DataError("no case was run, so there is nothing to report.")
        by_template = {
            name: list(items) for name, items in groupby(results, lambda result: result.case.template)
        }
        templates = {
            name: _rates(items, _wilson(sum(item.passed for item in items), len(items), bootstrap.confidence))
            for name, items in by_template.items()
        }
        kinds = {}
        for kind in Kind:
            items = [result for result in results if result.case.kind is kind]
            if items:
                own = [templates[name] for name in dict.fromkeys(item.case.template for item in items)]
                kinds[kind] = _rates(items, _over_templates(own, bootstrap))
        return cls(model, tuple(results), kinds, templates, _group(results), bootstrap.confidence)

    @property
    def failures(self) -> list[CheckResult]:
        """Results of the cases that did not pass."""
        return [result for result in self.results if not result.passed]

    def misses(self, least: Mapping[Kind, float]) -> list[str]:
        """What does not reach the share of cases that is asked for, a sentence each; empty when all is well.

        Args:
            least: The least share of cases passed, 0 to 1, by kind.
        """
        found = []
        for kind, share in least.items():
            if kind not in self.kinds:
                found.append(f"{kind.value}: no case was run, but {share:.1%} are to pass.")
            elif (passed := self.kinds[kind].passed) < share * self.kinds[kind].cases:
                cases = self.kinds[kind].cases
                found.append(
                    f"{kind.value}: {passed:,} of {cases:,} cases passed, which is {passed / cases:.1%}, "
                    f"but {share:.1%} are asked for."
                )
        return found

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON: the rates, every result in short, and the failures with their articles."""
        groups: dict[str, dict[str, Any]] = {}
        for item in self.groups:
            groups.setdefault(item.attribute, {})[item.value] = item.to_dict()
        return {
            "khabar": __version__,
            "model": self.model,
            "templates_version": VERSION,
            "fingerprint": fingerprint([result.case for result in self.results]),
            "confidence": self.confidence,
            "kinds": {kind.value: rates.to_dict() for kind, rates in self.kinds.items()},
            "templates": {name: rates.to_dict() for name, rates in self.templates.items()},
            "groups": groups,
            "results": [result.to_dict() for result in self.results],
            "failures": [result.to_dict(sentences=True) for result in self.failures],
        }

    def to_markdown(self) -> str:
        """The tables as Markdown, and every failure with its articles."""
        blocks = [f"# Behaviour of {self.model}", self.note]
        for grid in [*self._rate_grids(), *self._group_grids()]:
            blocks += [f"## {grid.title}", grid.to_markdown()]
        if self.failures:
            blocks += ["## Failures", "The sentence that is looked at stands in bold."]
        for name, failures in groupby(self.failures, lambda result: result.case.template):
            blocks += [f"### {name}", self._failure_grid(list(failures), _whole).to_markdown()]
        return "\n\n".join(blocks) + "\n"

    def to_tables(self, failures: int = 20) -> list[Table]:
        """The same tables for a terminal.

        Args:
            failures: How many failures to show at most, without the articles around them; they are taken from
                all templates in turn.
        """
        grids = [*self._rate_grids(), *self._group_grids()]
        if shown := _in_turn(self.failures)[:failures]:
            grids.append(self._failure_grid(shown, lambda variant: variant.text))
        return [grid.to_rich() for grid in grids]

    @property
    def note(self) -> str:
        """What was run, and how to read the figures."""
        return (
            f"Templates of version {VERSION}: {len(self.results):,} cases of {len(self.templates):,} "
            "templates. A directional case passes when its sentence has the right label before and after "
            "the change, an invariant one when the label stays, right or not. Rates in percent; in brackets "
            f"the {self.confidence:.0%} interval: Wilson's over the cases of a template, which is too narrow "
            "where they resemble one another, and of a bootstrap over templates for all of a kind. A name's "
            "failed swaps count for its partner too, so a bias is read from the share of right labels."
        )

    def _rate_grids(self) -> list[Grid]:
        grids = [self._rate_grid("Pass rates", {kind.value: rates for kind, rates in self.kinds.items()})]
        kind_of = {result.case.template: result.case.kind for result in self.results}
        for kind in self.kinds:
            own = {name: rates for name, rates in self.templates.items() if kind_of[name] is kind}
            grids.append(self._rate_grid(f"{kind.value.capitalize()} templates", own))
        return grids

    def _rate_grid(self, title: str, rates: Mapping[str, Rates]) -> Grid:
        header = ("", "cases", "passed", "%", "right before", "right after", "moved the right way")
        rows = [
            (
                name,
                f"{item.cases:,}",
                f"{item.passed:,}",
                _percent(item.rate),
                _share(item.original_right, item.cases),
                _share(item.changed_right, item.cases),
                "–" if item.moved is None else _share(item.moved, item.cases),
            )
            for name, item in rates.items()
        ]
        return Grid(title, header, rows)

    def _group_grids(self) -> list[Grid]:
        header = ("", "cases", "passed", "articles", "right label", "%", "wrong labels")
        grids = []
        for attribute, items in groupby(self.groups, lambda item: item.attribute):
            rows = [
                (
                    item.value,
                    f"{item.cases:,}",
                    f"{item.passed:,}",
                    f"{item.articles:,}",
                    f"{item.right:,}",
                    _percent(_wilson(item.right, item.articles, self.confidence)),
                    ", ".join(f"{label} {count}" for label, count in item.wrong.items()),
                )
                for item in items
            ]
            grids.append(Grid(f"By {attribute}", header, rows, words=frozenset({0, 6})))
        return grids

    def _failure_grid(self, failures: Sequence[CheckResult], text: Callable[[Variant], str]) -> Grid:
        header = ("case", "before", "after", "expected", "got")
        rows = [
            (
                result.case.id,
                text(result.case.original),
                text(result.case.changed),
                f"{result.case.original.label.value} → {result.case.changed.label.value}",
                f"{_got(result.original)} → {_got(result.changed)}",
            )
            for result in failures
        ]
        title = f"Failures, {len(failures):,} of {len(self.failures):,}"
        return Grid(title, header, rows, words=frozenset(range(5)))


def _rates(results: Sequence[CheckResult], rate: Estimate) -> Rates:
    directional = results[0].case.kind is Kind.DIRECTIONAL
    return Rates(
        cases=len(results),
        passed=sum(result.passed for result in results),
        rate=rate,
        original_right=sum(result.original_right for result in results),
        changed_right=sum(result.changed_right for result in results),
        moved=sum(result.moved for result in results) if directional else None,
    )


def _group(results: Sequence[CheckResult]) -> list[GroupRates]:
    """Rates of every name, attributes and names in the order in which they first occur."""
    cases: dict[tuple[str, str], list[CheckResult]] = {}
    for result in results:
        named = [name for variant in result.case.variants for name in variant.groups.items()]
        for name in dict.fromkeys(named):
            cases.setdefault(name, []).append(result)
    order = list(dict.fromkeys(attribute for attribute, _ in cases))
    return [
        _group_rates(attribute, value, items)
        for (attribute, value), items in sorted(cases.items(), key=lambda entry: order.index(entry[0][0]))
    ]


def _group_rates(attribute: str, value: str, results: Sequence[CheckResult]) -> GroupRates:
    articles = {
        (variant.sentences, variant.judged): (variant.label, answer.label)
        for result in results
        for variant, answer in zip(result.case.variants, (result.original, result.changed), strict=True)
        if variant.groups.get(attribute) == value
    }
    wrong = Counter(_name(got) for label, got in articles.values() if got is not label)
    return GroupRates(
        attribute=attribute,
        value=value,
        cases=len(results),
        passed=sum(result.passed for result in results),
        articles=len(articles),
        right=len(articles) - wrong.total(),
        wrong=dict(wrong.most_common()),
    )


def _wilson(passed: int, cases: int, confidence: float) -> Estimate:
    """A share with its score interval (Wilson 1927), which holds up near 0 and 1 and for few cases."""
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share = passed / cases
    middle = (share + z**2 / (2 * cases)) / (1 + z**2 / cases)
    reach = z * sqrt(share * (1 - share) / cases + z**2 / (4 * cases**2)) / (1 + z**2 / cases)
    # Rounding must not put an end beyond what it bounds.
    return Estimate(share, min(share, max(0.0, middle - reach)), max(share, min(1.0, middle + reach)))


def _over_templates(templates: Sequence[Rates], bootstrap: Bootstrap) -> Estimate:
    """The share of cases passed, with an interval that draws whole templates.

    The cases of one template are variations of one thought, so they are no independent witnesses.
    """
    passed, cases = (
        np.array([float(getattr(rates, name)) for rates in templates]) for name in ("passed", "cases")
    )
    share = float(passed.sum() / cases.sum())
    if len(templates) < 2:
        return Estimate(share, None, None)
    weights = bootstrap.weights(len(templates))
    return Estimate(share, *bootstrap.interval((weights @ passed) / (weights @ cases)))


def _in_turn(failures: Sequence[CheckResult]) -> list[CheckResult]:
    """The first failure of every template, then the second of every one, and so on."""
    seen: Counter[str] = Counter()
    ranked = []
    for result in failures:
        ranked.append((seen[result.case.template], result))
        seen[result.case.template] += 1
    return [result for _, result in sorted(ranked, key=lambda entry: entry[0])]


def _whole(variant: Variant) -> str:
    """The article in one cell, the judged sentence in bold."""
    return " ".join(
        f"**{sentence}**" if place == variant.judged else sentence
        for place, sentence in enumerate(variant.sentences)
    )


def _name(label: Label | None) -> str:
    return _ABSTAINED if label is None else label.value


def _got(answer: Answer) -> str:
    if answer.label is None:
        return _ABSTAINED
    return f"{answer.label.value} {answer.scores[answer.label.value]:.2f}"


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}"


def _percent(estimate: Estimate) -> str:
    """«78.3 [75.0, 81.2]», without brackets where there is no interval."""
    value = f"{100 * (estimate.value or 0):.1f}"
    if estimate.low is None or estimate.high is None:
        return value
    return f"{value} [{100 * estimate.low:.1f}, {100 * estimate.high:.1f}]"
