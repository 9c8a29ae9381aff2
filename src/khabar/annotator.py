"""The Annotator: raw article text in, sentences with labels out."""

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray

from khabar._ahead import map_ahead
from khabar.article import read_article
from khabar.backends import BackendName, Engine, Precision, load_backend
from khabar.bundle import Bundle, built_in, load_bundle, locate
from khabar.confidence import calibrated, label_set
from khabar.encode import EncodedArticle
from khabar.errors import BundleError, InputError, KhabarError
from khabar.labels import Label
from khabar.processes import map_in_processes
from khabar.schema import AnnotatedArticle, AnnotatedSentence, Article, ArticleError, Sentence

if TYPE_CHECKING:
    from khabar.explain import Explanation

_BATCH_ARTICLES = 16
_BATCH_CHARACTERS = 60_000
"""How much `annotate_many` encodes and computes together: work for several cores, and little to hold."""

Errors = Literal["raise", "record"]


@dataclass(frozen=True, slots=True)
class _Item:
    index: int
    text: str
    title: str | None
    id: str | None


_Batch: TypeAlias = list[_Item | ArticleError]


class _EncodedBatch(NamedTuple):
    articles: list[tuple[_Item, Article] | ArticleError]
    encoded: list[EncodedArticle]
    """Of the articles that are no errors, in their order."""


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
        device: str | None = None,
        dtype: Precision = "float32",
        min_score: float | None = None,
        error_rate: float | None = None,
    ) -> None:
        """Load a built-in model.

        Args:
            model: Name of a built-in model; there is one, ``"default"``. Others load with `from_pretrained`.
            backend: ``"onnx"`` or ``"torch"``; None takes ONNX where the model has a graph for it.
            threads: How many threads to compute with; None takes as many as this process has cores.
            device: Where torch computes: ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"``; None takes a GPU
                where there is one. For the torch backend alone.
            dtype: Numbers that torch computes with: ``"float32"`` or ``"bfloat16"``. For the torch backend
                alone.
            min_score: Abstain below this probability, 0 to 1: such a sentence has the label None and keeps
                its scores. None never abstains.
            error_rate: Give every sentence its ``label_set``, the labels among which the right one is but for
                this share of sentences, such as 0.1. None gives none.

        Raises:
            BundleError: There is no built-in model of that name, its files are missing, or it was not
                calibrated for label sets.
            InputError: ``min_score`` or ``error_rate`` is no number that it may be.
            ValueError: An option is none of its values, or belongs to the other backend.
        """
        path = built_in(model)
        if path is None:
            raise BundleError(
                f"{model!r} is no built-in model; "
                f"for a folder or a hub name use Annotator.from_pretrained({model!r})."
            )
        self._load(path, Engine(backend, threads, device, dtype), min_score, error_rate)

    @classmethod
    def from_pretrained(
        cls,
        model: str | Path,
        *,
        backend: BackendName | None = None,
        threads: int | None = None,
        device: str | None = None,
        dtype: Precision = "float32",
        min_score: float | None = None,
        error_rate: float | None = None,
    ) -> Self:
        """Load a saved model.

        Args:
            model: A bundle's folder, its name on the Hugging Face hub (``owner/model``), or that of a
                built-in model, which wins over a folder of the same name.
            backend: As for the constructor.
            threads: As for the constructor.
            device: As for the constructor.
            dtype: As for the constructor.
            min_score: As for the constructor.
            error_rate: As for the constructor.

        Raises:
            BundleError: There is no such model, it is incomplete, damaged or unsafe, or it was not calibrated
                for label sets.
            InputError: ``min_score`` or ``error_rate`` is no number that it may be.
            MissingExtraError: The backend is not installed.
            ValueError: As for the constructor.
        """
        annotator = cls.__new__(cls)
        annotator._load(locate(model), Engine(backend, threads, device, dtype), min_score, error_rate)
        return annotator

    def _load(self, path: Path, engine: Engine, min_score: float | None, error_rate: float | None) -> None:
        if min_score is not None and not _is_probability(min_score):
            raise InputError(f"min_score is {min_score!r}, expected a probability from 0 to 1.")
        if error_rate is not None and not _is_probability(error_rate):
            raise InputError(f"error_rate is {error_rate!r}, expected a share such as 0.1.")
        self.bundle: Bundle = load_bundle(path)
        self._min_score = min_score
        self._least = None if error_rate is None else _least_probabilities(self.bundle, error_rate)
        self._engine = engine
        self._start()

    def _start(self) -> None:
        try:
            self._encoder = self.bundle.encoder()
        except ValueError as error:
            raise BundleError(f"{self.bundle.path}: {error}") from error
        self._backend = load_backend(self.bundle, self._engine)

    def __getstate__(self) -> dict[str, Any]:
        """Return what another process needs to load the same model again from its folder."""
        return {name: value for name, value in vars(self).items() if name not in ("_encoder", "_backend")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._start()

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

    @overload
    def annotate_many(
        self,
        articles: Iterable[str | Mapping[str, Any]],
        *,
        errors: Literal["raise"] = "raise",
        workers: int = 1,
    ) -> Iterator[AnnotatedArticle]: ...

    @overload
    def annotate_many(
        self, articles: Iterable[str | Mapping[str, Any]], *, errors: Literal["record"], workers: int = 1
    ) -> Iterator[AnnotatedArticle | ArticleError]: ...

    def annotate_many(
        self, articles: Iterable[str | Mapping[str, Any]], *, errors: Errors = "raise", workers: int = 1
    ) -> Iterator[AnnotatedArticle | ArticleError]:
        """Annotate any number of articles in constant memory, in their order.

        The labels of an article do not depend on the others, nor on ``workers``. The next articles are read
        and tokenised while the last ones are computed.

        Args:
            articles: Texts, or mappings with ``text`` and, if there are any, ``title`` and ``id``; other
                keys are ignored. The iterable is read a few articles ahead, never as a whole, and by the
                thread that asks for the results.
            errors: What to do about an article that cannot be annotated: ``"raise"`` stops there,
                ``"record"`` yields an `ArticleError` in its place and goes on. Whatever the iterable itself
                raises is raised.
            workers: How many processes compute; 1 is this one, with its threads. Each takes one thread unless
                the annotator was loaded with another number, and the model is in memory once on Linux: see
                `khabar.processes`.

        Yields:
            The annotated articles in the order given.

        Raises:
            InputError: An item is no article and ``errors`` is ``"raise"``; the articles before it have been
                yielded by then.
            WorkerError: A worker process was killed; what was yielded before is complete.
            ValueError: ``errors`` or ``workers`` is no such option.
        """
        if isinstance(articles, str | bytes | Mapping):
            raise InputError("articles is a single one, expected an iterable of them; use annotate(text).")
        if errors not in ("raise", "record"):
            raise ValueError(f"errors is {errors!r}, expected 'raise' or 'record'.")
        if workers < 1:
            raise ValueError(f"workers is {workers!r}, expected 1 or more.")
        return self._annotate_many(articles, errors, workers)

    def _annotate_many(
        self, articles: Iterable[str | Mapping[str, Any]], errors: Errors, workers: int
    ) -> Iterator[AnnotatedArticle | ArticleError]:
        endings: deque[Exception | None] = deque()  # what each batch under way ends with

        def batches() -> Iterator[_Batch]:
            for batch, error in _read_batches(articles, errors):
                endings.append(error)
                yield batch

        finished: Generator[list[AnnotatedArticle | ArticleError]]
        if workers == 1:
            finished = self._annotate_here(batches(), errors)
        else:
            finished = map_in_processes(
                partial(_load_worker, type(self), self.__getstate__(), errors), batches(), workers=workers
            )
        with closing(finished):
            for results in finished:
                yield from results
                error = endings.popleft()
                if error is not None:
                    raise error

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
        return self._decode(units, *self._logits([unit.text for unit in units]))

    def logits(self, sentences: Iterable[str]) -> NDArray[np.float32]:
        """Return the model's raw scores for the sentences of one article, before calibration.

        Args:
            sentences: As for `annotate_sentences`.

        Returns:
            Array of shape ``(len(sentences), labels)``, columns in the order of ``bundle.labels``.

        Raises:
            InputError: As for `annotate_sentences`.
        """
        return self._logits(_read_sentences(sentences))[0]

    def explain(
        self, article: AnnotatedArticle, index: int, label: Label | str | None = None
    ) -> "Explanation":
        """Say what each word of an article adds to the label of one of its sentences.

        The words of its context count too: see `khabar.explain.explain`, and `Explanation.to_html`. It is
        computed from the full weights in 64 passes forth and back, which takes a good part of a minute on
        a laptop where the article is long.

        Args:
            article: What `annotate` gave.
            index: Which of its sentences; negative counts from the end.
            label: The label to explain; None takes the most probable one.

        Raises:
            InputError: ``article`` is no annotated article, or there is no such sentence or label.
            BundleError: The model lacks its full weights.
            MissingExtraError: Torch or captum is not installed.
        """
        # Serving needs neither torch nor captum.
        from khabar.explain import explain

        return explain(self.bundle, article, index, label)

    def _annotate_here(
        self, batches: Iterable[_Batch], errors: Errors
    ) -> Generator[list[AnnotatedArticle | ArticleError]]:
        for batch, outcome in map_ahead(self._encode, self._compute, batches):
            if not isinstance(outcome, Exception):
                yield self._decode_batch(*outcome)
            elif errors == "raise":
                raise outcome
            else:
                yield self._one_by_one(batch)

    def _annotate_batch(self, batch: _Batch, errors: Errors) -> list[AnnotatedArticle | ArticleError]:
        try:
            return self._decode_batch(*self._compute(self._encode(batch)))
        except Exception:
            if errors == "raise":
                raise
            return self._one_by_one(batch)

    def _one_by_one(self, batch: _Batch) -> list[AnnotatedArticle | ArticleError]:
        """Find out which articles of a batch it is that cannot be annotated."""
        results: list[AnnotatedArticle | ArticleError] = []
        for item in batch:
            try:
                results += self._annotate_batch([item], "raise")
            except Exception as error:  # a night's work must not end with one article
                message = str(error) if isinstance(error, KhabarError) else f"{type(error).__name__}: {error}"
                results.append(ArticleError(item.index, item.id, message))
        return results

    def _encode(self, batch: _Batch) -> _EncodedBatch:
        articles = [
            item if isinstance(item, ArticleError) else (item, read_article(item.text, item.title))
            for item in batch
        ]
        read = [entry[1] for entry in articles if isinstance(entry, tuple)]
        return _EncodedBatch(
            articles, self._encoder.encode_many([[s.text for s in article.sentences] for article in read])
        )

    def _compute(self, batch: _EncodedBatch) -> tuple[_EncodedBatch, list[NDArray[np.float32]]]:
        windows = [window for article in batch.encoded for window in article.windows]
        return batch, self._backend.logits(windows)

    def _decode_batch(
        self, batch: _EncodedBatch, logits: list[NDArray[np.float32]]
    ) -> list[AnnotatedArticle | ArticleError]:
        results: list[AnnotatedArticle | ArticleError] = []
        gathered = self._gather(batch.encoded, logits)
        for entry in batch.articles:
            if isinstance(entry, ArticleError):
                results.append(entry)
                continue
            item, article = entry
            sentences = self._decode(article.sentences, *next(gathered))
            results.append(
                AnnotatedArticle(article.text, article.title, item.id, tuple(sentences), article.furniture)
            )
        return results

    def _gather(
        self, articles: Sequence[EncodedArticle], logits: list[NDArray[np.float32]]
    ) -> Iterator[tuple[NDArray[np.float32], list[bool]]]:
        """Yield each article's logits in the order of its sentences, and which of them were cut."""
        found = iter(logits)
        for article in articles:
            rows = np.empty((len(article.truncated), len(self.bundle.labels)), dtype=np.float32)
            for window in article.windows:
                rows[window.sentences] = next(found)
            yield rows, article.truncated

    def _logits(self, sentences: list[str]) -> tuple[NDArray[np.float32], list[bool]]:
        encoded = [self._encoder.encode(sentences)]
        return next(self._gather(encoded, self._backend.logits(encoded[0].windows)))

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


def _load_worker(
    cls: type[Annotator], state: dict[str, Any], errors: Errors
) -> Callable[[_Batch], list[AnnotatedArticle | ArticleError]]:
    # Processes share the cores already, and threads of the tokenizer would not survive the fork.
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    engine: Engine = state["_engine"]
    annotator = cls.__new__(cls)
    annotator.__setstate__({**state, "_engine": replace(engine, threads=engine.threads or 1)})
    return partial(annotator._annotate_batch, errors=errors)


def _read_batches(
    articles: Iterable[str | Mapping[str, Any]], errors: Errors
) -> Iterator[tuple[_Batch, Exception | None]]:
    """Yield batches of articles, each with the exception to raise after it."""
    source = enumerate(articles)
    batch: _Batch = []
    size = 0
    while True:
        try:
            index, entry = next(source)
            item = _read_item(entry, index, errors)
        except StopIteration:
            yield batch, None
            return
        except Exception as error:  # raised by the caller in its place
            yield batch, error
            return
        batch.append(item)
        size += len(item.text) if isinstance(item, _Item) else 0
        if len(batch) >= _BATCH_ARTICLES or size >= _BATCH_CHARACTERS:
            yield batch, None
            batch, size = [], 0


def _read_item(entry: object, index: int, errors: Errors) -> _Item | ArticleError:
    text, title, identifier = entry, None, None
    if isinstance(entry, Mapping):
        text, title, identifier = entry.get("text"), entry.get("title"), entry.get("id")
        identifier = None if identifier is None else str(identifier)
    problem = _problem(entry, index)
    if problem is None:
        assert isinstance(text, str)
        return _Item(index, text, title, identifier)
    if errors == "raise":
        raise InputError(problem)
    return ArticleError(index, identifier, problem)


def _problem(entry: object, index: int) -> str | None:
    """Return why an entry is no article, in a sentence, or None."""
    if isinstance(entry, str):
        return None
    if not isinstance(entry, Mapping):
        return f"article {index} is {type(entry).__name__}, expected str or a mapping with the key 'text'."
    if "text" not in entry:
        keys = ", ".join(map(repr, entry)) or "none"
        return f"article {index} has the keys {keys}, but lacks 'text'."
    text, title = entry["text"], entry.get("title")
    if not isinstance(text, str):
        hint = "; decode it first, text.decode('utf-8')" if isinstance(text, bytes) else ""
        return f"article {index}: text is {type(text).__name__}, expected str{hint}."
    if title is not None and not isinstance(title, str):
        return f"article {index}: title is {type(title).__name__}, expected str or None."
    return None
