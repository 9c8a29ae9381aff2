"""ONNX Runtime on the CPU: the engine of annotating without torch."""

from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from khabar.encode import Window, pool
from khabar.errors import BundleError


class OnnxBackend:
    """Runs the int8 graph, one window at a time.

    The scale of the activations in dynamic int8 is taken over everything that is computed together, so
    windows in one batch would change each other's logits, and a label could depend on which other articles
    stood in an archive. A window is long enough to keep the cores busy on its own, and needs no padding.
    """

    def __init__(self, path: Path, *, threads: int | None = None) -> None:
        """Load the graph.

        Args:
            path: File of the graph: inputs ``input_ids`` and ``attention_mask`` of shape ``(batch, tokens)``,
                output ``logits`` of shape ``(batch, tokens, labels)``.
            threads: Threads within an operator; None leaves it to ONNX Runtime, one a physical core.

        Raises:
            BundleError: The file is no such graph.
        """
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        if threads is not None:
            options.intra_op_num_threads = threads
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # ONNX Runtime's own errors share no public base class
            reason = str(error).strip().splitlines()[0]
            raise BundleError(
                f"{path}: ONNX Runtime cannot load it ({reason}); copy or export it again."
            ) from error

        inputs = {value.name for value in self._session.get_inputs()}
        outputs = {value.name for value in self._session.get_outputs()}
        if inputs != {"input_ids", "attention_mask"} or "logits" not in outputs:
            raise BundleError(
                f"{path}: the graph makes {', '.join(outputs)} of {', '.join(inputs)}, "
                "expected logits of input_ids and attention_mask; export it again."
            )

    def logits(self, windows: list[Window]) -> list[NDArray[np.float32]]:
        """Return for every window an array of shape ``(len(window.spans), labels)``, in the same order."""
        return [self._run(window) for window in windows]

    def _run(self, window: Window) -> NDArray[np.float32]:
        ids = np.array([window.input_ids], dtype=np.int64)
        (logits,) = self._session.run(["logits"], {"input_ids": ids, "attention_mask": np.ones_like(ids)})
        return pool(np.asarray(logits, dtype=np.float32)[0], window)
