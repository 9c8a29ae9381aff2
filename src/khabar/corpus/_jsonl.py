"""khabar's own labelled format: JSON Lines, one article a line, labels on character offsets.

Nobody else knows the keys of this format. An article has ``id``, ``text`` and ``sentences``, and may have
``title``, ``split``, ``outlet`` and ``guidelines``; whatever else stands on an article (its source, its date)
is left alone. A sentence has ``part``, ``start``, ``end`` and ``label``, may have ``also``, and nothing else.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from khabar.errors import DataError
from khabar.labels import Label
from khabar.schema import LabelledArticle, LabelledSentence, Part

_ARTICLE_REQUIRED = ("id", "text", "sentences")
_ARTICLE_OPTIONAL = ("title", "split", "outlet", "guidelines")
_SENTENCE_REQUIRED = ("part", "start", "end", "label")
_SENTENCE_OPTIONAL = ("also",)
_PARTS: dict[str, Part] = {"title": "title", "body": "body"}
_LABELS = {label.value: label for label in Label}

_SHOWN_PROBLEMS = 20
_SHOWN_CHARACTERS = 60


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
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise DataError(f"{path}: cannot be read as labelled data ({error.strerror}).") from error

    problems = _Problems(path)
    articles: list[LabelledArticle] = []
    first_seen: dict[str, int] = {}
    for number, raw in enumerate(lines, start=1):
        if not raw.strip():
            continue
        article = _read_article(raw, _Place(problems, number))
        if article is None:
            continue
        if article.id in first_seen:
            problems.add(
                number,
                "id",
                f"{_show(article.id)} is the id of line {first_seen[article.id]} too; "
                "ids are unique, so rename or drop one of the two",
            )
        first_seen.setdefault(article.id, number)
        articles.append(article)
    problems.raise_if_any()
    if not articles:
        raise DataError(f"{path}: holds no article; labelled data has one JSON object a line.")
    return articles


@dataclass(slots=True)
class _Problems:
    """What is wrong with one file, collected so that all of it can be mended at once."""

    path: Path
    found: list[str] = field(default_factory=list)

    def add(self, line: int, where: str, what: str) -> None:
        place = f"line {line}, {where}" if where else f"line {line}"
        self.found.append(f"{place}: {what}" if what.endswith("?") else f"{place}: {what}.")

    def raise_if_any(self) -> None:
        if not self.found:
            return
        count = len(self.found)
        message = [f"{self.path}: {count} problem{'s' if count > 1 else ''} in labelled data."]
        message += [f"  {problem}" for problem in self.found[:_SHOWN_PROBLEMS]]
        if count > _SHOWN_PROBLEMS:
            message.append(f"  … and {count - _SHOWN_PROBLEMS} more.")
        raise DataError("\n".join(message))


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the reader stands: a line, and a path of keys within its object."""

    problems: _Problems
    line: int
    prefix: str = ""

    def within(self, key: str) -> "_Place":
        return _Place(self.problems, self.line, f"{self.prefix}{key}")

    def complain(self, what: str) -> None:
        self.problems.add(self.line, self.prefix.lstrip("."), what)


def _read_article(raw: bytes, place: _Place) -> LabelledArticle | None:
    """Read one line; None when it breaks the format, which has then been complained of."""
    try:
        # A byte order mark can only stand at the start of the file, where some editors put one.
        record = json.loads(raw.decode("utf-8-sig" if place.line == 1 else "utf-8"))
    except UnicodeDecodeError as error:
        place.complain(f"byte {error.start + 1} of the line is not UTF-8; save the file as UTF-8")
        return None
    except json.JSONDecodeError as error:
        place.complain(f"is no JSON ({error.msg} at column {error.colno}); write one JSON object a line")
        return None
    except (ValueError, RecursionError) as error:
        # Numbers of thousands of digits, brackets nested thousands deep.
        place.complain(f"is beyond what can be read as JSON ({error}); write one JSON object a line")
        return None
    if not isinstance(record, dict):
        place.complain(f"{_show(record)} is no article; write one JSON object a line")
        return None

    _check_article_keys(record, place)
    identifier = _text(record, "id", place)
    text = _text(record, "text", place)
    optional = {key: _text(record, key, place, nullable=True) for key in _ARTICLE_OPTIONAL}
    sentences = record.get("sentences")
    if not isinstance(sentences, list):
        if "sentences" in record:
            place.within("sentences").complain(f"{_show(sentences)} is no list; write a list of objects")
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
    record: object, strings: Mapping[str, str | None], ends: dict[str, int], place: _Place
) -> LabelledSentence | None:
    """Read one unit. ``ends`` holds where the last unit of each part ended, and is moved on."""
    if not isinstance(record, dict):
        place.complain(f"{_show(record)} is no sentence; write an object with {_listed(_SENTENCE_REQUIRED)}")
        return None
    known = _SENTENCE_REQUIRED + _SENTENCE_OPTIONAL
    for key in record:
        if key not in known:
            place.complain(f"unknown key {_show(key)}; a sentence has {_listed(known)}{_nearest(key, known)}")
    _check_required(record, _SENTENCE_REQUIRED, place)

    part = _part(record, place)
    span = _span(record, part, strings, ends, place)
    label = _label(record["label"], place.within(".label")) if record.get("label") is not None else None
    also = _also(record.get("also", []), label, place.within(".also"))
    if part is None or span is None:
        return None
    start, end, text = span
    return LabelledSentence(part, start, end, text, label, also)


def _part(record: Mapping[str, Any], place: _Place) -> Part | None:
    if "part" not in record:
        return None
    value = record["part"]
    part = _PARTS.get(value) if isinstance(value, str) else None
    if part is None:
        nearest = _nearest(value, tuple(_PARTS))
        place.within(".part").complain(f"{_show(value)} is no part; use {_listed(_PARTS)}{nearest}")
    return part


def _span(
    record: Mapping[str, Any],
    part: Part | None,
    strings: Mapping[str, str | None],
    ends: dict[str, int],
    place: _Place,
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
                f"{_show(value)} is no offset; write a whole number of characters"
            )
    if len(offsets) < 2 or part is None:
        return None
    start, end = offsets
    if part not in strings:
        place.within(".part").complain('"title", but the article has no title; add it or use "body"')
        return None
    string = strings[part]
    if string is None:
        return None
    if not 0 <= start < end <= len(string):
        place.complain(
            f"offsets {start} to {end} are not within the {part}, which has {len(string)} characters; "
            "offsets count characters from 0, the end is exclusive and greater than the start"
        )
        return None
    if part == "title" and ends["body"]:
        place.complain(
            "a title stands behind a body sentence; list the sentences in reading order, title first"
        )
    if start < ends[part]:
        place.complain(
            f"offsets {start} to {end} reach back before {ends[part]}, where the sentence before ends; "
            "sentences stand in reading order and do not overlap"
        )
    ends[part] = max(ends[part], end)
    if not string[start:end].strip():
        place.complain(
            f"offsets {start} to {end} hold only white space; drop the sentence or move its offsets"
        )
    return start, end, string[start:end]


def _label(value: object, place: _Place) -> Label | None:
    label = _LABELS.get(value) if isinstance(value, str) else None
    if label is None:
        nearest = _nearest(value, tuple(_LABELS))
        place.complain(f"{_show(value)} is no label; use {_listed(_LABELS)} or null for furniture{nearest}")
    return label


def _also(value: object, label: Label | None, place: _Place) -> tuple[Label, ...]:
    if not isinstance(value, list):
        place.complain(f"{_show(value)} is no list; write the labels that are almost as right, or []")
        return ()
    also: list[Label] = []
    for item in value:
        other = _label(item, place)
        if other is None:
            continue
        if other is label or other in also:
            place.complain(
                f"{_show(other.value)} is there twice; list only labels other than the sentence's own, once"
            )
        also.append(other)
    return tuple(also)


def _text(record: Mapping[str, Any], key: str, place: _Place, *, nullable: bool = False) -> str | None:
    """The string under ``key``; None when it is missing, null where that is allowed, or of another type."""
    value = record.get(key)
    if isinstance(value, str):
        return value
    if key in record and not (nullable and value is None):
        place.within(key).complain(
            f"{_show(value)} is no string; write a string{' or null' if nullable else ''}"
        )
    return None


def _check_article_keys(record: Mapping[str, Any], place: _Place) -> None:
    _check_required(record, _ARTICLE_REQUIRED, place)
    # Other keys are welcome on an article, but one that looks like an absent optional key is a slip that
    # would silently leave the article without, say, its split.
    absent = [key for key in _ARTICLE_OPTIONAL if key not in record]
    for key in record:
        if key not in _ARTICLE_REQUIRED + _ARTICLE_OPTIONAL and _nearest(key, absent, cutoff=0.8):
            place.complain(f"unknown key {_show(key)}{_nearest(key, absent, cutoff=0.8)}")


def _check_required(record: Mapping[str, Any], required: tuple[str, ...], place: _Place) -> None:
    for key in required:
        if key not in record:
            others = [other for other in record if other not in required]
            slip = get_close_matches(key, others, n=1)
            instead = f"; rename {_show(slip[0])}" if slip else "; add it"
            place.complain(f"key {_show(key)} is missing{instead}")


def _nearest(value: object, known: tuple[str, ...] | list[str], cutoff: float = 0.6) -> str:
    """A closing «did you mean …», or nothing."""
    matches = get_close_matches(value.lower(), known, n=1, cutoff=cutoff) if isinstance(value, str) else []
    return f"; did you mean {_show(matches[0])}?" if matches else ""


def _listed(names: Mapping[str, object] | tuple[str, ...]) -> str:
    return ", ".join(_show(name) for name in names)


def _show(value: object) -> str:
    """A value as it stands in the file, cut to a length that fits a message."""
    shown = json.dumps(value, ensure_ascii=False)
    return shown if len(shown) <= _SHOWN_CHARACTERS else f"{shown[:_SHOWN_CHARACTERS]}…"
