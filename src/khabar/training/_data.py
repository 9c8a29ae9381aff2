"""Labelled articles as the windows that a run learns from."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset

from khabar.config import AdaptConfig, RunConfig
from khabar.corpus import read_labelled
from khabar.encode import Encoder
from khabar.errors import ConfigError, DataError, KhabarError
from khabar.labels import Label
from khabar.schema import LabelledArticle
from khabar.window_cache import cached_windows

LABELS = tuple(Label)
"""Order of the logits of a newly trained model."""

IGNORED = -100
"""Label of every token that is not scored, as the loss of transformers defines it."""

CODES = len(LABELS) * (1 + len(LABELS))
"""How many codes there are of a label with, maybe, a second one."""


ROWS_VERSION = 2
"""Goes up whenever `window_dataset` makes other rows of the same articles: an old cache is no match then."""


@dataclass(frozen=True, slots=True)
class Splits:
    """The articles that a run learns from and chooses on."""

    train: list[LabelledArticle]
    validation: list[LabelledArticle]


def read_splits(config: RunConfig | AdaptConfig) -> Splits:
    """Read the labelled articles and take the two splits of the run.

    Raises:
        DataError: The file breaks the format, or one of the splits is empty.
    """
    data = config.data
    if not data.path.exists():
        raise DataError(
            f"{data.path}: no such file; name the labelled articles with data.path=FILE "
            "(docs/data-formats.md describes them)."
        )
    try:
        articles = read_labelled(
            data.path,
            data.format,
            columns=data.columns,
            one_sentence_articles=data.one_sentence_articles,
            offset_unit=data.offset_unit,
        )
    except ValueError as error:
        if isinstance(error, KhabarError):
            raise
        raise ConfigError(f"data: {error}") from error
    found = sorted({str(article.split) for article in articles})
    chosen = {}
    for name in (data.train_split, data.validation_split):
        chosen[name] = [article for article in articles if article.split == name]
        if not chosen[name]:
            raise DataError(f"{data.path}: no article of split {name!r}; the splits are {', '.join(found)}.")
    train = draw(chosen[data.train_split], data.max_train_articles, config.seed)
    return Splits(train, chosen[data.validation_split])


def draw(articles: Sequence[LabelledArticle], count: int | None, seed: int) -> list[LabelledArticle]:
    """Draw some articles, in their order; None takes all."""
    if count is None:
        return list(articles)
    order = np.random.default_rng(seed).permutation(len(articles))[:count]
    return [articles[index] for index in sorted(order)]


def window_dataset(
    articles: Sequence[LabelledArticle], encoder: Encoder, cache: Path | None = None
) -> Dataset:
    """Encode articles as rows with ``input_ids``, ``attention_mask``, ``labels``, ``length``: one a window.

    At the closing token of a sentence ``labels`` holds ``length * CODES + index``: of how many tokens, this
    one included, its span consists and which of `LABELS` it has, so that `sentence_logits` can find the span
    again; a sentence with a second label has ``index + len(LABELS) * (1 + second index)``. Elsewhere it is
    `IGNORED`, so that what the Trainer counts as items of a batch are its sentences. Page furniture that an
    annotator marked is read as context, as it would be on a page where it was not recognised, but nothing is
    learnt from it.

    Args:
        articles: What to encode.
        encoder: What encodes them.
        cache: Folder to keep the rows in, or to read them from (`khabar.window_cache`); None for neither.

    Raises:
        DataError: As for `khabar.window_cache.cached_windows`.
    """
    if cache is not None:
        return cached_windows(articles, encoder, window_dataset, cache, ROWS_VERSION)
    rows: dict[str, list[Any]] = {"input_ids": [], "attention_mask": [], "labels": [], "length": []}
    for article in articles:
        encoded = encoder.encode([sentence.text for sentence in article.sentences])
        for window in encoded.windows:
            labels = [IGNORED] * len(window.input_ids)
            for (start, end), index in zip(window.spans, window.sentences, strict=True):
                label = article.sentences[index].label
                if label is not None:
                    labels[end - 1] = (end - start) * CODES + _code(label, article.sentences[index].also)
            rows["input_ids"].append(window.input_ids)
            rows["attention_mask"].append([1] * len(window.input_ids))
            rows["labels"].append(labels)
            rows["length"].append(len(window.input_ids))
    return Dataset.from_dict(rows)


def _code(label: Label, also: Sequence[Label]) -> int:
    return LABELS.index(label) + len(LABELS) * (1 + LABELS.index(also[0]) if also else 0)


def soft_target(label: Label, also: Sequence[Label], second_label: float) -> list[float]:
    """Return the distribution over `LABELS` that a sentence is to get.

    Args:
        label: Its gold label.
        also: What its annotator found almost as right; only the first has a say.
        second_label: Share that goes to it.
    """
    target = [float(label is each) for each in LABELS]
    if also:
        target[LABELS.index(label)] -= second_label
        target[LABELS.index(also[0])] += second_label
    return target
