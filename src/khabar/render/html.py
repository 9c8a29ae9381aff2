"""An annotated article as HTML: a page of its own, or a fragment for a notebook or another page.

The page needs nothing from anywhere and runs no script: scores open with ``<details>``, and its
Content-Security-Policy forbids everything but its own style. Whatever an article holds is shown as text.
"""

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from khabar._version import __version__
from khabar.labels import Label
from khabar.render.words import (
    FURNITURE_NAMES,
    LABEL_NAMES,
    LANGUAGES,
    PHRASES,
    UNDECIDED,
    Language,
    count_words,
    label_key,
)
from khabar.schema import AnnotatedArticle, AnnotatedSentence, Furniture

_TURNS: Final = {
    "\u202a": "LRE",
    "\u202b": "RLE",
    "\u202c": "PDF",
    "\u202d": "LRO",
    "\u202e": "RLO",
    "\u2066": "LRI",
    "\u2067": "RLI",
    "\u2068": "FSI",
    "\u2069": "PDI",
}
"""Characters that turn the direction of the text, by their names in the Unicode Bidirectional Algorithm."""

_SPECIAL: Final = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
"""What cannot stand in HTML or would change how the text around it reads."""

_LEGEND: Final = (*map(str, Label), UNDECIDED)


@dataclass(frozen=True, slots=True)
class _Row:
    """One line of the page: a sentence, or a piece of furniture."""

    key: str
    name: str
    text: Markup
    number: int
    """Position among the sentences from 1; 0 for furniture."""
    size: int
    """Characters, for its share of the strip."""
    headline: bool
    new_paragraph: bool
    truncated: bool = False
    score: str = ""
    scores: tuple[tuple[str, str, str, float], ...] = ()
    """Key, name, probability as text, and as a number, for every label."""


def render_html(
    article: AnnotatedArticle,
    *,
    source: str | None = None,
    language: Language = "ar",
    fragment: bool = False,
) -> str:
    """Return an article as HTML.

    Args:
        article: The article.
        source: Where it came from, shown above it; its ``id`` when None.
        language: Of the names of labels and of the words around the article. The article itself always runs
            from right to left.
        fragment: Leave out ``<html>``, ``<head>`` and ``<body>``, so that it can stand inside another page.
            Its style comes along, and touches nothing outside.

    Raises:
        ValueError: If the language is neither ``"ar"`` nor ``"en"``.
    """
    if fragment:
        return _rendered("fragment.html", **_frame(language), article=_article(article, source, language, 1))
    return html_opening(language) + html_article(article, source, language) + html_closing()


def html_opening(language: Language = "ar") -> str:
    """Return the beginning of a page that articles are written into one after the other."""
    return _rendered("opening.html", **_frame(language))


def html_article(
    article: AnnotatedArticle, source: str | None = None, language: Language = "ar", number: int = 1
) -> str:
    """Return one article of a page.

    Args:
        article: The article.
        source: Where it came from; its ``id`` when None.
        language: Of the words around it.
        number: Its position on the page, from 1; it keeps the addresses of its sentences apart from others'.
    """
    frame = _frame(language)
    return _rendered("article.html", **frame, article=_article(article, source, language, number))


def html_closing() -> str:
    """Return the end of the page."""
    return _rendered("closing.html")


def visible(text: str) -> Markup:
    """Return a text as HTML in which every character is text, and none acts.

    Controls become their pictures (``␀``), characters that turn the direction of the text become their names
    in a box, lone surrogates and non-characters become ``�``. Joiners and direction marks, which only act on
    their neighbours, stay.
    """
    parts: list[str] = []
    start = 0
    for match in _SPECIAL.finditer(text):
        parts += (escape(text[start : match.start()]), _shown(match.group()))
        start = match.end()
    parts.append(escape(text[start:]))
    return Markup("").join(parts)


def _shown(char: str) -> Markup:
    code = ord(char)
    if char in _TURNS:
        title = unicodedata.name(char).capitalize()
        return Markup('<span class="khabar-turn" title="{}">{}</span>').format(title, _TURNS[char])
    if code < 0x20:
        return Markup(chr(0x2400 + code))
    return Markup("\u2421" if code == 0x7F else "\ufffd")


def _frame(language: Language) -> dict[str, Any]:
    if language not in LANGUAGES:
        raise ValueError(f"language {language!r} is unknown; one of: {', '.join(LANGUAGES)}")
    other = "en" if language == "ar" else "ar"
    return {
        "language": language,
        "direction": "rtl" if language == "ar" else "ltr",
        "phrases": PHRASES[language],
        "version": __version__,
        "other": other,
        "legend": [(key, LABEL_NAMES[language][key], LABEL_NAMES[other][key]) for key in _LEGEND],
    }


def _article(
    article: AnnotatedArticle, source: str | None, language: Language, number: int
) -> dict[str, Any]:
    rows = list(_rows(article, language))
    counts = Counter(row.key for row in rows if row.number)
    text = f"{number}\0{article.title}\0{article.text}"
    return {
        "source": visible(name) if (name := source if source is not None else article.id) else "",
        "anchor": hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:10],
        "total": count_words(len(article.sentences), language),
        "counts": [(key, LABEL_NAMES[language][key], counts[key]) for key in _LEGEND if counts[key]],
        "rows": rows,
    }


def _rows(article: AnnotatedArticle, language: Language) -> Iterator[_Row]:
    """Yield sentences and furniture in the order in which they stand on the page."""
    # A title that the caller passed has offsets of its own and stands above everything.
    above = [s for s in article.sentences if _is_passed_title(article, s)]
    inside: list[AnnotatedSentence | Furniture] = [*article.sentences[len(above) :], *article.furniture]
    pieces = [*above, *sorted(inside, key=_start)]
    number, end = 0, 0
    for piece in pieces:
        gap = "" if piece in above else article.text[end : piece.start]
        paragraph = "\n" in gap or "\r" in gap
        if isinstance(piece, Furniture):
            name = visible(FURNITURE_NAMES[language].get(piece.kind, piece.kind))
            yield _Row("furniture", name, visible(piece.text), 0, len(piece.text), False, paragraph)
        else:
            number += 1
            yield _sentence_row(piece, number, paragraph, language)
        if piece not in above:
            end = piece.end


def _sentence_row(sentence: AnnotatedSentence, number: int, paragraph: bool, language: Language) -> _Row:
    names = LABEL_NAMES[language]
    key = label_key(sentence.label)
    scores = ((str(label), float(sentence.scores[label])) for label in Label)
    return _Row(
        key=key,
        name=names[key],
        text=visible(sentence.text),
        number=number,
        size=len(sentence.text),
        headline=sentence.part == "title",
        new_paragraph=paragraph,
        truncated=sentence.truncated,
        score=_probability(float(sentence.score)),
        scores=tuple(
            (label, names[label], _probability(value), value)
            for label, value in sorted(scores, key=lambda pair: -pair[1])
        ),
    )


def _is_passed_title(article: AnnotatedArticle, sentence: AnnotatedSentence) -> bool:
    return sentence.part == "title" and article.title is not None


def _start(piece: AnnotatedSentence | Furniture) -> int:
    return piece.start


def _probability(value: float) -> str:
    return f"{value:.2f}"


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("khabar.render"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _rendered(name: str, **values: object) -> str:
    return f"{_environment().get_template(name).render(**values)}\n"
