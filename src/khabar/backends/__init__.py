"""Engines that run a model over windows; each says what to install when it cannot be had."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from khabar.bundle import ONNX_INT8, WEIGHTS, Bundle
from khabar.encode import Window
from khabar.errors import BundleError

BackendName = Literal["onnx", "torch"]
Precision = Literal["float32", "bfloat16"]

_FILES: dict[BackendName, str] = {"onnx": ONNX_INT8, "torch": WEIGHTS}


class Backend(Protocol):
    """Runs a model."""

    def logits(self, windows: list[Window]) -> list[NDArray[np.float32]]:
        """Return for every window an array of shape ``(len(window.spans), labels)``, in the same order."""
        ...


@dataclass(frozen=True, slots=True)
class Engine:
    """What runs a model, and how.

    Raises:
        ValueError: An option is none of its values, or belongs to the other backend.
    """

    backend: BackendName | None = None
    """``"onnx"`` runs the int8 graph on ONNX Runtime, ``"torch"`` the full weights on torch; None takes ONNX
    where a bundle has the graph, else torch."""
    threads: int | None = None
    """How many threads compute; None takes as many as this process has cores."""
    device: str | None = None
    """Where torch computes, as torch names it; None takes a GPU where there is one."""
    dtype: Precision = "float32"
    """Numbers that torch computes with."""

    def __post_init__(self) -> None:
        if self.backend not in (None, *_FILES):
            raise ValueError(
                f"backend is {self.backend!r}, expected one of {', '.join(map(repr, _FILES))}, or None."
            )
        if self.threads is not None and self.threads < 1:
            raise ValueError(f"threads is {self.threads}, expected 1 or more, or None.")
        if self.dtype not in get_args(Precision):
            raise ValueError(
                f"dtype is {self.dtype!r}, expected {' or '.join(map(repr, get_args(Precision)))}."
            )
        if self.backend != "torch" and (self.device is not None or self.dtype != "float32"):
            raise ValueError(
                f"device is {self.device!r} and dtype {self.dtype!r}, which are for the torch backend; "
                "add backend='torch' or leave them out."
            )


def load_backend(bundle: Bundle, engine: Engine) -> Backend:
    """Load the weights of a bundle into an engine.

    Raises:
        BundleError: The bundle has no weights for that engine.
        MissingExtraError: The engine is not installed.
        ValueError: The device is not there.
    """
    name = engine.backend
    if name is None:
        name = "onnx" if (bundle.path / ONNX_INT8).is_file() else "torch"
    path: Path = bundle.path / _FILES[name]
    if not path.is_file():
        other = "torch" if name == "onnx" else "onnx"
        raise BundleError(
            f"{bundle.path}: lacks {_FILES[name]}, which the {name} backend reads; try backend={other!r}."
        )
    if name == "onnx":
        from khabar.backends._onnx import OnnxBackend

        return OnnxBackend(path, threads=engine.threads)
    from khabar.backends._torch import TorchBackend

    return TorchBackend(bundle.path, threads=engine.threads, device=engine.device, dtype=engine.dtype)
