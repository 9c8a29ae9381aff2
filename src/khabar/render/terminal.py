"""An annotated article as a table for the terminal.

Terminals treat Arabic in three ways, and the table has one layout for each (`Direction`). Letters are never
reshaped or put in another order here: a terminal that knows Arabic would do it a second time.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from khabar.labels import Label
from khabar.schema import AnnotatedArticle

MAX_WIDTH = 132
"""Columns beyond which a line is tiring to read; a wider terminal keeps the rest empty."""

MIN_WIDTH = 60
"""Columns that the table takes even when the terminal has fewer: its lines then fold at the terminal's
edge."""

STYLES: Mapping[Label, str] = {
    Label.CASUALTY_REPORT: "bold red",
    Label.OFFICIAL_STATEMENT: "cyan",
    Label.CLAIM: "bold magenta",
    Label.BACKGROUND: "dim",
}
"""Colours that are legible on light and dark backgrounds; they only repeat what the name of the label
says."""

ABSTAINED = "no label"
"""Stands where an annotator with a ``min_score`` gave no label."""

_LRM = "\u200e"
_RLM = "\u200f"
_RLI = "\u2067"
_PDI = "\u2069"
_ROWS_RUN_RIGHT_TO_LEFT = "\x1b[2 k"
_ROWS_RUN_AS_BEFORE = "\x1b[0 k"
_MARKS_IN_ROW = 3
"""Direction marks in a right-to-left row; mlterm gives each a column of its own."""

_GAP = "  "
_PART_WIDTH = len("title")
_LABEL_WIDTH = max(len(label) for label in Label)
_SCORE_WIDTH = len("score")
_TEXT_INDENT = _PART_WIDTH + _LABEL_WIDTH + _SCORE_WIDTH + 3 * len(_GAP)

_MARKS_PER_LETTER = 4
"""Arabic puts at most three marks on a letter; more are a drawing over the lines above and below."""

_ZWNJ = "\u200c"


class Direction(StrEnum):
    """How a terminal is told which way the Arabic runs."""

    RTL = "rtl"
    """The whole table runs from right to left: for terminals that take the direction of a line from the
    program (VTE such as GNOME Terminal, mintty) or from the first mark of the line (mlterm)."""

    ISOLATE = "isolate"
    """The table runs from left to right and each line of Arabic is a right-to-left isolate at its right edge:
    for terminals that order Arabic themselves and always start at the left (Konsole)."""

    PLAIN = "plain"
    """Text alone, no invisible character: for files, pipes and terminals that know nothing of direction."""


def terminal_direction(environ: Mapping[str, str]) -> Direction:
    """Return the layout for the terminal that the environment variables describe.

    Args:
        environ: `os.environ` or the like.

    Returns:
        ``PLAIN`` for every terminal that does not say what it is, and inside tmux and screen, which place
        each character themselves.
    """
    if "TMUX" in environ or "STY" in environ or environ.get("TERM", "").startswith(("screen", "tmux")):
        return Direction.PLAIN
    vte = environ.get("VTE_VERSION", "")
    if vte.isascii() and vte.isdigit() and int(vte) >= 5800:
        return Direction.RTL
    if environ.get("TERM_PROGRAM") == "mintty" or "MLTERM" in environ:
        return Direction.RTL
    if "KONSOLE_VERSION" in environ:
        return Direction.ISOLATE
    return Direction.PLAIN


def render_table(
    article: AnnotatedArticle, source: str, console: Console, direction: Direction = Direction.PLAIN
) -> str:
    """Return the table of one article: a heading, one row for each sentence, and the counts.

    Args:
        article: The article.
        source: Where its text came from, for the heading.
        console: Gives width and colours; nothing is printed on it.
        direction: Layout that suits the terminal.

    Returns:
        Whole lines, the last one included. Nothing that came from the article can move the cursor, change a
        colour or turn the direction of the text.
    """
    width = min(max(console.width, MIN_WIDTH), MAX_WIDTH)
    heading = [Text(line, style="bold") for line in wrap(printable(source), width)]
    notes = [Text(line, style="dim") for note in _notes(article) for line in wrap(note, width)]
    if direction is not Direction.RTL:
        return _printed(console, [*heading, *_rows(article, width, direction), *notes])
    # A path and a count read from left to right even here; they only stand at the edge where the table
    # begins.
    edge = max(console.width, MIN_WIDTH) - 1
    for line in (*heading, *notes):
        line.pad_left(edge - line.cell_len)
    return "".join(
        (
            _printed(console, [Text(_LRM) + line for line in heading]),
            _ROWS_RUN_RIGHT_TO_LEFT,
            _printed(console, _rows(article, width, direction)),
            _ROWS_RUN_AS_BEFORE,
            _printed(console, [Text(_LRM) + line for line in notes]),
        )
    )


def count_line(article: AnnotatedArticle) -> str:
    """Return what an article holds, in one line: «3 sentences: 1 casualty_report, 2 claim»."""
    total = len(article.sentences)
    line = "1 sentence" if total == 1 else f"{total} sentences"
    counts = Counter(sentence.label for sentence in article.sentences)
    if counts:
        named = [(counts[label], str(label)) for label in Label] + [(counts[None], ABSTAINED)]
        line += ": " + ", ".join(f"{count} {name}" for count, name in named if count)
    return line


def printable(text: str) -> str:
    """Return a text that is safe and predictable on one line of a terminal.

    White space becomes a single space. Controls, the escape of an ANSI sequence among them, become their
    visible picture (``␛``); invisible characters that turn direction or join signs are dropped, except the
    non-joiner, which changes how Persian letters are drawn; lone surrogates and non-characters become ``�``;
    marks piled upon one letter are cut off after the fourth.
    """
    kept: list[str] = []
    marks = 0
    for char in text:
        category = unicodedata.category(char)
        if char.isspace():
            shown = " "
        elif category == "Cc":
            code = ord(char)
            shown = chr(0x2400 + code) if code < 0x20 else "\u2421" if code == 0x7F else "\ufffd"
        elif category == "Cs" or ord(char) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(char) <= 0xFDEF:
            shown = "\ufffd"
        elif category == "Cf" and char != _ZWNJ and cell_len(char) == 0:
            continue
        elif category in {"Mn", "Me"}:
            marks += 1
            # Variation selectors widen a sign in some terminals and not in others.
            if (
                marks > _MARKS_PER_LETTER
                or "\ufe00" <= char <= "\ufe0f"
                or "\U000e0100" <= char <= "\U000e01ef"
            ):
                continue
            kept.append(char)
            continue
        else:
            shown = char
        marks = 0
        kept.append(shown)
    return " ".join("".join(kept).split())


def wrap(text: str, width: int) -> list[str]:
    """Break a printable text into lines of at most ``width`` terminal columns, at spaces where there are any.

    A word wider than a line is cut between letters; a mark always stays with its letter. There is at least
    one line, an empty one when the text is empty.
    """
    lines: list[str] = []
    line, used = "", 0
    for word in text.split():
        for piece, size in _pieces(word, width):
            if line and used + 1 + size <= width:
                line, used = f"{line} {piece}", used + 1 + size
                continue
            if line:
                lines.append(line)
            line, used = piece, size
    lines.append(line)
    return lines


def _pieces(word: str, width: int) -> Iterator[tuple[str, int]]:
    """Yield a word, cut where it does not fit a line, with the width of each piece in columns."""
    size = cell_len(word)
    if size <= width:
        yield word, size
        return
    piece: list[str] = []
    used = 0
    for char in word:
        size = cell_len(char)
        if used + size > width:
            yield "".join(piece), used
            piece, used = [], 0
        piece.append(char)
        used += size
    yield "".join(piece), used


def _printed(console: Console, lines: Iterable[Text]) -> str:
    """Return lines with the colours that the console has, printing nothing."""
    with console.capture() as capture:
        for line in lines:
            console.print(line, soft_wrap=True, highlight=False)
    return capture.get()


def _rows(article: AnnotatedArticle, width: int, direction: Direction) -> Iterator[Text]:
    text_width = width - _TEXT_INDENT - (_MARKS_IN_ROW if direction is Direction.RTL else 0)
    rule = Text("─" * width, style="dim")
    if article.sentences:
        yield _row("part", Text("label"), "score", "text", text_width, direction, style="dim")
        yield rule
    for sentence in article.sentences:
        first, *more = wrap(printable(sentence.text), text_width)
        if sentence.label is None:
            label = Text(ABSTAINED)
        else:
            label = Text(str(sentence.label), style=STYLES[sentence.label])
        cut = "*" if sentence.truncated else ""
        yield _row(sentence.part, label, f"{cut}{float(sentence.score):.2f}", first, text_width, direction)
        for line in more:
            yield _row("", Text(""), "", line, text_width, direction)
    yield rule


def _row(
    part: str,
    label: Text,
    score: str,
    text: str,
    text_width: int,
    direction: Direction,
    style: str = "",
) -> Text:
    """Return one line of the table; the text is last, so that its width cannot push another column away."""
    row = Text(_RLM if direction is Direction.RTL else "", style=style)
    row.append(f"{part:<{_PART_WIDTH}}{_GAP}")
    row.append_text(label)
    row.append(" " * (_LABEL_WIDTH - len(label)) + f"{_GAP}{score:>{_SCORE_WIDTH}}{_GAP}")
    if direction is Direction.RTL:
        # The marks keep Latin and digits at either end of the text from being read together with the score,
        # and the full stop at the left.
        row.append(f"{_RLM}{text}{_RLM}")
    elif direction is Direction.ISOLATE:
        row.append(" " * (text_width - cell_len(text)) + f"{_RLI}{text}{_PDI}")
    else:
        row.append(text)
        row.rstrip()
    return row


def _notes(article: AnnotatedArticle) -> Iterator[str]:
    yield count_line(article)
    if any(sentence.truncated for sentence in article.sentences):
        yield "* longer than the model's window: only the beginning was read"
    if article.furniture:
        kinds = Counter(printable(piece.kind) for piece in article.furniture)
        listed = ", ".join(f"{number} {kind}" for kind, number in kinds.most_common())
        yield f"page furniture left out: {listed}"
