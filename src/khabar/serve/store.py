"""Corrections, kept: every one a row, saved before it is acknowledged, and never overwritten."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

from sqlalchemy import Row, Select, and_, func, insert, select, update
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from khabar.errors import KhabarError
from khabar.labels import Label
from khabar.schema import AnnotatedSentence
from khabar.serve.model import ModelInfo
from khabar.serve.review._intake import NewArticle
from khabar.serve.review._operations import Operation
from khabar.serve.review._state import Change, Review, ReviewError, Span, Unit, conflicting
from khabar.serve.review._tables import (
    WRITES,
    articles,
    corrections,
    open_database,
    predictions,
    show_url,
)

Order = Literal["uncertain", "added", "name"]
State = Literal["all", "open", "done", "disagreement"]

VALIDATION_EVERY: Final = 5
"""Of how many articles that are done one goes to the validation split; the second is the first of them."""


class NotFoundError(KhabarError):
    """There is no such article."""


class ConflictError(KhabarError):
    """Somebody else has changed in between what a save is about."""

    def __init__(self, changes: Sequence[Change]) -> None:
        names = sorted({change.annotator for change in changes})
        super().__init__(
            f"{' and '.join(names)} changed the same sentences since you loaded the article; nothing was "
            "saved. Look at the changes and decide again."
        )
        self.changes = list(changes)


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a model says of one sentence."""

    label: Label
    score: float
    scores: Mapping[str, float]
    truncated: bool


@dataclass(frozen=True, slots=True)
class ReviewedArticle:
    """An article, its state, and what the model says of its sentences."""

    id: str
    name: str
    outlet: str | None
    split: str | None
    guidelines: str | None
    added_at: datetime
    added_by: str
    revision: int
    review: Review
    predictions: Mapping[Span, Prediction]

    @property
    def model_labels(self) -> dict[Span, Label]:
        """The model's label of each sentence that it has read."""
        return {span: found.label for span, found in self.predictions.items()}

    def unread(self) -> bool:
        """Whether a sentence has no label of the model yet."""
        return any(not unit.furniture and unit.span not in self.predictions for unit in self.units)

    @property
    def units(self) -> list[Unit]:
        """The units in reading order."""
        return self.review.ordered()


@dataclass(frozen=True, slots=True)
class Logged:
    """A row of the log, with the model that was shown."""

    change: Change
    article_id: str
    model: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Added:
    """What became of articles that were handed in."""

    added: list[tuple[str, str]]
    """Id and name of each that is new."""
    known: list[tuple[str, str]]
    """Id and name of each that was there already, with the same title and text."""
    refused: list[tuple[str, str]]
    """Place and reason of each that was not taken."""


class Store:
    """The database of a review; safe to use from several threads, and from several servers.

    Args:
        database: A file for SQLite, a URL, or None for the file in the user's data folder.

    Raises:
        StoreError: It cannot be opened.
    """

    def __init__(self, database: str | Path | None = None) -> None:
        self._engine = open_database(database)
        self._writer = self._engine.execution_options(**{WRITES: True})

    @property
    def place(self) -> str:
        """Where the corrections are, as it can be shown to a user."""
        return show_url(self._engine.url)

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def add(self, new: Iterable[NewArticle], annotator: str, model: ModelInfo) -> Added:
        """Take articles into the queue, each as a whole or not at all."""
        result = Added([], [], [])
        for article in new:
            with self._writer.begin() as connection:
                self._add(connection, article, annotator, model, result)
        return result

    def _add(
        self, connection: Connection, new: NewArticle, annotator: str, model: ModelInfo, result: Added
    ) -> None:
        known = connection.execute(
            select(articles.c.id, articles.c.name).where(articles.c.id == new.id)
        ).first()
        if known is not None:
            result.known.append((known.id, known.name))
            return
        name = new.name
        if _is_taken(connection, name) and new.second_name is not None:
            name = new.second_name
        if _is_taken(connection, name):
            result.refused.append(
                (new.place, f"the name {name!r} is taken by an article with another text; rename it.")
            )
            return
        now = datetime.now(UTC)
        review = Review(new.text, new.title, {unit.span: unit for unit in new.units})
        changes = [
            Change("label", annotator, now, span, before=None, after=name, revision=1)
            for span, name in new.labels
        ]
        if changes:
            changes.append(Change("done", annotator, now, revision=1))
        for change in changes:
            review.apply(change)
        number = (connection.scalar(select(func.max(articles.c.number))) or 0) + 1
        split = new.split
        if split is None and review.done:
            split = _next_split(connection)
        try:
            with connection.begin_nested():
                connection.execute(
                    insert(articles).values(
                        id=new.id,
                        number=number,
                        name=name,
                        title=new.title,
                        text=new.text,
                        outlet=new.outlet,
                        split=split,
                        guidelines=new.guidelines,
                        added_at=now,
                        added_by=annotator,
                        units=[[*unit.span, unit.kind, unit.headline] for unit in new.units],
                        revision=1 if changes else 0,
                        **_counted(review),
                    )
                )
        except IntegrityError:
            # Another server on the same database took it, its name or its number a moment ago.
            result.refused.append((new.place, "was added by somebody else at the same moment; add it again."))
            return
        _log(connection, new.id, changes, model, None)
        result.added.append((new.id, name))

    def queue(
        self, model: ModelInfo, *, order: Order, state: State, offset: int, limit: int
    ) -> tuple[list[dict[str, Any]], int]:
        """Return a page of the queue, and how many articles there are in all of it."""
        confidence = predictions.c.confidence
        joined = articles.outerjoin(
            predictions,
            and_(predictions.c.article_id == articles.c.id, predictions.c.fingerprint == model.fingerprint),
        )
        chosen = _in_state(select(articles, confidence).select_from(joined), state)
        by = {
            "uncertain": (confidence.is_(None), confidence, articles.c.number),
            "added": (articles.c.number,),
            "name": (articles.c.name,),
        }[order]
        with self._engine.begin() as connection:
            total = connection.scalar(select(func.count()).select_from(chosen.subquery())) or 0
            rows = connection.execute(chosen.order_by(*by).offset(offset).limit(limit)).all()
            people = _people_of(connection, [row.id for row in rows])
        return [{**row._mapping, "people": people[row.id]} for row in rows], total

    def counts(self, model: ModelInfo) -> dict[str, int]:
        """Return how many articles there are in each state, and how many the model has not read."""
        counted = select(func.count()).select_from(articles)
        found: dict[str, int] = {}
        states: tuple[State, ...] = ("all", "open", "done", "disagreement")
        with self._engine.begin() as connection:
            for state in states:
                found[state] = connection.scalar(_in_state(counted, state)) or 0
            read = select(func.count()).where(predictions.c.fingerprint == model.fingerprint)
            found["unread"] = found["all"] - (connection.scalar(read) or 0)
        return found

    def get(self, identifier: str, model: ModelInfo) -> ReviewedArticle:
        """Return an article as it stands.

        Raises:
            NotFoundError: There is none of that id.
        """
        with self._engine.begin() as connection:
            return self._get(connection, identifier, model)

    def _get(self, connection: Connection, identifier: str, model: ModelInfo) -> ReviewedArticle:
        return _reviewed(
            _article_row(connection, identifier),
            _changes(connection, identifier),
            _predictions(connection, identifier, model),
        )

    def unread(self, model: ModelInfo) -> str | None:
        """Return the id of an article that the model has not read, the oldest first."""
        read = select(predictions.c.article_id).where(predictions.c.fingerprint == model.fingerprint)
        wanted = select(articles.c.id).where(articles.c.id.not_in(read)).order_by(articles.c.number).limit(1)
        with self._engine.begin() as connection:
            return connection.scalar(wanted)

    def keep_predictions(
        self, identifier: str, model: ModelInfo, found: Sequence[tuple[Span, AnnotatedSentence]]
    ) -> None:
        """Keep what the model says of sentences; what it has said of the same ones before stays."""
        with self._writer.begin() as connection:
            # The row of the article is locked, so that two readers of it do not both insert.
            _article_row(connection, identifier, lock=True)
            known = _predictions(connection, identifier, model)
            merged = {
                span: Prediction(
                    sentence.label or Label(max(sentence.scores, key=sentence.scores.__getitem__)),
                    sentence.score,
                    dict(sentence.scores),
                    sentence.truncated,
                )
                for span, sentence in found
            } | known
            review = self._get(connection, identifier, model).review
            scores = [
                merged[unit.span].score
                for unit in review.ordered()
                if not unit.furniture and unit.span in merged
            ]
            values = {
                "at": datetime.now(UTC),
                "confidence": min(scores, default=1.0),
                "sentences": [
                    [*span, one.label.value, dict(one.scores), one.truncated] for span, one in merged.items()
                ],
            }
            row = and_(predictions.c.article_id == identifier, predictions.c.fingerprint == model.fingerprint)
            if connection.execute(update(predictions).where(row).values(**values)).rowcount == 0:
                connection.execute(
                    insert(predictions).values(article_id=identifier, fingerprint=model.fingerprint, **values)
                )

    def correct(
        self,
        identifier: str,
        annotator: str,
        revision: int,
        operations: Sequence[Operation],
        model: ModelInfo,
        *,
        blind: bool = False,
        request_id: str | None = None,
    ) -> ReviewedArticle:
        """Save what a person did to an article, all of it or nothing.

        Args:
            identifier: The article.
            annotator: The person.
            revision: Of the article that the person saw.
            operations: What they did, in order.
            model: The model that they saw.
            blind: It is a second opinion.
            request_id: Of the request, so that sending it twice saves it once.

        Returns:
            The article as it stands now. It is on disk.

        Raises:
            NotFoundError: There is no such article.
            ConflictError: Somebody changed the same units since ``revision``.
            ReviewError: An operation is not possible.
            NotReadyError: The model has not read a unit that would be confirmed.
        """
        with self._writer.begin() as connection:
            row = _article_row(connection, identifier, lock=True)
            log = _changes(connection, identifier)
            shown = _predictions(connection, identifier, model)
            article = _reviewed(row, log, shown)
            if request_id is not None and _is_saved(connection, identifier, annotator, request_id):
                return article
            if revision > row.revision:
                raise ReviewError(
                    "invalid", f"revision is {revision}, but the article is at {row.revision}; load it again."
                )
            review, labels = article.review, article.model_labels
            newer = [
                change
                for change in log
                # A second opinion is not to know what labels others gave in between.
                if change.revision > revision and (not blind or change.op in ("merge", "split"))
            ]
            before = review.labelled()
            at = datetime.now(UTC)
            rows: list[Change] = []
            for operation in operations:
                conflicts = conflicting(review.touched(operation, annotator, blind=blind), newer)
                if conflicts:
                    raise ConflictError(conflicts)
                for change in review.plan(operation, annotator, at, labels, blind=blind):
                    review.apply(change)
                    rows.append(change)
            if not blind and not review.done and before < review.labelled() == len(review.units):
                rows.append(Change("done", annotator, at))
                review.apply(rows[-1])
            if not rows:
                return article
            saved = replace(article, revision=row.revision + 1)
            if review.done and saved.split is None:
                saved = replace(saved, split=_next_split(connection))
            values = {"revision": saved.revision, "split": saved.split, **_counted(review)}
            connection.execute(update(articles).where(articles.c.id == identifier).values(**values))
            _log(connection, identifier, rows, model, request_id, saved.revision)
        return saved

    def history(self, identifier: str) -> list[Logged]:
        """Return the log of an article, oldest row first.

        Raises:
            NotFoundError: There is no such article.
        """
        with self._engine.begin() as connection:
            _article_row(connection, identifier)
            return [_logged(row) for row in connection.execute(_log_of(identifier))]

    def log(self) -> list[Logged]:
        """Return the log of all articles, the rows of an article in order."""
        with self._engine.begin() as connection:
            return [_logged(row) for row in connection.execute(_log_of(None))]

    def all(self, model: ModelInfo) -> Iterator[ReviewedArticle]:
        """Yield every article in the order in which they were added, as they stand at this moment."""
        with self._engine.begin() as connection:
            for identifier in connection.scalars(select(articles.c.id).order_by(articles.c.number)).all():
                yield self._get(connection, identifier, model)

    def people(self) -> list[str]:
        """Return the names of all who corrected something."""
        with self._engine.begin() as connection:
            return sorted(connection.scalars(select(corrections.c.annotator).distinct()))


def _in_state(query: Select[Any], state: State) -> Select[Any]:
    match state:
        case "open":
            return query.where(articles.c.done.is_(False))
        case "done":
            return query.where(articles.c.done.is_(True))
        case "disagreement":
            return query.where(articles.c.disagreements > 0)
        case "all":
            return query


def _is_taken(connection: Connection, name: str) -> bool:
    return connection.scalar(select(articles.c.id).where(articles.c.name == name)) is not None


def _article_row(connection: Connection, identifier: str, *, lock: bool = False) -> Row[Any]:
    wanted = select(articles).where(articles.c.id == identifier)
    # PostgreSQL makes a second save of the article wait here; SQLite has one writer anyway.
    row = connection.execute(wanted.with_for_update() if lock else wanted).first()
    if row is None:
        raise NotFoundError(
            f"there is no article {identifier!r} in the queue; GET /v1/review/articles lists it."
        )
    return row


def _log_of(identifier: str | None) -> Select[Any]:
    wanted = select(corrections).order_by(
        corrections.c.article_id, corrections.c.revision, corrections.c.position
    )
    return wanted if identifier is None else wanted.where(corrections.c.article_id == identifier)


def _logged(row: Row[Any]) -> Logged:
    span = None if row.part is None else Span(row.part, row.span_start, row.span_end)
    change = Change(
        row.op,
        row.annotator,
        row.at,
        span,
        row.cut,
        row.label_before,
        row.label_after,
        row.blind,
        row.seen,
        row.revision,
    )
    return Logged(change, row.article_id, row.model, row.fingerprint)


def _changes(connection: Connection, identifier: str) -> list[Change]:
    return [_logged(row).change for row in connection.execute(_log_of(identifier))]


def _log(
    connection: Connection,
    identifier: str,
    changes: Sequence[Change],
    model: ModelInfo,
    request_id: str | None,
    revision: int = 1,
) -> None:
    if not changes:
        return
    rows = []
    for position, change in enumerate(changes):
        part, start, end = change.span or (None, None, None)
        rows.append(
            {
                "article_id": identifier,
                "revision": revision,
                "position": position,
                "at": change.at,
                "annotator": change.annotator,
                "op": change.op,
                "part": part,
                "span_start": start,
                "span_end": end,
                "cut": change.cut,
                "label_before": change.before,
                "label_after": change.after,
                "blind": change.blind,
                "seen": change.seen,
                "model": model.name,
                "fingerprint": model.fingerprint,
                "library": model.library,
                "request_id": request_id,
            }
        )
    connection.execute(insert(corrections), rows)


def _is_saved(connection: Connection, identifier: str, annotator: str, request_id: str) -> bool:
    wanted = select(corrections.c.id).where(
        corrections.c.article_id == identifier,
        corrections.c.annotator == annotator,
        corrections.c.request_id == request_id,
    )
    return connection.scalar(wanted.limit(1)) is not None


def _predictions(connection: Connection, identifier: str, model: ModelInfo) -> dict[Span, Prediction]:
    found = connection.scalar(
        select(predictions.c.sentences).where(
            predictions.c.article_id == identifier, predictions.c.fingerprint == model.fingerprint
        )
    )
    return {
        Span(part, start, end): Prediction(Label(label), scores[label], scores, truncated)
        for part, start, end, label, scores, truncated in found or ()
    }


def _reviewed(row: Row[Any], log: Iterable[Change], shown: Mapping[Span, Prediction]) -> ReviewedArticle:
    units = [Unit(Span(part, start, end), kind, headline) for part, start, end, kind, headline in row.units]
    return ReviewedArticle(
        row.id,
        row.name,
        row.outlet,
        row.split,
        row.guidelines,
        row.added_at,
        row.added_by,
        row.revision,
        Review.replay(row.text, row.title, units, log),
        shown,
    )


def _counted(review: Review) -> dict[str, Any]:
    return {
        "done": review.done,
        "done_by": review.done_by,
        "labelled": review.labelled(),
        "total": len(review.units),
        "disagreements": len(review.disagreeing()),
    }


def _next_split(connection: Connection) -> str:
    """Return the split of the next article that is done; an article keeps it for good."""
    dealt = select(func.count()).where(articles.c.split.in_(("train", "validation")))
    done = connection.scalar(dealt) or 0
    return "validation" if done % VALIDATION_EVERY == 1 else "train"


def _people_of(connection: Connection, identifiers: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    wanted = (
        select(corrections.c.article_id, corrections.c.annotator)
        .where(corrections.c.article_id.in_(identifiers))
        .distinct()
        .order_by(corrections.c.annotator)
    )
    for identifier, name in connection.execute(wanted):
        found[identifier].append(name)
    return found
