"""What a labelled corpus holds: articles and sentences of each label, by split and outlet."""

from collections import Counter
from collections.abc import Iterable
from typing import Final, TypedDict

from khabar.labels import Label
from khabar.schema import LabelledArticle

NO_SPLIT: Final = "no split"
NO_OUTLET: Final = "no outlet"


class Figures(TypedDict):
    """Counts of some articles."""

    articles: int
    sentences: int
    """Sentences with a label."""
    furniture: int
    """Sentences without: page furniture."""
    labels: dict[str, int]
    """Sentences of each of the four labels, in the order of `Label`."""
    shares: dict[str, float]
    """What share of ``sentences`` each label has, 0 to 1; 0 where there are none."""


class SplitFigures(Figures):
    """Counts of a split."""

    outlets: dict[str, Figures]
    """By outlet, the one with the most sentences first."""


class Summary(Figures):
    """Counts of a corpus, as plain data that ``json.dumps`` takes."""

    splits: dict[str, SplitFigures]
    """By split, in the order in which the articles name them; `NO_SPLIT` for those that name none."""
    outlets: dict[str, Figures]
    """By outlet over all splits, the one with the most sentences first; `NO_OUTLET` for those without."""


def summary(articles: Iterable[LabelledArticle]) -> Summary:
    """Count the articles and labels of a corpus, by split and outlet.

    Args:
        articles: The articles, right or wrong; `khabar.corpus.check` tells which.
    """
    articles = list(articles)
    splits: dict[str, SplitFigures] = {
        split: {**_figures(members), "outlets": _by_outlet(members)}
        for split, members in _by((article.split or NO_SPLIT, article) for article in articles).items()
    }
    return {**_figures(articles), "splits": splits, "outlets": _by_outlet(articles)}


def _by_outlet(articles: Iterable[LabelledArticle]) -> dict[str, Figures]:
    groups = _by((article.outlet or NO_OUTLET, article) for article in articles)
    figures = {outlet: _figures(members) for outlet, members in groups.items()}
    return dict(sorted(figures.items(), key=lambda item: (-item[1]["sentences"], item[0])))


def _by(pairs: Iterable[tuple[str, LabelledArticle]]) -> dict[str, list[LabelledArticle]]:
    groups: dict[str, list[LabelledArticle]] = {}
    for key, article in pairs:
        groups.setdefault(key, []).append(article)
    return groups


def _figures(articles: Iterable[LabelledArticle]) -> Figures:
    articles = list(articles)
    counts = Counter(sentence.label for article in articles for sentence in article.sentences)
    labels = {label.value: counts[label] for label in Label}
    sentences = sum(labels.values())
    return {
        "articles": len(articles),
        "sentences": sentences,
        "furniture": counts[None],
        "labels": labels,
        "shares": {name: count / max(1, sentences) for name, count in labels.items()},
    }
