"""The review over HTTP: the queue, an article, corrections, export, agreement."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.responses import Response

from khabar.serve._annotate import ERRORS
from khabar.serve._people import MaybePerson, Person
from khabar.serve._problems import ErrorBody, PlainJSONResponse, ProblemError
from khabar.serve._records import (
    AddedOut,
    CorrectionsIn,
    HistoryOut,
    NewArticlesIn,
    PeopleOut,
    QueueOut,
    ReviewOut,
    change_record,
    reviewed,
)
from khabar.serve._state import Server, server_of
from khabar.serve.review._agreement import agreement as measure_agreement
from khabar.serve.review._export import Chosen, Format, NothingToExportError, export
from khabar.serve.review._intake import IntakeError, NewArticle, read_files, read_record
from khabar.serve.review._operations import DoneOperation
from khabar.serve.review._state import NotReadyError, ReviewError
from khabar.serve.store import Added, ConflictError, NotFoundError, Order, State

_OPENING = 120

router = APIRouter(
    prefix="/v1/review",
    tags=["review"],
    responses={**ERRORS, 404: {"model": ErrorBody, "description": "there is no such article"}},
)


class _Json(PlainJSONResponse):
    """JSON of dictionaries that hold times."""

    def render(self, content: object) -> bytes:
        """Return the bytes."""
        return super().render(_plain(content))


def _plain(value: Any) -> Any:  # noqa: ANN401  # any value of a JSON document, and times in it
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if hasattr(value, "isoformat"):
        return value.isoformat().replace("+00:00", "Z")
    return value


@router.post(
    "/articles",
    response_model=AddedOut,
    status_code=201,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": NewArticlesIn.model_json_schema()},
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "properties": {
                            "files": {"type": "array", "items": {"type": "string", "format": "binary"}}
                        },
                    }
                },
            },
        }
    },
)
async def add(request: Request, person: Person) -> Response:
    """Add articles to the queue: files (text, one article each; JSON Lines, one a line), or JSON."""
    server = server_of(request)
    found = await _handed_in(request, server)
    articles = [article for article in found if isinstance(article, NewArticle)]
    refused = [(error.place, error.message) for error in found if isinstance(error, IntakeError)]
    result = await run_in_threadpool(server.store.add, articles, person, server.model)
    result.refused.extend(refused)
    server.reader.wake()
    return _added(result)


async def _handed_in(request: Request, server: Server) -> list[NewArticle | IntakeError]:
    limit = server.options.max_characters
    if request.headers.get("content-type", "").lower().startswith("multipart/"):
        async with request.form(max_files=10_000, max_fields=100) as form:
            files = [
                (field.filename or "article.txt", await field.read())
                for _, field in form.multi_items()
                if isinstance(field, UploadFile)
            ]
        if not files:
            raise ProblemError(422, "invalid", "files: is missing; send one or more files of that name.")
        return await run_in_threadpool(lambda: list(read_files(files, limit)))
    try:
        body = NewArticlesIn.model_validate_json(await request.body())
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise ProblemError(
            422, "invalid", f'{place or "the body"}: {first["msg"]}; send {{"articles": [{{"text": "…"}}]}}.'
        ) from None
    return await run_in_threadpool(
        lambda: [
            read_record(record, f"articles[{number}]", limit) for number, record in enumerate(body.articles)
        ]
    )


def _added(result: Added) -> Response:
    body: dict[str, Any] = {
        "added": [{"id": identifier, "name": name} for identifier, name in result.added],
        "known": [{"id": identifier, "name": name} for identifier, name in result.known],
        "refused": [{"place": place, "message": message} for place, message in result.refused],
    }
    if result.added or result.known:
        return PlainJSONResponse(body, 201)
    place, message = result.refused[0]
    return ProblemError(422, "refused", f"{place}: {message}", more=body).response()


@router.get("/articles", response_model=QueueOut)
async def queue(
    request: Request,
    order: Annotated[
        Order, Query(description="uncertain: what the model was least sure of first")
    ] = "uncertain",
    state: State = "all",
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> PlainJSONResponse:
    """Return a page of the queue."""
    server = server_of(request)
    rows, total = await run_in_threadpool(
        server.store.queue, server.model, order=order, state=state, offset=offset, limit=limit
    )
    counts = await run_in_threadpool(server.store.counts, server.model)
    kept = (
        "id", "name", "title", "outlet", "revision", "done", "done_by", "labelled", "total", "disagreements",
        "confidence", "people",
    )  # fmt: skip
    articles = [{key: row[key] for key in kept} | {"opening": _opening(row["text"])} for row in rows]
    return _Json({"articles": articles, "total": total, "counts": counts})


@router.get("/articles/{identifier}", response_model=ReviewOut)
async def article(
    request: Request,
    identifier: str,
    person: MaybePerson,
    blind: Annotated[bool, Query(description="without what others chose, for a second opinion")] = False,
) -> PlainJSONResponse:
    """Return an article as it stands."""
    server = server_of(request)
    try:
        found = await run_in_threadpool(server.store.get, identifier, server.model)
        found = await server.reader.read_if_idle(found)
    except NotFoundError as error:
        raise _not_found(error) from None
    return _Json(reviewed(found, server.model.record(), person, blind=blind))


@router.post(
    "/articles/{identifier}/corrections",
    response_model=ReviewOut,
    responses={
        409: {
            "model": ErrorBody,
            "description": "somebody changed the same units; with the article as it stands, and the changes",
        }
    },
)
async def correct(
    request: Request, identifier: str, person: Person, body: CorrectionsIn
) -> PlainJSONResponse:
    """Save what a person did. All of it is on disk when the answer comes, or nothing was done."""
    server = server_of(request)
    model = server.model.record()
    try:
        if any(isinstance(operation, DoneOperation) for operation in body.operations):
            # What is confirmed has to be there to be confirmed.
            await server.reader.read(identifier)
        found = await run_in_threadpool(
            server.store.correct,
            identifier,
            person,
            body.revision,
            body.operations,
            server.model,
            blind=body.blind,
            request_id=body.request_id,
        )
    except NotFoundError as error:
        raise _not_found(error) from None
    except ConflictError as error:
        server.metrics.save("conflict")
        current = await run_in_threadpool(server.store.get, identifier, server.model)
        more = {
            "article": _plain(reviewed(current, model, person, blind=body.blind)),
            "changes": _plain([change_record(change) for change in error.changes]),
        }
        raise ProblemError(409, "conflict", str(error), more=more) from None
    except ReviewError as error:
        server.metrics.save("refused")
        raise ProblemError(422, error.code, str(error)) from None
    except NotReadyError as error:
        raise ProblemError(503, "not_ready", str(error), retry_after=1) from None
    server.metrics.save("saved")
    found = await server.reader.read_if_idle(found)
    return _Json(reviewed(found, model, person, blind=body.blind))


@router.get("/articles/{identifier}/history", response_model=HistoryOut)
async def history(request: Request, identifier: str) -> PlainJSONResponse:
    """Return every correction of an article, the oldest first."""
    server = server_of(request)
    try:
        rows = await run_in_threadpool(server.store.history, identifier)
    except NotFoundError as error:
        raise _not_found(error) from None
    return _Json({"corrections": [change_record(row.change, row) for row in rows]})


@router.get("/export", response_class=Response)
async def export_file(
    request: Request,
    format: Annotated[Format, Query(description="khabar: what scripts/train.py reads")] = "khabar",
    articles: Annotated[Chosen, Query(description="how far an article has to be")] = "done",
) -> Response:
    """Return labelled articles as a file."""
    server = server_of(request)
    try:
        name, content = await run_in_threadpool(
            lambda: export(server.store.all(server.model), server.model, format, articles)
        )
    except NothingToExportError as error:
        raise ProblemError(404, "nothing_to_export", str(error)) from None
    kind = "application/json" if name.endswith(".json") else "application/x-ndjson"
    return Response(
        content, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


@router.get("/agreement")
async def agreement(request: Request) -> PlainJSONResponse:
    """Return how far people agree on what two of them labelled: Cohen's kappa, Krippendorff's alpha."""
    server = server_of(request)
    return PlainJSONResponse(
        await run_in_threadpool(lambda: measure_agreement(server.store.log(), server.store.all(server.model)))
    )


@router.get("/people", response_model=PeopleOut)
async def people(request: Request) -> PlainJSONResponse:
    """Return the names of all who corrected something."""
    return PlainJSONResponse({"people": await run_in_threadpool(server_of(request).store.people)})


def _opening(text: str) -> str:
    """Return how an article begins, its headline set apart from what follows."""
    lines = (" ".join(line.split()) for line in text[: 2 * _OPENING].splitlines())
    return " · ".join(line for line in lines if line)[:_OPENING]


def _not_found(error: NotFoundError) -> ProblemError:
    return ProblemError(404, "not_found", str(error))
