"""What all routes of one server share."""

from dataclasses import dataclass

from fastapi import Request

from khabar.serve._batching import Batcher
from khabar.serve._metrics import Metrics
from khabar.serve._reader import Reader
from khabar.serve.model import ModelInfo
from khabar.serve.options import ServeOptions
from khabar.serve.review._store import Store


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
