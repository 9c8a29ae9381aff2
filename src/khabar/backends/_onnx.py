"""ONNX Runtime on the CPU: the engine of annotating without torch."""

import os
import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from khabar.encode import Window, pool
from khabar.errors import BundleError

_UNWANTED_FUSIONS = ["SkipLayerNormFusion"]
"""Their kernels on the CPU are slower than what they replace: a sum and a norm, each vectorised."""

_EXACT_SUMS = ("session.x64quantprecision", "1")
"""Without VNNI, x86 adds products of int8 in pairs of 16 bits, which overflow: one label in thirty came out
another (docs/experiments.md). ONNX Runtime then takes a kernel that does not; elsewhere nothing changes."""

_MOST_SESSIONS = 4
"""Each holds the weights and the buffers of a run, some hundred megabytes: more threads share them."""


class OnnxBackend:
    """Runs the int8 graph, one window a run and as many runs at once as there are threads.

    Windows in one batch would have to be padded to one length, and a kernel may add up rows in another order
    beside others. A run of its own gives every window its bits, whatever else is annotated, and wastes
    nothing; several runs keep all cores busy where one product of matrices, cut into pieces, would wait for
    its slowest. Each run stays on its own thread, with a session of its own: threads that share a session
    hand each other its buffers, whose content then travels from core to core (docs/experiments.md has what
    that costs).
    """

    def __init__(self, path: Path, *, threads: int | None = None) -> None:
        """Load the graph.

        Args:
            path: File of the graph: input ``input_ids``, and ``attention_mask`` if it has one, of shape
                ``(batch, tokens)``, output ``logits`` of shape ``(batch, tokens, labels)``.
            threads: Runs at once, each on one thread; None takes as many as this process has cores.

        Raises:
            BundleError: The file is no such graph.
        """
        self._threads = threads or _cores()
        self._path = path
        self._pool: ThreadPoolExecutor | None = None
        self._starting = threading.Lock()
        self._own = threading.local()
        try:
            self._session = _load(path)
        except Exception as error:  # ONNX Runtime's own errors share no public base class
            reason = str(error).strip().splitlines()[0]
            raise BundleError(
                f"{path}: ONNX Runtime cannot load it ({reason}); copy or export it again."
            ) from error
        self._sessions = [self._session]
        self._entered = 0

        inputs = {value.name for value in self._session.get_inputs()}
        outputs = {value.name for value in self._session.get_outputs()}
        if inputs not in ({"input_ids"}, {"input_ids", "attention_mask"}) or "logits" not in outputs:
            raise BundleError(
                f"{path}: the graph makes {', '.join(outputs)} of {', '.join(inputs)}, "
                "expected logits of input_ids; export it again."
            )
        self._masked = "attention_mask" in inputs

    def logits(self, windows: list[Window]) -> list[NDArray[np.float32]]:
        """Return for every window an array of shape ``(len(window.spans), labels)``, in the same order."""
        if self._threads == 1 or len(windows) < 2:
            return [self._run(window) for window in windows]
        with self._starting:
            # Not before it is needed: a process without threads can be forked.
            if self._pool is None:
                self._pool = ThreadPoolExecutor(
                    self._threads, thread_name_prefix="khabar-onnx", initializer=self._enter
                )
        # The longest first, so that at the end no thread waits long for another.
        order = sorted(range(len(windows)), key=lambda index: -len(windows[index].input_ids))
        found: dict[int, NDArray[np.float32]] = {}
        running: deque[tuple[int, Future[NDArray[np.float32]]]] = deque()
        for index in order:
            # Two for each thread keep them busy; more would make another caller's windows wait behind them.
            if len(running) == 2 * self._threads:
                first, future = running.popleft()
                found[first] = future.result()
            running.append((index, self._pool.submit(self._run, windows[index])))
        found.update((index, future.result()) for index, future in running)
        return [found[index] for index in range(len(windows))]

    def _enter(self) -> None:
        """Give a thread of the pool its session."""
        with self._starting:
            place = self._entered % _MOST_SESSIONS
            self._entered += 1
            if place == len(self._sessions):
                self._sessions.append(_load(self._path))
            self._own.session = self._sessions[place]

    def _run(self, window: Window) -> NDArray[np.float32]:
        ids = np.array([window.input_ids], dtype=np.int64)
        feed = {"input_ids": ids, "attention_mask": np.ones_like(ids)} if self._masked else {"input_ids": ids}
        session = getattr(self._own, "session", self._session)
        (logits,) = session.run(["logits"], feed)
        return pool(np.asarray(logits, dtype=np.float32)[0], window)


def session_options() -> onnxruntime.SessionOptions:
    """Return how a graph of `khabar.export` has to be run."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    # Plans of memory are kept for every length of a window that was ever seen.
    options.enable_mem_pattern = False
    options.add_session_config_entry(*_EXACT_SUMS)
    return options


def _load(path: Path) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(
        str(path),
        session_options(),
        providers=["CPUExecutionProvider"],
        disabled_optimizers=_UNWANTED_FUSIONS,
    )


def _cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
