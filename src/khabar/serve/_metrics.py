"""What the server counts, for Prometheus."""

from collections.abc import Callable

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from starlette.responses import Response

from khabar.serve.model import ModelInfo

_SIZES = (1, 2, 4, 8, 16, 32)


class Metrics:
    """The counters of one server; several servers in one process do not share them."""

    def __init__(self, model: ModelInfo) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        registry = self._registry
        information = Gauge(
            "khabar_model_info", "Which model is served.", ["name", "fingerprint"], registry=registry
        )
        information.labels(model.name, model.fingerprint).set(1)
        self._waiting = Gauge(
            "khabar_waiting_articles", "Articles that wait for the model or are with it.", registry=registry
        )
        self._requests = Counter(
            "khabar_requests",
            "Requests by route and status.",
            ["method", "route", "status"],
            registry=registry,
        )
        self._seconds = Histogram(
            "khabar_request_seconds", "Seconds to the end of the answer.", ["route"], registry=registry
        )
        self._articles = Counter("khabar_annotated_articles", "Articles annotated.", registry=registry)
        self._characters = Counter("khabar_annotated_characters", "Characters annotated.", registry=registry)
        self._model_seconds = Counter(
            "khabar_model_seconds", "Seconds that the model ran.", registry=registry
        )
        self._batches = Histogram(
            "khabar_batch_articles", "Articles annotated together.", buckets=_SIZES, registry=registry
        )
        self._saves = Counter("khabar_saves", "Saves by outcome.", ["outcome"], registry=registry)

    def watch_queue(self, waiting: Callable[[], int]) -> None:
        """Take the length of the queue from a function."""
        self._waiting.set_function(waiting)

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answer."""
        self._requests.labels(method, route, status).inc()
        self._seconds.labels(route).observe(seconds)

    def batch(self, articles: int, characters: int, seconds: float) -> None:
        """Count what the model did."""
        self._articles.inc(articles)
        self._characters.inc(characters)
        self._model_seconds.inc(seconds)
        self._batches.observe(articles)

    def save(self, outcome: str) -> None:
        """Count a save: ``saved``, ``conflict`` or ``refused``."""
        self._saves.labels(outcome).inc()

    def response(self) -> Response:
        """Return everything as text."""
        return Response(generate_latest(self._registry), media_type=CONTENT_TYPE_LATEST)
