"""Labels kept apart from the text that they are of, which may not be passed on.

A line is an article of khabar's own labelled format without ``text`` and ``title``; in their place stands
``fingerprint``, by which a text that is not the labelled one is told.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from khabar.corpus._io import read_json_lines, write_json_lines
from khabar.corpus._jsonl import article_record, read_article
from khabar.corpus._problems import Ids, Problems, show
from khabar.corpus._texts import read_texts, text_files
from khabar.errors import DataError
from khabar.schema import LabelledArticle

_TEXT_KEYS = ("text", "title")
_FINGERPRINT = "fingerprint"


def fingerprint(text: str, title: str | None) -> str:
    """Return 16 hexadecimal digits that another text or title would not have: the start of a SHA-256."""
    return hashlib.sha256(f"{title or ''}\n{text}".encode("utf-8", "surrogatepass")).hexdigest()[:16]


def write_labels_apart(articles: Iterable[LabelledArticle], path: str | Path) -> None:
    """Write the labels of articles, and no character of their text.

    Args:
        articles: The articles.
        path: The file, which appears whole or not at all. Its folder must exist.

    Raises:
        OSError: The folder is not there or cannot be written to.
    """
    write_json_lines(
        Path(path),
        (
            {key: value for key, value in article_record(article) if key not in _TEXT_KEYS}
            | {_FINGERPRINT: fingerprint(article.text, article.title)}
            for article in articles
        ),
    )


def join_labels(labels: str | Path, texts: str | Path | Iterable[LabelledArticle]) -> list[LabelledArticle]:
    """Put labels that are kept apart back on the articles that they are of.

    Args:
        labels: A file as `write_labels_apart` writes it.
        texts: A file of articles, ``.jsonl`` or ``.jsonl.gz``, or a folder of such files: one article a line
            with ``id``, ``text`` and, maybe, ``title``. Or articles that have been read. Those without labels
            are passed over.

    Returns:
        The labelled articles, in the order of the labels.

    Raises:
        DataError: A file cannot be read or breaks its format, an article is not among the texts, or its text
            is not the one that was labelled. Problems of the labels are reported together, each with its
            line.
    """
    labels = Path(labels)
    problems = Problems(labels)
    records = []
    for place, record in read_json_lines(labels, problems):
        if isinstance(record, dict):
            records.append((place, record))
        else:
            place.complain(f"{show(record)} is no article; write one JSON object a line")
    wanted = {str(record.get("id")) for _, record in records}
    if isinstance(texts, str | Path):
        source = f"the articles of {texts}"
        found = _texts_of(wanted, Path(texts))
    else:
        source = "those given"
        found = {each.id: (each.text, each.title) for each in texts}

    ids = Ids()
    articles = []
    for place, record in records:
        identifier = record.get("id")
        if not isinstance(identifier, str) or identifier not in found:
            place.within("id").complain(f"{show(identifier)} is not among {source}")
            continue
        text, title = found[identifier]
        if record.get(_FINGERPRINT) != fingerprint(text, title):
            place.within(_FINGERPRINT).complain(
                f"{show(record.get(_FINGERPRINT))} is not that of the text of {show(identifier)}; "
                "the labels are of another version of the article"
            )
            continue
        rest = {key: value for key, value in record.items() if key != _FINGERPRINT}
        article = read_article({**rest, "text": text, "title": title}, place)
        if article is not None:
            ids.claim(article.id, place.within("id"))
            articles.append(article)
    problems.raise_if_any()
    if not articles:
        raise DataError(f"{labels}: holds no labels; there is one article a line.")
    return articles


def _texts_of(wanted: set[str], texts: Path) -> dict[str, tuple[str, str | None]]:
    found: dict[str, tuple[str, str | None]] = {}
    for file in text_files(texts):
        for _, record in read_texts(file):
            if isinstance(identifier := record.get("id"), str) and identifier in wanted:
                found.setdefault(identifier, (record["text"], record.get("title")))
    return found
