"""What all routes of one server share."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from fastapi import Request

from khabar.serve._batching import Batcher
from khabar.serve._metrics import Metrics
from khabar.serve._problems import ProblemError
from khabar.serve._reader import Reader
from khabar.serve.model import ModelInfo
from khabar.serve.options import ServeOptions
from khabar.serve.store import Store

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Server:
    """The parts of a running server."""

    options: ServeOptions
    model: ModelInfo
    batcher: Batcher
    store: Store
    reader: Reader
    metrics: Metrics


def server_of(request: Request) -> Server:
    """Return the server that a request came to."""
    server: Server = request.app.state.server
    return server


async def while_connected(request: Request, work: Coroutine[Any, Any, _Result]) -> _Result:
    """Return the result of some work, or stop it when the client goes away: nobody would read it."""
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ProblemError(400, "invalid", "the client went away.")
        return task.result()
    finally:
        for each in (task, gone):
            each.cancel()
        await asyncio.gather(task, gone, return_exceptions=True)


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
