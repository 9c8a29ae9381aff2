"""Torch: the full weights, for checking the int8 graph and for models that have none."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from khabar.bundle import WEIGHTS
from khabar.encode import Window, pool
from khabar.errors import BundleError, MissingExtraError

try:
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForTokenClassification
except ImportError as error:
    raise MissingExtraError(
        f"The torch backend needs {error.name}, which is not installed: pip install 'khabar[train]'."
    ) from error


class TorchBackend:
    """Runs the safetensors weights in 32-bit floats, one window at a time."""

    def __init__(self, folder: Path, *, threads: int | None = None) -> None:
        """Load the weights of a bundle.

        Args:
            folder: The bundle.
            threads: Threads of torch in this process; None leaves them as they are.

        Raises:
            BundleError: The weights do not fit the config.
        """
        if threads is not None:
            torch.set_num_threads(threads)
        try:
            model, loading = AutoModelForTokenClassification.from_pretrained(
                folder,
                dtype=torch.float32,
                local_files_only=True,
                use_safetensors=True,
                output_loading_info=True,
            )
        except (OSError, ValueError, RuntimeError, SafetensorError) as error:
            raise BundleError(
                f"{folder}: transformers cannot load it ({str(error).splitlines()[0]})."
            ) from error

        if loading["missing_keys"]:
            # They would start at random, and so would the labels.
            missing = ", ".join(sorted(loading["missing_keys"]))
            raise BundleError(f"{folder / WEIGHTS}: lacks {missing}; save the whole trained model.")
        self._model = model.eval()

    def logits(self, windows: list[Window]) -> list[NDArray[np.float32]]:
        """Return for every window an array of shape ``(len(window.spans), labels)``, in the same order."""
        return [self._run(window) for window in windows]

    def _run(self, window: Window) -> NDArray[np.float32]:
        ids = torch.tensor([window.input_ids])
        with torch.inference_mode():
            logits = self._model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits
        return pool(logits[0].numpy(), window)
