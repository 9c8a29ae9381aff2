"""The Annotator: raw article text in, sentences with labels out."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from khabar.article import read_article
from khabar.backends import BackendName, load_backend
from khabar.bundle import BUILT_IN, Bundle, load_bundle, resolve
from khabar.confidence import calibrated, label_set
from khabar.errors import BundleError, InputError
from khabar.labels import Label
from khabar.schema import AnnotatedArticle, AnnotatedSentence, Article, Sentence

_ARTICLES_AT_ONCE = 32
"""How many articles `annotate_many` encodes together: enough to tokenise in parallel, little to hold."""


@dataclass(frozen=True, slots=True)
class _Item:
    article: Article
    id: str | None


class Annotator:
    """Tags the sentences of Arabic news articles.

    Without arguments it uses the built-in model, which needs no network and no torch::

        annotator = Annotator()
        for sentence in annotator.annotate(text):
            print(sentence.label, sentence.score, sentence.text)

    An instance may be used by several threads at once.
    """

    def __init__(
        self,
        model: str = "default",
        *,
        backend: BackendName | None = None,
        threads: int | None = None,
        min_score: float | None = None,
        error_rate: float | None = None,
    ) -> None:
        """Load a built-in model.

        Args:
            model: Name of a built-in model; there is one, ``"default"``. Others load with `from_pretrained`.
            backend: ``"onnx"`` or ``"torch"``; None takes ONNX where the model has a graph for it.
            threads: How many threads to compute with; None leaves it to the backend.
            min_score: Abstain below this probability, 0 to 1: such a sentence has the label None and keeps
                its scores. None never abstains.
            error_rate: Give every sentence its ``label_set``, the labels among which the right one is but for
                this share of sentences, such as 0.1. None gives none.

        Raises:
            BundleError: There is no built-in model of that name, its files are missing, or it was not
                calibrated for label sets.
            InputError: ``min_score`` or ``error_rate`` is no number that it may be.
        """
        path = BUILT_IN.parent / model
        if Path(model).name != model or not path.is_dir():
            raise BundleError(
                f"{model!r} is no built-in model; "
                f"for a folder or a hub name use Annotator.from_pretrained({model!r})."
            )
        self._load(path, backend, threads, min_score, error_rate)

    @classmethod
    def from_pretrained(
        cls,
        model: str | Path,
        *,
        backend: BackendName | None = None,
        threads: int | None = None,
        min_score: float | None = None,
        error_rate: float | None = None,
    ) -> Self:
        """Load a saved model.

        Args:
            model: A bundle's folder, or its name on the Hugging Face hub (``owner/model``).
            backend: As for the constructor.
            threads: As for the constructor.
            min_score: As for the constructor.
            error_rate: As for the constructor.

        Raises:
            BundleError: There is no such model, it is incomplete, damaged or unsafe, or it was not calibrated
                for label sets.
            InputError: ``min_score`` or ``error_rate`` is no number that it may be.
            MissingExtraError: The backend is not installed.
        """
        annotator = cls.__new__(cls)
        annotator._load(resolve(model), backend, threads, min_score, error_rate)
        return annotator

    def _load(
        self,
        path: Path,
        backend: BackendName | None,
        threads: int | None,
        min_score: float | None,
        error_rate: float | None,
    ) -> None:
        if min_score is not None and not _is_probability(min_score):
            raise InputError(f"min_score is {min_score!r}, expected a probability from 0 to 1.")
        if error_rate is not None and not _is_probability(error_rate):
            raise InputError(f"error_rate is {error_rate!r}, expected a share such as 0.1.")
        self.bundle: Bundle = load_bundle(path)
        self._min_score = min_score
        self._least = None if error_rate is None else _least_probabilities(self.bundle, error_rate)
        try:
            self._encoder = self.bundle.encoder()
        except ValueError as error:
            raise BundleError(f"{path}: {error}") from error
        self._backend = load_backend(self.bundle, backend, threads=threads)

    def annotate(self, text: str, title: str | None = None) -> AnnotatedArticle:
        """Annotate one article.

        Args:
            text: Raw text as copied from a news page.
            title: Its headline, when it is not part of ``text``. Without one, a headline that opens the text
                is found there.

        Returns:
            The article, whose sentences carry offsets into the raw text: see `khabar.schema`.

        Raises:
            InputError: ``text`` or ``title`` is no string.
        """
        return next(self.annotate_many([{"text": text, "title": title}]))

    def annotate_many(self, articles: Iterable[str | Mapping[str, Any]]) -> Iterator[AnnotatedArticle]:
        """Annotate articles one after the other, as they are asked for.

        Args:
            articles: Texts, or mappings with ``text`` and, if there are any, ``title`` and ``id``; other
                keys are ignored. The iterable is read a few articles ahead, never as a whole.

        Yields:
            The annotated articles in the order given.

        Raises:
            InputError: An item is neither; the articles before it have been yielded by then.
        """
        if isinstance(articles, str | bytes | Mapping):
            raise InputError("articles is a single one, expected an iterable of them; use annotate(text).")
        batch: list[_Item] = []
        for number, entry in enumerate(articles):
            try:
                batch.append(_read_item(entry, number))
            except InputError:
                yield from self._annotate_batch(batch)
                raise
            if len(batch) == _ARTICLES_AT_ONCE:
                yield from self._annotate_batch(batch)
                batch = []
        yield from self._annotate_batch(batch)

    def annotate_sentences(self, sentences: Iterable[str]) -> list[AnnotatedSentence]:
        """Annotate the sentences of one article that is split already.

        Args:
            sentences: All sentences of the article in reading order, its headline first if there is one;
                they are each other's context.

        Returns:
            As many results as sentences, in the same order; ``part`` is ``"body"`` and the offsets span each
            given string.

        Raises:
            InputError: ``sentences`` is a single string, or holds something else than strings.
        """
        units = [Sentence("body", 0, len(sentence), sentence) for sentence in _read_sentences(sentences)]
        return list(self._label([units])[0])

    def logits(self, sentences: Iterable[str]) -> NDArray[np.float32]:
        """Return the model's raw scores for the sentences of one article, before calibration.

        Args:
            sentences: As for `annotate_sentences`.

        Returns:
            Array of shape ``(len(sentences), labels)``, columns in the order of ``bundle.labels``.

        Raises:
            InputError: As for `annotate_sentences`.
        """
        return self._logits([_read_sentences(sentences)])[0][0]

    def _annotate_batch(self, batch: list[_Item]) -> Iterator[AnnotatedArticle]:
        labelled = self._label([item.article.sentences for item in batch])
        for item, sentences in zip(batch, labelled, strict=True):
            article = item.article
            yield AnnotatedArticle(article.text, article.title, item.id, tuple(sentences), article.furniture)

    def _label(self, articles: Sequence[Sequence[Sentence]]) -> list[list[AnnotatedSentence]]:
        results = self._logits([[sentence.text for sentence in article] for article in articles])
        return [
            self._decode(article, logits, truncated)
            for article, (logits, truncated) in zip(articles, results, strict=True)
        ]

    def _logits(self, articles: list[list[str]]) -> list[tuple[NDArray[np.float32], list[bool]]]:
        encoded = self._encoder.encode_many(articles)
        found = iter(self._backend.logits([window for article in encoded for window in article.windows]))
        results = []
        for article in encoded:
            logits = np.empty((len(article.truncated), len(self.bundle.labels)), dtype=np.float32)
            for window in article.windows:
                logits[window.sentences] = next(found)
            results.append((logits, article.truncated))
        return results

    def _decode(
        self, sentences: Sequence[Sentence], logits: NDArray[np.float32], truncated: list[bool]
    ) -> list[AnnotatedSentence]:
        settings = self.bundle.settings
        names = [str(label) for label in self.bundle.labels]
        probabilities = calibrated(logits, settings.temperature, settings.temperature_slope)
        decoded = []
        for sentence, row, cut in zip(sentences, probabilities, truncated, strict=True):
            best = int(row.argmax())
            scores = dict(zip(names, row.tolist(), strict=True))
            sure = self._min_score is None or scores[names[best]] >= self._min_score
            decoded.append(
                AnnotatedSentence(
                    sentence.part,
                    sentence.start,
                    sentence.end,
                    sentence.text,
                    label=self.bundle.labels[best] if sure else None,
                    score=scores[names[best]],
                    scores=scores,
                    truncated=cut,
                    label_set=None if self._least is None else label_set(scores, self._least),
                )
            )
        return decoded


def _is_probability(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _least_probabilities(bundle: Bundle, error_rate: float) -> dict[Label, float]:
    """Return the thresholds of label sets at an error rate."""
    if bundle.settings.label_sets is None:
        raise BundleError(
            f"{bundle.path}: error_rate is {error_rate}, but this model was not calibrated for label sets; "
            f"do it with `python scripts/calibrate.py {bundle.path} DATA`, or leave error_rate out."
        )
    try:
        return bundle.settings.label_sets.at(error_rate)
    except ValueError as error:
        raise InputError(str(error)) from error


def _read_sentences(sentences: Iterable[str]) -> list[str]:
    if isinstance(sentences, str):
        raise InputError(
            "sentences is one string, expected a list; annotate(text) splits a text into sentences."
        )
    found = list(sentences)
    for number, sentence in enumerate(found):
        if not isinstance(sentence, str):
            raise InputError(f"sentence {number} is {type(sentence).__name__}, expected str.")
    return found


def _read_item(entry: str | Mapping[str, Any], number: int) -> _Item:
    if isinstance(entry, str):
        return _Item(read_article(entry), None)
    if not isinstance(entry, Mapping):
        raise InputError(
            f"article {number} is {type(entry).__name__}, expected str or a mapping with the key 'text'."
        )
    if "text" not in entry:
        raise InputError(
            f"article {number} has the keys {', '.join(map(repr, entry)) or 'none'}, but lacks 'text'."
        )
    text, title, identifier = entry["text"], entry.get("title"), entry.get("id")
    if not isinstance(text, str):
        hint = "; decode it first, text.decode('utf-8')" if isinstance(text, bytes) else ""
        raise InputError(f"article {number}: text is {type(text).__name__}, expected str{hint}.")
    if title is not None and not isinstance(title, str):
        raise InputError(f"article {number}: title is {type(title).__name__}, expected str or None.")
    return _Item(read_article(text, title), None if identifier is None else str(identifier))
