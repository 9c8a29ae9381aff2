"""What a model has to beat: TF-IDF with logistic regression, one sentence at a time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from khabar.arabic import normalize
from khabar.errors import DataError, MissingExtraError
from khabar.evaluation import Bootstrap, score
from khabar.labels import Label
from khabar.schema import AnnotatedSentence, LabelledArticle

try:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.pipeline import FeatureUnion
except ImportError as error:
    raise MissingExtraError(
        f"khabar.baselines needs the package {error.name!r}, which comes with `pip install 'khabar[train]'`."
    ) from error


@dataclass(frozen=True, slots=True)
class TfidfOptions:
    """What the baseline tries; the best pair of strength and class weights on validation is kept."""

    strengths: tuple[float, ...] = (0.25, 1.0, 4.0)
    """Inverse regularisation strengths, scikit-learn's ``C``."""
    class_weights: tuple[str | None, ...] = (None, "balanced")
    """Whether rare labels count for more; "balanced" weighs them by the inverse of their frequency."""
    max_features: int = 150_000
    """Most frequent n-grams kept, of words and of characters each."""
    min_sentences: int = 2
    """An n-gram counts only when this many sentences hold it."""
    seed: int = 13

    def __post_init__(self) -> None:
        if not self.strengths or not self.class_weights:
            raise ValueError("strengths and class_weights hold at least one value each.")


class TfidfBaseline:
    """Word and character n-grams of single sentences, weighted by TF-IDF, in a logistic regression.

    It never sees the article around a sentence. Build one with `fit`.
    """

    def __init__(
        self,
        features: Any,  # noqa: ANN401  # scikit-learn ships no types
        classifier: Any,  # noqa: ANN401  # as above
        strength: float,
        class_weight: str | None,
    ) -> None:
        self._features = features
        self._classifier = classifier
        self.strength = strength
        """The strength that was best on validation."""
        self.class_weight = class_weight
        """The class weights that were best on validation."""

    @classmethod
    def fit(
        cls,
        train: Iterable[LabelledArticle],
        validation: Iterable[LabelledArticle],
        options: TfidfOptions | None = None,
    ) -> "TfidfBaseline":
        """Fit on one split and choose on another, by macro-F1; equal scores go to the first that was tried.

        Furniture, which has no label, is left out of both.

        Raises:
            DataError: A split holds no labelled sentence, or the first only one label.
        """
        options = options or TfidfOptions()
        texts, labels = _labelled(train, "train")
        if len(set(labels)) < 2:
            raise DataError("the train split holds one label only, so there is nothing to tell apart.")
        held_texts, held_labels = _labelled(validation, "validation")

        features = _vectorizer(options)
        known, held = features.fit_transform(texts), features.transform(held_texts)
        best: tuple[float, TfidfBaseline] | None = None
        for strength, class_weight in product(options.strengths, options.class_weights):
            # The dual solver takes seconds on sparse text where the others take minutes.
            one = LogisticRegression(
                C=strength,
                class_weight=class_weight,
                solver="liblinear",
                dual=True,
                max_iter=1000,
                random_state=options.seed,
            )
            classifier = OneVsRestClassifier(one).fit(known, labels)
            predicted = [Label(name) for name in classifier.predict(held)]
            articles = [str(row) for row in range(len(held_labels))]
            value = score(held_labels, predicted, articles, Bootstrap(resamples=1)).macro_f1.value or 0.0
            if best is None or value > best[0]:
                best = value, cls(features, classifier, strength, class_weight)
        assert best is not None  # options hold at least one pair
        return best[1]

    def annotate_sentences(self, sentences: list[str], /) -> list[AnnotatedSentence]:
        """Annotate each sentence by itself; as many results as given, with offsets into the sentence."""
        if not sentences:
            return []
        rows = self._classifier.predict_proba(self._features.transform(sentences))
        return [self._annotated(text, row) for text, row in zip(sentences, rows, strict=True)]

    def _annotated(self, text: str, row: Sequence[float]) -> AnnotatedSentence:
        scores = {label.value: 0.0 for label in Label}
        scores |= {
            str(name): float(value) for name, value in zip(self._classifier.classes_, row, strict=True)
        }
        label = max(Label, key=lambda label: scores[label])
        return AnnotatedSentence("body", 0, len(text), text, label, scores[label], scores, truncated=False)


def _labelled(articles: Iterable[LabelledArticle], split: str) -> tuple[list[str], list[Label]]:
    pairs = [(sentence.text, sentence.label) for article in articles for sentence in article.sentences]
    labelled = [(text, label) for text, label in pairs if label is not None]
    if not labelled:
        raise DataError(f"the {split} split holds no labelled sentence, which the TF-IDF baseline needs.")
    return [text for text, _ in labelled], [label for _, label in labelled]


def _vectorizer(options: TfidfOptions) -> Any:  # noqa: ANN401  # scikit-learn ships no types
    shared = {
        "preprocessor": normalize,
        "sublinear_tf": True,
        "min_df": options.min_sentences,
        "max_features": options.max_features,
    }
    return FeatureUnion(
        [
            ("words", TfidfVectorizer(analyzer="word", ngram_range=(1, 2), **shared)),
            ("characters", TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), **shared)),
        ]
    )
