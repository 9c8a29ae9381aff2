"""A problem of a labelled corpus: what kind it is, where it stands, how bad it is."""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

Severity = Literal["error", "warning"]

_LONGEST_ID: Final = 200


class ProblemKind(StrEnum):
    """The kinds of problem that are looked for; the value is what a report calls it."""

    REPEATED_ID = "an id of several articles"
    NO_SENTENCES = "an article without sentences"
    EMPTY_SENTENCE = "an empty sentence"
    WRONG_OFFSETS = "offsets that are not the sentence's"
    OVERLAP = "sentences that overlap or stand in another order"
    UNKNOWN_LABEL = "an unknown label"
    EMPTY_SPLIT = "a split without articles"
    TEXT_IN_TWO_SPLITS = "the same article in two splits"
    NEAR_DUPLICATES_IN_TWO_SPLITS = "near-duplicates in two splits"
    FEW_EXAMPLES = "a label with few examples"
    NO_SPLIT = "an article without a split"
    UNKNOWN_SPLIT = "an unknown split"
    TEXT_TWICE = "the same article twice in a split"
    NO_LABELS = "an article without labels"
    MOSTLY_FURNITURE = "an article that is mostly without labels"
    LONG_SENTENCE = "a very long sentence"
    MIXED_GUIDELINES = "labels under several guidelines"
    ONE_LABEL_OUTLET = "an outlet with a single label"


_WARNINGS: Final = frozenset(
    {
        ProblemKind.NO_SPLIT,
        ProblemKind.UNKNOWN_SPLIT,
        ProblemKind.TEXT_TWICE,
        ProblemKind.NO_LABELS,
        ProblemKind.MOSTLY_FURNITURE,
        ProblemKind.LONG_SENTENCE,
        ProblemKind.MIXED_GUIDELINES,
        ProblemKind.ONE_LABEL_OUTLET,
    }
)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, or looks wrong, with a corpus."""

    kind: ProblemKind
    message: str
    """One sentence without a full stop: what was found, the rule and the way out."""
    article: str | None = None
    """The id of the article; of several, the first one. None when it is about the whole corpus."""
    sentence: int | None = None
    """The place of the sentence in ``article.sentences``, from 0; None when it is about no single one."""
    value: str | int | tuple[int, int] | tuple[str, ...] | None = None
    """What was found: a name, a count, offsets, or the ids of the articles concerned."""

    @property
    def severity(self) -> Severity:
        """``"error"``: training would fail or scores would lie; ``"warning"``: it may be meant so."""
        return "warning" if self.kind in _WARNINGS else "error"

    @property
    def place(self) -> str:
        """Where it is, as a report writes it; empty when it is about the whole corpus."""
        if self.article is None:
            return ""
        where = f"article {show_id(self.article)}"
        return where if self.sentence is None else f"{where}, sentences[{self.sentence}]"

    def __str__(self) -> str:
        line = f"{self.place}: {self.message}" if self.place else self.message
        return line if line.endswith("?") else f"{line}."


def show_id(identifier: str) -> str:
    """Return an id as a message shows it: whole, unlike other values, since it is what one searches for."""
    return json.dumps(identifier[:_LONGEST_ID], ensure_ascii=False)
