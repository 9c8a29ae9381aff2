"""What is wrong with labelled articles, found before an hour of training is lost on them.

A reader refuses what breaks the format of its file. Here articles are looked at together, whatever they were
read from or built by: splits that give answers away, labels that are too few, articles with hardly a label.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from khabar.arabic.words import fold
from khabar.corpus._article_checks import check_article
from khabar.corpus._duplicates import THRESHOLD, near_groups, wording
from khabar.corpus._findings import Problem, ProblemKind, show_id
from khabar.corpus._problems import listed, show
from khabar.corpus._splits import SPLITS
from khabar.labels import Label
from khabar.schema import LabelledArticle

MIN_PER_LABEL: Final = 10
"""Sentences of each label that a split needs. A model learns next to nothing from fewer, and on fewer one
sentence moves the recall of the label by more than ten points."""

LONGEST_SENTENCE: Final = 700
"""Characters. Of the 28,571 units of the built-in model's corpus none is as long."""

_ENOUGH_OF_AN_OUTLET: Final = 20
"""Sentences of one label that are no accident."""

_MOST_LISTED: Final = 4
_ANEW: Final = "deal the articles out with khabar.corpus.split"


def check(
    articles: Sequence[LabelledArticle],
    *,
    splits: Sequence[str] = SPLITS,
    min_per_label: int = MIN_PER_LABEL,
    longest_sentence: int = LONGEST_SENTENCE,
    threshold: float = THRESHOLD,
) -> list[Problem]:
    """Look for everything that would spoil training on labelled articles, or scores on them.

    Args:
        articles: The articles, read from a file or built in Python.
        splits: The splits that there are to be, by name.
        min_per_label: How many sentences of each label every one of the splits needs. Where no article names
            a split, labels are counted over all of them.
        longest_sentence: Characters beyond which a sentence is very long.
        threshold: From where on two articles are near-duplicates, as in `khabar.corpus.near_duplicates`.

    Returns:
        All problems, none of them left out: first those of single articles, in the order of the articles,
        then those between articles, then those of the whole corpus.

    Raises:
        ValueError: ``threshold`` is no share above 0 and at most 1.
        MissingExtraError: The library datasketch, of the extra ``train``, is not installed.
    """
    return [
        *(problem for article in articles for problem in check_article(article, splits, longest_sentence)),
        *_repeated_ids(articles),
        *_without_split(articles),
        *_repeated_texts(articles),
        *_near_duplicates(articles, threshold),
        *_empty_splits(articles, splits),
        *_few_examples(articles, splits, min_per_label),
        *_mixed_guidelines(articles),
        *_one_label_outlets(articles),
    ]


def _repeated_ids(articles: Sequence[LabelledArticle]) -> Iterator[Problem]:
    for identifier, count in Counter(article.id for article in articles).items():
        if count > 1:
            yield Problem(
                ProblemKind.REPEATED_ID,
                f"is the id of {count} articles; ids are unique, so rename or drop all but one",
                identifier,
                value=count,
            )


def _without_split(articles: Sequence[LabelledArticle]) -> Iterator[Problem]:
    if not any(article.split is not None for article in articles):
        return  # One problem, of the whole corpus, and not one of each article.
    for article in articles:
        if article.split is None:
            yield Problem(
                ProblemKind.NO_SPLIT,
                "names no split, so nothing is learnt from it or scored on it; name one, unless it was set "
                "aside on purpose",
                article.id,
            )


def _repeated_texts(articles: Sequence[LabelledArticle]) -> Iterator[Problem]:
    groups: dict[str, list[LabelledArticle]] = defaultdict(list)
    for article in articles:
        groups[_text(article)].append(article)
    groups.pop("", None)
    for group in groups.values():
        yield from _across_splits(
            group,
            ProblemKind.TEXT_IN_TWO_SPLITS,
            "has the same text as",
            "keep one of them",
        )
        by_split: dict[str | None, list[str]] = defaultdict(list)
        for article in group:
            by_split[article.split].append(article.id)
        for ids in by_split.values():
            if len(ids) > 1:
                yield Problem(
                    ProblemKind.TEXT_TWICE,
                    f"has the same text as {_some(ids[1:])} of its split and counts more than once; keep one",
                    ids[0],
                    value=tuple(ids),
                )


def _near_duplicates(articles: Sequence[LabelledArticle], threshold: float) -> Iterator[Problem]:
    for places in near_groups(articles, threshold).listed():
        group = [articles[place] for place in places]
        # Where all have one text, that has been complained of.
        if len({_text(article) for article in group}) > 1:
            yield from _across_splits(
                group,
                ProblemKind.NEAR_DUPLICATES_IN_TWO_SPLITS,
                "is a version of",
                f"keep them in one split, or {_ANEW}",
            )


def _text(article: LabelledArticle) -> str:
    """Return what must be equal for two articles to be the same: all words and figures, folded."""
    return " ".join(fold(wording(article)).split())


def _across_splits(
    group: Sequence[LabelledArticle], kind: ProblemKind, relation: str, way_out: str
) -> Iterator[Problem]:
    """Complain of articles that belong together and stand in several splits."""
    by_split: dict[str, list[str]] = defaultdict(list)
    for article in group:
        if article.split is not None:
            by_split[article.split].append(article.id)
    if len(by_split) > 1:
        ids = tuple(identifier for members in by_split.values() for identifier in members)
        home, members = next(iter(by_split.items()))
        by_split[home] = members[1:]
        others = " and ".join(f"{_some(ids)} in {show(split)}" for split, ids in by_split.items() if ids)
        yield Problem(
            kind,
            f"in {show(home)} {relation} {others}, so that scores tell what was learnt by heart; {way_out}",
            ids[0],
            value=ids,
        )


def _empty_splits(articles: Sequence[LabelledArticle], splits: Sequence[str]) -> Iterator[Problem]:
    there = {article.split for article in articles}
    missing = tuple(split for split in splits if split not in there)
    if missing and not there - {None}:
        yield Problem(
            ProblemKind.EMPTY_SPLIT,
            f"no article names a split, one of {listed(splits)}; {_ANEW}",
            value=missing,
        )
        return
    for split in missing:
        yield Problem(ProblemKind.EMPTY_SPLIT, f"no article is in split {show(split)}; {_ANEW}", value=split)


def _few_examples(
    articles: Sequence[LabelledArticle], splits: Sequence[str], min_per_label: int
) -> Iterator[Problem]:
    counts: dict[str | None, Counter[Label | None]] = defaultdict(Counter)
    for article in articles:
        counts[article.split].update(unit.label for unit in article.sentences)
    # Of a split without articles that has been said; without any split, all articles are one.
    there: list[str | None] = [split for split in splits if split in counts]
    if counts.keys() == {None}:
        there = [None]
    for split in there:
        where = "the corpus" if split is None else f"split {show(split)}"
        for label in Label:
            count = counts[split][label]
            if count < min_per_label:
                found = f"{count} sentence" if count == 1 else f"{count} sentences"
                yield Problem(
                    ProblemKind.FEW_EXAMPLES,
                    f"{where} has {found} of {label} and needs {min_per_label}; label more, or {_ANEW}",
                    value=count,
                )


def _mixed_guidelines(articles: Sequence[LabelledArticle]) -> Iterator[Problem]:
    versions = Counter(article.guidelines for article in articles)
    if len(versions) > 1:
        named = ", ".join(
            f"{count} under {'no version that is named' if version is None else show(version)}"
            for version, count in versions.most_common()
        )
        yield Problem(
            ProblemKind.MIXED_GUIDELINES,
            f"articles are labelled under several guidelines, {named}; see whether these agree on the labels",
            value=tuple(str(version) for version in versions if version is not None),
        )


def _one_label_outlets(articles: Sequence[LabelledArticle]) -> Iterator[Problem]:
    counts: dict[str | None, Counter[Label]] = defaultdict(Counter)
    for article in articles:
        counts[article.outlet].update(unit.label for unit in article.sentences if unit.label is not None)
    used = {label for labels in counts.values() for label in labels}
    for outlet, labels in counts.items():
        if outlet is not None and len(labels) == 1 < len(used) and labels.total() >= _ENOUGH_OF_AN_OUTLET:
            (label,) = labels
            yield Problem(
                ProblemKind.ONE_LABEL_OUTLET,
                f"all {labels.total()} sentences of the outlet {show(outlet)} are {label}; see whether they "
                "were labelled one by one",
                value=outlet,
            )


def _some(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - _MOST_LISTED} more" if len(ids) > _MOST_LISTED else ""
    return ", ".join(map(show_id, ids[:_MOST_LISTED])) + more
