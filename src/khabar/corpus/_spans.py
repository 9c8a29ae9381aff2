"""Labelled stretches of a text: their units, their bounds, their order."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeGuard

from khabar.corpus._problems import Place
from khabar.labels import Label
from khabar.schema import LabelledSentence, Part

OffsetUnit = Literal["character", "utf-16"]
"""What an offset counts: Unicode code points, as Python does, or UTF-16 code units, as JavaScript does. They
differ behind a character beyond U+FFFF, such as an emoji."""


@dataclass(frozen=True, slots=True)
class Span:
    """A labelled stretch as a file has it, not yet checked."""

    part: Part
    start: int
    """First character (code point) of the part's string."""
    end: int
    """One past the last character."""
    label: Label | None
    also: tuple[Label, ...]
    place: Place


def check_bounds(
    part: Part,
    start: int,
    end: int,
    strings: Mapping[str, str | None],
    ends: dict[str, int],
    place: Place,
) -> str | None:
    """Check a span against its string and the spans before it.

    Args:
        part: Which string the offsets point into.
        start: First character.
        end: One past the last character.
        strings: The string of each part that the article has; None for one that is no string.
        ends: Where the last span of each part ended; moved on.
        place: Where to complain.

    Returns:
        The characters of the span, or None when its string does not have them.
    """
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
    return string[start:end]


def lay_out(spans: Iterable[Span], text: str, title: str | None) -> tuple[LabelledSentence, ...]:
    """Put spans of a format that knows no order into reading order, and check them.

    Returns:
        The sentences, the title's first; those that are out of bounds have been complained of and left out.
    """
    strings = {"body": text} if title is None else {"title": title, "body": text}
    ends = {"title": 0, "body": 0}
    sentences = []
    for span in sorted(spans, key=lambda span: (span.part == "body", span.start, span.end)):
        found = check_bounds(span.part, span.start, span.end, strings, ends, span.place)
        if found is not None:
            sentences.append(LabelledSentence(span.part, span.start, span.end, found, span.label, span.also))
    return tuple(sentences)


def units_differ(text: str) -> bool:
    """Return whether code points and UTF-16 code units count this text differently."""
    return text > "" and max(text) > "\uffff"


def characters_of(text: str, offset: int) -> int | None:
    """Return the offset in characters of an offset in UTF-16 code units.

    None when it points into the middle of a character; an offset outside of the text stays outside of it.
    """
    if offset < 0:
        return offset
    units = 0
    for index, character in enumerate(text):
        if units >= offset:
            return index if units == offset else None
        units += 1 + (character > "\uffff")
    return len(text) + offset - units if offset >= units else None


def code_units_of(text: str, offset: int) -> int:
    """Return the offset in UTF-16 code units of an offset in characters."""
    return offset + sum(character > "\uffff" for character in text[:offset])


def in_characters(
    start: int, end: int, text: str, unit: OffsetUnit | None, place: Place
) -> tuple[int, int] | None:
    """Return offsets in characters of offsets in another unit; None, and a complaint, when they have none."""
    if unit != "utf-16" or not units_differ(text):
        return start, end
    first, last = characters_of(text, start), characters_of(text, end)
    if first is None or last is None:
        place.complain(
            f"offsets {start} to {end} point into the middle of a character when they count UTF-16 code "
            'units; read the file with offset_unit="character"'
        )
        return None
    return first, last


def whole_number(value: object) -> TypeGuard[int]:
    """Return whether a value of a JSON file is an offset: to Python True is 1, to its writer a mistake."""
    return isinstance(value, int) and not isinstance(value, bool)
