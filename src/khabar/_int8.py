"""Rewrites a 32-bit ONNX graph so that its matrix products are computed in int8.

Weights have a scale for each column, activations a scale and a zero for each row, taken while annotating.
Some tokens of an encoder (separators above all) have values many times those of the others (Dettmers et al.
2022, «LLM.int8()»); under one scale for all rows, as ONNX Runtime's own dynamic quantisation has it, they
leave the other tokens few of the 256 steps, and everything in int8 changes labels. A scale for each row also
keeps a window's logits independent of what is computed beside it.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

_DOMAIN = "com.microsoft"
_LEAST = 1e-6
"""No row's largest value is taken for less: a row of zeros has a scale all the same."""


def quantize_matrices(model: onnx.ModelProto) -> None:
    """Compute in int8 every product with a matrix of weights but the last, whose output is the logits.

    Tables of embeddings become int8 as well, with a scale for each row; the remaining large tensors are
    stored in 16 bits. The model is changed in place.

    Args:
        model: A graph of 32-bit floats with weights inside it, in opset 18 or later.
    """
    graph = model.graph
    weights = {tensor.name: tensor for tensor in graph.initializer}
    products = [
        node
        for node in graph.node
        if node.op_type == "MatMul" and node.input[1] in weights and len(weights[node.input[1]].dims) == 2
    ]
    writer = _Writer(graph)
    changed = {id(node) for node in products[:-1]}
    for node in list(graph.node):
        if id(node) in changed:
            writer.product(node, numpy_helper.to_array(weights[node.input[1]]))
        elif node.op_type == "Gather" and _is_table(weights.get(node.input[0])):
            writer.lookup(node, numpy_helper.to_array(weights[node.input[0]]))
        else:
            writer.nodes.append(node)
    writer.write()
    _store_in_half(graph)
    if all(opset.domain != _DOMAIN for opset in model.opset_import):
        model.opset_import.append(helper.make_opsetid(_DOMAIN, 1))


class _Writer:
    """The new nodes and tensors of a graph, in an order in which they can be computed."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self._graph = graph
        self.nodes: list[onnx.NodeProto] = []
        self._tensors: dict[str, onnx.TensorProto] = {}
        self._quantized: set[str] = set()
        self._one = self._float("khabar.one", 1)
        self._last = self._constant("khabar.last", np.array([-1], dtype=np.int64))

    def product(self, node: onnx.NodeProto, weights: NDArray[np.float32]) -> None:
        """Add the int8 form of ``MatMul(input, weights)``, the weights of shape ``(inputs, outputs)``."""
        source, name = node.input
        output = node.output[0]
        if source not in self._quantized:
            self._quantize(source, weights.shape[0])
            self._quantized.add(source)
        scales = np.maximum(np.abs(weights).max(axis=0), _LEAST) / 127
        quantized = np.clip(np.rint(weights / scales), -127, 127).astype(np.int8)
        inputs = [
            f"{source}.int8",
            self._constant(f"{name}.int8", quantized),
            self._one,
            self._constant(f"{name}.scales", scales.astype(np.float32)),
        ]
        self._add("MatMulIntegerToFloat", inputs, f"{output}.product", domain=_DOMAIN)
        # The operator takes one zero for all rows, so what each row's own zero adds is taken off again.
        sums = (quantized.sum(axis=0, dtype=np.float32) * scales).astype(np.float32)
        self._add("Mul", [f"{source}.zero", self._constant(f"{name}.sums", sums)], f"{output}.excess")
        self._add("Sub", [f"{output}.product", f"{output}.excess"], f"{output}.unscaled")
        self._add("Mul", [f"{output}.unscaled", f"{source}.scale"], f"{output}.rows")
        columns = self._constant(f"{name}.columns", np.array([weights.shape[1]], dtype=np.int64))
        self._add("Concat", [f"{source}.leading", columns], f"{output}.shape", axis=0)
        self._add("Reshape", [f"{output}.rows", f"{output}.shape"], output)

    def _quantize(self, source: str, columns: int) -> None:
        """Add an activation's rows in int8, and their scales, both as a matrix."""
        shape = self._constant(f"khabar.rows_of_{columns}", np.array([-1, columns], dtype=np.int64))
        self._add("Shape", [source], f"{source}.leading", start=0, end=-1)
        self._add("Reshape", [source, shape], f"{source}.rows")
        # The 256 steps reach from a row's least value to its largest; zero is one of them.
        zero = self._float("khabar.zero", 0)
        self._add("ReduceMin", [f"{source}.rows", self._last], f"{source}.min", keepdims=1)
        self._add("ReduceMax", [f"{source}.rows", self._last], f"{source}.max", keepdims=1)
        self._add("Min", [f"{source}.min", zero], f"{source}.least")
        self._add("Max", [f"{source}.max", self._float("khabar.least", _LEAST)], f"{source}.largest")
        self._add("Sub", [f"{source}.largest", f"{source}.least"], f"{source}.range")
        self._add("Mul", [f"{source}.range", self._float("khabar.step", 1 / 255)], f"{source}.scale")
        self._add("Neg", [f"{source}.least"], f"{source}.depth")
        self._add("Div", [f"{source}.depth", f"{source}.scale"], f"{source}.steps")
        self._add("Round", [f"{source}.steps"], f"{source}.zero")
        # One scale and one zero a row: QuantizeLinear takes them as vectors along its axis.
        self._add("Reshape", [f"{source}.scale", self._last], f"{source}.scales")
        self._add("Reshape", [f"{source}.zero", self._last], f"{source}.zero_vector")
        self._add("Cast", [f"{source}.zero_vector"], f"{source}.zeros", to=onnx.TensorProto.UINT8)
        inputs = [f"{source}.rows", f"{source}.scales", f"{source}.zeros"]
        self._add("QuantizeLinear", inputs, f"{source}.int8", axis=0)

    def _float(self, name: str, value: float) -> str:
        return self._constant(name, np.array(value, dtype=np.float32))

    def lookup(self, node: onnx.NodeProto, table: NDArray[np.float32]) -> None:
        """Add the int8 form of ``Gather(table, indices)``."""
        name, indices = node.input
        output = node.output[0]
        scales = np.maximum(np.abs(table).max(axis=1, keepdims=True), _LEAST) / 127
        quantized = np.clip(np.rint(table / scales), -127, 127).astype(np.int8)
        self._add("Gather", [self._constant(f"{name}.int8", quantized), indices], f"{output}.int8")
        self._add("Cast", [f"{output}.int8"], f"{output}.unscaled", to=onnx.TensorProto.FLOAT)
        scale = self._constant(f"{name}.scales", scales.astype(np.float32))
        self._add("Gather", [scale, indices], f"{output}.scale")
        self._add("Mul", [f"{output}.unscaled", f"{output}.scale"], output)

    def write(self) -> None:
        """Put nodes and tensors into the graph, without the weights that nothing reads any more."""
        read = {name for node in self.nodes for name in node.input}
        kept = [tensor for tensor in self._graph.initializer if tensor.name in read]
        _replace(self._graph.node, self.nodes)
        _replace(self._graph.initializer, [*kept, *self._tensors.values()])
        # Shapes of intermediate values, written by the exporter, are of the old nodes.
        del self._graph.value_info[:]

    def _constant(self, name: str, value: NDArray[np.generic]) -> str:
        self._tensors.setdefault(name, numpy_helper.from_array(value, name))
        return name

    def _add(self, kind: str, inputs: Iterable[str], output: str, **attributes: Any) -> None:  # noqa: ANN401  # of any node
        self.nodes.append(
            helper.make_node(kind, list(inputs), [output], name=f"{output}:{kind}", **attributes)
        )


def _is_table(tensor: onnx.TensorProto | None) -> bool:
    return tensor is not None and tensor.data_type == onnx.TensorProto.FLOAT and len(tensor.dims) == 2


def _replace(field: object, values: Sequence[object]) -> None:
    del field[:]  # type: ignore[attr-defined]  # a repeated field, whose type protobuf does not name
    field.extend(values)  # type: ignore[attr-defined]  # as above


def _store_in_half(graph: onnx.GraphProto) -> None:
    """Store matrices in 16 bits with a cast to 32: weights that went through 16 bits lose nothing."""
    casts = []
    for tensor in graph.initializer:
        if tensor.data_type != onnx.TensorProto.FLOAT or len(tensor.dims) != 2 or 1 in tensor.dims:
            continue
        name = tensor.name
        half = numpy_helper.to_array(tensor).astype(np.float16)
        tensor.CopyFrom(numpy_helper.from_array(half, f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=onnx.TensorProto.FLOAT))
    for cast in reversed(casts):
        graph.node.insert(0, cast)
