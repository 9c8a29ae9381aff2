"""An ordered map over worker processes that share what was loaded once.

One process is started afresh, loads, and then forks the workers: their memory is the loading process's until
one of them writes to it, so a model is in memory once however many work with it. It is started by its own
command and not by `multiprocessing`, so a script that uses workers needs no ``if __name__ == "__main__"``,
and nothing is forked from the caller's process, whose threads and locks would not survive it.

Elsewhere than on Linux a fork is not safe with every library, so each worker is a process that loads by
itself. The workers are children of nobody's terminal: Ctrl-C reaches the caller, who ends them; when the
caller is gone, their connection closes and they end by themselves.
"""

import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from types import TracebackType
from typing import Any, Self, TypeVar

from khabar.errors import WorkerError

Task = TypeVar("Task")
Result = TypeVar("Result")

_IN_FLIGHT = 2
"""Tasks that a worker holds at once: the next one lies there when it finishes one."""
_AHEAD = 4
"""Tasks per worker that may be under way or finished before the first of them is taken."""
_GRACE_SECONDS = 5.0

_START = "import sys; from khabar.processes import serve; serve(sys.argv[1:])"


def map_in_processes(
    load: Callable[[], Callable[[Task], Result]], tasks: Iterable[Task], *, workers: int
) -> Generator[Result]:
    """Apply a function to tasks in several processes and yield the results in the order of the tasks.

    Tasks are read a few ahead, never as a whole. All processes end when the iterator is exhausted, closed,
    or left by an exception.

    Args:
        load: Returns the function; called once on Linux and once a worker elsewhere. It, the tasks and the
            results must be picklable by names that an installed package has.
        tasks: What to apply the function to.
        workers: How many processes.

    Raises:
        WorkerError: A worker died.
        Exception: Whatever ``load`` or the function raised, in the place of the result.
    """
    source = iter(tasks)
    with _Workers(load, workers) as pool:
        finished: dict[int, tuple[bool, Any]] = {}
        sent = taken = 0
        more = True
        while True:
            while more and sent - taken < _AHEAD * workers and (idle := pool.least_busy()) is not None:
                try:
                    task = next(source)
                except StopIteration:
                    more = False
                else:
                    pool.send(idle, sent, task)
                    sent += 1
            if taken in finished:
                succeeded, result = finished.pop(taken)
                taken += 1
                if not succeeded:
                    raise result
                yield result
            elif taken < sent:
                finished.update(pool.receive())
            else:
                return


class _Workers:
    """The processes, and how many tasks each holds."""

    def __init__(self, load: Callable[[], Any], count: int) -> None:
        if not hasattr(os, "fork"):
            raise WorkerError(
                "workers need a system that can fork, which this one cannot; leave workers out, "
                "and the threads of one process share the work."
            )
        self._load = pickle.dumps(load)
        self._count = count
        self._processes: list[subprocess.Popen[bytes]] = []
        self._busy: dict[Connection, int] = {}

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._end(graceful=False)
            raise
        return self

    def _start(self) -> None:
        pipes = [Pipe() for _ in range(self._count)]
        groups = [pipes] if sys.platform == "linux" else [[pipe] for pipe in pipes]
        self._busy = dict.fromkeys((ours for ours, _ in pipes), 0)
        for group in groups:
            ends = [theirs.fileno() for _, theirs in group]
            # Workers write nothing, and must not hold the pipe open that the caller's output goes to.
            self._processes.append(
                subprocess.Popen(
                    [sys.executable, "-c", _START, *map(str, ends)],
                    pass_fds=ends,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    process_group=0,
                )
            )
        for _, theirs in pipes:
            theirs.close()
        for group in groups:
            first = group[0][0]
            self._tell(first, (sys.path, self._load))
        for ours, _ in pipes:
            succeeded, result = self._hear(ours)
            if not succeeded:
                raise result

    def least_busy(self) -> Connection | None:
        """Return a worker that can take a task, None while all hold enough."""
        found = min(self._busy, key=self._busy.__getitem__)
        return found if self._busy[found] < _IN_FLIGHT else None

    def send(self, worker: Connection, number: int, task: object) -> None:
        """Hand a task to a worker."""
        self._busy[worker] += 1
        self._tell(worker, (number, task))

    def receive(self) -> dict[int, tuple[bool, Any]]:
        """Wait for results; return each with whether it is one or an exception, by the task's number."""
        results = {}
        # Idle workers too: one that dies must be noticed whatever it was doing.
        for worker in wait(list(self._busy)):
            assert isinstance(worker, Connection)
            number, succeeded, result = self._hear(worker)
            self._busy[worker] -= 1
            results[number] = (succeeded, result)
        return results

    def _tell(self, worker: Connection, message: object) -> None:
        try:
            worker.send(message)
        except OSError as error:
            raise self._died() from error

    def _hear(self, worker: Connection) -> Any:  # noqa: ANN401  # whatever the worker sent
        try:
            return worker.recv()
        except (EOFError, OSError) as error:
            raise self._died() from error

    def _died(self) -> WorkerError:
        return WorkerError(
            f"one of {self._count} worker processes ended before its work was done, "
            "killed or out of memory; what came before is complete, so go on after it, with fewer workers."
        )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end(graceful=error is None)

    def _end(self, *, graceful: bool) -> None:
        for connection in self._busy:
            connection.close()
        for process in self._processes:
            if graceful:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_GRACE_SECONDS)
            # The group: a worker outlives the process that forked it. It has nothing to lose by this.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def serve(descriptors: Sequence[str]) -> None:
    """Be the process that loads, then the workers: one for each connection given by its file descriptor."""
    connections = [Connection(int(descriptor)) for descriptor in descriptors]
    path, load = connections[0].recv()
    sys.path[:] = path
    try:
        function = pickle.loads(load)()
    except Exception as error:  # it is raised in the caller's process
        for connection in connections:
            with suppress(OSError):
                connection.send((False, _picklable(error)))
        return
    for index, connection in enumerate(connections[:-1]):
        if os.fork() == 0:
            _work(function, connection, connections[index + 1 :])
            # Not through the exit of an interpreter that another process shares its state with.
            os._exit(0)
        connection.close()
    _work(function, connections[-1], [])


def _work(function: Callable[[Any], Any], connection: Connection, others: list[Connection]) -> None:
    """Answer tasks until the caller closes the connection."""
    for other in others:
        other.close()
    tasks: queue.SimpleQueue[tuple[int, Any] | None] = queue.SimpleQueue()

    def read() -> None:
        # On a thread, so that the caller can always send: were both waiting to send, neither would read.
        with suppress(EOFError, OSError):
            while True:
                tasks.put(connection.recv())
        tasks.put(None)

    threading.Thread(target=read, daemon=True).start()
    with suppress(BrokenPipeError, ConnectionResetError):
        connection.send((True, None))
        while (task := tasks.get()) is not None:
            number, given = task
            try:
                answer = (number, True, function(given))
            except Exception as error:  # it is raised in the caller's process
                answer = (number, False, _picklable(error))
            connection.send(answer)


def _picklable(error: Exception) -> Exception:
    """Return the error, or one that says the same where it cannot travel."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # an exception's pickling can fail in any way
        return WorkerError(f"{type(error).__name__}: {error}")
    return error
