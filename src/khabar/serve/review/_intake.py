"""Articles that are handed in for review: text files, JSON Lines, JSON; each problem with its place."""

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, Final

from khabar._files import decode_article
from khabar.article import read_article
from khabar.corpus import read_jsonl
from khabar.errors import DataError, InputError
from khabar.schema import LabelledArticle
from khabar.serve.review._state import Span, Unit, name_of

MAX_NAME: Final = 200
_OPTIONAL: Final = ("title", "id", "outlet", "split")


@dataclass(frozen=True, slots=True)
class NewArticle:
    """An article before it is in the queue."""

    id: str
    name: str
    title: str | None
    text: str
    outlet: str | None
    split: str | None
    guidelines: str | None
    units: tuple[Unit, ...]
    labels: tuple[tuple[Span, str], ...]
    """Labels that it brings along, by name."""
    place: str
    """How to call it in an error."""
    second_name: str | None = None
    """A name to take when ``name`` is taken; None when its owner chose the name."""


class IntakeError(InputError):
    """An article that cannot be taken."""

    def __init__(self, place: str, message: str) -> None:
        super().__init__(f"{place}: {message}")
        self.place = place
        self.message = message


def article_id(title: str | None, text: str) -> str:
    """Return the id of an article: the same title and text have the same one."""
    whole = json.dumps([title, text], ensure_ascii=True)
    return hashlib.sha256(whole.encode()).hexdigest()[:16]


def read_files(
    files: Mapping[str, bytes] | list[tuple[str, bytes]], max_characters: int
) -> Iterator[NewArticle | IntakeError]:
    """Read files that were handed in.

    Args:
        files: Name and content of each; what ends in ``.jsonl`` has one article a line, every other file is
            an article in plain text.
        max_characters: The longest article that is taken.

    Yields:
        Each article, or what is wrong with it.
    """
    for name, data in files.items() if isinstance(files, Mapping) else files:
        bare = PurePosixPath(name.replace("\\", "/")).name or "file"
        if bare.lower().endswith((".jsonl", ".ndjson")):
            yield from _read_lines(bare, data, max_characters)
            continue
        try:
            record = {"text": decode_article(data, bare), "id": PurePosixPath(bare).stem}
        except InputError as error:
            yield IntakeError(bare, str(error).removeprefix(f"{bare} "))
        else:
            article = read_record(record, bare, max_characters)
            if isinstance(article, NewArticle):
                # Files of different folders often have the same name.
                article = replace(article, second_name=f"{article.name}-{article.id[:8]}")
            yield article


def _read_lines(name: str, data: bytes, max_characters: int) -> Iterator[NewArticle | IntakeError]:
    found = False
    for number, raw in enumerate(data.split(b"\n"), start=1):
        if not raw.strip():
            continue
        found = True
        place = f"{name}, line {number}"
        try:
            record = json.loads(raw.decode("utf-8-sig" if number == 1 else "utf-8"))
        except UnicodeDecodeError as error:
            yield IntakeError(place, f"byte {error.start + 1} is not UTF-8; save the file as UTF-8.")
        except (ValueError, RecursionError):
            yield IntakeError(place, 'is no JSON; write one article a line, {"text": "…"}.')
        else:
            yield read_record(record, place, max_characters)
    if not found:
        yield IntakeError(name, 'is empty; write one article a line, {"text": "…"}.')


def read_record(record: object, place: str, max_characters: int) -> NewArticle | IntakeError:
    """Read one article from JSON.

    Args:
        record: An object with ``text`` and, if there are any, ``title``, ``id``, ``outlet``, ``split``, and
            ``sentences`` as docs/data-formats.md describes them; other keys are left alone.
        place: How to call it in an error.
        max_characters: The longest article that is taken.
    """
    try:
        return _read(record, place, max_characters)
    except IntakeError as error:
        return error


def _read(record: object, place: str, max_characters: int) -> NewArticle:
    if not isinstance(record, dict):
        raise IntakeError(place, 'is no object; write {"text": "…"} and, if there is one, "title".')
    text = record.get("text")
    if not isinstance(text, str):
        rule = "is missing" if "text" not in record else f"is {type(text).__name__}"
        raise IntakeError(place, f'"text" {rule}; write the text of the article as a string.')
    values: dict[str, str | None] = {}
    for key in _OPTIONAL:
        value = record.get(key)
        if isinstance(value, int) and key == "id" and not isinstance(value, bool):
            value = str(value)
        if value is not None and not isinstance(value, str):
            raise IntakeError(place, f'"{key}" is {type(value).__name__}, expected a string or null.')
        values[key] = (value or "").strip() or None if key != "title" else value
    title = values["title"] if (values["title"] or "").strip() else None
    _check_text(text, title, values, place, max_characters)
    identifier = article_id(title, text)
    name = values["id"] or f"article-{identifier[:8]}"
    if len(name) > MAX_NAME:
        raise IntakeError(place, f"the name has {len(name)} characters, {MAX_NAME} are allowed; shorten it.")
    labelled = None
    if record.get("sentences"):
        labelled = _labelled(record, name, place)
        units = tuple(
            Unit(
                Span(sentence.part, sentence.start, sentence.end),
                kind=None if sentence.label is not None else "labelled",
            )
            for sentence in labelled.sentences
        )
    else:
        units = _found_units(text, title)
    if not any(unit.kind is None for unit in units):
        raise IntakeError(place, "holds no sentence of an article; hand in its text.")
    return NewArticle(
        identifier,
        name,
        title,
        text,
        values["outlet"],
        values["split"],
        None if labelled is None else labelled.guidelines,
        units,
        () if labelled is None else _labels(labelled),
        place,
    )


def _check_text(
    text: str, title: str | None, values: Mapping[str, str | None], place: str, max_characters: int
) -> None:
    length = len(text) + len(title or "")
    if length > max_characters:
        raise IntakeError(
            place, f"has {length:,} characters, {max_characters:,} are allowed; hand it in as several."
        )
    for string in (text, *filter(None, values.values())):
        if "\0" in string:
            raise IntakeError(place, "holds a NUL character, which databases cannot keep; take it out.")
        try:
            string.encode()
        except UnicodeEncodeError:
            raise IntakeError(
                place, "holds half of a surrogate pair, which is no text; save it as UTF-8 again."
            ) from None


def _found_units(text: str, title: str | None) -> tuple[Unit, ...]:
    article = read_article(text, title)
    units = []
    for sentence in article.sentences:
        headline = sentence.part == "title" and title is None
        # Here a headline inside of the text is a unit of the text: `part` says which string offsets count in.
        part = "body" if headline else sentence.part
        units.append(Unit(Span(part, sentence.start, sentence.end), headline=headline))
    units += [Unit(Span("body", piece.start, piece.end), piece.kind) for piece in article.furniture]
    return tuple(units)


def _labelled(record: Mapping[str, Any], name: str, place: str) -> LabelledArticle:
    """Read a record of the labelled format; the reader of the format knows its keys and checks them."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "record.jsonl"
        path.write_text(json.dumps({**record, "id": name}), encoding="utf-8")
        try:
            (article,) = read_jsonl(path)
        except DataError as error:
            problems = [line.strip().removeprefix("line 1, ") for line in str(error).splitlines()[1:]]
            raise IntakeError(place, " ".join(problems) or str(error)) from error
    return article


def _labels(article: LabelledArticle) -> tuple[tuple[Span, str], ...]:
    return tuple(
        (Span(sentence.part, sentence.start, sentence.end), name_of(sentence.label))
        for sentence in article.sentences
    )
