"""The application: routes, limits, and what lives as long as the server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from khabar._version import __version__
from khabar.annotator import Annotator
from khabar.serve import _annotate, _pages, _problems, _review
from khabar.serve._batching import Batcher
from khabar.serve._guard import Guard
from khabar.serve._metrics import Metrics
from khabar.serve._reader import Reader
from khabar.serve._state import Server
from khabar.serve.model import model_info
from khabar.serve.options import ServeOptions
from khabar.serve.store import Store

_DESCRIPTION: Final = (
    "Tags every sentence of an Arabic news article as claim, official_statement, casualty_report or "
    "background, and keeps what people correct. Offsets count characters (code points), end exclusive."
)


def create_app(annotator: Annotator, store: Store, options: ServeOptions | None = None) -> ASGIApp:
    """Return the application that ``khabar serve`` runs, for any ASGI server.

    Args:
        annotator: The model, loaded once.
        store: Where corrections are kept; it is closed with the application.
        options: Token, hosts and limits.
    """
    options = options or ServeOptions()
    model = model_info(annotator.bundle)
    metrics = Metrics(model)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        batcher = Batcher(annotator, options, metrics)
        reader = Reader(store, batcher, model)
        metrics.watch_queue(lambda: batcher.waiting)
        app.state.server = Server(options, model, batcher, store, reader, metrics)
        batcher.start()
        reader.start()
        try:
            yield
        finally:
            await reader.close()
            await batcher.close()
            store.close()

    app = FastAPI(
        title="khabar",
        version=__version__,
        description=_DESCRIPTION,
        lifespan=lifespan,
        # Their pages load scripts from other hosts.
        docs_url=None,
        redoc_url=None,
    )
    _problems.install(app)
    for part in (_annotate, _review, _pages):
        app.include_router(part.router)
    app.mount("/static", _Static(directory=_pages.HERE / "static", check_dir=False), name="static")
    return Guard(app, options, metrics)


class _Static(StaticFiles):
    """Files that browsers ask for again after an update: small, and from the same machine."""

    def file_response(self, *args: object, **named: object) -> object:  # type: ignore[override]
        """Return a file, to be checked each time."""
        response = super().file_response(*args, **named)  # type: ignore[arg-type]
        response.headers.setdefault("Cache-Control", "no-cache")
        return response
