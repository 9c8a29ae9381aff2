"""The bodies of requests and answers, as docs/serving.md and /openapi.json describe them."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from khabar.labels import Label
from khabar.render.records import article_record
from khabar.schema import AnnotatedArticle, Part
from khabar.serve.review._operations import Operation
from khabar.serve.review._state import Change, Unit
from khabar.serve.store import Logged, Prediction, ReviewedArticle


class _Body(BaseModel):
    # A misspelt key is an error, not something that silently does nothing.
    model_config = ConfigDict(extra="forbid")


class ArticleIn(_Body):
    """An article to annotate."""

    text: str = Field(description="raw text as copied from a news page", examples=["وصل الوزير إلى المدينة."])
    title: str | None = Field(default=None, description="its headline, when it is not part of the text")
    id: str | None = Field(default=None, max_length=200, description="comes back as it is")


class BatchIn(_Body):
    """Articles to annotate."""

    articles: list[ArticleIn] = Field(min_length=1)


class ModelOut(BaseModel):
    """The model that answers."""

    name: str
    fingerprint: str
    library: str
    guidelines: str


class SentenceOut(BaseModel):
    """A sentence with its label; offsets in characters (code points), end exclusive."""

    part: Part
    start: int
    end: int
    text: str
    label: Label
    score: float = Field(description="calibrated probability of the label, 0 to 1")
    scores: dict[str, float]
    truncated: bool = Field(description="only its beginning was read: it is longer than the model's window")


class FurnitureOut(BaseModel):
    """A stretch of text that is no sentence of the article."""

    start: int
    end: int
    text: str
    kind: str


class ArticleOut(BaseModel):
    """An annotated article. With ``title`` null, a sentence of part ``title`` has its offsets in the text."""

    id: str | None
    title: str | None
    sentences: list[SentenceOut]
    furniture: list[FurnitureOut]


class AnnotateOut(BaseModel):
    """The answer to one article."""

    model: ModelOut
    article: ArticleOut


class BatchOut(BaseModel):
    """The answer to a batch, in the order of the request."""

    model: ModelOut
    articles: list[ArticleOut]


class HealthOut(BaseModel):
    """Whether the server is well."""

    status: Literal["ok"]
    model: ModelOut


class GuidelinesOut(BaseModel):
    """The annotation guidelines."""

    version: str
    language: str
    html: str
    markdown: str


class NewArticlesIn(_Body):
    """Articles for the queue."""

    articles: list[dict[str, Any]] = Field(
        min_length=1,
        description="objects with text and, if there are any, title, id, outlet, split, sentences",
    )


class Named(BaseModel):
    """An article by its id and its name."""

    id: str
    name: str


class Refused(BaseModel):
    """What was not taken, and why."""

    place: str
    message: str


class AddedOut(BaseModel):
    """What became of the articles handed in."""

    added: list[Named]
    known: list[Named]
    refused: list[Refused]


class ModelSays(BaseModel):
    """What the model says of a sentence."""

    label: Label
    score: float
    scores: dict[str, float]
    truncated: bool


class UnitOut(BaseModel):
    """A sentence or a stretch of furniture under review."""

    part: Part
    start: int
    end: int
    text: str
    headline: bool
    furniture: bool
    label: Label | None = Field(
        description="as it stands; null for furniture, and until the model has read it"
    )
    by: str | None = Field(description="who gave the label; null while it is the model's or the rules'")
    at: datetime | None
    mine: Label | None
    mine_given: bool
    kind: str | None
    model: ModelSays | None


class ReviewOut(BaseModel):
    """An article under review."""

    id: str
    name: str
    title: str | None
    text: str
    outlet: str | None
    split: str | None
    revision: int
    done: bool
    done_by: str | None
    added_at: datetime
    added_by: str
    labelled: int
    total: int
    disagreements: int
    units: list[UnitOut]
    model: ModelOut


class QueuedOut(BaseModel):
    """An article in the queue."""

    id: str
    name: str
    title: str | None
    outlet: str | None
    revision: int
    done: bool
    done_by: str | None
    labelled: int
    total: int
    disagreements: int
    confidence: float | None
    opening: str
    people: list[str]


class QueueOut(BaseModel):
    """A page of the queue."""

    articles: list[QueuedOut]
    total: int
    counts: dict[str, int]


class CorrectionsIn(_Body):
    """What a person did to an article."""

    revision: int = Field(ge=0, description="of the article that the person saw")
    operations: list[Operation] = Field(min_length=1, max_length=500)
    blind: bool = Field(default=False, description="a second opinion, which changes no label")
    request_id: str | None = Field(default=None, min_length=1, max_length=64)


class ChangeOut(BaseModel):
    """A row of the log."""

    revision: int
    at: datetime
    by: str
    op: str
    part: Part | None
    start: int | None
    end: int | None
    cut: int | None
    before: str | None
    after: str | None
    blind: bool
    model: dict[str, str] | None = None


class HistoryOut(BaseModel):
    """The log of an article."""

    corrections: list[ChangeOut]


class PeopleOut(BaseModel):
    """Who corrected something."""

    people: list[str]


def annotated(article: AnnotatedArticle, identifier: str | None) -> dict[str, Any]:
    """Return an annotated article as `ArticleOut` has it."""
    record = article_record(article, "")
    return {
        "id": identifier,
        "title": record["title"],
        "sentences": record["sentences"],
        "furniture": record["furniture"],
    }


def reviewed(
    article: ReviewedArticle, model: dict[str, str], annotator: str | None, *, blind: bool
) -> dict[str, Any]:
    """Return an article under review as `ReviewOut` has it."""
    review = article.review
    own = review.labels.get(annotator, {}) if annotator else {}
    units = []
    for unit in article.units:
        says = article.predictions.get(unit.span)
        mine = own.get(unit.span)
        given = unit.span in own
        if blind:
            # Nothing of what others chose: one's own label, or what rules and model say.
            shown = Unit(unit.span, unit.kind, unit.headline, mine, annotator if given else None)
        else:
            shown = unit
        units.append(
            {
                "part": unit.span.part,
                "start": unit.span.start,
                "end": unit.span.end,
                "text": review.text_of(unit.span),
                "headline": unit.headline,
                "furniture": shown.furniture,
                "label": _shown_label(shown, says),
                "by": shown.by,
                "at": shown.at,
                "mine": mine,
                "mine_given": given,
                "kind": unit.kind,
                "model": None if says is None else _says(says),
            }
        )
    labelled = sum(unit["by"] is not None for unit in units)
    return {
        "id": article.id,
        "name": article.name,
        "title": review.title,
        "text": review.text,
        "outlet": article.outlet,
        "split": article.split,
        "revision": article.revision,
        "done": review.done,
        "done_by": review.done_by,
        "added_at": article.added_at,
        "added_by": article.added_by,
        "labelled": labelled,
        "total": len(units),
        "disagreements": 0 if blind else len(review.disagreeing()),
        "units": units,
        "model": model,
    }


def _shown_label(unit: Unit, says: Prediction | None) -> Label | None:
    if unit.by is not None:
        return unit.label
    return None if unit.kind is not None or says is None else says.label


def _says(found: Prediction) -> dict[str, Any]:
    return {
        "label": found.label,
        "score": round(found.score, 6),
        "scores": {str(label): round(found.scores[label], 6) for label in Label},
        "truncated": found.truncated,
    }


def change_record(change: Change, logged: Logged | None = None) -> dict[str, Any]:
    """Return a row of the log as `ChangeOut` has it."""
    part, start, end = change.span or (None, None, None)
    return {
        "revision": change.revision,
        "at": change.at,
        "by": change.annotator,
        "op": change.op,
        "part": part,
        "start": start,
        "end": end,
        "cut": change.cut,
        "before": change.before,
        "after": change.after,
        "blind": change.blind,
        "model": None if logged is None else {"name": logged.model, "fingerprint": logged.fingerprint},
    }
