import shutil
from collections import Counter

import numpy as np
import onnx
import pytest
import torch
from conftest import HIDDEN, SENTENCES
from transformers import AutoModelForTokenClassification

from khabar import Annotator
from khabar.export import ExportError, check_export

# One sentence an article, so that every label is decided on its own.
ARTICLES = [[sentence] for sentence in SENTENCES] + [SENTENCES]


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
    from onnxruntime import InferenceSession

    session = InferenceSession(tiny_bundle / "onnx" / "model.int8.onnx")
    for batch, tokens in ((1, 1), (1, 2), (3, 17), (1, 128)):
        ids = np.full((batch, tokens), 9, dtype=np.int64)
        [logits] = session.run(["logits"], {"input_ids": ids, "attention_mask": np.ones_like(ids)})
        assert logits.shape == (batch, tokens, 4)


def test_the_graph_is_int8_whole(tiny_bundle):
    import onnx

    model = onnx.load(tiny_bundle / "onnx" / "model.int8.onnx")
    # The embedding too: left in 32 bits it would be most of the file.
    large = [tensor.name for tensor in model.graph.initializer if np.prod(tensor.dims) >= 32 * 32]
    wide = [
        tensor.name
        for tensor in model.graph.initializer
        if tensor.name in large and tensor.data_type == onnx.TensorProto.FLOAT
    ]
    assert len(large) >= 1 + 2 * 6
    assert wide == []


def test_what_int8_hurts_most_stays_in_sixteen_bits(tiny_bundle):
    graph = onnx.load(tiny_bundle / "onnx" / "model.int8.onnx").graph
    matrices = {tensor.name: tensor for tensor in graph.initializer if len(tensor.dims) == 2}
    kinds = Counter((tensor.data_type, tuple(tensor.dims)) for tensor in matrices.values())
    # Three layers: feed-forward blocks and everything in the first two are halves, the rest is int8.
    assert kinds[(onnx.TensorProto.FLOAT16, (2 * HIDDEN, HIDDEN))] == 3
    assert kinds[(onnx.TensorProto.FLOAT16, (HIDDEN, 2 * HIDDEN))] == 3
    assert kinds[(onnx.TensorProto.FLOAT16, (HIDDEN, HIDDEN))] == 8
    assert kinds[(onnx.TensorProto.FLOAT16, (HIDDEN, 4))] == 1
    assert kinds[(onnx.TensorProto.INT8, (HIDDEN, HIDDEN))] == 4
    assert not any(kind == onnx.TensorProto.FLOAT for kind, _ in kinds)
