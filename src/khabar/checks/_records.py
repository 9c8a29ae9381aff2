"""Plain records of a behaviour test: two articles that differ in one thing, and what that should do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from khabar.labels import Label


class Kind(StrEnum):
    """What a change of the article should do to the label (Ribeiro et al. 2020, section 2.2)."""

    DIRECTIONAL = "directional"
    """Turn one label into another that is known."""

    INVARIANT = "invariant"
    """Leave the label as it is."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One article and the sentence of it that is looked at."""

    sentences: tuple[str, ...]
    """The article as `Annotator.annotate_sentences` takes it."""
    judged: int
    """Place of the sentence that is looked at."""
    label: Label
    """Its label under docs/annotation-guidelines.md."""
    groups: Mapping[str, str] = field(default_factory=dict)
    """Names in the article whose choice should not matter, by attribute: ``{"party": "حركة فتح"}``."""

    @property
    def text(self) -> str:
        """The sentence that is looked at."""
        return self.sentences[self.judged]


@dataclass(frozen=True, slots=True)
class Case:
    """An article, and the same after one change."""

    id: str
    """Unique: the template's name and a running number."""
    template: str
    kind: Kind
    original: Variant
    changed: Variant

    @property
    def variants(self) -> tuple[Variant, Variant]:
        """The article before and after the change."""
        return self.original, self.changed
