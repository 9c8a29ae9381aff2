"""One model, many requests: what waits is annotated together, in one thread.

Requests take turns, an article each: a single article does not wait for all of a batch that came before it.
"""

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Generic, Protocol, TypeVar

from khabar.annotator import Annotator
from khabar.schema import AnnotatedArticle, AnnotatedSentence
from khabar.serve._problems import ProblemError
from khabar.serve.options import ServeOptions

BATCH_ARTICLES: Final = 32
"""Articles that are given to the model together: two batches of `Annotator.annotate_many`."""

BATCH_CHARACTERS: Final = 40_000
"""The same in characters, a second or two of work: what comes during a batch waits for its end."""

_LONGEST_WAIT: Final = 60
FIRST_GUESS: Final = 20_000.0
"""Characters a second, until the model has been seen at work."""


_Result = TypeVar("_Result", AnnotatedArticle, list[AnnotatedSentence])


class Watcher(Protocol):
    """Who is told what the model does."""

    def batch(self, articles: int, characters: int, seconds: float) -> None:
        """Take note of a batch."""


@dataclass(slots=True)
class _Job(Generic[_Result]):
    work: Callable[[Annotator], _Result]
    text: tuple[str, str | None] | None
    """Text and title, for a job that can be annotated together with others."""
    characters: int
    done: asyncio.Future[_Result]


class Batcher:
    """The queue in front of the model.

    Args:
        annotator: The model.
        options: How much may wait, and how long.
        watcher: Told of each batch.
    """

    def __init__(self, annotator: Annotator, options: ServeOptions, watcher: Watcher) -> None:
        self._annotator = annotator
        self._options = options
        self._watcher = watcher
        self._requests: deque[deque[_Job[Any]]] = deque()
        """The jobs of each request that wait, the request first whose turn it is."""
        self._wake = asyncio.Event()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="khabar-model")
        self._running = 0
        self._running_characters = 0
        self._rate = FIRST_GUESS
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to work; needs a running event loop."""
        self._task = asyncio.create_task(self._work(), name="khabar-batches")

    @property
    def waiting(self) -> int:
        """Articles that wait or are being annotated."""
        return sum(map(len, self._requests)) + self._running

    @property
    def _waiting_characters(self) -> int:
        waiting = sum(job.characters for request in self._requests for job in request)
        return waiting + self._running_characters

    async def annotate(self, articles: Sequence[tuple[str, str | None]]) -> list[AnnotatedArticle]:
        """Annotate texts with their titles, in the order given.

        Raises:
            ProblemError: Too much waits already, the time limit has passed, or the server is stopping.
            InputError: An article cannot be annotated.
        """
        loop = asyncio.get_running_loop()
        jobs: list[_Job[AnnotatedArticle]] = [
            _Job(
                partial(_annotate, text, title),
                (text, title),
                len(text) + len(title or ""),
                loop.create_future(),
            )
            for text, title in articles
        ]
        return await self._results(jobs)

    async def label(self, sentences: Sequence[str]) -> list[AnnotatedSentence]:
        """Annotate the sentences of one article that is split already.

        Raises:
            ProblemError: As for `annotate`.
        """
        given = list(sentences)
        job: _Job[list[AnnotatedSentence]] = _Job(
            partial(_label, given),
            None,
            sum(map(len, given)),
            asyncio.get_running_loop().create_future(),
        )
        return (await self._results([job]))[0]

    async def close(self) -> None:
        """Finish what waits, then stop; what comes later is refused."""
        self._stopping = True
        self._wake.set()
        if self._task is not None:
            await self._task
        self._pool.shutdown()

    async def _results(self, jobs: list[_Job[_Result]]) -> list[_Result]:
        if not jobs:
            return []
        self._admit(len(jobs), sum(job.characters for job in jobs))
        self._requests.append(deque(jobs))
        self._wake.set()
        everything = asyncio.gather(*(job.done for job in jobs))
        try:
            # On time-out and when the client goes away the futures are cancelled, and the jobs then skipped.
            return await asyncio.wait_for(everything, self._options.time_limit)
        except TimeoutError:
            raise ProblemError(
                503,
                "time_limit",
                f"not annotated within {self._options.time_limit:g} seconds; ask for less at once, or later.",
                retry_after=self._wait(),
            ) from None

    def _admit(self, articles: int, characters: int) -> None:
        if self._stopping:
            raise ProblemError(503, "stopping", "the server is stopping; ask again soon.", retry_after=5)
        waiting = self._waiting_characters
        # A request that is alone is always taken: its own size has been checked before.
        if self.waiting and (
            self.waiting + articles > self._options.max_waiting
            or waiting + characters > self._options.max_waiting_characters
            # It would wait in vain; better to say so at once.
            or waiting / self._rate > self._options.time_limit
        ):
            raise ProblemError(
                429,
                "busy",
                f"{self.waiting} articles wait for the model already; ask again in {self._wait()} seconds.",
                retry_after=self._wait(),
            )

    def _wait(self) -> int:
        """Return in how many seconds what waits now will be done."""
        return max(1, min(_LONGEST_WAIT, math.ceil(self._waiting_characters / self._rate)))

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            batch = self._take()
            if not batch:
                if self._stopping:
                    return
                self._wake.clear()
                await self._wake.wait()
                continue
            self._running = len(batch)
            self._running_characters = sum(job.characters for job in batch)
            started = time.perf_counter()
            results = await loop.run_in_executor(self._pool, _run, self._annotator, batch)
            seconds = time.perf_counter() - started
            self._rate += 0.2 * (self._running_characters / max(seconds, 1e-3) - self._rate)
            self._watcher.batch(len(batch), self._running_characters, seconds)
            self._running = self._running_characters = 0
            for job, result in zip(batch, results, strict=True):
                _settle(job.done, result)

    def _take(self) -> list[_Job[Any]]:
        """Return the next jobs that somebody still waits for."""
        batch: list[_Job[Any]] = []
        characters = 0
        while self._requests and len(batch) < BATCH_ARTICLES:
            request = self._requests[0]
            job = request[0]
            if not job.done.done():
                if batch and characters + job.characters > BATCH_CHARACTERS:
                    break
                characters += job.characters
                batch.append(job)
            request.popleft()
            self._requests.popleft()
            if request:
                self._requests.append(request)
        return batch


def _settle(future: asyncio.Future[Any], result: object) -> None:
    if future.done():  # the client has gone away, or waited long enough
        return
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)


def _run(annotator: Annotator, batch: Sequence[_Job[Any]]) -> list[object]:
    """Return the result of each job, or its error: of the input, or a bug, which the server then reports."""
    together = [job for job in batch if job.text is not None]
    results: dict[int, object] = {}
    try:
        items = [{"text": job.text[0], "title": job.text[1]} for job in together if job.text is not None]
        for job, article in zip(together, annotator.annotate_many(items), strict=True):
            results[id(job)] = article
    except Exception:
        results.clear()  # one of them: each alone, so that it costs only its own request
    for job in batch:
        if id(job) not in results:
            try:
                results[id(job)] = job.work(annotator)
            except Exception as error:
                results[id(job)] = error
    return [results[id(job)] for job in batch]


def _annotate(text: str, title: str | None, annotator: Annotator) -> AnnotatedArticle:
    return annotator.annotate(text, title)


def _label(sentences: list[str], annotator: Annotator) -> list[AnnotatedSentence]:
    return annotator.annotate_sentences(sentences)
