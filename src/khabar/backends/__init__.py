"""Engines that run a model over windows; each says what to install when it cannot be had."""

from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from khabar.bundle import ONNX_INT8, WEIGHTS, Bundle
from khabar.encode import Window
from khabar.errors import BundleError

BackendName = Literal["onnx", "torch"]


class Backend(Protocol):
    """Runs a model."""

    def logits(self, windows: list[Window]) -> list[NDArray[np.float32]]:
        """Return for every window an array of shape ``(len(window.spans), labels)``, in the same order."""
        ...


def load_backend(bundle: Bundle, name: BackendName | None = None, *, threads: int | None = None) -> Backend:
    """Load the weights of a bundle into an engine.

    Args:
        bundle: A checked bundle.
        name: ``"onnx"`` runs the int8 graph on ONNX Runtime, ``"torch"`` the full weights on torch. None
        takes
            ONNX where the bundle has the graph, else torch.
        threads: How many threads the engine computes with; None leaves it to the engine.

    Raises:
        BundleError: The bundle has no weights for that engine.
        MissingExtraError: The engine is not installed.
    """
    if threads is not None and threads < 1:
        raise ValueError(f"threads is {threads}, expected 1 or more, or None.")
    if name is None:
        name = "onnx" if (bundle.path / ONNX_INT8).is_file() else "torch"
    files: dict[BackendName, str] = {"onnx": ONNX_INT8, "torch": WEIGHTS}
    if name not in files:
        raise ValueError(f"backend is {name!r}, expected one of {', '.join(map(repr, files))}, or None.")
    path: Path = bundle.path / files[name]
    if not path.is_file():
        other = "torch" if name == "onnx" else "onnx"
        raise BundleError(
            f"{bundle.path}: lacks {files[name]}, which the {name} backend reads; try backend={other!r}."
        )
    if name == "onnx":
        from khabar.backends._onnx import OnnxBackend

        return OnnxBackend(path, threads=threads)
    from khabar.backends._torch import TorchBackend

    return TorchBackend(bundle.path, threads=threads)
