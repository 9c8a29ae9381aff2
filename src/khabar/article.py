"""A raw page text as an article: its headline, its sentences and the furniture of the page around them."""

from dataclasses import dataclass
from typing import Final

from khabar.arabic import furniture, punctuation, words
from khabar.schema import Article, Furniture, Sentence
from khabar.segment import split_lines, split_sentences, trim

LONGEST_HEADLINE: Final = 30
"""Words that a first line may have to be taken for the headline."""

LONGEST_HEADING: Final = 6
"""Words that a subheading, a name under the headline or a signature may have."""

LONGEST_CAPTION: Final = 25
"""Words that a caption may have."""

SHORTEST_PARAGRAPH: Final = 12
"""Words from which on a line is a paragraph, with or without a full stop."""

_MAX_SHORT_SHARE: Final = 0.4
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

    @property
    def is_paragraph(self) -> bool:
        return self.kind is None and (
            self.words >= SHORTEST_PARAGRAPH or (self.stopped and self.words > LONGEST_HEADING)
        )

    @property
    def may_be_heading(self) -> bool:
        """Short, without a stop, and not beginning as a sentence of news does."""
        return (
            self.kind is None
            and not self.stopped
            and self.words <= LONGEST_HEADING
            and self.text[0] not in punctuation.BULLETS + punctuation.SEPARATORS
            and not words.opens_sentence(words.word_at(self.text, 0))
        )


def read_article(text: str, title: str | None = None) -> Article:
    """Read the text of a news page.

    Args:
        text: The text as copied from the page.
        title: The headline when it is known apart from the text. When it is None or blank and the text opens with
            a headline (a short line without a full stop, before an empty line or furniture), that line is the title.

    Returns:
        The article: the title first, then the sentences of the body in order, and the furniture. Every visible
        character of ``text`` is in exactly one sentence or stretch of furniture.
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
                kind = furniture.furniture_kind(text[start:end])
                if kind in _INLINE_KINDS:
                    pieces.append(Furniture(start, end, text[start:end], kind or ""))
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
                after_blank=_count_breaks(text, previous_end, start) > 1,
                kind=furniture.furniture_kind(line),
                words=len(line.split()),
                stopped=_is_stopped(line),
            )
        )
        previous_end = end
    return lines


def _count_breaks(text: str, start: int, end: int) -> int:
    between = text[start:end].replace("\r\n", "\n")
    return sum(between.count(mark) for mark in punctuation.LINE_BREAKS)


def _is_stopped(line: str) -> bool:
    bare = line.rstrip(punctuation.CLOSING_MARKS + " ")
    return (
        bare[-1:] in tuple(punctuation.STOPS.replace(punctuation.ELLIPSIS, "")) and bare[-2:] != 2 * bare[-1]
    )


def _find_headline(lines: list[_Line]) -> _Line | None:
    """Return the first line of text when it is a headline: short, unstopped, apart from a body that follows."""
    index = next((index for index, line in enumerate(lines) if line.kind is None), None)
    if index is None or not any(line.kind is None for line in lines[index + 1 :]):
        return None
    first, second = lines[index], lines[index + 1]
    if first.words > LONGEST_HEADLINE or first.text.endswith(tuple(punctuation.AMBIGUOUS_STOP)):
        return None
    if second.after_blank or second.kind or _is_head_furniture(second):
        return first
    return None


def _is_head_furniture(line: _Line) -> bool:
    return line.kind is None and not line.stopped and furniture.is_byline(line.text)


def _mark_repeated_title(lines: list[_Line], title: str | None, headline: _Line | None) -> None:
    """Mark the first line of the body as furniture when it says nothing but the title again."""
    if title is None:
        return
    first = next((line for line in lines if line.kind is None and line is not headline), None)
    if first is not None and furniture.same_words(first.text, title):
        first.kind = "title_repeated"


def _mark_by_position(lines: list[_Line], headline: _Line | None, *, titled: bool) -> None:
    """Mark bylines, captions, subheadings and signatures, which only their place on the page gives away.

    An article whose paragraphs cannot be told from headings (verse, notes, one short line after the other) keeps
    every line: a heading read as a sentence costs less than news that is lost.
    """
    body = [line for line in lines if line.kind is None and line is not headline]
    paragraphs = [index for index, line in enumerate(body) if line.is_paragraph]
    short = sum(line.may_be_heading for line in body)
    if not paragraphs or short > _MAX_SHORT_SHARE * len(body):
        return
    # Without a title the first line may itself be the headline, though nothing sets it apart.
    for index, line in enumerate(body[: paragraphs[0]]):
        if _is_head_furniture(line) and (titled or index > 0):
            line.kind = "byline"
        elif (
            (titled or index > 0)
            and not line.stopped
            and line.words <= LONGEST_CAPTION
            and furniture.is_credited(line.text)
        ):
            line.kind = "caption"
        elif titled and line.may_be_heading and line.words <= 4:
            line.kind = "byline"
    for before, line, after in zip(body, body[1:], body[2:], strict=False):
        if line.may_be_heading and before.is_paragraph and after.is_paragraph:
            line.kind = "subheading"
    last = body[-1]
    if len(body) > 1 and last.may_be_heading and last.words <= 4 and body[-2].is_paragraph:
        last.kind = "credit"
