"""How far people agree where two of them labelled the same unit.

Cohen (1960), «A coefficient of agreement for nominal scales», by scikit-learn; Krippendorff (2011),
«Computing Krippendorff's alpha-reliability», by the package krippendorff. Furniture is a category too.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from itertools import combinations
from typing import Any, Final

import krippendorff

from khabar.labels import Label
from khabar.serve.review._state import FURNITURE, Span
from khabar.serve.store import Logged, ReviewedArticle

if find_spec("sklearn") is None:  # when the server starts, not when somebody asks for the figures
    raise ModuleNotFoundError("scikit-learn is not installed", name="sklearn")

CATEGORIES: Final = (*(label.value for label in Label), FURNITURE)

_MOST_SHOWN: Final = 200

_Unit = tuple[str, Span]


def agreement(log: Sequence[Logged], articles: Iterable[ReviewedArticle]) -> dict[str, Any]:
    """Return agreement of every two people, of all together, and where they differ.

    Args:
        log: All rows, those of an article in order.
        articles: All articles, for the text of what people differ on.
    """
    labels = _last_labels(row for row in log)
    alone = _last_labels(row for row in log if not row.change.seen)
    return {
        **_figures(labels),
        "independent": _figures(alone),
        "by_person": _by_person(log),
        "differing": _differing(labels, articles),
    }


def _last_labels(log: Iterable[Logged]) -> dict[_Unit, dict[str, str]]:
    """Return what each person said last about a unit."""
    found: dict[_Unit, dict[str, str]] = defaultdict(dict)
    for row in log:
        change = row.change
        if change.op == "label" and change.span is not None and change.after is not None:
            found[row.article_id, change.span][change.annotator] = change.after
    return found


def _figures(labels: dict[_Unit, dict[str, str]]) -> dict[str, Any]:
    shared = [given for given in labels.values() if len(given) > 1]
    people = sorted({name for given in shared for name in given})
    return {
        "units": len(shared),
        "people": people,
        "alpha": _alpha(shared, people),
        "pairs": [pair for two in combinations(people, 2) if (pair := _pair(shared, two))],
    }


def _pair(shared: list[dict[str, str]], two: tuple[str, str]) -> dict[str, Any] | None:
    both = [(given[two[0]], given[two[1]]) for given in shared if all(name in given for name in two)]
    if not both:
        return None
    first, second = zip(*both, strict=True)
    counted = Counter(both)
    used = [name for name in CATEGORIES if name in {*first, *second}]
    # Here, not above: it takes longer to import than everything else that a server needs.
    from sklearn.metrics import cohen_kappa_score

    return {
        "people": list(two),
        "units": len(both),
        "agreed": sum(one == other for one, other in both),
        # Where both always said the same one thing, chance explains everything: kappa is 0/0.
        "kappa": None if len(used) < 2 else float(cohen_kappa_score(first, second)),
        "table": {row: {column: counted[row, column] for column in used} for row in used},
    }


def _alpha(shared: list[dict[str, str]], people: Sequence[str]) -> float | None:
    if len({name for given in shared for name in given.values()}) < 2:
        return None
    numbers = {name: float(index) for index, name in enumerate(CATEGORIES)}
    data = [[numbers.get(given.get(person, ""), float("nan")) for given in shared] for person in people]
    return float(
        krippendorff.alpha(
            reliability_data=data, level_of_measurement="nominal", value_domain=list(numbers.values())
        )
    )


def _by_person(log: Sequence[Logged]) -> list[dict[str, Any]]:
    given, changed = Counter[str](), Counter[str]()
    seen = defaultdict[str, set[str]](set)
    for row in log:
        change = row.change
        seen[change.annotator].add(row.article_id)
        if change.op == "label":
            given[change.annotator] += 1
            changed[change.annotator] += change.before is not None and change.before != change.after
    return [
        {"name": name, "labels": given[name], "changed": changed[name], "articles": len(seen[name])}
        for name in sorted(seen)
    ]


def _differing(
    labels: dict[_Unit, dict[str, str]], articles: Iterable[ReviewedArticle]
) -> list[dict[str, Any]]:
    """Return the units that are still there and have different labels by different people."""
    spans = defaultdict[str, list[Span]](list)
    for (identifier, span), given in labels.items():
        if len(set(given.values())) > 1:
            spans[identifier].append(span)
    found = [
        {
            "id": article.id,
            "name": article.name,
            "part": span.part,
            "start": span.start,
            "end": span.end,
            "text": article.review.text_of(span),
            "labels": labels[article.id, span],
        }
        for article in articles
        for span in sorted(spans.get(article.id, ()))
        if span in article.review.units
    ]
    return found[:_MOST_SHOWN]
