"""Tiny encoders of the kinds that there are on the hub, with random weights, written as hub folders are."""

import json
from pathlib import Path

import torch
from tiny_models import HIDDEN, POSITIONS, SENTENCES, unigram, wordpiece
from transformers import (
    AutoModel,
    BertConfig,
    DebertaV2Config,
    DistilBertConfig,
    ElectraConfig,
    PreTrainedConfig,
    RobertaConfig,
    XLNetConfig,
)

ADDRESSES = ["[رابط]", "[بريد]", "[مستخدم]"]
SHAPE = {
    "hidden_size": HIDDEN,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 2 * HIDDEN,
    "initializer_range": 0.3,
}
WORDPIECE = {
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "mask_token": "[MASK]",
}
SENTENCEPIECE = {
    "bos_token": "<s>",
    "cls_token": "<s>",
    "eos_token": "</s>",
    "sep_token": "</s>",
    "pad_token": "<pad>",
    "unk_token": "<unk>",
    "mask_token": "<mask>",
}
KINDS = (
    "arabert",
    "camelbert",
    "another-pad-id",
    "electra",
    "roberta",
    "deberta",
    "distilbert",
    "no-limit",
    "pickled",
)


def make_encoder(folder: Path, kind: str) -> Path:
    """Write an encoder without a head into a new folder.

    Args:
        folder: Where to.
        kind: ``arabert`` is of BERT's shape and has AraBERT's tokens for addresses in its vocabulary;
            ``camelbert`` has a vocab.txt, no tokenizer.json and no length in its settings;
            ``another-pad-id`` has its padding at the end of the vocabulary; ``electra`` has embeddings of
            another width than its layers; ``roberta`` numbers positions from two and has a SentencePiece
            vocabulary; ``deberta`` and ``no-limit`` have positions that are relative; ``pickled`` has its
            weights in pytorch_model.bin, the others in model.safetensors.
    """
    folder.mkdir(parents=True)
    tokenizer, names = (unigram(), SENTENCEPIECE) if kind == "roberta" else (wordpiece(), WORDPIECE)
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": POSITIONS} | names
    vocabulary = sorted(tokenizer.get_vocab(), key=tokenizer.get_vocab().get)
    if kind == "arabert":
        vocabulary += ADDRESSES
        settings["never_split"] = ADDRESSES
    if kind == "another-pad-id":
        vocabulary.remove("[PAD]")
        vocabulary.append("[PAD]")
    if kind in {"arabert", "camelbert", "another-pad-id"}:
        (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
        settings |= {"tokenizer_class": "BertTokenizer", "do_lower_case": False}
    else:
        tokenizer.save(str(folder / "tokenizer.json"))
    if kind in {"camelbert", "no-limit"}:
        del settings["model_max_length"]
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    with torch.random.fork_rng():
        torch.manual_seed(5)
        config = _config(kind, len(vocabulary), vocabulary.index(names["pad_token"]))
        model = AutoModel.from_config(config, dtype=torch.float32)
    model.save_pretrained(folder)
    if kind == "pickled":
        (folder / "model.safetensors").unlink()
        torch.save(model.state_dict(), folder / "pytorch_model.bin")
    return folder


def _config(kind: str, size: int, pad: int) -> PreTrainedConfig:
    common = {"vocab_size": size, "pad_token_id": pad}
    if kind == "electra":
        return ElectraConfig(embedding_size=16, max_position_embeddings=POSITIONS, **SHAPE, **common)
    if kind == "roberta":
        return RobertaConfig(max_position_embeddings=POSITIONS + 2, **SHAPE, **common)
    if kind == "deberta":
        return DebertaV2Config(
            max_position_embeddings=POSITIONS,
            relative_attention=True,
            pos_att_type=["p2c", "c2p"],
            **SHAPE,
            **common,
        )
    if kind == "distilbert":
        return DistilBertConfig(
            dim=HIDDEN,
            n_layers=2,
            n_heads=2,
            hidden_dim=2 * HIDDEN,
            max_position_embeddings=POSITIONS,
            initializer_range=0.3,
            **common,
        )
    if kind == "no-limit":
        return XLNetConfig(d_model=HIDDEN, n_layer=2, n_head=2, d_inner=2 * HIDDEN, **common)
    return BertConfig(max_position_embeddings=POSITIONS, **SHAPE, **common)


LONG_ARTICLE = [*SENTENCES, *SENTENCES[::-1], *SENTENCES]
"""More than one window holds."""
