"""The four labels of a sentence, as docs/annotation-guidelines.md defines them."""

from enum import StrEnum


class Label(StrEnum):
    """What a sentence of a news article is to its reader.

    Members stand in the order in which the guidelines ask for them: when two labels still seem right, the
    first one is taken. A member equals its name as a string, ``Label.CLAIM == "claim"``.
    """

    CASUALTY_REPORT = "casualty_report"
    """A human toll is the main thing asserted, whoever says so."""

    OFFICIAL_STATEMENT = "official_statement"
    """The word of an identified public authority, on the record."""

    CLAIM = "claim"
    """An assertion about the news that does not stand on an authority's word on the record."""

    BACKGROUND = "background"
    """History, standing facts and context in the article's own voice."""
