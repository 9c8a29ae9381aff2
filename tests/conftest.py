"""Tiny models with random weights, made offline once per session, and the labelled articles of the tests.

Their folders belong to the whole session: a test that wants to break one copies it first.
"""

import json
import signal
from pathlib import Path

import pytest
from tiny_models import HIDDEN, POSITIONS, SENTENCES, unigram, wordpiece


def pytest_configure() -> None:
    # A shell starts what goes on in the background with Ctrl-C ignored, and processes that tests start and
    # interrupt would inherit that.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _encoder_config(tokenizer, pad: int):
    from transformers import BertConfig

    return BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=HIDDEN,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=2 * HIDDEN,
        max_position_embeddings=POSITIONS,
        pad_token_id=pad,
        # Wide enough for random outputs to differ from sentence to sentence.
        initializer_range=0.5,
    )


def _write_tokenizer(folder: Path, tokenizer, names: dict[str, str]) -> None:
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": POSITIONS} | names
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")


def _write_encoder(folder: Path, tokenizer, names: dict[str, str]) -> None:
    import torch
    from transformers import BertModel

    _write_tokenizer(folder, tokenizer, names)
    with torch.random.fork_rng():
        torch.manual_seed(7)
        config = _encoder_config(tokenizer, tokenizer.token_to_id(names["pad_token"]))
        model = BertModel(config, add_pooling_layer=False)
    model.save_pretrained(folder)


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory) -> Path:
    """An encoder without a head and its SentencePiece tokenizer, shaped like build/base-encoder."""
    folder = tmp_path_factory.mktemp("tiny-encoder")
    names = {"bos_token": "<s>", "cls_token": "<s>", "eos_token": "</s>", "sep_token": "</s>"}
    names |= {"pad_token": "<pad>", "unk_token": "<unk>", "mask_token": "<mask>"}
    _write_encoder(folder, unigram(), names)
    return folder


@pytest.fixture(scope="session")
def bert_wordpiece_encoder(tmp_path_factory) -> Path:
    """An encoder without a head and its WordPiece tokenizer, shaped like AraBERT."""
    folder = tmp_path_factory.mktemp("tiny-wordpiece")
    names = {"cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]"}
    _write_encoder(folder, wordpiece(), names | {"unk_token": "[UNK]", "mask_token": "[MASK]"})
    return folder


@pytest.fixture(scope="session")
def tiny_bundle(tiny_encoder, tmp_path_factory) -> Path:
    """A whole model with random weights: config, weights, tokenizer, settings and the int8 graph."""
    import torch
    from transformers import AutoModelForTokenClassification

    from khabar import Annotator, Label
    from khabar.bundle import Settings, save_settings
    from khabar.encode import WindowOptions
    from khabar.export import export_int8

    folder = tmp_path_factory.mktemp("tiny-bundle")
    with torch.random.fork_rng():
        torch.manual_seed(11)
        model = AutoModelForTokenClassification.from_pretrained(
            tiny_encoder,
            id2label=dict(enumerate(map(str, Label))),
            label2id={str(label): index for index, label in enumerate(Label)},
        )
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_bytes((tiny_encoder / name).read_bytes())
    model.save_pretrained(folder)
    window = WindowOptions(max_tokens=POSITIONS, max_sentence_tokens=48, context=2)
    save_settings(folder, Settings(window=window))
    # Around their mean the logits of different sentences have different winners.
    logits = Annotator.from_pretrained(folder, backend="torch").logits(SENTENCES)
    with torch.no_grad():
        model.classifier.bias -= torch.from_numpy(logits.mean(axis=0))
    model.save_pretrained(folder)
    export_int8(folder)
    return folder


@pytest.fixture(scope="session")
def labelled_file() -> Path:
    """Thirteen labelled articles in three splits, written for the tests."""
    return Path(__file__).parent / "data" / "articles.jsonl"
