"""Plain records of an article and of what is said about it.

All offsets count characters (Unicode code points) of the raw string, end exclusive. For a sentence whose
``part`` is ``"title"`` they point into the title that was passed, or into the text when no title was passed
and the text opens with its headline; for every other sentence, and for furniture, into the text.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from khabar.labels import Label

if TYPE_CHECKING:
    from khabar.render.words import Language

Part = Literal["title", "body"]


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of an article, or its headline, as it stands in the raw text."""

    part: Part
    start: int
    """First character, in the string that ``part`` points to."""
    end: int
    """One past the last character."""
    text: str
    """The raw characters ``[start:end]``, never normalised."""


@dataclass(frozen=True, slots=True)
class Furniture:
    """A stretch of page furniture: text on the page that is no sentence of the article."""

    start: int
    end: int
    text: str
    kind: str
    """What it was taken for: one of `khabar.arabic.FURNITURE_KINDS`."""


@dataclass(frozen=True, slots=True)
class Article:
    """An article as read from a page, before any model has seen it.

    Sentences are in reading order and never overlap; what lies between them in ``text`` is white space or
    furniture.
    """

    text: str
    title: str | None
    """The title as passed by the caller; None when none was passed, even if the text holds a headline."""
    sentences: tuple[Sentence, ...]
    furniture: tuple[Furniture, ...]


@dataclass(frozen=True, slots=True)
class AnnotatedSentence(Sentence):
    """A sentence with its label."""

    label: Label | None
    """The most probable label; None where the annotator abstains: ``score`` is below its ``min_score``."""
    score: float
    """Calibrated probability of the most probable label, 0 to 1, also where the annotator abstains."""
    scores: Mapping[str, float]
    """Probability of every label by its name; they sum to 1."""
    truncated: bool
    """True when the sentence was longer than the model's window and only its beginning was read."""
    label_set: tuple[Label, ...] | None = None
    """Labels among which the right one is, but for the annotator's ``error_rate``; the most probable first.

    None when no ``error_rate`` was asked for. Empty when no label is probable enough: the sentence is unlike
    those that the model was calibrated on, or the error rate is above the model's own.
    """


@dataclass(frozen=True, slots=True)
class AnnotatedArticle:
    """An article with a label on every sentence; iterating over it yields the sentences in order."""

    text: str
    title: str | None
    """The title as passed by the caller, or None."""
    id: str | None
    """The caller's identifier, as passed to `Annotator.annotate_many`, or None."""
    sentences: tuple[AnnotatedSentence, ...]
    furniture: tuple[Furniture, ...]

    def __iter__(self) -> Iterator[AnnotatedSentence]:
        return iter(self.sentences)

    def __len__(self) -> int:
        return len(self.sentences)

    def to_html(self, *, language: "Language" = "ar", fragment: bool = False) -> str:
        """Return the article as HTML, each sentence with its label; a page of its own unless ``fragment``.

        The page needs no network and runs no script; see `khabar.render.html.render_html`.

        Args:
            language: ``"ar"`` or ``"en"``, for the names of the labels and the words around the article.
            fragment: Leave out ``<html>``, ``<head>`` and ``<body>``, to put it inside another page.
        """
        # Here, not above: whoever renders nothing need not load the templates' library.
        from khabar.render.html import render_html

        return render_html(self, language=language, fragment=fragment)

    def _repr_html_(self) -> str:
        """Show the article in a notebook."""
        return self.to_html(language="en", fragment=True)


@dataclass(frozen=True, slots=True)
class ArticleError:
    """What `Annotator.annotate_many` yields, when asked to, in the place of an article that it cannot do."""

    index: int
    """Which of the articles given it is, from 0."""
    id: str | None
    """The caller's identifier; None where there is none or it cannot be read."""
    message: str
    """What is wrong, in a sentence."""


@dataclass(frozen=True, slots=True)
class LabelledSentence(Sentence):
    """A sentence with the label that an annotator gave it."""

    label: Label | None
    """None for page furniture."""
    also: tuple[Label, ...] = ()
    """Labels that the annotator found almost as right."""


@dataclass(frozen=True, slots=True)
class LabelledArticle:
    """An article of a labelled corpus."""

    id: str
    text: str
    title: str | None
    sentences: tuple[LabelledSentence, ...]
    split: str | None = None
    outlet: str | None = None
    guidelines: str | None = None
    """Version of the annotation guidelines that the labels follow."""
