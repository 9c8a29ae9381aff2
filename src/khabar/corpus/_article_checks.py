"""What can be wrong with a single labelled article.

Readers refuse most of it already; articles that were built in Python come here unchecked.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from khabar.corpus._findings import Problem, ProblemKind
from khabar.corpus._problems import listed, nearest, show
from khabar.labels import Label
from khabar.schema import LabelledArticle, LabelledSentence

_Found = tuple[ProblemKind, str, str | int | tuple[int, int]]
"""Kind, message and value of a problem of a sentence."""

_LABELS: Final = tuple(label.value for label in Label)
_SOME_FURNITURE: Final = 3
"""Sentences without a label that are no accident: most pages have one or two pieces of furniture."""


def check_article(article: LabelledArticle, splits: Sequence[str], longest: int) -> Iterator[Problem]:
    """Yield the problems of an article: its split, its sentences in order, its labels as a whole.

    Args:
        article: The article.
        splits: The splits that there are.
        longest: Characters beyond which a sentence is very long.
    """
    if article.split is not None and article.split not in splits:
        instead = nearest(article.split, splits) or "; name one of them"
        yield Problem(
            ProblemKind.UNKNOWN_SPLIT,
            f"split {show(article.split)} is none of {listed(splits)}, and nothing is learnt from it or "
            f"scored on it{instead}",
            article.id,
            value=article.split,
        )
    if not article.sentences:
        yield Problem(
            ProblemKind.NO_SENTENCES, "has no sentences; label some or drop the article", article.id, value=0
        )
    ends = {"title": 0, "body": 0}
    for index, unit in enumerate(article.sentences):
        for kind, message, value in (
            *_of_span(article, unit, ends),
            *_of_labels(unit),
            *_of_length(unit, longest),
        ):
            yield Problem(kind, message, article.id, index, value)
    yield from _of_furniture(article)


def _of_span(article: LabelledArticle, unit: LabelledSentence, ends: dict[str, int]) -> Iterator[_Found]:
    """Check offsets; ``ends`` holds where the last sentence of each part ended, and is moved on."""
    span = (unit.start, unit.end)
    stretch = f"offsets {unit.start} to {unit.end}"
    strings = {"title": article.title, "body": article.text}
    if unit.part not in strings:
        yield ProblemKind.WRONG_OFFSETS, f"{show(unit.part)} is no part; use {listed(strings)}", unit.part
        return
    string = strings[unit.part]
    if string is None:
        message = 'the part is "title", but the article has no title; add it or use "body"'
        yield ProblemKind.WRONG_OFFSETS, message, span
        return
    if not 0 <= unit.start <= unit.end <= len(string):
        message = f"{stretch} are not within the {unit.part}, which has {len(string)} characters"
        yield ProblemKind.WRONG_OFFSETS, f"{message}; count characters from 0, the end exclusive", span
        return
    if not string[unit.start : unit.end].strip():
        found = "only white space" if unit.start < unit.end else "no character"
        yield ProblemKind.EMPTY_SENTENCE, f"{stretch} hold {found}; drop the sentence or move them", span
    elif string[unit.start : unit.end] != unit.text:
        message = f"{stretch} hold {show(string[unit.start : unit.end])} and not {show(unit.text)}"
        yield ProblemKind.WRONG_OFFSETS, f"{message}; take the text of a sentence from its offsets", span
    if unit.part == "title" and ends["body"]:
        message = "a title stands behind a body sentence; put sentences in reading order, the title first"
        yield ProblemKind.OVERLAP, message, span
    if unit.start < ends[unit.part]:
        message = f"{stretch} reach back before {ends[unit.part]}, where a sentence before ends"
        yield ProblemKind.OVERLAP, f"{message}; put sentences in reading order, none over another", span
    ends[unit.part] = max(ends[unit.part], unit.end)


def _of_labels(unit: LabelledSentence) -> Iterator[_Found]:
    # Code that no type checker sees may put in any string.
    for value in (unit.label, *unit.also):
        if value is not None and value not in _LABELS:
            message = f"{show(value)} is no label; use {listed(_LABELS)} or None for furniture"
            yield ProblemKind.UNKNOWN_LABEL, message + nearest(value, _LABELS), str(value)


def _of_length(unit: LabelledSentence, longest: int) -> Iterator[_Found]:
    length = len(unit.text)
    if unit.label is not None and length > longest:
        message = (
            f"has {length} characters, more than {longest}, of which a model may read only the beginning"
        )
        yield ProblemKind.LONG_SENTENCE, f"{message}; look whether it is several sentences", length


def _of_furniture(article: LabelledArticle) -> Iterator[Problem]:
    count = len(article.sentences)
    furniture = sum(unit.label is None for unit in article.sentences)
    if count and furniture == count:
        yield Problem(
            ProblemKind.NO_LABELS,
            f"none of {count} sentences has a label, so nothing is learnt from it; label it or drop it",
            article.id,
            value=furniture,
        )
    elif furniture >= _SOME_FURNITURE and 2 * furniture > count:
        yield Problem(
            ProblemKind.MOSTLY_FURNITURE,
            f"{furniture} of {count} sentences have no label, which means page furniture; label the "
            "sentences among them",
            article.id,
            value=furniture,
        )
