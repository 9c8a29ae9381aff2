import shutil
from collections import Counter

import numpy as np
import onnx
import pytest
import torch
from onnxruntime import InferenceSession
from tiny_models import SENTENCES
from transformers import AutoModelForTokenClassification

from khabar import Annotator
from khabar._int8 import quantize_matrices
from khabar.backends._onnx import session_options
from khabar.export import ExportError, check_export, export_onnx

# One sentence an article, so that every label is decided on its own.
ARTICLES = [[sentence] for sentence in SENTENCES] + [SENTENCES]


def running(graph):
    """A session of a graph in int8, with the options of the engine."""
    return InferenceSession(graph, session_options())


def test_the_int8_graph_is_close_to_the_weights(tiny_bundle):
    check = check_export(tiny_bundle, ARTICLES, least_same=0.7)
    assert check.sentences == 2 * len(SENTENCES)
    assert 0.7 <= check.same_label <= 1
    assert 0 < check.mean_difference < 0.25
    assert check.mean_difference <= check.largest_difference < 3


def test_a_graph_of_other_weights_is_refused(tiny_bundle, tmp_path):
    folder = shutil.copytree(tiny_bundle, tmp_path / "model")
    model = AutoModelForTokenClassification.from_pretrained(folder)
    with torch.no_grad():
        model.classifier.weight.neg_()
        model.classifier.bias.neg_()
    model.save_pretrained(folder)
    with pytest.raises(
        ExportError, match=r"sentences get the label that the full weights give, expected at least"
    ):
        check_export(folder, ARTICLES)


def test_the_bar_is_the_callers(tiny_bundle, tmp_path):
    folder = shutil.copytree(tiny_bundle, tmp_path / "model")
    model = AutoModelForTokenClassification.from_pretrained(folder)
    with torch.no_grad():
        model.classifier.weight.neg_()
        model.classifier.bias.neg_()
    model.save_pretrained(folder)
    assert check_export(folder, ARTICLES, least_same=0.0).same_label < 0.5


def test_each_engine_is_loaded_once(tiny_bundle, monkeypatch):
    loaded = []
    from_pretrained = Annotator.from_pretrained

    def counted(path, *, backend):
        loaded.append(backend)
        return from_pretrained(path, backend=backend)

    monkeypatch.setattr("khabar.export.Annotator.from_pretrained", counted)
    check_export(tiny_bundle, ARTICLES, least_same=0.0)
    assert sorted(loaded) == ["onnx", "torch"]


def test_the_graph_takes_windows_of_any_length(tiny_bundle):
    session = running(tiny_bundle / "onnx" / "model.int8.onnx")
    for batch, tokens in ((1, 1), (1, 2), (3, 17), (1, 128)):
        ids = np.full((batch, tokens), 9, dtype=np.int64)
        [logits] = session.run(["logits"], {"input_ids": ids})
        assert logits.shape == (batch, tokens, 4)


def test_windows_of_one_batch_do_not_change_each_other(tiny_bundle):
    session = running(tiny_bundle / "onnx" / "model.int8.onnx")
    ids = np.random.default_rng(3).integers(5, 300, (4, 30))
    [together] = session.run(["logits"], {"input_ids": ids})
    for row in range(4):
        [alone] = session.run(["logits"], {"input_ids": ids[row : row + 1]})
        np.testing.assert_allclose(alone[0], together[row], atol=1e-4)


def test_products_are_computed_in_int8_and_attention_is_one_operator(tiny_bundle):
    graph = onnx.load(tiny_bundle / "onnx" / "model.int8.onnx").graph
    kinds = Counter(node.op_type for node in graph.node)
    # Three layers of six matrices each; the classification layer alone stays in floating point.
    assert (kinds["MatMulIntegerToFloat"], kinds["MultiHeadAttention"], kinds["MatMul"]) == (18, 3, 1)
    # The input of queries, keys and values is quantised once.
    assert kinds["QuantizeLinear"] == 3 * 4


def test_no_large_tensor_is_left_in_32_bits(tiny_bundle):
    graph = onnx.load(tiny_bundle / "onnx" / "model.int8.onnx").graph
    kinds = Counter(
        tensor.data_type for tensor in graph.initializer if len(tensor.dims) == 2 and 1 not in tensor.dims
    )
    # Word, position and type embeddings with the matrices of three layers; the classification layer.
    assert kinds == {onnx.TensorProto.INT8: 18 + 3, onnx.TensorProto.FLOAT16: 1}


def product_graph(weights, *, gelu=False):
    """A graph of two products, so that the first is quantised and the last is not."""
    size, outputs = weights.shape
    nodes = [onnx.helper.make_node("Gelu", ["x"], ["a"])] if gelu else []
    nodes.append(onnx.helper.make_node("MatMul", ["a" if gelu else "x", "w"], ["y"]))
    nodes.append(onnx.helper.make_node("MatMul", ["y", "identity"], ["z"]))
    graph = onnx.helper.make_graph(
        nodes,
        "products",
        [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["b", "t", size])],
        [onnx.helper.make_tensor_value_info("z", onnx.TensorProto.FLOAT, ["b", "t", outputs])],
        [
            onnx.numpy_helper.from_array(weights, "w"),
            onnx.numpy_helper.from_array(np.eye(outputs, dtype=np.float32), "identity"),
        ],
    )
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 20)], ir_version=10)


@pytest.mark.parametrize("gelu", [False, True])
def test_a_row_with_huge_values_costs_the_others_nothing(gelu):
    generator = np.random.default_rng(5)
    weights = generator.standard_normal((64, 16)).astype(np.float32)
    rows = generator.standard_normal((2, 7, 64)).astype(np.float32)
    rows[0, 3] *= 1000
    rows[1, 2] = 0
    model = product_graph(weights, gelu=gelu)
    [exact] = InferenceSession(model.SerializeToString()).run(None, {"x": rows})
    quantize_matrices(model)
    [found] = running(model.SerializeToString()).run(None, {"x": rows})
    error = np.abs(found - exact).max(axis=-1)
    usual = np.abs(exact).max(axis=-1).mean(where=np.arange(7) != 3)
    error[0, 3] /= 1000
    assert error.max() < 0.03 * usual


@pytest.mark.parametrize("offset", [0, 1, 5, -5, 100])
def test_lopsided_rows_are_as_exact_as_others(offset):
    generator = np.random.default_rng(1)
    weights = generator.standard_normal((64, 32)).astype(np.float32)
    rows = (generator.standard_normal((1, 40, 64)) + offset).astype(np.float32)
    model = product_graph(weights)
    quantize_matrices(model)
    [found] = running(model.SerializeToString()).run(None, {"x": rows})
    exact = rows @ weights
    assert np.abs(found - exact).mean() < 0.01 * exact.std()


def test_sums_of_the_largest_products_do_not_overflow():
    # Without VNNI, kernels for x86 add two products of int8 in 16 bits unless they are told not to.
    weights = np.ones((64, 16), dtype=np.float32)
    weights[:, 8:] *= -1
    model = product_graph(weights)
    quantize_matrices(model)
    # On processors that would not overflow either way, this line alone sees to it.
    assert session_options().get_session_config_entry("session.x64quantprecision") == "1"
    [found] = running(model.SerializeToString()).run(None, {"x": np.ones((1, 3, 64), np.float32)})
    np.testing.assert_allclose(found, np.broadcast_to(weights.sum(axis=0), found.shape), rtol=0.01)


def test_every_shape_of_a_graph_is_kept():
    weights = np.ones((8, 4), dtype=np.float32)
    model = product_graph(weights)
    quantize_matrices(model)
    onnx.checker.check_model(model)
    for shape in ((1, 1, 8), (2, 5, 8), (3, 1, 8)):
        [found] = running(model.SerializeToString()).run(None, {"x": np.zeros(shape, np.float32)})
        assert found.shape == (*shape[:-1], 4)


def test_the_model_is_left_as_it_was(tiny_bundle, tmp_path):
    model = AutoModelForTokenClassification.from_pretrained(tiny_bundle)
    before = model.config._attn_implementation
    export_onnx(model, tmp_path / "model.onnx")
    assert model.config._attn_implementation == before
    ids = torch.tensor([[0, 7, 9, 2]])
    with torch.inference_mode():
        expected = model(input_ids=ids).logits.numpy()
    [found] = InferenceSession(tmp_path / "model.onnx").run(["logits"], {"input_ids": ids.numpy()})
    np.testing.assert_allclose(found, expected, atol=1e-4)
