"""Reads the queue with the model: an article that somebody opens at once, the others when it is idle."""

import asyncio
import logging
from typing import Final

from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from khabar.errors import KhabarError
from khabar.serve._batching import Batcher
from khabar.serve._problems import ProblemError
from khabar.serve.model import ModelInfo
from khabar.serve.review._state import Span
from khabar.serve.store import ReviewedArticle, Store

_PAUSE: Final = 0.05
_AFTER_AN_ERROR: Final = 5.0

_NEIGHBOURS: Final = 12
"""Sentences on both sides with which a new one is read; farther away little decides its label."""

_log = logging.getLogger(__name__)


class Reader:
    """Keeps what the model says of the articles under review.

    Args:
        store: Where articles and predictions are.
        batcher: The queue in front of the model.
        model: Which model that is.
    """

    def __init__(self, store: Store, batcher: Batcher, model: ModelInfo) -> None:
        self._store = store
        self._batcher = batcher
        self._model = model
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to read what nobody has opened yet."""
        self._task = asyncio.create_task(self._work(), name="khabar-reader")

    def wake(self) -> None:
        """Say that there is something new to read."""
        self._wake.set()

    async def close(self) -> None:
        """Stop; what is not read then is read at the next start."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def read(self, identifier: str) -> ReviewedArticle:
        """Return an article with the model's labels on all of its sentences.

        Raises:
            NotFoundError: There is no such article.
            ProblemError: The model is busy.
        """
        article = await run_in_threadpool(self._store.get, identifier, self._model)
        if not article.unread():
            return article
        spans = _to_read(article)
        found = await self._batcher.label([article.review.text_of(span) for span in spans])
        await run_in_threadpool(
            self._store.keep_predictions, identifier, self._model, list(zip(spans, found, strict=True))
        )
        return await run_in_threadpool(self._store.get, identifier, self._model)

    async def read_if_idle(self, article: ReviewedArticle) -> ReviewedArticle:
        """Return an article with the model's labels if they can be had, else as it is."""
        if not article.unread():
            return article
        try:
            return await self.read(article.id)
        except ProblemError:
            return article

    async def _work(self) -> None:
        while True:
            try:
                if self._batcher.waiting:
                    # Who asks for an annotation comes first.
                    await asyncio.sleep(_PAUSE)
                    continue
                # Before the look, so that what is added during it is not slept through.
                self._wake.clear()
                identifier = await run_in_threadpool(self._store.unread, self._model)
                if identifier is None:
                    await self._wake.wait()
                else:
                    await self._read_behind(identifier)
            except (KhabarError, SQLAlchemyError, ProblemError) as error:
                _log.warning("an article of the queue could not be read: %s", error)
                await asyncio.sleep(_AFTER_AN_ERROR)

    async def _read_behind(self, identifier: str) -> None:
        article = await self.read(identifier)
        if not any(not unit.furniture for unit in article.units):
            # Nothing but furniture is left of it; a row without sentences says that it has been read.
            await run_in_threadpool(self._store.keep_predictions, identifier, self._model, [])


def _to_read(article: ReviewedArticle) -> list[Span]:
    """Return the sentences to give to the model: those that it has not read, in their surroundings."""
    spans = [unit.span for unit in article.units if not unit.furniture]
    unread = [index for index, span in enumerate(spans) if span not in article.predictions]
    return spans[max(unread[0] - _NEIGHBOURS, 0) : unread[-1] + 1 + _NEIGHBOURS]
