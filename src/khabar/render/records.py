"""JSON Lines and CSV, as docs/output-formats.md describes them."""

import csv
import io
import re
from typing import Any

from khabar._json import json_text
from khabar.labels import Label
from khabar.schema import AnnotatedArticle, AnnotatedSentence

_DECIMALS = 6

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")

CSV_COLUMNS = (
    "source",
    "part",
    "start",
    "end",
    "label",
    "score",
    *(f"score_{label}" for label in Label),
    "truncated",
    "text",
)
"""The header of the CSV, in order."""


def article_record(article: AnnotatedArticle, source: str) -> dict[str, Any]:
    """Return an article as the object that stands on one line of the JSON Lines output.

    Args:
        article: The article.
        source: Where its text came from: the file as it was named, ``FILE:LINE`` for a line of one that holds
            many, or ``-`` for standard input.

    Returns:
        Plain dicts, lists, strings, numbers, booleans and None. ``id`` is there when the article has one.
        ``title`` is the title that the caller passed, None when none was passed: a sentence of part
        ``"title"`` then has its offsets in the text.
        ``label`` is None where the annotator abstained. Probabilities are rounded to six decimals. Sentences
        have a ``label_set`` when the annotator was asked for it.
    """
    return {
        "source": source,
        **({} if article.id is None else {"id": article.id}),
        "title": article.title,
        "sentences": [
            {
                "part": sentence.part,
                "start": sentence.start,
                "end": sentence.end,
                "text": sentence.text,
                "label": None if sentence.label is None else str(sentence.label),
                "score": _rounded(sentence.score),
                "scores": _scores(sentence),
                "truncated": sentence.truncated,
                **_label_set(sentence),
            }
            for sentence in article.sentences
        ],
        "furniture": [
            {"start": piece.start, "end": piece.end, "text": piece.text, "kind": piece.kind}
            for piece in article.furniture
        ],
    }


def jsonl_line(article: AnnotatedArticle, source: str) -> str:
    r"""Return an article as one line of JSON, its newline included.

    The string always encodes to UTF-8 and holds no line break but the last character. Arabic stands as it is;
    only controls, line separators and lone surrogates are written as ``\uXXXX``.
    """
    return json_text(article_record(article, source)) + "\n"


def error_line(source: str, message: str) -> str:
    """Return the line of JSON for an article that could not be annotated, its newline included."""
    return json_text({"source": source, "error": message}) + "\n"


def csv_header() -> str:
    """Return the first line of the CSV, its newline included."""
    return _csv([CSV_COLUMNS])


def csv_rows(article: AnnotatedArticle, source: str) -> str:
    """Return one CSV row for each sentence; an article without sentences has none.

    Text is exact, whatever a spreadsheet would make of a leading ``=``; line breaks and quotes inside it are
    quoted. The one exception is a lone surrogate, which no CSV in UTF-8 can carry: it becomes U+FFFD.
    """
    return _csv(
        [
            source,
            sentence.part,
            sentence.start,
            sentence.end,
            "" if sentence.label is None else str(sentence.label),
            _rounded(sentence.score),
            *_scores(sentence).values(),
            "true" if sentence.truncated else "false",
            sentence.text,
        ]
        for sentence in article.sentences
    )


def _csv(rows: Any) -> str:  # noqa: ANN401  # what csv.writer takes
    buffer = io.StringIO(newline="")
    # Quoting every string, needed or not, keeps any line break, comma or quotation mark safe with every
    # reader.
    csv.writer(buffer, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n").writerows(rows)
    return _LONE_SURROGATE.sub("\ufffd", buffer.getvalue())


def _scores(sentence: AnnotatedSentence) -> dict[str, float]:
    """Return the probability of every label, in the order of `Label` whatever the model's own order is."""
    return {str(label): _rounded(sentence.scores[label]) for label in Label}


def _label_set(sentence: AnnotatedSentence) -> dict[str, list[str]]:
    return {} if sentence.label_set is None else {"label_set": [str(label) for label in sentence.label_set]}


def _rounded(probability: float) -> float:
    # float() because a model's numbers may be NumPy's, which json does not know.
    return round(float(probability), _DECIMALS)
