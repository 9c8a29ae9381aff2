"""khabar's own labelled format: JSON Lines, one article a line, labels on character offsets.

Nobody else knows the keys of this format. An article has ``id``, ``text`` and ``sentences``, and may have
``title``, ``split``, ``outlet`` and ``guidelines``; whatever else stands on an article (its source, its date)
is left alone. A sentence has ``part``, ``start``, ``end`` and ``label``, may have ``also``, and nothing else.
"""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from khabar.corpus._aliases import read_also, read_label
from khabar.corpus._io import read_json_lines, write_json_lines
from khabar.corpus._problems import Ids, Place, Problems, listed, nearest, show
from khabar.corpus._spans import check_bounds
from khabar.errors import DataError
from khabar.labels import Label
from khabar.schema import LabelledArticle, LabelledSentence, Part

_ARTICLE_REQUIRED = ("id", "text", "sentences")
_ARTICLE_OPTIONAL = ("title", "split", "outlet", "guidelines")
_SENTENCE_REQUIRED = ("part", "start", "end", "label")
_SENTENCE_OPTIONAL = ("also",)
_PARTS: dict[str, Part] = {"title": "title", "body": "body"}


def looks_like_jsonl(record: Mapping[str, object]) -> bool:
    """Return whether the first object of a file is an article of this format."""
    return "text" in record and "sentences" in record


def read_jsonl(path: str | Path) -> list[LabelledArticle]:
    """Read a labelled corpus and check all of it.

    Args:
        path: A UTF-8 file with one JSON object a line. Empty lines are skipped.

    Returns:
        The articles in the order of the file, their sentences in the order of the article: a title before the
        body. Furniture units are among the sentences, with ``label=None``.

    Raises:
        DataError: The file cannot be read, or breaks the format anywhere. The message lists the problems of
            the whole file (the first twenty, and how many more there are), each with line, field, value, rule
            and way out; nothing is returned from a file that is right only in part.
    """
    path = Path(path)
    problems = Problems(path)
    ids = Ids()
    articles: list[LabelledArticle] = []
    for place, record in read_json_lines(path, problems):
        article = read_article(record, place)
        if article is not None:
            ids.claim(article.id, place.within("id"))
            articles.append(article)
    problems.raise_if_any()
    if not articles:
        raise DataError(f"{path}: holds no article; labelled data has one JSON object a line.")
    return articles


def write_jsonl(articles: Iterable[LabelledArticle], path: str | Path) -> None:
    """Write labelled articles so that `read_jsonl` gives the same ones again.

    Args:
        articles: The articles.
        path: The file, which appears whole or not at all. Its folder must exist.

    Raises:
        OSError: The folder is not there or cannot be written to.
    """
    write_json_lines(Path(path), (dict(article_record(article)) for article in articles))


def article_record(article: LabelledArticle) -> Iterator[tuple[str, object]]:
    yield "id", article.id
    for key in ("split", "outlet", "guidelines", "title"):
        value = getattr(article, key)
        if value is not None:
            yield key, value
    yield "text", article.text
    yield "sentences", [_sentence_record(sentence) for sentence in article.sentences]


def _sentence_record(sentence: LabelledSentence) -> dict[str, object]:
    label = None if sentence.label is None else sentence.label.value
    record: dict[str, object] = {
        "part": sentence.part,
        "start": sentence.start,
        "end": sentence.end,
        "label": label,
    }
    if sentence.also:
        record["also"] = [label.value for label in sentence.also]
    return record


def read_article(record: object, place: Place) -> LabelledArticle | None:
    """Read one line; None when it breaks the format, which has then been complained of."""
    if not isinstance(record, dict):
        place.complain(f"{show(record)} is no article; write one JSON object a line")
        return None

    _check_article_keys(record, place)
    identifier = _text(record, "id", place)
    text = _text(record, "text", place)
    optional = {key: _text(record, key, place, nullable=True) for key in _ARTICLE_OPTIONAL}
    sentences = record.get("sentences")
    if not isinstance(sentences, list):
        if "sentences" in record:
            place.within("sentences").complain(f"{show(sentences)} is no list; write a list of objects")
        return None
    if not sentences:
        place.within("sentences").complain("is empty; an article has at least one sentence, so drop the line")
    if identifier == "":
        place.within("id").complain("is empty; name the article, so that its labels can be found again")

    # None stands for a string of the wrong type, which has been complained of; no title is no entry.
    strings = {"body": text}
    if record.get("title") is not None:
        strings["title"] = optional["title"]
    read: list[LabelledSentence | None] = []
    ends = {"title": 0, "body": 0}
    for index, sentence in enumerate(sentences):
        result = _read_sentence(sentence, strings, ends, place.within(f"sentences[{index}]"))
        read.append(result)
    if identifier is None or text is None:
        return None
    return LabelledArticle(
        id=identifier,
        text=text,
        title=optional["title"],
        sentences=tuple(sentence for sentence in read if sentence is not None),
        split=optional["split"],
        outlet=optional["outlet"],
        guidelines=optional["guidelines"],
    )


def _read_sentence(
    record: object, strings: Mapping[str, str | None], ends: dict[str, int], place: Place
) -> LabelledSentence | None:
    """Read one unit. ``ends`` holds where the last unit of each part ended, and is moved on."""
    if not isinstance(record, dict):
        place.complain(f"{show(record)} is no sentence; write an object with {listed(_SENTENCE_REQUIRED)}")
        return None
    known = _SENTENCE_REQUIRED + _SENTENCE_OPTIONAL
    for key in record:
        if key not in known:
            place.complain(f"unknown key {show(key)}; a sentence has {listed(known)}{nearest(key, known)}")
    _check_required(record, _SENTENCE_REQUIRED, place)

    part = _part(record, place)
    span = _span(record, part, strings, ends, place)
    label = read_label(record.get("label"), place.within(".label"))
    also = _also(record.get("also", []), label, place.within(".also"))
    if part is None or span is None:
        return None
    start, end, text = span
    return LabelledSentence(part, start, end, text, label, also)


def _part(record: Mapping[str, Any], place: Place) -> Part | None:
    if "part" not in record:
        return None
    value = record["part"]
    part = _PARTS.get(value) if isinstance(value, str) else None
    if part is None:
        place.within(".part").complain(
            f"{show(value)} is no part; use {listed(_PARTS)}{nearest(value, _PARTS)}"
        )
    return part


def _span(
    record: Mapping[str, Any],
    part: Part | None,
    strings: Mapping[str, str | None],
    ends: dict[str, int],
    place: Place,
) -> tuple[int, int, str] | None:
    """Check the offsets of a unit against its string and its neighbours."""
    offsets: list[int] = []
    for key in ("start", "end"):
        value = record.get(key)
        # To Python True is the integer 1; to whoever wrote the file it is a mistake.
        if isinstance(value, int) and not isinstance(value, bool):
            offsets.append(value)
        elif key in record:
            place.within(f".{key}").complain(
                f"{show(value)} is no offset; write a whole number of characters"
            )
    if len(offsets) < 2 or part is None:
        return None
    start, end = offsets
    text = check_bounds(part, start, end, strings, ends, place)
    return None if text is None else (start, end, text)


def _also(value: object, label: Label | None, place: Place) -> tuple[Label, ...]:
    if isinstance(value, list):
        return read_also(value, label, place)
    place.complain(f"{show(value)} is no list; write the labels that are almost as right, or []")
    return ()


def _text(record: Mapping[str, Any], key: str, place: Place, *, nullable: bool = False) -> str | None:
    """The string under ``key``; None when it is missing, null where that is allowed, or of another type."""
    value = record.get(key)
    if isinstance(value, str):
        return value
    if key in record and not (nullable and value is None):
        place.within(key).complain(
            f"{show(value)} is no string; write a string{' or null' if nullable else ''}"
        )
    return None


def _check_article_keys(record: Mapping[str, Any], place: Place) -> None:
    _check_required(record, _ARTICLE_REQUIRED, place)
    # Other keys are welcome on an article, but one that looks like an absent optional key is a slip that
    # would silently leave the article without, say, its split.
    absent = [key for key in _ARTICLE_OPTIONAL if key not in record]
    for key in record:
        if key not in _ARTICLE_REQUIRED + _ARTICLE_OPTIONAL and nearest(key, absent, cutoff=0.8):
            place.complain(f"unknown key {show(key)}{nearest(key, absent, cutoff=0.8)}")


def _check_required(record: Mapping[str, Any], required: tuple[str, ...], place: Place) -> None:
    for key in required:
        if key not in record:
            others = [other for other in record if other not in required]
            slip = get_close_matches(key, others, n=1)
            instead = f"; rename {show(slip[0])}" if slip else "; add it"
            place.complain(f"key {show(key)} is missing{instead}")
