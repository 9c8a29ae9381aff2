"""Stops, line breaks, quotation marks, brackets and bullets of Arabic print, as data."""

from typing import Final, Literal

from khabar.arabic._tables import INVISIBLE, TATWEEL

Direction = Literal["open", "close", "either"]

LINE_BREAKS: Final = "\n\r\v\f\x85\u2028\u2029"
"""Characters that end a line, and with it every sentence."""

DEBRIS: Final = INVISIBLE + "\x00"
"""What pages leave behind without showing it: zero-width and direction characters, NUL."""

STOPS: Final = ".!?؟…۔"
"""Characters that may end a sentence within a line."""

DOTS: Final = "…."
"""Those of them that, repeated, make an ellipsis; the horizontal ellipsis is one already."""

ELLIPSIS: Final = "…"

AMBIGUOUS_STOP: Final = "."
"""The stop that also abbreviates, numbers a list and divides figures and addresses."""

CONTINUATIONS: Final = "،؛:,;"
"""After a stop these say that the sentence goes on."""

INTRODUCERS: Final = ":："
"""What announces a quotation or a list."""

QUOTES: Final[dict[str, tuple[str, Direction]]] = {
    "«": ("guillemet", "open"),
    "»": ("guillemet", "close"),
    "<<": ("guillemet", "open"),
    ">>": ("guillemet", "close"),
    "‹": ("single guillemet", "open"),
    "›": ("single guillemet", "close"),
    "“": ("double", "open"),
    "”": ("double", "close"),
    "″": ("double", "close"),  # a prime, which some editors make of a straight mark after a figure
    "„": ("double", "open"),
    "‟": ("double", "open"),
    '"': ("double", "either"),
    "＂": ("double", "either"),
    "''": ("double", "either"),
    "``": ("double", "either"),
    "‘": ("single", "open"),
    "’": ("single", "close"),
    "‚": ("single", "open"),
    "‛": ("single", "open"),
    "'": ("single", "either"),
}
"""Every quotation mark with the family within which it pairs, and the side it stands on by name.

Right-to-left typesetting often prints the pairs the other way round; the side is a default, not a rule.
"""

APOSTROPHES: Final = "'’"
"""Quotation marks that also stand inside Latin words."""

BRACKETS: Final[dict[str, tuple[str, Direction]]] = {
    "(": ("round", "open"),
    ")": ("round", "close"),
    "[": ("square", "open"),
    "]": ("square", "close"),
    "{": ("curly", "open"),
    "}": ("curly", "close"),
    "﴿": ("ornate", "either"),  # fonts and keyboards disagree which of the two opens
    "﴾": ("ornate", "either"),
}

BULLETS: Final = "•●▪■◦‣∙◾◼⁃►▶"
"""Signs that start an item of a list wherever they stand."""

SEPARATORS: Final = "-–—‒―−/|\\:：،,*•" + TATWEEL
"""What divides the parts of a byline, a dateline or a time stamp."""

CLOSING_MARKS: Final = "".join(
    mark for mark, (_, side) in (QUOTES | BRACKETS).items() if side != "open" and len(mark) == 1
)
"""Marks of one character that may close a quotation or an aside."""
