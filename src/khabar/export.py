"""Export of a trained model to the int8 ONNX graph that annotating runs on."""

import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnxruntime.quantization import QuantType, quantize_dynamic
from transformers import AutoModelForTokenClassification, PreTrainedModel

from khabar.annotator import Annotator
from khabar.bundle import ONNX_INT8
from khabar.errors import KhabarError


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
    """The model as a function of two tensors to one, which is what a graph is."""

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.model(input_ids=input_ids, attention_mask=attention_mask).logits
        return logits


def export_onnx(model: PreTrainedModel, path: Path) -> None:
    """Write the 32-bit graph: ``input_ids``, ``attention_mask`` of shape (batch, tokens) to ``logits``."""
    model = model.eval()
    ids = torch.ones((2, 8), dtype=torch.long)
    dynamic = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    with warnings.catch_warnings():
        # The exporter warns of its own internals; what it writes is checked below.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _Logits(model),
            (ids, torch.ones_like(ids)),
            str(path),
            input_names=["input_ids", "attention_mask"],
            output_names=["logits"],
            dynamic_shapes=(dynamic, dynamic),
            dynamo=True,
            external_data=False,
            verbose=False,
        )


FLOAT_LAYERS = 2
"""How many of the first layers keep their weights in 16 bits."""


def quantize(source: Path, target: Path) -> None:
    """Quantise a graph to int8: weights with a scale a channel, activations at run time.

    Embeddings are quantised too, since they are a third of the file. What int8 hurts most stays in floating
    point, stored in 16 bits: the feed-forward blocks, in which outliers leave the other activations few of
    the 256 steps, the first `FLOAT_LAYERS` layers, whose errors go through all the others, and the last
    matrix, whose output is the logits.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quantize_dynamic(
            source,
            target,
            op_types_to_quantize=["MatMul", "Gemm", "Gather"],
            nodes_to_exclude=_kept_in_float(onnx.load(source).graph),
            per_channel=True,
            weight_type=QuantType.QInt8,
        )
    model = onnx.load(target)
    _store_in_half(model.graph)
    onnx.save(model, target)


def _kept_in_float(graph: onnx.GraphProto) -> list[str]:
    """Return the names of the matrix products that are not quantised.

    A feed-forward block widens and then contracts, while the matrices of attention are square, and each
    contraction ends a layer.
    """
    shapes = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    products = [
        (node.name, *shapes[node.input[1]])
        for node in graph.node
        if node.op_type in {"MatMul", "Gemm"} and len(shapes.get(node.input[1], ())) == 2
    ]
    kept, layer = [products[-1][0]], 0
    for name, rows, columns in products[:-1]:
        if rows != columns or layer < FLOAT_LAYERS:
            kept.append(name)
        layer += rows > columns
    return kept


def _store_in_half(graph: onnx.GraphProto) -> None:
    """Store matrices in 16 bits with a cast to 32: weights that went through 16 bits lose nothing."""
    casts = []
    for tensor in graph.initializer:
        if tensor.data_type != onnx.TensorProto.FLOAT or len(tensor.dims) != 2:
            continue
        name = tensor.name
        half = onnx.numpy_helper.to_array(tensor).astype(np.float16)
        tensor.CopyFrom(onnx.numpy_helper.from_array(half, f"{name}.half"))
        casts.append(onnx.helper.make_node("Cast", [f"{name}.half"], [name], to=onnx.TensorProto.FLOAT))
    for cast in reversed(casts):
        graph.node.insert(0, cast)


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
