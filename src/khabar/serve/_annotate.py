"""Annotating over HTTP; nothing of it is kept."""

from collections.abc import Sequence
from typing import Any, Final

from fastapi import APIRouter, Request

from khabar.serve._problems import ErrorBody, PlainJSONResponse, ProblemError
from khabar.serve._records import AnnotateOut, ArticleIn, BatchIn, BatchOut, annotated
from khabar.serve._state import Server, server_of, while_connected
from khabar.serve.options import ServeOptions

ERRORS: Final[dict[int | str, dict[str, Any]]] = {
    status: {"model": ErrorBody, "description": description}
    for status, description in (
        (401, "the server's token is missing or wrong"),
        (413, "too much text"),
        (415, "the body is no JSON"),
        (422, "the body is wrong; the message says where"),
        (429, "too much waits for the model already; Retry-After says when to ask again"),
        (503, "not done within the time limit, or the server is stopping"),
    )
}

router = APIRouter(prefix="/v1", tags=["annotate"], responses=ERRORS)


@router.post("/annotate", response_model=AnnotateOut)
async def annotate(request: Request, body: ArticleIn) -> PlainJSONResponse:
    """Annotate one article."""
    server = server_of(request)
    (article,) = await while_connected(request, _annotated(server, [body]))
    return PlainJSONResponse({"model": server.model.record(), "article": article})


@router.post("/annotate/batch", response_model=BatchOut)
async def annotate_batch(request: Request, body: BatchIn) -> PlainJSONResponse:
    """Annotate several articles; the answer has them in the same order."""
    server = server_of(request)
    articles = await while_connected(request, _annotated(server, body.articles))
    return PlainJSONResponse({"model": server.model.record(), "articles": articles})


async def _annotated(server: Server, articles: Sequence[ArticleIn]) -> list[dict[str, Any]]:
    _check_size(articles, server.options)
    found = await server.batcher.annotate([(article.text, article.title) for article in articles])
    return [annotated(article, given.id) for article, given in zip(found, articles, strict=True)]


def _check_size(articles: Sequence[ArticleIn], options: ServeOptions) -> None:
    if len(articles) > options.max_articles:
        raise ProblemError(
            413,
            "too_large",
            f"articles: {len(articles)} are more than the {options.max_articles} of a request; send several.",
        )
    total = 0
    for number, article in enumerate(articles):
        length = len(article.text) + len(article.title or "")
        total += length
        if length > options.max_characters:
            place = f"articles[{number}]" if len(articles) > 1 else "the article"
            raise ProblemError(
                413,
                "too_large",
                f"{place} has {length:,} characters, {options.max_characters:,} are allowed; cut it.",
            )
    if total > options.max_request_characters:
        raise ProblemError(
            413,
            "too_large",
            f"articles: {total:,} characters are more than the {options.max_request_characters:,} of a "
            "request; send several.",
        )
