"""Torch: the full weights, on a GPU, for checking the int8 graph, and for models that have none."""

from collections.abc import Iterator
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

_BATCH_TOKENS = {"cpu": 2_048}
_BATCH_TOKENS_GPU = 32_768
"""Tokens of a batch with its padding: enough to keep the device busy."""


class TorchBackend:
    """Runs the safetensors weights, windows of similar length together."""

    def __init__(
        self, folder: Path, *, threads: int | None = None, device: str | None = None, dtype: str = "float32"
    ) -> None:
        """Load the weights of a bundle.

        Args:
            folder: The bundle.
            threads: Threads of torch in this process; None leaves them as they are.
            device: As torch names it; None takes a GPU where there is one, else the CPU.
            dtype: Name of the floating-point type to compute in.

        Raises:
            BundleError: The weights do not fit the config.
            ValueError: There is no such device.
        """
        if threads is not None:
            torch.set_num_threads(threads)
        self._device = _device(device)
        try:
            model, loading = AutoModelForTokenClassification.from_pretrained(
                folder,
                dtype=getattr(torch, dtype),
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
        self._model = model.to(self._device).eval()
        self._pad: int = model.config.pad_token_id or 0

    def logits(self, windows: list[Window]) -> list[NDArray[np.float32]]:
        """Return for every window an array of shape ``(len(window.spans), labels)``, in the same order.

        Padding is masked, so what else is in a batch changes the last digits of a logit at the most.
        """
        budget = _BATCH_TOKENS.get(self._device.type, _BATCH_TOKENS_GPU)
        found: dict[int, NDArray[np.float32]] = {}
        for batch in _batches([len(window.input_ids) for window in windows], budget):
            logits = self._run([windows[index].input_ids for index in batch])
            for index, rows in zip(batch, logits, strict=True):
                found[index] = pool(rows, windows[index])
        return [found[index] for index in range(len(windows))]

    def _run(self, windows: list[list[int]]) -> NDArray[np.float32]:
        """Return logits of shape ``(windows, tokens of the longest, labels)``."""
        longest = max(map(len, windows))
        ids = torch.full((len(windows), longest), self._pad)
        mask = torch.zeros_like(ids)
        for row, window in enumerate(windows):
            ids[row, : len(window)] = torch.tensor(window)
            mask[row, : len(window)] = 1
        with torch.inference_mode():
            logits = self._model(input_ids=ids.to(self._device), attention_mask=mask.to(self._device)).logits
        result: NDArray[np.float32] = logits.float().cpu().numpy()
        return result


def _device(name: str | None) -> torch.device:
    if name is None:
        found = torch.accelerator.current_accelerator(check_available=True)
        return torch.device("cpu") if found is None else found
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ValueError(f"device is {name!r}, which torch cannot use here ({reason}); try 'cpu'.") from error
    return device


def _batches(lengths: list[int], budget: int) -> Iterator[list[int]]:
    """Yield indices of windows of similar length, at most ``budget`` tokens together when padded."""
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda index: -lengths[index]):
        if batch and lengths[batch[0]] * (len(batch) + 1) > budget:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch
