"""Page furniture that a line shows by its own words, wherever on the page it stands."""

import re
from typing import Final

from khabar.arabic import _boilerplate as boilerplate
from khabar.arabic import punctuation
from khabar.arabic.words import fold, is_verb

FURNITURE_KINDS: Final = {
    "advertisement": "an advertisement, or the word that announces one",
    "byline": "who wrote, photographed, translated or supplied the article",
    "caption": "words under a picture",
    "comments": "the comment section",
    "copyright": "a notice about rights",
    "credit": "agencies or initials at the end of the article",
    "dateline": "place, agency and date, without a sentence after them",
    "image_file": "the name of a picture or another file",
    "link": "a web address, an e-mail address or the name of an account",
    "navigation": "a trail of sections or another part of the page's menu",
    "number": "a number or an identifier alone",
    "page_control": "font size, printing, listening, counters",
    "related": "links to other articles",
    "separator": "signs without a letter or a digit",
    "share": "share buttons, invitations to follow or to subscribe",
    "subheading": "a heading between the paragraphs",
    "tags": "key words or sections",
    "timestamp": "a date or a time alone",
    "title_repeated": "the title of the article once more",
}
"""Every kind that `khabar.schema.Furniture` can have, and what it means."""

_LONGEST_LINE: Final = 400
_LONGEST: Final = {"related": 24, "share": 18, "page_control": 6, "comments": 10, "copyright": 20}
_LONGEST_LABELLED: Final = {"related": 20, "tags": 40, "caption": 25, "byline": 7}
_LONGEST_OTHER: Final = 6
_LONGEST_PHRASE: Final = 4

_WORD: Final = re.compile(r"[^\W_]+")
_FIGURE: Final = re.compile(r"\d+")
_NUMERIC: Final = re.compile(r"\d+(?:st|nd|rd|th|م|ه|ص)?")
_DATE: Final = re.compile(r"\b(?:\d{1,4}([-/.\\])\d{1,2}\1\d{1,4}|\d{1,2}:\d{2})\b")
_FILE: Final = re.compile(rf"[^\s،؛]{{1,160}}\.(?:{'|'.join(boilerplate.FILE_TYPES.split())})", re.IGNORECASE)
_LINK: Final = re.compile(
    r"(?:https?://|www\.)\S+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+|[@#][\w.]+|[a-z0-9-]+(?:\.[a-z0-9-]+){0,4}\.[a-z]{2,6}(?:/\S*)?",
    re.IGNORECASE,
)


def _words_of(text: str) -> list[str]:
    return _WORD.findall(fold(text))


def _phrases(table: str) -> frozenset[str]:
    """Return the phrases of a table, which a bar or a line break divides, folded."""
    entries = (" ".join(_words_of(entry)) for line in table.splitlines() for entry in line.split("|"))
    return frozenset(entry for entry in entries if entry)


def _beginnings(tables: dict[str, str]) -> dict[str, str]:
    return {phrase: kind for kind, table in tables.items() for phrase in _phrases(table)}


_FORMULAS: Final = _beginnings(boilerplate.FORMULAS)
_GLUED: Final = re.compile(
    "|".join(sorted((p for p in _FORMULAS if p.count(" ") > 1), key=len, reverse=True))
)
_LABELS: Final = _beginnings(boilerplate.LABELS)
_BYLINE_WORDS: Final = _phrases(boilerplate.BYLINE_WORDS)
_NETWORKS: Final = _phrases(boilerplate.NETWORKS)
_NETWORK_FILLERS: Final = _phrases(boilerplate.NETWORK_FILLERS)
_AGENCIES: Final = _phrases(boilerplate.AGENCIES)
_PLACES: Final = _phrases(boilerplate.LONG_PLACES) | frozenset(_words_of(boilerplate.PLACES))
_WEEKDAYS: Final = frozenset(_words_of(boilerplate.WEEKDAYS))
_TIME: Final = frozenset(_words_of(boilerplate.TIME_WORDS)) | _WEEKDAYS
_NAVIGATION: Final = fold(boilerplate.NAVIGATION)
_LABEL_END: Final = re.compile(rf"\s*(?:$|[\d{re.escape(punctuation.SEPARATORS + '()[]>')}])")
_PARTS: Final = re.compile(rf"[{re.escape(punctuation.SEPARATORS + '()[].')}]+")
_IN_BRACKETS: Final = re.compile(r"[(\[][^()\[\]]*[)\]]")


def furniture_kind(line: str) -> str | None:
    """Return which of `FURNITURE_KINDS` the whole ``line`` is by its own words; None when it may be a sentence.

    Only what no sentence of news would be is named: a formula of the page, or a line made of nothing but
    addresses, figures, words of time, places and agencies.
    """
    if len(line) > _LONGEST_LINE:
        return None
    folded = fold(line)
    found = _WORD.findall(folded)
    if not found:
        return "separator"
    if len(found) == 1 or " " not in line.strip():
        if _FILE.fullmatch(line.strip()):
            return "image_file"
        if _LINK.fullmatch(line.strip("()[]<> \t")):
            return "link"
    return _by_formula(folded, found) or _by_vocabulary(folded, found)


def _by_formula(folded: str, found: list[str]) -> str | None:
    for length in range(min(_LONGEST_PHRASE, len(found)), 0, -1):
        phrase = " ".join(found[:length])
        kind = _FORMULAS.get(phrase)
        if kind and len(found) <= _LONGEST[kind]:
            return kind
        kind = _LABELS.get(phrase)
        if kind and len(found) <= length + _LONGEST_LABELLED.get(kind, _LONGEST_OTHER):
            end = [match.end() for match in _WORD.finditer(folded)][length - 1]
            if _LABEL_END.match(folded, end) and (length == len(found) or not is_verb(found[length])):
                return kind
    if _GLUED.match(" ".join(found)) and len(found) <= _LONGEST["related"]:
        return "related"
    steps = [
        step for step in re.split(rf"[{re.escape(boilerplate.NAVIGATION_MARKS)}]", folded) if step.strip()
    ]
    if found[0] == _NAVIGATION and (len(found) == 1 or len(steps) > 1):
        return "navigation"
    return None


def _by_vocabulary(folded: str, found: list[str]) -> str | None:
    if all(_FIGURE.fullmatch(word) for word in found):
        return "timestamp" if _DATE.search(folded) else "number"
    if all(len(word) == 1 and word.isalpha() for word in found) and len(found) > 1:
        return "credit"
    kinds = _vocabulary(found)
    if kinds is None:
        return None
    if kinds <= {"time", "figure"}:
        return "timestamp" if "figure" in kinds or _WEEKDAYS.intersection(found) else None
    if "network" in kinds:
        return "share" if kinds <= {"network", "filler"} else None
    if "filler" in kinds:
        return None
    if "place" in kinds:
        return "byline" if "agency" in kinds else "dateline"
    return "credit" if "agency" in kinds else None


def _vocabulary(found: list[str]) -> set[str] | None:
    """Return the kinds of words that a line consists of; None when one of its words is of no such kind."""
    kinds = set()
    index = 0
    while index < len(found):
        for length in range(min(_LONGEST_PHRASE, len(found) - index), 0, -1):
            phrase = " ".join(found[index : index + length])
            kind = _kind_of(phrase)
            if kind:
                kinds.add(kind)
                index += length
                break
        else:
            return None
    return kinds


def _kind_of(phrase: str) -> str | None:
    if phrase in _PLACES:
        return "place"
    if phrase in _AGENCIES or (phrase[0] == "و" and phrase[1:] in _AGENCIES):
        return "agency"
    if phrase in _TIME:
        return "time"
    if _NUMERIC.fullmatch(phrase):
        return "figure"
    if phrase in _NETWORKS:
        return "network"
    return "filler" if phrase in _NETWORK_FILLERS else None


def is_byline(line: str) -> bool:
    """Say whether a short line at the top of a page reads as a byline: a name beside a place, an agency or a role."""
    found = _words_of(line)
    if not found or len(found) > _LONGEST_LABELLED["byline"] or is_verb(found[1] if len(found) > 1 else ""):
        return False
    if found[0] in _BYLINE_WORDS or " ".join(found[:2]) in _BYLINE_WORDS:
        return len(found) > 1 and not any(map(_FIGURE.search, found))
    parts = [_words_of(part) for part in _PARTS.split(fold(line))]
    parts = [part for part in parts if part]
    known = [part for part in parts if (_vocabulary(part) or set()) & {"place", "agency"}]
    return len(parts) > 1 and bool(known) and all(len(part) <= 4 for part in parts)


def is_credited(line: str) -> bool:
    """Say whether ``line`` ends with an agency in brackets, as captions do."""
    matches = list(_IN_BRACKETS.finditer(line[-60:]))
    if not matches or line[-60:][matches[-1].end() :].strip():
        return False
    kinds = _vocabulary(_words_of(matches[-1][0]))
    return bool(kinds) and "agency" in (kinds or set())


def is_bracketed(line: str) -> bool:
    """Say whether the whole of ``line`` stands in brackets."""
    return _IN_BRACKETS.fullmatch(line.strip()) is not None


def same_words(one: str, other: str) -> bool:
    """Say whether two lines consist of the same words, whatever their spelling and punctuation."""
    return _words_of(one) == _words_of(other)
