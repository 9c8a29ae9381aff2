"""The page, its files, the guidelines, and what operators ask."""

from functools import cache
from pathlib import Path
from typing import Final, Literal

from fastapi import APIRouter, Request
from jinja2 import Environment, FileSystemLoader, TemplateNotFound
from markdown_it import MarkdownIt
from starlette.responses import HTMLResponse, Response

from khabar._version import __version__
from khabar.labels import Label
from khabar.render.words import FURNITURE_NAMES, LABEL_NAMES
from khabar.serve._problems import PlainJSONResponse, ProblemError
from khabar.serve._records import GuidelinesOut, HealthOut
from khabar.serve._state import server_of

HERE: Final = Path(__file__).parent
GUIDELINES: Final = {"en": HERE / "guidelines.md", "ar": HERE / "guidelines.ar.md"}
"""Copies of docs/annotation-guidelines*.md, which the wheel would not have; a test holds them together."""

GUIDELINES_VERSION: Final = "1.1"

router = APIRouter()


@cache
def _templates() -> Environment:
    # An article looks here as it does where `to_html` shows it, so the page takes the style from there.
    return Environment(
        loader=FileSystemLoader([HERE / "templates", HERE.parent / "render" / "templates"]), autoescape=True
    )


@router.get("/", include_in_schema=False)
async def page(request: Request) -> Response:
    """Return the page. It holds no data: that comes by requests of its own, which may need a token."""
    server = server_of(request)
    try:
        template = _templates().get_template("index.html")
    except TemplateNotFound:
        raise ProblemError(404, "not_found", "this installation has no page; use /v1/annotate.") from None
    options = server.options
    html = template.render(
        version=__version__,
        model={"name": server.model.name, "fingerprint": server.model.fingerprint},
        labels=[label.value for label in Label],
        names={"labels": LABEL_NAMES, "furniture": FURNITURE_NAMES},
        token_required=options.token is not None,
        limits={
            "characters": options.max_characters,
            "articles": options.max_articles,
            "upload_bytes": options.max_upload_bytes,
        },
    )
    return HTMLResponse(html, headers={"Cache-Control": "no-cache"})


@router.get("/healthz", response_model=HealthOut, tags=["operation"])
async def health(request: Request) -> PlainJSONResponse:
    """Say that the server is well, and which model it has."""
    return PlainJSONResponse({"status": "ok", "model": server_of(request).model.record()})


@router.get("/metrics", tags=["operation"], response_class=Response)
async def metrics(request: Request) -> Response:
    """Return the counters in Prometheus' text format."""
    return server_of(request).metrics.response()


@router.get("/v1/guidelines", response_model=GuidelinesOut, tags=["review"])
async def guidelines(language: Literal["ar", "en"] = "en") -> PlainJSONResponse:
    """Return the annotation guidelines, in English or Arabic."""
    return PlainJSONResponse(_guidelines(language))


@cache
def _guidelines(language: str) -> dict[str, str]:
    markdown = GUIDELINES[language].read_text(encoding="utf-8")
    # Without raw HTML, so that the answer is safe to put into a page whatever the guidelines say.
    html = MarkdownIt("commonmark", {"html": False}).enable("table").render(markdown)
    return {"version": GUIDELINES_VERSION, "language": language, "html": html, "markdown": markdown}
