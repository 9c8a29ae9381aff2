"""A pipeline of two stages: while one task is computed, the next one is prepared."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Task = TypeVar("Task")
Prepared = TypeVar("Prepared")
Result = TypeVar("Result")


def map_ahead(
    prepare: Callable[[Task], Prepared], compute: Callable[[Prepared], Result], tasks: Iterable[Task]
) -> Iterator[tuple[Task, Result | Exception]]:
    """Apply two functions to each task and yield the results in order.

    Args:
        prepare: Called by the thread that iterates.
        compute: Called by another thread, one call at a time, so that it and ``prepare`` of the next task
            overlap; worth it where it releases the interpreter's lock.
        tasks: Read one ahead.

    Yields:
        Each task with its result, or with the exception that one of the functions raised for it.
    """
    running: deque[tuple[Task, Future[Result]]] = deque()

    def first() -> tuple[Task, Result | Exception]:
        task, future = running.popleft()
        try:
            return task, future.result()
        except Exception as error:  # the caller decides about it
            return task, error

    with ThreadPoolExecutor(1, thread_name_prefix="khabar-compute") as thread:
        for task in tasks:
            try:
                running.append((task, thread.submit(compute, prepare(task))))
            except Exception as error:  # the caller decides about it
                failed: Future[Result] = Future()
                failed.set_exception(error)
                running.append((task, failed))
            if len(running) > 1:
                yield first()
        while running:
            yield first()
