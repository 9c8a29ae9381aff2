"""Page furniture that a line shows by its own words, wherever on the page it stands."""

import re
from typing import Final

from khabar.arabic import _boilerplate as boilerplate
from khabar.arabic import abbreviations, openers, punctuation
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
_LONGEST_PHRASE: Final = 4
_LONGEST_NAME: Final = 3
_LONGEST_CREDIT: Final = 80

_WORD: Final = re.compile(r"[^\W_]+")
_FIGURE: Final = re.compile(r"\d+")
_NUMERIC: Final = re.compile(rf"\d+(?:st|nd|rd|th|{'|'.join(fold(abbreviations.ERA_MARKS).split())})?")
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
_LINK_LISTS: Final = _phrases(boilerplate.LINK_LISTS)
_LABELS: Final = _beginnings(boilerplate.LABELS)
_BYLINE_WORDS: Final = _phrases(boilerplate.BYLINE_WORDS)
_NETWORKS: Final = _phrases(boilerplate.NETWORKS)
_NETWORK_FILLERS: Final = _phrases(boilerplate.NETWORK_FILLERS)
_AGENCIES: Final = _phrases(boilerplate.AGENCIES)
_PLACES: Final = _phrases(boilerplate.LONG_PLACES) | frozenset(_words_of(boilerplate.PLACES))
_WEEKDAYS: Final = frozenset(_words_of(boilerplate.WEEKDAYS))
_TIME: Final = frozenset(_words_of(boilerplate.TIME_WORDS)) | _WEEKDAYS
_NAVIGATION: Final = fold(boilerplate.NAVIGATION)
_FIRST_WORDS: Final = frozenset(phrase.split()[0] for phrase in [*_FORMULAS, *_LABELS])
_VOCABULARY: Final = (
    dict.fromkeys(_NETWORK_FILLERS, "filler")
    | dict.fromkeys(_NETWORKS, "network")
    | dict.fromkeys(_TIME, "time")
    | dict.fromkeys(_AGENCIES, "agency")
    | dict.fromkeys(_PLACES, "place")
)
_VOCABULARY_FIRST_WORDS: Final = frozenset(phrase.split()[0] for phrase in _VOCABULARY)
_LABEL_END: Final = re.compile(rf"\s*(?:$|[\d{re.escape(punctuation.SEPARATORS + '()[]>')}])")
_PARTS: Final = re.compile(rf"[{re.escape(punctuation.SEPARATORS + '()[].')}]+")
_STEP: Final = re.compile(rf"[{re.escape(boilerplate.NAVIGATION_MARKS)}]")
_CREDIT: Final = re.compile(r"[(\[«][^()\[\]]*[)\]»]\Z")
_TIME_ZONE: Final = frozenset(_words_of(boilerplate.TIME_ZONE))


def furniture_kind(line: str) -> str | None:
    """Return which of `FURNITURE_KINDS` the whole ``line`` is by its own words; None if it may be a sentence.

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
    if found[0] == _NAVIGATION and (len(found) == 1 or _STEP.search(folded)):
        return "navigation"
    if found[0] not in _FIRST_WORDS:
        return None
    for length in range(min(_LONGEST_PHRASE, len(found)), 0, -1):
        phrase = " ".join(found[:length])
        kind = _FORMULAS.get(phrase)
        if kind and len(found) <= _LONGEST[kind]:
            return kind
        kind = _LABELS.get(phrase)
        if kind and _is_labelled(kind, folded, found, length):
            return kind
    # Pages run together put the first link right behind the formula, without a space.
    if _GLUED.match(" ".join(found)) and len(found) <= _LONGEST["related"]:
        return "related"
    return None


def _is_labelled(kind: str, folded: str, found: list[str], length: int) -> bool:
    """Say whether a line is furniture of ``kind`` with what follows its label of ``length`` words."""
    rest = found[length:]
    if not rest:
        return True
    if kind not in _LONGEST_LABELLED:
        # A counter or a row of buttons; anything else after the label may be news («عاجل: ...»).
        return _vocabulary(rest) is not None
    end = [match.end() for match in _WORD.finditer(folded)][length - 1]
    return (
        len(rest) <= _LONGEST_LABELLED[kind]
        and _LABEL_END.match(folded, end) is not None
        and not any(map(is_verb, rest))
    )


def _by_vocabulary(folded: str, found: list[str]) -> str | None:
    if found[0].isdigit() and all(map(str.isdigit, found)):
        return "timestamp" if _DATE.search(folded) else "number"
    if len(found[0]) == 1 and all(len(word) == 1 and word.isalpha() for word in found):
        # The same letter over and over, in several sizes, sets the size of the type; others are initials.
        return "page_control" if len(set(found)) == 1 else "credit"
    kinds = _vocabulary(found)
    if kinds is None:
        return None
    if _TIME_ZONE.intersection(found):
        # The place whose clock is meant makes no dateline.
        kinds.discard("place")
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
    kinds: set[str] = set()
    index = 0
    while index < len(found):
        kind, length = _vocabulary_at(found, index)
        if kind is None:
            return None
        kinds.add(kind)
        index += length
    return kinds


def _vocabulary_at(found: list[str], index: int) -> tuple[str | None, int]:
    """Return the kind of the longest known phrase that begins at ``index``, and its length in words."""
    word = found[index]
    if word in _VOCABULARY_FIRST_WORDS:
        for length in range(min(_LONGEST_PHRASE, len(found) - index), 0, -1):
            kind = _VOCABULARY.get(" ".join(found[index : index + length]))
            if kind:
                return kind, length
    if _NUMERIC.fullmatch(word):
        return "figure", 1
    if word[0] == openers.AND and word[1:] in _AGENCIES:
        return "agency", 1
    return None, 1


def is_byline(line: str) -> bool:
    """Say whether a line at the top of a page is a byline: a name beside a place, an agency or a role."""
    found = _words_of(line)
    if not 1 < len(found) <= _LONGEST_LABELLED["byline"] or is_verb(found[1]):
        return False
    if found[0] in _BYLINE_WORDS or " ".join(found[:2]) in _BYLINE_WORDS:
        return not any(map(_FIGURE.search, found))
    parts = [part for part in map(_words_of, _PARTS.split(line)) if part]
    known = [
        part for part in parts if _vocabulary_at(part, 0)[0] in {"place", "agency"} and _vocabulary(part)
    ]
    return len(parts) > 1 and bool(known) and all(len(part) <= _LONGEST_PHRASE for part in parts)


def is_credited(line: str) -> bool:
    """Say whether ``line`` ends with an agency in brackets, as captions do."""
    match = _CREDIT.search(line[-_LONGEST_CREDIT:])
    kinds = _vocabulary(_words_of(match[0])) if match else None
    return kinds is not None and "agency" in kinds


def is_credit(line: str) -> bool:
    """Say whether a whole line in brackets names agencies, perhaps beside other media that no table knows."""
    found = _words_of(line)
    if len(line) > _LONGEST_CREDIT or not _CREDIT.fullmatch(line.strip(punctuation.SEPARATORS + " .")):
        return False
    return any(_vocabulary_at(found, index)[0] == "agency" for index in range(len(found)))


def is_bracketed_name(line: str) -> bool:
    """Say whether a line is nothing but a word or three in brackets, as newspapers sign their own reports."""
    found = _words_of(line)
    return (
        0 < len(found) <= _LONGEST_NAME
        and _CREDIT.fullmatch(line.strip(punctuation.SEPARATORS + " .")) is not None
    )


def heads_links(line: str) -> bool:
    """Say whether ``line`` is nothing but the heading of a list of links to other articles."""
    return " ".join(_words_of(line)) in _LINK_LISTS


def same_words(one: str, other: str) -> bool:
    """Say whether two lines consist of the same words, whatever their spelling and punctuation."""
    return _words_of(one) == _words_of(other)
