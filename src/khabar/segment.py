"""Sentences of a raw text, as spans of characters.

The text is never changed: what comes back are offsets into it. Every rule looks at a bounded neighbourhood of
a mark, so that the time is linear in the length of the text, whatever the text is.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import Final

from khabar.arabic import abbreviations, punctuation, words
from khabar.arabic._tables import TATWEEL

MAX_QUOTATION: Final = 1000
"""Longest quotation, in characters, within which a stop divides nothing; longer pairs are not trusted."""

MAX_ASIDE: Final = 400
"""The same for brackets."""

_LOOK_BACK: Final = 16
_MAX_ENUMERATOR: Final = 99
_SHORTEST_BEFORE_ELLIPSIS: Final = 25

_MARKS: Final = punctuation.QUOTES | punctuation.BRACKETS
_CLOSERS: Final = frozenset(mark for mark, (_, side) in _MARKS.items() if side != "open" and len(mark) == 1)
_FIXED_CLOSERS: Final = frozenset(
    mark for mark, (_, side) in _MARKS.items() if side == "close" and len(mark) == 1
)
_FIXED_OPENERS: Final = frozenset(mark for mark, (_, side) in _MARKS.items() if side == "open")
_BEFORE_OPENER: Final = _FIXED_OPENERS | frozenset(punctuation.SEPARATORS + punctuation.CONTINUATIONS)

_AFTER_CLOSER: Final = frozenset(punctuation.STOPS + punctuation.CONTINUATIONS)

_LINE: Final = re.compile(rf"[^{punctuation.LINE_BREAKS}]+")
_MARK: Final = re.compile("|".join(map(re.escape, sorted(_MARKS, key=len, reverse=True))))
_DOTS: Final = re.escape(punctuation.DOTS)
_ELLIPSIS: Final = re.compile(rf"(?=.*(?:\.\.|{punctuation.ELLIPSIS}|\.\s+\.\s+\.))[{_DOTS}\s]+", re.DOTALL)
_STOPS: Final = re.escape(punctuation.STOPS)
_STOP_RUN: Final = re.compile(rf"[{_STOPS}]+(?:\s*+[{_STOPS}]+)*+")
_BULLET: Final = re.compile(rf"(?<=\s)[{re.escape(punctuation.BULLETS)}](?=\s*+\w)")
_ADDRESS: Final = re.compile(abbreviations.WEB_ADDRESS, re.IGNORECASE)
_CONTENT: Final = re.compile(rf"[^\W_{TATWEEL}]")
_LAST_TOKEN: Final = re.compile(r"(\d*)\s*([^\W\d_]*)\Z")


def trim(text: str, start: int, end: int) -> tuple[int, int]:
    """Return the span without white space and invisible characters at its edges; it may come back empty."""
    while start < end and (text[start].isspace() or text[start] in punctuation.DEBRIS):
        start += 1
    while end > start and (text[end - 1].isspace() or text[end - 1] in punctuation.DEBRIS):
        end -= 1
    return start, end


def split_lines(text: str, start: int = 0, end: int | None = None) -> list[tuple[int, int]]:
    """Return the lines of ``text[start:end]`` that show anything, trimmed, as spans of ``text`` in order."""
    limit = len(text) if end is None else end
    spans = []
    for match in _LINE.finditer(text, start, limit):
        first, last = trim(text, *match.span())
        if first < last:
            spans.append((first, last))
    return spans


def split_sentences(text: str, start: int = 0, end: int | None = None) -> list[tuple[int, int]]:
    """Return the sentences of ``text[start:end]`` as spans of ``text``.

    A line break ends a sentence, and so does a stop, unless it stands inside a quotation or brackets, in a
    figure, an abbreviation, an address or the number of a list item, or is an ellipsis after which the
    sentence goes on. Marks that close what they follow belong to the sentence before them.

    Returns:
        Pairs of offsets in characters, end exclusive, in order, without overlap and never empty. Between them
        is nothing but white space and invisible characters.
    """
    spans = []
    for line_start, line_end in split_lines(text, start, end):
        line = text[line_start:line_end]
        if not _STOP_RUN.search(line) and not _BULLET.search(line):
            spans.append((line_start, line_end))
            continue
        begin = 0
        for cut in [*_Line(line).cuts(), len(line)]:
            first, last = trim(line, begin, cut)
            if first < last:
                spans.append((line_start + first, line_start + last))
            begin = cut
    return spans


@dataclass(frozen=True, slots=True)
class _Enclosure:
    """A stretch in which no stop divides: a quotation, an aside in brackets or an address, marks included."""

    start: int
    end: int
    kind: str


class _Line:
    """One line of text and the places where its sentences end."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._openers: set[int] = set()
        self._enclosures: list[_Enclosure] = []
        self._last_number = 0

    def cuts(self) -> list[int]:
        """Return the offsets at which a sentence ends and another follows, in order."""
        text = self.text
        events = [(match.start(), match.end()) for match in _STOP_RUN.finditer(text)]
        events += [(match.start(), match.start()) for match in _BULLET.finditer(text)]
        if not events:
            return []
        self._pair_marks()
        closing = {enclosure.end: enclosure for enclosure in self._enclosures}
        starts = [enclosure.start for enclosure in self._enclosures]
        events += [(end, end) for end in closing]
        events.sort()

        last_content = self._last_content()
        begin, content = 0, self._next_content(0)
        cuts: list[int] = []
        for start, end in events:
            # A mark at the very edge of a sentence that has been cut already was taken in with it.
            if start < begin or content >= start or start > last_content:
                continue
            around = bisect_right(starts, start - 1) - 1
            if around >= 0 and start < self._enclosures[around].end:
                continue
            if end > start:
                cut = self._after_stop(start, end, content)
            elif start in closing:
                cut = self._after_enclosure(closing[start], content)
            else:
                cut = start
            if cut is not None and begin < cut <= last_content:
                cuts.append(cut)
                begin, content = cut, self._next_content(cut)
        return cuts

    def _after_stop(self, start: int, end: int, content: int) -> int | None:
        """Return where the sentence closed by the stops ``text[start:end]`` ends; None if they close none."""
        run = self.text[start:end]
        cut = self._skip_closers(end)
        following = self._skip_space(cut)
        if self.text[following] in punctuation.CONTINUATIONS:
            return None
        if run == punctuation.AMBIGUOUS_STOP:
            return cut if self._dot_ends(start, content, following) else None
        if _ELLIPSIS.fullmatch(run):
            # An ellipsis after a word or two («نصرة لغزة..») only holds the reader up.
            long = start - content >= _SHORTEST_BEFORE_ELLIPSIS
            return cut if long and words.opens_sentence(self._word_from(following)) else None
        # A single mark between figures is a decimal point that some conversion has lost.
        divides = len(run) == 1 and self.text[start - 1].isdigit() and self.text[end].isdigit()
        return None if divides else cut

    def _dot_ends(self, dot: int, content: int, following: int) -> bool:
        """Say whether the single dot at ``dot`` is a full stop, ``following`` being what comes next."""
        before, after = self.text[dot - 1], self.text[dot + 1]
        if after.isdigit() and (before.isdigit() or before.isspace()):
            return False
        if _is_latin(before) and (_is_latin(after) or after in "_-/@"):
            return False
        digits, letters = self._token_before(dot, content)
        if digits and not letters:
            return after.isalpha() or not self._numbers_item(dot, content, int(digits))
        if letters and words.is_abbreviation(letters) and not (digits and words.is_era_mark(letters)):
            return words.opens_report(self._word_from(following))
        if not after.isalpha():
            return True
        next_word = words.word_at(self.text, dot + 1)
        spelt = words.is_letter_name(letters) and words.is_letter_name(next_word)
        return not (spelt or words.is_written_domain(next_word))

    def _token_before(self, index: int, content: int) -> tuple[str, str]:
        """Return the digits, and the letters after them, that end at ``index``, folded, spaces left out."""
        back = words.fold(self.text[max(content, index - _LOOK_BACK) : index].rstrip())
        match = _LAST_TOKEN.search(back)
        return (match[1], match[2]) if match else ("", "")

    def _numbers_item(self, dot: int, content: int, value: int) -> bool:
        """Say whether ``value`` before the dot numbers an item of a list: the first, or the next."""
        first = dot
        while first > content and (self.text[first - 1].isdigit() or self.text[first - 1].isspace()):
            first -= 1
        # In 14:45 the colon announces nothing.
        announced = self.text[first - 1] in punctuation.CONTINUATIONS and not self.text[first - 2].isdigit()
        heads = first <= content or announced
        if value > _MAX_ENUMERATOR or not (heads or (self._last_number and value == self._last_number + 1)):
            return False
        self._last_number = value
        return True

    def _after_enclosure(self, enclosure: _Enclosure, content: int) -> int | None:
        """Return where a sentence ends whose full stop stands before the mark that closes ``enclosure``."""
        stop = enclosure.end - 1
        while stop > enclosure.start and (self.text[stop] in _CLOSERS or self.text[stop].isspace()):
            stop -= 1
        if self.text[stop] not in punctuation.STOPS or enclosure.kind == _ADDRESS_KIND:
            return None
        cut = self._skip_closers(enclosure.end)
        following = self._skip_space(cut)
        if self.text[following : following + 1] in tuple(punctuation.CONTINUATIONS + punctuation.STOPS):
            return None
        word = self._word_from(following)
        if words.opens_report(word):
            return cut
        if enclosure.kind == _ASIDE_KIND:
            return cut if enclosure.start < content else None
        if self.text[stop] in punctuation.DOTS:
            digits, letters = self._token_before(stop, enclosure.start)
            abbreviated = bool(letters) and words.is_abbreviation(letters) and not digits
            return None if abbreviated or not word or words.continues_quotation(word) else cut
        return cut if self._is_announced(enclosure) and words.opens_sentence(word) else None

    def _is_announced(self, enclosure: _Enclosure) -> bool:
        before = enclosure.start - 1
        while before >= 0 and self.text[before].isspace():
            before -= 1
        return before >= 0 and self.text[before] in punctuation.INTRODUCERS

    def _pair_marks(self) -> None:
        """Find the enclosures, outermost only, and which marks open something."""
        pairs = []
        stacks: dict[str, list[tuple[int, str]]] = {}
        for match in _MARK.finditer(self.text):
            mark, (start, end) = match[0], match.span()
            family, side = _MARKS[mark]
            stack = stacks.setdefault(family, [])
            before, after = self.text[start - 1 : start] or " ", self.text[end : end + 2] or " "
            if mark in punctuation.APOSTROPHES and _is_european(before) and _is_european(after[0]):
                continue
            if _opens(mark, side, before, after, stack):
                stack.append((start, side))
                self._openers.update(range(start, end))
            elif stack:
                opened, _ = stack.pop()
                kind = _ASIDE_KIND if mark in punctuation.BRACKETS else _QUOTATION_KIND
                if end - opened <= (MAX_ASIDE if kind == _ASIDE_KIND else MAX_QUOTATION):
                    pairs.append(_Enclosure(opened, end, kind))
        for match in _ADDRESS.finditer(self.text):
            address = match[0].rstrip(punctuation.STOPS + punctuation.CONTINUATIONS + ")]}'")
            pairs.append(_Enclosure(match.start(), match.start() + len(address), _ADDRESS_KIND))
        pairs.sort(key=lambda pair: (pair.start, -pair.end))
        for pair in pairs:
            # A pair that begins in another is nested in it, or crosses it and cannot be trusted.
            if not self._enclosures or pair.start >= self._enclosures[-1].end:
                self._enclosures.append(pair)

    def _skip_closers(self, index: int) -> int:
        """Return the offset after the closing marks at ``index`` that open nothing."""
        text = self.text
        while index < len(text):
            if text[index] in _CLOSERS and index not in self._openers:
                index += 1
                continue
            following = self._skip_space(index)
            if text[following : following + 1] not in _FIXED_CLOSERS or following in self._openers:
                break
            index = following + 1
        return index

    def _skip_space(self, index: int) -> int:
        while index < len(self.text) and (
            self.text[index].isspace() or self.text[index] in punctuation.DEBRIS
        ):
            index += 1
        return index

    def _word_from(self, index: int) -> str:
        """Return the first word at or shortly after ``index``, past marks that open something."""
        while index < len(self.text) and (
            index in self._openers or self.text[index] in punctuation.SEPARATORS
        ):
            index += 1
        return words.word_at(self.text, index)

    def _next_content(self, index: int) -> int:
        match = _CONTENT.search(self.text, index)
        return match.start() if match else len(self.text)

    def _last_content(self) -> int:
        index = len(self.text) - 1
        while index >= 0 and not _CONTENT.match(self.text, index):
            index -= 1
        return index


_QUOTATION_KIND: Final = "quotation"
_ASIDE_KIND: Final = "aside"
_ADDRESS_KIND: Final = "address"


def _opens(mark: str, side: str, before: str, after: str, stack: list[tuple[int, str]]) -> bool:
    """Say whether a mark opens: by its neighbours where they tell, else by its shape or what is open.

    Args:
        mark: The mark.
        side: Where it stands by name.
        before: The character before it.
        after: The one or two characters after it.
        stack: The marks of its family that are open, each with its side.
    """
    if mark in punctuation.BRACKETS:
        return side == "open" or (side == "either" and not stack)
    heads = (before.isspace() or before in _BEFORE_OPENER) and not after[0].isspace()
    tails = not before.isspace() and not after[0].isalnum()
    if after[0] in _AFTER_CLOSER and after != 2 * after[0]:
        # Not the ellipsis with which a quotation may begin.
        heads, tails = False, True
    if mark in punctuation.APOSTROPHES:
        return side == "either" and heads and not (tails and stack)
    if side == "either":
        return heads if heads != tails else not stack
    reversed_pair = bool(stack) and stack[-1][1] == "close"
    if side == "open":
        return not reversed_pair and not (stack and tails and not heads)
    return not stack and heads and not tails


def _is_latin(char: str) -> bool:
    return char.isascii() and char.isalnum()


def _is_european(char: str) -> bool:
    return char < "\u0250" and char.isalnum()
