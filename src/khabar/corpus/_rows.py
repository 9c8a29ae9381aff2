"""Files in which a sentence is a row: rows to articles, whatever the rows were read from.

The text of an article is its sentences, each as it stands in its cell, joined by newlines; its title is made
of the rows of that part in the same way. Offsets follow from the lengths, nothing is searched for.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from khabar.corpus._aliases import read_also, read_label
from khabar.corpus._problems import Ids, Place, Problems, listed, nearest, show
from khabar.errors import DataError
from khabar.labels import Label
from khabar.schema import LabelledArticle, LabelledSentence, Part
from khabar.segment import trim

COLUMNS: Final = {
    name: name
    for name in (
        "article_id",
        "sentence",
        "label",
        "order",
        "part",
        "also",
        "split",
        "outlet",
        "guidelines",
    )
}
"""The fields of a row, and the columns that hold them unless the caller says otherwise."""

OF_THE_ARTICLE: Final = ("split", "outlet", "guidelines")
"""Fields that every row of an article repeats, or leaves empty."""

_REQUIRED: Final = ("sentence", "label")
_PARTS: Final[dict[str, Part]] = {"title": "title", "body": "body"}
_ALSO_SEPARATORS: Final = re.compile(r"[|,;،؛]")


@dataclass(frozen=True, slots=True)
class Row:
    """One row, its values by field."""

    place: Place
    values: Mapping[str, object]
    """A field that the file does not have at all is missing."""
    names: Mapping[str, str]
    """What the file calls each field."""

    def value(self, field: str) -> object:
        """Return the value of a field; None when it is missing, null or blank."""
        value = self.values.get(field)
        return None if is_blank(value) else value

    def at(self, field: str) -> Place:
        """Return the place of a field, for a complaint."""
        return self.place.within(self.names[field])


@dataclass(slots=True)
class _Unit:
    row: Row
    part: Part
    order: int | None
    text: str
    label: Label | None
    also: tuple[Label, ...]


@dataclass(slots=True)
class _Group:
    """The rows of one article."""

    units: list[_Unit] = field(default_factory=list)
    facts: dict[str, tuple[str, str]] = field(default_factory=dict)
    """What was said of the article, by field: the value, and the row that said it first."""
    torn: bool = False
    """Its rows stand apart, and nothing tells their order; complained of once."""


def is_blank(value: object) -> bool:
    """Return whether a cell holds nothing: null, white space, or the NaN that pandas makes of both."""
    if isinstance(value, str):
        return not value.strip()
    return value is None or (isinstance(value, float) and math.isnan(value))


def as_name(value: object) -> str | None:
    """Return an id or another name as a string; None when it is none.

    Whole numbers count, those of a column too that pandas has turned into floats because a value was missing.
    """
    if isinstance(value, str):
        return value.strip() or None
    number = _whole(value)
    return None if number is None else str(number)


def _whole(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return None


def check_columns(
    present: Sequence[str], names: Mapping[str, str], given: Iterable[str], place: Place, *, alone: bool
) -> None:
    """Complain of columns that are missing, twice there, or look like a misspelt one.

    Args:
        present: The columns of the file.
        names: What the file is to call each field.
        given: The fields that the caller named the column of, which therefore must be there.
        place: Where to complain.
        alone: Each row is an article of its own, so that it needs no id.
    """
    required = {*_REQUIRED, *given} | (set() if alone else {"article_id"})
    unknown = [column for column in present if column not in names.values()]
    for name, column in names.items():
        if column in present:
            if present.count(column) > 1:
                place.complain(f"column {show(column)} is there twice; rename or drop one of the two")
        elif name in required:
            slip = nearest(column, unknown, cutoff=0.8)
            ways = [f"name yours with columns={{{show(name)}: …}}"]
            if name == "article_id":
                ways.append("or, when each row is an article of its own, pass one_sentence_articles=True")
            place.complain(
                f"column {show(column)} is missing; there are {listed(present) or 'none'}; "
                f"add it, {', '.join(ways)}{slip}"
            )
        elif nearest(column, unknown, cutoff=0.8):
            # It would silently go unread: the articles would be without, say, their split.
            place.complain(
                f"there is no column {show(column)}, but one with nearly that name; rename it, or name it "
                f"with columns={{{show(name)}: …}}{nearest(column, unknown, cutoff=0.8)}"
            )


def build_articles(rows: Iterable[Row], problems: Problems, *, alone: bool) -> list[LabelledArticle]:
    """Turn rows into articles, in the order in which each article is met first.

    Args:
        rows: The rows in the order of the file. Those without anything in them are to be left out.
        problems: Where problems are noted.
        alone: Each row is an article of its own; its id is its ``article_id`` or, without one, made of the
            file's name and its number among the rows.

    Returns:
        The articles; incomplete when there were problems.

    Raises:
        DataError: There was a problem, there is no row, or no row has a label.
    """
    groups: dict[str, _Group] = {}
    ids = Ids()
    before = None
    for number, row in enumerate(rows, start=1):
        unit = _read_unit(row)
        identifier = _identifier(row, f"{problems.path.stem}-{number}" if alone else None)
        if identifier is None:
            before = None
            continue
        if alone:
            ids.claim(identifier, row.at("article_id"))
        known = identifier in groups
        group = groups.setdefault(identifier, _Group())
        if known and identifier != before and "order" not in row.values and not (group.torn or alone):
            group.torn = True
            row.at("article_id").complain(
                f"{show(identifier)} stood before, with rows of other articles between, so that the order "
                "of its sentences is not known; keep its rows together or add a column "
                f"{show(row.names['order'])}"
            )
        before = identifier
        _note_facts(row, group)
        if unit is not None:
            group.units.append(unit)
    articles = [_build(identifier, group) for identifier, group in groups.items()]
    problems.raise_if_any()
    if not articles:
        raise DataError(f"{problems.path}: holds no sentence; labelled data has a sentence in each row.")
    if all(sentence.label is None for article in articles for sentence in article.sentences):
        raise DataError(
            f"{problems.path}: no row has a label, and an empty label means page furniture; "
            "label the sentences, or name the column of labels."
        )
    return articles


def _identifier(row: Row, fallback: str | None) -> str | None:
    value = row.value("article_id")
    if value is None:
        if fallback is None:
            row.at("article_id").complain(
                "is missing or empty; name the article that the sentence belongs to, or, when each is an "
                "article of its own, pass one_sentence_articles=True"
            )
        return fallback
    name = as_name(value)
    if name is None:
        row.at("article_id").complain(f"{show(value)} is no id; write a string or a whole number")
    return name


def _read_unit(row: Row) -> _Unit | None:
    label = read_label(row.value("label"), row.at("label"))
    also = _also(row, label)
    part = _part(row)
    order = _order(row)
    sentence = row.value("sentence")
    if sentence is None:
        row.at("sentence").complain("is empty; write the sentence or drop the row")
        return None
    if not isinstance(sentence, str):
        row.at("sentence").complain(f"{show(sentence)} is no string; write the sentence")
        return None
    start, end = trim(sentence, 0, len(sentence))
    if start == end:
        row.at("sentence").complain(f"{show(sentence)} shows nothing; write the sentence or drop the row")
        return None
    return _Unit(row, part, order, sentence, label, also)


def _part(row: Row) -> Part:
    value = row.value("part")
    part = _PARTS.get(value.strip().casefold()) if isinstance(value, str) else None
    if value is not None and part is None:
        row.at("part").complain(
            f"{show(value)} is no part; use {listed(_PARTS)} or leave it empty{nearest(value, _PARTS)}"
        )
    return part or "body"


def _order(row: Row) -> int | None:
    if "order" not in row.values:
        return None
    value = row.value("order")
    number = _whole(value)
    if isinstance(value, str):
        try:
            number = _whole(float(value))
        except ValueError:
            number = None
    if number is None:
        row.at("order").complain(
            "is empty; number the sentences of the article in reading order"
            if value is None
            else f"{show(value)} is no place in an order; write a whole number"
        )
    return number


def _also(row: Row, label: Label | None) -> tuple[Label, ...]:
    value = row.value("also")
    if value is None:
        return ()
    if isinstance(value, str):
        value = [name for name in _ALSO_SEPARATORS.split(value) if name.strip()]
    if not isinstance(value, list):
        row.at("also").complain(f"{show(value)} is no list of labels; separate several by a comma")
        return ()
    return read_also(value, label, row.at("also"))


def _note_facts(row: Row, group: _Group) -> None:
    for name in OF_THE_ARTICLE:
        value = row.value(name)
        if value is None:
            continue
        text = as_name(value)
        if text is None:
            row.at(name).complain(f"{show(value)} is no string; write a string or leave it empty")
            continue
        first, where = group.facts.setdefault(name, (text, row.place.at))
        if first != text:
            row.at(name).complain(
                f"{show(text)}, but {where} of the same article says {show(first)}; "
                f"an article has one {name}, so make them equal"
            )


def _build(identifier: str, group: _Group) -> LabelledArticle:
    strings: dict[Part, str | None] = {}
    sentences: list[LabelledSentence] = []
    for part in _PARTS.values():
        units = [unit for unit in group.units if unit.part == part]
        _sort(units)
        strings[part] = "\n".join(unit.text for unit in units) if units else None
        offset = 0
        for unit in units:
            first, last = trim(unit.text, 0, len(unit.text))
            sentences.append(
                LabelledSentence(
                    part, offset + first, offset + last, unit.text[first:last], unit.label, unit.also
                )
            )
            offset += len(unit.text) + 1
    facts = {name: value for name, (value, _) in group.facts.items()}
    return LabelledArticle(
        id=identifier,
        text=strings["body"] or "",
        title=strings["title"],
        sentences=tuple(sentences),
        split=facts.get("split"),
        outlet=facts.get("outlet"),
        guidelines=facts.get("guidelines"),
    )


def _sort(units: list[_Unit]) -> None:
    """Put the sentences of a part into their order, where the file says one."""
    if any(unit.order is None for unit in units):
        return
    first: dict[int | None, str] = {}
    for unit in units:
        if unit.order in first:
            unit.row.at("order").complain(
                f"{unit.order} is the place of {first[unit.order]} too; give each sentence a place of its own"
            )
        first.setdefault(unit.order, unit.row.place.at)
    units.sort(key=lambda unit: unit.order or 0)
