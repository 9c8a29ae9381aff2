"""Evaluation of whatever annotates sentences, through the method that users call."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from khabar.confidence import LabelSets
from khabar.errors import DataError, KhabarError
from khabar.evaluation._calibration import CalibrationScores, calibration_scores
from khabar.evaluation._end_to_end import label_of
from khabar.evaluation._kinds import count_kinds
from khabar.evaluation._label_sets import SetCoverage, set_coverage
from khabar.evaluation._scores import DEFAULT_BOOTSTRAP, Bootstrap, Estimate, Scores, difference, score
from khabar.evaluation._selective import RiskCoverage, risk_coverage
from khabar.evaluation._speech import carries_speech_over
from khabar.labels import Label
from khabar.schema import AnnotatedSentence, LabelledArticle, LabelledSentence


class SentenceAnnotator(Protocol):
    """What can be evaluated: `khabar.Annotator`, a baseline, a rule of your own."""

    def annotate_sentences(self, sentences: list[str], /) -> Sequence[AnnotatedSentence]:
        """Annotate the sentences of ONE article, in order: as many results as given."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """One labelled sentence of an article, and what an annotator said about it."""

    article: str
    """Id of the article."""
    outlet: str | None
    gold: LabelledSentence
    label: Label
    """The gold label; furniture has none and is not judged."""
    predicted: AnnotatedSentence
    position: int | None
    """Which sentence of the body it is, counted from 1 and without furniture; None in a title."""
    carried_over: bool
    """Whether it stands in the body and opens by going on with the words of a speaker named earlier."""

    @property
    def predicted_label(self) -> Label:
        """The label of ``predicted``."""
        return label_of(self.predicted)

    @property
    def first(self) -> bool:
        """Whether it is the first sentence of the body."""
        return self.position == 1

    @property
    def lenient_label(self) -> Label:
        """The predicted label where the gold data has it as almost as right, else the gold label."""
        return self.predicted_label if self.predicted_label in self.gold.also else self.label

    @property
    def words(self) -> int:
        """Length in words, which are what stands between white space."""
        return len(self.gold.text.split())


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What an annotator scores on labelled articles."""

    strict: Scores
    """Only the gold label is right."""
    lenient: Scores
    """A label that the gold data lists as almost as right is right too."""
    slices: Mapping[str, Scores]
    """Strict scores of parts of the data, by name; a slice without sentences is left out."""
    outlets: Mapping[str, Scores]
    """Strict scores by outlet, for the articles that name one."""
    errors: Mapping[str, int]
    """Number of strict errors by kind, for every one of `ERROR_KINDS`."""
    calibration: CalibrationScores
    """How far the probabilities can be taken at their word, by strict labels."""
    abstaining: RiskCoverage
    """What a ``min_score`` costs and gains, by strict labels."""
    label_sets: tuple[SetCoverage, ...]
    """Label sets at some error rates; empty for what has none."""

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "strict": self.strict.to_dict(),
            "lenient": self.lenient.to_dict(),
            "slices": {name: scores.to_dict() for name, scores in self.slices.items()},
            "outlets": {name: scores.to_dict() for name, scores in self.outlets.items()},
            "errors": dict(self.errors),
            "calibration": self.calibration.to_dict(),
            "abstaining": self.abstaining.to_dict(),
            "label_sets": [found.to_dict() for found in self.label_sets],
        }


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far two annotators say the same on the same sentences."""

    sentences: int
    same: int
    """Sentences that both gave the same label."""
    macro_f1_difference: Estimate
    """Macro-F1 of the first minus that of the second, drawn on the same resamples."""

    @property
    def share(self) -> float:
        """Share of sentences with the same label, 0 to 1."""
        return self.same / self.sentences

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "sentences": self.sentences,
            "same": self.same,
            "share": self.share,
            "macro_f1_difference": self.macro_f1_difference.to_dict(),
        }


def _stands(first: int, last: int | None = None) -> Callable[[Judgement], bool]:
    def belongs(judgement: Judgement) -> bool:
        position = judgement.position
        return position is not None and first <= position and (last is None or position <= last)

    return belongs


def _has_words(least: int, most: int | None = None) -> Callable[[Judgement], bool]:
    return lambda judgement: least <= judgement.words and (most is None or judgement.words <= most)


SLICES: Mapping[str, Callable[[Judgement], bool]] = {
    "title": lambda judgement: judgement.gold.part == "title",
    "body": lambda judgement: judgement.gold.part == "body",
    "first body sentence": _stands(1, 1),
    "body sentences 2 and 3": _stands(2, 3),
    "body sentences 4 to 7": _stands(4, 7),
    "body sentence 8 and later": _stands(8),
    "up to 15 words": _has_words(0, 15),
    "16 to 30 words": _has_words(16, 30),
    "31 to 50 words": _has_words(31, 50),
    "over 50 words": _has_words(51),
    "carried-over speech": lambda judgement: judgement.carried_over,
}
"""Parts of the data that are reported apart: by part and position in the article, by length, and one of its
own."""


def judge(annotator: SentenceAnnotator, articles: Iterable[LabelledArticle]) -> list[Judgement]:
    """Annotate labelled articles and put every label beside the gold one.

    The annotator gets all units of an article in order, title first and furniture included, as it would from
    a page that was split but not cleaned; units without a gold label are not judged.

    Raises:
        KhabarError: The annotator gave more or fewer results than it got sentences, or abstained.
    """
    judgements: list[Judgement] = []
    for article in articles:
        predicted = annotator.annotate_sentences([sentence.text for sentence in article.sentences])
        if len(predicted) != len(article.sentences):
            raise KhabarError(
                f"article {article.id!r}: {len(article.sentences)} sentences were given and {len(predicted)} "
                "came back; annotate_sentences gives one result for every sentence."
            )
        position = 0
        for gold, annotated in zip(article.sentences, predicted, strict=True):
            if gold.label is None:
                continue
            label_of(annotated)  # an annotator that abstains is refused here, before anything is scored
            in_body = gold.part == "body"
            position += in_body
            judgements.append(
                Judgement(
                    article=article.id,
                    outlet=article.outlet,
                    gold=gold,
                    label=gold.label,
                    predicted=annotated,
                    position=position if in_body else None,
                    carried_over=in_body and carries_speech_over(gold.text),
                )
            )
    return judgements


def summarise(
    judgements: Sequence[Judgement],
    bootstrap: Bootstrap = DEFAULT_BOOTSTRAP,
    more_slices: Mapping[str, Callable[[Judgement], bool]] | None = None,
    label_sets: LabelSets | None = None,
) -> Evaluation:
    """Score judged sentences, as a whole and by slice and outlet.

    Args:
        judgements: From `judge`.
        bootstrap: How intervals are drawn.
        more_slices: Parts of the data to report apart beside `SLICES`, by name.
        label_sets: The annotator's thresholds of label sets; None for what has none.

    Raises:
        DataError: No sentence was judged.
    """
    if not judgements:
        raise DataError("no sentence has a gold label, so there is nothing to score.")
    parts = {**SLICES, **(more_slices or {})}
    slices = {name: [item for item in judgements if belongs(item)] for name, belongs in parts.items()}
    outlets = {
        outlet: [item for item in judgements if item.outlet == outlet]
        for outlet in sorted({item.outlet for item in judgements if item.outlet is not None})
    }
    gold, groups = [item.label for item in judgements], [item.article for item in judgements]
    probabilities = [item.predicted.scores for item in judgements]
    return Evaluation(
        strict=_score(judgements, bootstrap),
        lenient=score(
            [item.lenient_label for item in judgements],
            [item.predicted_label for item in judgements],
            [item.article for item in judgements],
            bootstrap,
        ),
        slices={name: _score(items, bootstrap) for name, items in slices.items() if items},
        outlets={name: _score(items, bootstrap) for name, items in outlets.items()},
        errors=count_kinds(
            (item, item.label, item.predicted_label)
            for item in judgements
            if item.predicted_label is not item.label
        ),
        calibration=calibration_scores(probabilities, gold),
        abstaining=risk_coverage(
            [max(row.values()) for row in probabilities],
            [item.predicted_label is item.label for item in judgements],
            groups,
            bootstrap,
        ),
        label_sets=()
        if label_sets is None
        else set_coverage(
            probabilities, gold, groups, [item.outlet for item in judgements], label_sets, bootstrap
        ),
    )


def agreement(
    first: Sequence[Judgement],
    second: Sequence[Judgement],
    bootstrap: Bootstrap = DEFAULT_BOOTSTRAP,
) -> Agreement:
    """Compare two annotators that judged the same articles, such as a quantised model and its original.

    Raises:
        ValueError: The two were not judged on the same sentences, or on none.
    """
    if [(item.article, item.gold) for item in first] != [(item.article, item.gold) for item in second]:
        raise ValueError("the two were not judged on the same sentences, so they cannot be compared.")
    one, two = ([item.predicted_label for item in items] for items in (first, second))
    gold, groups = [item.label for item in first], [item.article for item in first]
    return Agreement(
        sentences=len(one),
        same=sum(a is b for a, b in zip(one, two, strict=True)),
        macro_f1_difference=difference(gold, one, two, groups, bootstrap),
    )


def _score(judgements: Sequence[Judgement], bootstrap: Bootstrap) -> Scores:
    return score(
        [item.label for item in judgements],
        [item.predicted.label for item in judgements],
        [item.article for item in judgements],
        bootstrap,
    )
