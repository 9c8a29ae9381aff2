"""Export of a trained model to the int8 ONNX graph that annotating runs on."""

import shutil
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from transformers import AttentionInterface, AutoModelForTokenClassification, PreTrainedModel

from khabar._files import OutputFile
from khabar._int8 import quantize_matrices
from khabar.annotator import Annotator
from khabar.bundle import ONNX_INT8, WEIGHTS, load_bundle
from khabar.errors import BundleError, KhabarError

_FUSED = "khabar_fused"
"""Name of the attention that the graph is exported with."""


class ExportError(KhabarError):
    """The exported graph does not do what the model does."""


@dataclass(frozen=True, slots=True)
class ExportCheck:
    """The int8 graph beside the 32-bit model on the same sentences."""

    sentences: int
    same_label: float
    """Share of sentences with the same label."""
    mean_difference: float
    """Mean absolute difference of a logit."""
    largest_difference: float
    """Largest absolute difference of a logit."""


class _Logits(torch.nn.Module):
    """The model as a function of one tensor to one, which is what a graph is."""

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.model(input_ids=input_ids).logits
        return logits


def _fused_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    scaling: float,
    **options: object,
) -> tuple[torch.Tensor, None]:
    """Stand for attention in the graph: ONNX Runtime's operator, which works without the matrix of all pairs.

    Takes and returns what transformers' attention functions do: queries, keys and values of shape ``(batch,
    heads, tokens, size)`` to ``(batch, tokens, heads, size)``. Nothing is masked, since a window is run
    without padding.
    """
    batch, heads, tokens, size = query.shape
    flat = [states.transpose(1, 2).reshape(batch, tokens, heads * size) for states in (query, key, value)]
    output = torch.onnx.ops.symbolic(
        "com.microsoft::MultiHeadAttention",
        flat,
        {"num_heads": heads, "scale": scaling},
        dtype=query.dtype,
        shape=(batch, tokens, heads * size),
        version=1,
    )
    return output.reshape(batch, tokens, heads, size), None


AttentionInterface.register(_FUSED, _fused_attention)


def export_onnx(model: PreTrainedModel, path: Path) -> None:
    """Write the 32-bit graph: ``input_ids`` of shape (batch, tokens), all of one length, to ``logits``."""
    before = model.config._attn_implementation
    model.set_attn_implementation(_FUSED)
    model = model.eval()
    ids = torch.ones((2, 8), dtype=torch.long)
    dynamic = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    try:
        with warnings.catch_warnings():
            # The exporter warns of its own internals; what it writes is checked below.
            warnings.simplefilter("ignore")
            torch.onnx.export(
                _Logits(model),
                (ids,),
                str(path),
                input_names=["input_ids"],
                output_names=["logits"],
                dynamic_shapes=(dynamic,),
                dynamo=True,
                external_data=False,
                verbose=False,
            )
    finally:
        model.set_attn_implementation(before)


def quantize(source: Path, target: Path) -> None:
    """Quantise a graph to int8; how is told in `khabar._int8`."""
    target.parent.mkdir(parents=True, exist_ok=True)
    model = onnx.load(source)
    quantize_matrices(model)
    with OutputFile(target) as file:
        file.write(model.SerializeToString())
        file.commit()


def export_int8(bundle: Path) -> None:
    """Write ``onnx/model.int8.onnx`` into a bundle, from the weights that it holds.

    They are read again, since a model that was trained under mixed precision keeps its casts.
    """
    model = AutoModelForTokenClassification.from_pretrained(
        bundle, dtype=torch.float32, local_files_only=True, use_safetensors=True
    )
    with tempfile.TemporaryDirectory() as scratch:
        full = Path(scratch) / "model.onnx"
        export_onnx(model, full)
        quantize(full, bundle / ONNX_INT8)


def renew_export(bundle: Path, articles: Sequence[Sequence[str]], *, least_same: float = 0.99) -> ExportCheck:
    """Export a bundle again, and put the new graph in the place of the old one when it passes the check.

    Args:
        bundle: A bundle with its weights.
        articles: As for `check_export`.
        least_same: As for `check_export`.

    Raises:
        BundleError: The folder is no bundle.
        ExportError: The new graph does not pass; the old one is still there.
    """
    load_bundle(bundle)
    if not (bundle / WEIGHTS).is_file():
        raise BundleError(f"{bundle}: lacks {WEIGHTS}, which the graph is made from.")
    with tempfile.TemporaryDirectory() as scratch:
        aside = Path(scratch) / "bundle"
        shutil.copytree(bundle, aside, ignore=shutil.ignore_patterns("onnx"))
        export_int8(aside)
        check = check_export(aside, articles, least_same=least_same)
        target = bundle / ONNX_INT8
        target.parent.mkdir(exist_ok=True)
        with OutputFile(target) as file:
            file.write((aside / ONNX_INT8).read_bytes())
            file.commit()
    return check


def check_export(bundle: Path, articles: Sequence[Sequence[str]], *, least_same: float = 0.99) -> ExportCheck:
    """Compare the int8 graph of a bundle with its full weights on real text.

    Args:
        bundle: A bundle with both.
        articles: Articles, each as its sentences.
        least_same: Share of sentences that must get the same label.

    Raises:
        ExportError: Fewer sentences than that do.
    """
    graph = Annotator.from_pretrained(bundle, backend="onnx")
    weights = Annotator.from_pretrained(bundle, backend="torch")
    int8 = np.concatenate([graph.logits(article) for article in articles])
    full = np.concatenate([weights.logits(article) for article in articles])
    difference: NDArray[np.float32] = np.abs(int8 - full)
    check = ExportCheck(
        sentences=len(full),
        same_label=float((int8.argmax(-1) == full.argmax(-1)).mean()),
        mean_difference=float(difference.mean()),
        largest_difference=float(difference.max()),
    )
    if check.same_label < least_same:
        raise ExportError(
            f"{bundle / ONNX_INT8}: {check.same_label:.2%} of {check.sentences} sentences get the label that "
            f"the full weights give, expected at least {least_same:.2%}; the graph is not fit to ship."
        )
    return check
