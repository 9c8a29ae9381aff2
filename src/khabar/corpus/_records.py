"""What the formats of labelling tools share: a record is a sentence, or an article with labelled spans."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from khabar.corpus._options import ReadOptions
from khabar.corpus._problems import Ids, Place, Problems, show
from khabar.corpus._rows import OF_THE_ARTICLE, Row, as_name, build_articles, is_blank
from khabar.corpus._spans import OffsetUnit, Span, in_characters, lay_out, units_differ
from khabar.errors import DataError
from khabar.schema import AnnotatedArticle, LabelledArticle


@dataclass(slots=True)
class Harvest:
    """What has been read of one file."""

    problems: Problems
    noun: str
    """What the tool calls its records, in the plural."""
    rows: list[Row] = field(default_factory=list)
    articles: list[LabelledArticle] = field(default_factory=list)
    ids: Ids = field(default_factory=Ids)

    def add_article(self, article: LabelledArticle, place: Place) -> None:
        """Add an article whose record stands at ``place``."""
        self.ids.claim(article.id, place)
        self.articles.append(article)

    def finish(self, options: ReadOptions) -> list[LabelledArticle]:
        """Return the articles of the file.

        Raises:
            DataError: There was a problem, or there is nothing.
        """
        if self.rows and self.articles:
            self.problems.add(
                self.noun,
                f"{len(self.rows)} are labelled as a whole and {len(self.articles)} by spans; "
                "export them from two projects, and read them one after the other",
            )
        if self.articles and options.one_sentence_articles:
            self.problems.add(
                self.noun, "are articles, with a span for each sentence; leave out one_sentence_articles"
            )
        if self.rows:
            # It reports all problems, those of articles too.
            return build_articles(self.rows, self.problems, alone=options.one_sentence_articles)
        self.problems.raise_if_any()
        if not self.articles:
            raise DataError(f"{self.problems.path}: holds no labelled {self.noun}.")
        return self.articles


def read_facts(record: Mapping[str, Any], names: Mapping[str, str], place: Place) -> dict[str, str | None]:
    """Return ``article_id`` and the fields of `OF_THE_ARTICLE`, as a record has them, by field.

    Args:
        record: The keys of the record, or of the part of it that holds the data.
        names: What it calls each field.
        place: Its place; a key of it can be put behind.
    """
    facts = {}
    for name in ("article_id", *OF_THE_ARTICLE):
        value = record.get(names[name])
        facts[name] = as_name(value)
        if facts[name] is None and not is_blank(value):
            place.within(names[name]).complain(f"{show(value)} is no string; write a string or null")
    return facts


def read_title(record: Mapping[str, Any], key: str, place: Place) -> str | None:
    """Return a title as it stands under a key; None when there is none, or none but white space."""
    title = record.get(key)
    if is_blank(title):
        return None
    if isinstance(title, str):
        return title
    place.within(key).complain(f"{show(title)} is no string; write a string or null")
    return None


def article_of_spans(
    text: str,
    title: str | None,
    spans: list[Span],
    facts: dict[str, str | None],
    own_id: object,
    place: Place,
) -> LabelledArticle | None:
    """Put an article together; None, and a complaint, when it has no id.

    Args:
        text: The body.
        title: The title when it is apart from the body.
        spans: The sentences, in any order.
        facts: From `read_facts`.
        own_id: The tool's own number of the record, which does where there is no ``article_id``.
        place: Where to complain.
    """
    identifier = facts["article_id"] or as_name(own_id)
    sentences = lay_out(spans, text, title)
    if identifier is None:
        place.complain('has neither "article_id" nor "id"; add one, a string or a whole number')
        return None
    return LabelledArticle(
        identifier,
        text,
        title,
        sentences,
        split=facts["split"],
        outlet=facts["outlet"],
        guidelines=facts["guidelines"],
    )


def locate(
    start: int, end: int, text: str, unit: OffsetUnit | None, place: Place, *, editor: str
) -> tuple[int, int] | None:
    """Return offsets in characters, of a format that does not say what they count.

    Args:
        start: The first offset of a span.
        end: The second.
        text: What they point into.
        unit: What they count, as far as the caller has said.
        place: Where to complain.
        editor: The editor that counts UTF-16 code units.

    Returns:
        The offsets; None, and a complaint, where the unit matters and has not been said.
    """
    if unit is None and units_differ(text[: max(start, end)]):
        place.complain(
            f"offsets {start} to {end} stand behind a character that is two UTF-16 code units; say what they "
            f'count: offset_unit="utf-16" if {editor} wrote them, "character" if another program did'
        )
        return None
    return in_characters(start, end, text, unit, place)


def refuse_repeated_ids(article: AnnotatedArticle | LabelledArticle, seen: set[str]) -> None:
    """Raise when an article to be written has the id of one before it.

    Raises:
        DataError: It has; the articles could not be told apart when they are read again.
    """
    if article.id in seen:
        raise DataError(f"two articles have the id {show(article.id)}; ids are unique, so rename one.")
    if article.id is not None:
        seen.add(article.id)


def refuse_abstentions(article: AnnotatedArticle) -> None:
    """Raise when a sentence of an article to be written has no label: a tool would take it for no sentence.

    Raises:
        DataError: One has none.
    """
    for number, sentence in enumerate(article.sentences):
        if sentence.label is None:
            named = "an article" if article.id is None else f"article {show(article.id)}"
            raise DataError(
                f"{named}: sentence {number} has no label, since the annotator abstained; annotate without "
                "min_score for a labelling tool: a sentence's score says how sure the model is."
            )
