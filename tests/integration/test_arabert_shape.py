"""The whole way with configs/arabert-base-v02.yaml, on a tiny encoder of AraBERT's shape."""

import importlib.util
import json
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from khabar import Annotator
from khabar.arabic import ADDRESS_TOKENS
from khabar.bundle import load_bundle
from khabar.config import load_config
from khabar.training import finish, fit_seeds, read_splits

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def script():
    place = ROOT / "scripts" / "make_arabert_shape.py"
    found = importlib.util.spec_from_file_location("make_arabert_shape", place)
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def test_the_vocabulary_is_of_araberts_size_and_has_its_tokens(script):
    pieces = script.vocabulary(64_000)
    assert len(set(pieces)) == len(pieces) == 64_000
    assert {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *ADDRESS_TOKENS} <= set(pieces)
    assert script.SIZES == {"base": (12, 768, 12), "large": (24, 1024, 16)}


@pytest.mark.slow
def test_the_whole_way(script, tmp_path, labelled_file):
    encoder = tmp_path / "encoder"
    script.make(encoder, layers=2, width=32, heads=2, size=3000)
    assert json.loads((encoder / "config.json").read_text(encoding="utf-8"))["vocab_size"] == 3000
    config = load_config(
        ROOT / "configs" / "arabert-base-v02.yaml",
        [
            f"output={tmp_path / 'run'}",
            f"data.path={labelled_file}",
            f"encoder.path={encoder}",
            "training.use_cpu=true",
            "training.max_steps=4",
            "training.eval_steps=2",
            "training.save_steps=2",
        ],
    )
    splits = read_splits(config)
    fitted = fit_seeds(config, splits)
    bundle = finish(config, splits, fitted.model, fitted.tokenizer)
    assert load_bundle(bundle).settings.normalization.scheme == "arabert-v02"
    assert "under the same licence" in (bundle / "README.md").read_text(encoding="utf-8").replace("\n", " ")
    assert AutoTokenizer.from_pretrained(bundle).tokenize("[رابط]") == ["[رابط]"]
    annotated = Annotator.from_pretrained(bundle).annotate(
        (ROOT / "examples" / "article.txt").read_text(encoding="utf-8")
    )
    assert len(annotated) > 3
