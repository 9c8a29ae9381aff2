"""Suspects beside their articles: as records, and as articles for a labelling tool."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from khabar.errors import DataError
from khabar.label_errors._find import Suspect
from khabar.labels import Label
from khabar.predictions import Prediction
from khabar.schema import (
    AnnotatedArticle,
    AnnotatedSentence,
    Furniture,
    LabelledArticle,
    LabelledSentence,
    Part,
)

_KIND = "labelled"
"""What furniture is called that an annotator marked, who did not say of which kind."""


def suspect_records(
    suspects: Iterable[Suspect], articles: Iterable[LabelledArticle]
) -> Iterator[dict[str, Any]]:
    """Yield each suspect as plain data for JSON, with its text.

    Raises:
        DataError: A suspect is in none of the articles, or has another label there.
    """
    found = Places(articles)
    for suspect in suspects:
        prediction = suspect.prediction
        _, place, sentence = found.of(prediction)
        yield {
            "doubts": [doubt.value for doubt in suspect.doubts],
            "article": prediction.article,
            "outlet": prediction.outlet,
            "index": place,
            "part": sentence.part,
            "start": sentence.start,
            "end": sentence.end,
            "text": sentence.text,
            "label": prediction.label.value,
            "also": [label.value for label in prediction.also],
            "predicted": prediction.predicted.value,
            "quality": round(suspect.quality, 6),
            "probabilities": {label.value: round(prediction.probabilities[label], 6) for label in Label},
        }


def for_review(
    suspects: Sequence[Suspect],
    predictions: Iterable[Prediction],
    articles: Iterable[LabelledArticle],
) -> list[AnnotatedArticle]:
    """Put the articles with suspects in the form that labelling tools are given, to be corrected.

    Every sentence keeps its present label. The score of a suspect is the quality of its label, which is low,
    and that of any other sentence is 1, so that a tool that sorts or colours by score shows what to look at.

    Args:
        suspects: What is to be looked at.
        predictions: Those that the suspects were found among; they have the probabilities of the others.
        articles: The labelled articles.

    Returns:
        The articles, the one with the worst label first. Second labels are not among what tools are given.

    Raises:
        DataError: A suspect is in none of the articles, or has another label there.
    """
    found = Places(articles)
    quality = {suspect.prediction.place: suspect.quality for suspect in suspects}
    probabilities = {each.place: each.probabilities for each in predictions}
    worst: dict[str, LabelledArticle] = {}
    for suspect in sorted(suspects, key=lambda each: each.quality):
        article, _, _ = found.of(suspect.prediction)
        worst.setdefault(article.id, article)
    return [_annotated(article, quality, probabilities) for article in worst.values()]


class Places:
    """Labelled sentences by where they stand."""

    def __init__(self, articles: Iterable[LabelledArticle]) -> None:
        self._articles = {article.id: article for article in articles}

    def of(self, prediction: Prediction) -> tuple[LabelledArticle, int, LabelledSentence]:
        """Return the article, the sentence's number in it, and the sentence.

        Raises:
            DataError: There is none, or it has another label.
        """
        article = self._articles.get(prediction.article)
        if article is None:
            raise DataError(
                f"article {prediction.article!r} is predicted and not among the labelled ones; give the file "
                "that was cross-validated."
            )
        for number, sentence in enumerate(article.sentences):
            place = (article.id, sentence.part, sentence.start, sentence.end)
            if place == prediction.place and sentence.label is prediction.label:
                return article, number, sentence
        raise DataError(
            f"article {prediction.article!r}: no sentence of the {prediction.part} from {prediction.start} "
            f"to {prediction.end} has the label {prediction.label.value!r} any more; cross-validate again, "
            "or give the file as it was."
        )


def _annotated(
    article: LabelledArticle,
    quality: Mapping[tuple[str, Part, int, int], float],
    probabilities: Mapping[tuple[str, Part, int, int], Mapping[Label, float]],
) -> AnnotatedArticle:
    sentences = []
    for unit in article.sentences:
        if unit.label is None:
            continue
        place = (article.id, unit.part, unit.start, unit.end)
        known = probabilities.get(place, {label: float(label is unit.label) for label in Label})
        sentences.append(
            AnnotatedSentence(
                unit.part,
                unit.start,
                unit.end,
                unit.text,
                label=unit.label,
                score=quality.get(place, 1.0),
                scores={label.value: known[label] for label in Label},
                truncated=False,
            )
        )
    furniture = tuple(
        Furniture(unit.start, unit.end, unit.text, _KIND)
        for unit in article.sentences
        if unit.label is None and unit.part == "body"
    )
    return AnnotatedArticle(article.text, article.title, article.id, tuple(sentences), furniture)
