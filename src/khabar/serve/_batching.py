"""One model, many requests: what waits is annotated together.

Requests take turns, an article each: a single article does not wait for all of a batch that came before it.
Articles too long for a batch have a thread of their own, so that the others do not wait for them either.
"""

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
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

LONGEST_WAIT: Final = 60
"""Seconds after which whoever was sent away is told to ask again, at the most."""

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


@dataclass(slots=True)
class _Lane:
    """What waits for one of the threads, and what that thread works at."""

    pool: ThreadPoolExecutor
    requests: deque[deque[_Job[Any]]] = field(default_factory=deque)
    """The jobs of each request that wait, the request first whose turn it is."""
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    running: int = 0
    running_characters: int = 0

    @property
    def articles(self) -> int:
        return sum(map(len, self.requests)) + self.running

    @property
    def characters(self) -> int:
        return sum(job.characters for request in self.requests for job in request) + self.running_characters

    def add(self, jobs: Sequence[_Job[Any]]) -> None:
        if jobs:
            self.requests.append(deque(jobs))
            self.wake.set()

    def take(self) -> list[_Job[Any]]:
        """Return the next jobs that somebody still waits for."""
        batch: list[_Job[Any]] = []
        characters = 0
        while self.requests and len(batch) < BATCH_ARTICLES:
            request = self.requests[0]
            job = request[0]
            if not job.done.done():
                if batch and characters + job.characters > BATCH_CHARACTERS:
                    break
                characters += job.characters
                batch.append(job)
            request.popleft()
            self.requests.popleft()
            if request:
                self.requests.append(request)
        return batch


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
        self._usual = _Lane(ThreadPoolExecutor(1, thread_name_prefix="khabar-model"))
        self._long = _Lane(ThreadPoolExecutor(1, thread_name_prefix="khabar-model-long"))
        self._lanes = (self._usual, self._long)
        self._rate = FIRST_GUESS
        self._stopping = False
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to work; needs a running event loop."""
        self._tasks = [asyncio.create_task(self._work(lane), name="khabar-batches") for lane in self._lanes]

    @property
    def waiting(self) -> int:
        """Articles that wait or are being annotated."""
        return sum(lane.articles for lane in self._lanes)

    @property
    def _waiting_characters(self) -> int:
        return sum(lane.characters for lane in self._lanes)

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
        for lane in self._lanes:
            lane.wake.set()
        await asyncio.gather(*self._tasks)
        for lane in self._lanes:
            lane.pool.shutdown()

    async def _results(self, jobs: list[_Job[_Result]]) -> list[_Result]:
        if not jobs:
            return []
        self._admit(len(jobs), sum(job.characters for job in jobs))
        self._usual.add([job for job in jobs if job.characters <= BATCH_CHARACTERS])
        self._long.add([job for job in jobs if job.characters > BATCH_CHARACTERS])
        everything = asyncio.gather(*(job.done for job in jobs))
        try:
            # On time-out and when the client goes away the futures are cancelled, and the jobs then skipped.
            # Not `asyncio.wait_for`, which on Python 3.11 forgets a cancellation that comes with the result.
            async with asyncio.timeout(self._options.time_limit):
                return await everything
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
        return max(1, min(LONGEST_WAIT, math.ceil(self._waiting_characters / self._rate)))

    async def _work(self, lane: _Lane) -> None:
        loop = asyncio.get_running_loop()
        while True:
            batch = lane.take()
            if not batch:
                if self._stopping:
                    return
                lane.wake.clear()
                await lane.wake.wait()
                continue
            lane.running = len(batch)
            lane.running_characters = sum(job.characters for job in batch)
            started = time.perf_counter()
            results = await loop.run_in_executor(lane.pool, _run, self._annotator, batch)
            seconds = time.perf_counter() - started
            self._rate += 0.2 * (lane.running_characters / max(seconds, 1e-3) - self._rate)
            self._watcher.batch(len(batch), lane.running_characters, seconds)
            lane.running = lane.running_characters = 0
            for job, result in zip(batch, results, strict=True):
                _settle(job.done, result)


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
