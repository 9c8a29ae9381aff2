"""A raw page text as an article: its headline, its sentences and the furniture of the page around them."""

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from khabar.arabic import furniture, punctuation, words
from khabar.schema import Article, Furniture, Sentence
from khabar.segment import split_lines, split_sentences, trim

LONGEST_HEADLINE: Final = 20
"""Words that a first line may have to be taken for the headline."""

LONGEST_HEADLINE_UNSTOPPED: Final = 12
"""The same where no line ends with a stop, so that the lack of one says nothing."""

LONGEST_HEADING: Final = 6
"""Words that a subheading, a name under the headline or a signature may have."""

LONGEST_NAME: Final = 4
"""Words that a name with nothing beside it may have, under the headline or under the last paragraph."""

LONGEST_CAPTION: Final = 25
"""Words that a caption may have."""

SHORTEST_PARAGRAPH: Final = 12
"""Words from which on a line is a paragraph, with or without a full stop."""

_LONGEST_LINK: Final = 15
_LONGEST_INLINE_LINK: Final = 7
_PUNCTUATED_SHARE: Final = 0.6
_LONGEST_SIGNATURE: Final = 2
_MAX_SHORT_SHARE: Final = 0.5
_ELLIPSES: Final = (punctuation.ELLIPSIS, 2 * punctuation.AMBIGUOUS_STOP)
_ITEM_MARKS: Final = frozenset(punctuation.BULLETS + punctuation.SEPARATORS)
_ENUMERATOR: Final = re.compile(r"\d{1,3}\s*[-.):–]")
_INLINE_KINDS: Final = frozenset(
    {"related", "share", "image_file", "link", "copyright", "page_control", "separator"}
)


@dataclass(slots=True)
class _Line:
    start: int
    end: int
    text: str
    after_blank: bool
    """A line without content stands before it."""
    kind: str | None
    """The kind of furniture that it is; None for text of the article."""
    words: int
    stopped: bool
    """It ends with a stop, before or after a closing mark; an ellipsis does not count."""
    announces: bool
    """It ends with a colon: what follows is no heading."""

    @property
    def is_paragraph(self) -> bool:
        return self.kind is None and (
            self.words >= SHORTEST_PARAGRAPH
            or ((self.stopped or self.announces) and self.words > LONGEST_HEADING)
        )

    @property
    def is_item(self) -> bool:
        """It begins with a bullet, a dash or a star."""
        return self.text[0] in _ITEM_MARKS

    @property
    def may_be_heading(self) -> bool:
        """Short, without a stop, and not beginning as a sentence of news does."""
        return (
            self.kind is None
            and not self.stopped
            and self.words <= LONGEST_HEADING
            and (not self.is_item or self.text[:2] == 2 * self.text[0])
            and not _ENUMERATOR.match(self.text)
            and not words.reads_as_news(words.words_of(self.text))
        )

    @property
    def is_signature(self) -> bool:
        """As short as a name; a star or a dash may stand before it."""
        found = words.words_of(self.text)
        return (
            not self.stopped
            and 1 < len(found) <= LONGEST_NAME
            and self.words <= LONGEST_NAME + 1
            and words.may_begin_name(found[0])
            and not words.reads_as_news(found)
            and not any(map(words.is_verb, found))
        )


def read_article(text: str, title: str | None = None) -> Article:
    """Read the text of a news page.

    Args:
        text: The text as copied from the page.
        title: The headline when it is known apart from the text. When it is None or blank and the text opens
            with a headline (a short line without a full stop, before an empty line or furniture), that line
            is the title.

    Returns:
        The article: the title first, then the sentences of the body in order, and the furniture. Every
        visible character of ``text`` is in exactly one sentence or stretch of furniture.
    """
    sentences: list[Sentence] = []
    pieces: list[Furniture] = []
    if title is not None:
        start, end = trim(title, 0, len(title))
        if start < end:
            sentences.append(Sentence("title", start, end, title[start:end]))
        else:
            title = None

    lines = _read_lines(text)
    _mark_link_lists(lines)
    headline = None if title is not None else _find_headline(lines)
    _mark_repeated_title(
        lines, sentences[0].text if sentences else headline.text if headline else None, headline
    )
    _mark_by_position(lines, headline, titled=title is not None or headline is not None)
    for line in lines:
        if line.kind:
            pieces.append(Furniture(line.start, line.end, line.text, line.kind))
        elif line is headline:
            sentences.append(Sentence("title", line.start, line.end, line.text))
        else:
            for start, end in split_sentences(text, line.start, line.end):
                # A line is no furniture as a whole when it has come to this point.
                whole = start == line.start and end == line.end
                kind = None if whole else _inline_kind(text[start:end])
                if kind:
                    pieces.append(Furniture(start, end, text[start:end], kind))
                else:
                    sentences.append(Sentence("body", start, end, text[start:end]))
    return Article(text, title, tuple(sentences), tuple(pieces))


def _read_lines(text: str) -> list[_Line]:
    lines = []
    previous_end = 0
    for start, end in split_lines(text):
        line = text[start:end]
        lines.append(
            _Line(
                start=start,
                end=end,
                text=line,
                after_blank=_has_blank(text, previous_end, start),
                kind=furniture.furniture_kind(line),
                words=len(line.split()),
                stopped=_is_stopped(line),
                announces=line.endswith(tuple(punctuation.INTRODUCERS)),
            )
        )
        previous_end = end
    return lines


def _inline_kind(sentence: str) -> str | None:
    """Return the kind of furniture that ``sentence`` is inside a paragraph, as in text run together."""
    kind = furniture.furniture_kind(sentence)
    # Nothing shows where a linked headline ends and news goes on, so a long one is kept as a sentence.
    if kind == "related" and len(sentence.split()) > _LONGEST_INLINE_LINK:
        return None
    if kind in _INLINE_KINDS:
        return kind
    return "credit" if furniture.is_credit(sentence) else None


def _has_blank(text: str, start: int, end: int) -> bool:
    """Say whether the white space ``text[start:end]`` between two lines holds an empty one."""
    if end - start < 2:
        return False
    between = text[start:end].replace("\r\n", "\n")
    return sum(map(between.count, punctuation.LINE_BREAKS)) > 1


def _is_stopped(line: str) -> bool:
    bare = line.rstrip(punctuation.CLOSING_MARKS + " ")
    return bare.endswith(tuple(punctuation.STOPS)) and not bare.endswith(_ELLIPSES)


def _find_headline(lines: list[_Line]) -> _Line | None:
    """Return the first line of text if it is a headline: short, unstopped, apart from a body below."""
    index = next((index for index, line in enumerate(lines) if line.kind is None), None)
    if index is None or not any(line.kind is None for line in lines[index + 1 :]):
        return None
    first, second = lines[index], lines[index + 1]
    after = lines[index + 2] if index + 2 < len(lines) else second
    longest = LONGEST_HEADLINE if any(line.stopped for line in lines) else LONGEST_HEADLINE_UNSTOPPED
    if first.words > longest or first.announces or first.text.endswith(punctuation.AMBIGUOUS_STOP):
        return None
    return first if second.after_blank or second.kind or _head_kind(second, after) else None


def _mark_link_lists(lines: list[_Line]) -> None:
    """Mark the short lines without a stop that follow the heading of a list of links.

    Only in an article that ends its own paragraphs with stops: nothing else tells a link from a sentence.
    """
    links = []
    text = []
    listed = False
    for index, line in enumerate(lines):
        if line.kind is not None:
            listed = line.kind == "related" and furniture.heads_links(line.text)
            continue
        goes_on = words.is_joined(words.word_at(line.text, 0))
        listed = listed and not (line.stopped or goes_on) and line.words <= _LONGEST_LINK
        if listed:
            links.append(line)
        elif line.words > LONGEST_HEADING and (line.stopped or index > 0):
            text.append(line)
    stopped = sum(line.stopped for line in text)
    if stopped and stopped >= _PUNCTUATED_SHARE * len(text):
        for line in links:
            line.kind = "related"


def _mark_repeated_title(lines: list[_Line], title: str | None, headline: _Line | None) -> None:
    """Mark the first line of the body as furniture when it says nothing but the title again."""
    if title is None:
        return
    first = next((line for line in lines if line.kind is None and line is not headline), None)
    if first is not None and furniture.same_words(first.text, title):
        first.kind = "title_repeated"


def _mark_by_position(lines: list[_Line], headline: _Line | None, *, titled: bool) -> None:
    """Mark bylines, captions, subheadings and signatures, which only their place on the page gives away.

    An article whose paragraphs cannot be told from headings (verse, notes, one short line after the other)
    keeps every line: a heading read as a sentence costs less than news that is lost.
    """
    body = [line for line in lines if line.kind is None and line is not headline]
    # Without a title the first line may itself be the headline, though nothing sets it apart.
    untitled = not titled and not (body and (body[0].stopped or body[0].announces))
    top = next((index for index, line in enumerate(body) if line.is_paragraph and index >= untitled), None)
    if top is None:
        return
    for index, (line, after) in enumerate(pairwise(body[: top + 1])):
        if titled or index > 0:
            line.kind = _head_kind(line, after)
    for line in body[top:]:
        if furniture.is_credit(line.text):
            line.kind = "credit"
    body = [line for line in body[top:] if line.kind is None]
    if sum(line.may_be_heading for line in body) > _MAX_SHORT_SHARE * len(body):
        return
    for before, line, after in zip(body, body[1:], body[2:], strict=False):
        if line.may_be_heading and before.is_paragraph and after.is_paragraph and not before.announces:
            line.kind = "subheading"
    for before, line in list(pairwise(body))[: -_LONGEST_SIGNATURE - 1 : -1]:
        listed = line.is_item and (before.is_item or line.text[0] in punctuation.BULLETS)
        if not line.is_signature or before.announces or listed:
            break
        line.kind = "byline"


def _head_kind(line: _Line, after: _Line) -> str | None:
    """Return the kind of a line between headline and first paragraph, ``after`` being the next line."""
    if line.stopped:
        return None
    if furniture.is_credit(line.text) or furniture.is_bracketed_name(line.text):
        return "credit"
    if line.words <= LONGEST_CAPTION and furniture.is_credited(line.text):
        return "caption"
    if furniture.is_byline(line.text):
        return "byline"
    return "byline" if line.may_be_heading and line.is_signature and after.is_paragraph else None
