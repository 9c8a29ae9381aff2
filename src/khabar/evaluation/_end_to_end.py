"""Scores from raw text: the errors of splitting and of furniture count as well as those of labels.

The annotator reads an article as a user would hand it over, title and text, and finds the sentences itself.
What it found is laid over the gold sentences by characters that are no white space:

- A gold sentence gets the label of the predicted sentence that shares the most characters with it, where
  that is at least half of its own. Otherwise it is missed: it was taken for page furniture, or torn apart.
  Two gold sentences that were read as one both get its label.
- A predicted sentence less than half of which lies in gold sentences is spurious: furniture that was taken
  for a sentence.

A missed sentence counts against the recall of its label, a spurious one against the precision of the label
that it was given. The harsher count, by exact spans, is that of named-entity recognition: a label is right
only on a sentence whose first and last character are those of the gold sentence, so a sentence that was cut
elsewhere is both missed and spurious (Tjong Kim Sang and De Meulder 2003).
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from khabar.errors import DataError, KhabarError
from khabar.evaluation._scores import DEFAULT_BOOTSTRAP, Bootstrap, Scores, score
from khabar.labels import Label
from khabar.schema import AnnotatedArticle, AnnotatedSentence, LabelledArticle, LabelledSentence, Sentence


@runtime_checkable
class ArticleAnnotator(Protocol):
    """What can be evaluated from raw text: `khabar.Annotator`."""

    def annotate_many(self, articles: Iterable[str | Mapping[str, Any]], /) -> Iterator[AnnotatedArticle]:
        """Annotate articles with ``text`` and ``title``, in order."""


@dataclass(frozen=True, slots=True)
class EndToEnd:
    """What an annotator scores on raw articles."""

    overlap: Scores
    """By the sentence that shares the most characters; `Scores.accuracy` is the share of the gold sentences
    that were found and got their label."""
    exact: Scores
    """By sentences whose span is exactly that of a gold sentence."""
    same_span: int
    """Gold sentences whose span was found exactly."""
    missed: Mapping[Label, int]
    """Gold sentences that were not found, by gold label."""
    spurious: Mapping[Label, int]
    """Predicted sentences that are none, by predicted label."""

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "overlap": self.overlap.to_dict(),
            "exact": self.exact.to_dict(),
            "same_span": self.same_span,
            "missed": {label.value: count for label, count in self.missed.items()},
            "spurious": {label.value: count for label, count in self.spurious.items()},
        }


@dataclass(frozen=True, slots=True)
class Alignment:
    """The predicted sentences of an article beside its gold ones."""

    found: tuple[tuple[LabelledSentence, AnnotatedSentence | None], ...]
    """Every gold sentence that has a label, and the predicted one that it gets; None when it is missed."""
    spurious: tuple[AnnotatedSentence, ...]
    """Predicted sentences that are no gold ones."""


def align(gold: LabelledArticle, predicted: AnnotatedArticle) -> Alignment:
    """Lay the sentences that an annotator found over those of a labelled article, as described above."""
    wanted: dict[str, list[LabelledSentence]] = defaultdict(list)
    for unit in gold.sentences:
        if unit.label is not None:
            wanted[_string(unit, gold.title)].append(unit)
    given: dict[str, list[AnnotatedSentence]] = defaultdict(list)
    for sentence in predicted.sentences:
        given[_string(sentence, predicted.title)].append(sentence)
    found: list[tuple[LabelledSentence, AnnotatedSentence | None]] = []
    spurious: list[AnnotatedSentence] = []
    for string in ("title", "text"):
        text = gold.title or "" if string == "title" else gold.text
        for unit in wanted[string]:
            best = max(given[string], key=lambda each: _shared(unit, each, text), default=None)
            enough = best is not None and 2 * _shared(unit, best, text) >= _size(text, unit.start, unit.end)
            found.append((unit, best if enough else None))
        for sentence in given[string]:
            covered = sum(_shared(unit, sentence, text) for unit in wanted[string])
            if 2 * covered < _size(text, sentence.start, sentence.end):
                spurious.append(sentence)
    return Alignment(tuple(found), tuple(spurious))


def end_to_end(
    annotator: ArticleAnnotator,
    articles: Sequence[LabelledArticle],
    bootstrap: Bootstrap = DEFAULT_BOOTSTRAP,
) -> EndToEnd:
    """Annotate raw articles and score what comes out against their labels.

    Raises:
        DataError: No sentence has a gold label.
        KhabarError: The annotator abstained, or gave another number of articles than it got.
    """
    inputs = ({"text": article.text, "title": article.title, "id": article.id} for article in articles)
    predicted = list(annotator.annotate_many(inputs))
    if len(predicted) != len(articles):
        raise KhabarError(f"{len(articles)} articles were given and {len(predicted)} came back.")
    overlap, exact = _Columns(), _Columns()
    same_span = 0
    missed: Counter[Label] = Counter()
    spurious: Counter[Label] = Counter()
    for gold, annotated in zip(articles, predicted, strict=True):
        alignment = align(gold, annotated)
        for unit, sentence in alignment.found:
            assert unit.label is not None  # align leaves furniture out
            overlap.add(unit.label, None if sentence is None else label_of(sentence), gold.id)
            missed[unit.label] += sentence is None
        for sentence in alignment.spurious:
            overlap.add(None, label_of(sentence), gold.id)
            spurious[label_of(sentence)] += 1
        spans = {(_string(s, annotated.title), s.start, s.end): s for s in annotated.sentences}
        for unit, _ in alignment.found:
            same = spans.pop((_string(unit, gold.title), unit.start, unit.end), None)
            exact.add(unit.label, None if same is None else label_of(same), gold.id)
            same_span += same is not None
        for sentence in spans.values():
            exact.add(None, label_of(sentence), gold.id)
    if not any(label is not None for label in overlap.gold):
        raise DataError("no sentence has a gold label, so there is nothing to score.")
    return EndToEnd(
        overlap=overlap.score(bootstrap),
        exact=exact.score(bootstrap),
        same_span=same_span,
        missed={label: missed[label] for label in Label},
        spurious={label: spurious[label] for label in Label},
    )


def label_of(sentence: AnnotatedSentence) -> Label:
    """Return the label of a sentence that is to be scored.

    Raises:
        KhabarError: The annotator abstained.
    """
    if sentence.label is None:
        raise KhabarError(
            "the annotator abstained from a sentence, so it cannot be scored; evaluate it without min_score: "
            "the curve of risk against coverage shows every threshold."
        )
    return sentence.label


class _Columns:
    """Gold label, predicted label and article of every sentence."""

    def __init__(self) -> None:
        self.gold: list[Label | None] = []
        self.predicted: list[Label | None] = []
        self.groups: list[str] = []

    def add(self, gold: Label | None, predicted: Label | None, group: str) -> None:
        self.gold.append(gold)
        self.predicted.append(predicted)
        self.groups.append(group)

    def score(self, bootstrap: Bootstrap) -> Scores:
        return score(self.gold, self.predicted, self.groups, bootstrap)


def _string(sentence: Sentence, title: str | None) -> str:
    """Return which string a sentence's offsets point into: a headline in the text has them in the text."""
    return "title" if sentence.part == "title" and title is not None else "text"


def _shared(one: Sentence, other: Sentence, text: str) -> int:
    return _size(text, max(one.start, other.start), min(one.end, other.end))


def _size(text: str, start: int, end: int) -> int:
    return len("".join(text[start:end].split())) if start < end else 0
