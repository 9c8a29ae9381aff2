"""A tiny encoder with random weights, made on the spot: for trying out a run, not for annotating.

`encoder.path: tiny` starts from it. A run with it passes through every step of a real one in seconds, without
a download: it shows that data, configuration and installation are in order.
"""

import json
from pathlib import Path
from typing import Final

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel

from khabar.arabic import openers

TINY: Final = "tiny"
"""What `encoder.path` calls it."""

_LETTERS: Final = "ءآأؤإئابةتثجحخدذرزسشصضطظعغفقكلمنهوىي0123456789abcdefghijklmnopqrstuvwxyz"
_MARKS: Final = ".,:;!?؟،؛«»\"'()[]-–…/%$#@&*+=_<>|"
_SPECIALS: Final = {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}
_POSITIONS: Final = 512
_SEED: Final = 0


def write_tiny_encoder(folder: Path) -> Path:
    """Write the encoder and its tokenizer, of BERT's shape: 2 layers of width 64, 512 positions.

    The vocabulary is letters, and the words that `khabar.arabic.openers` knows, so that a little can be
    learnt even here. The weights are the same whenever and wherever it is written.

    Returns:
        The folder, which is made where it is not there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = _tokenizer()
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {f"{name}_token": token for name, token in _SPECIALS.items()}
    settings |= {"tokenizer_class": "PreTrainedTokenizerFast"}
    (folder / "tokenizer_config.json").write_text(
        json.dumps(settings | {"model_max_length": _POSITIONS}, indent=2) + "\n", encoding="utf-8"
    )
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=128,
        max_position_embeddings=_POSITIONS,
        pad_token_id=tokenizer.token_to_id(_SPECIALS["pad"]),
        # With BERT's 0.02 the outputs of so narrow a model hardly differ from token to token.
        initializer_range=0.1,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_SEED)
        BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    return folder


def _tokenizer() -> Tokenizer:
    tables = (openers.REPORTING_VERBS, openers.NEWS_VERBS, openers.SENTENCE_OPENERS, openers.TOLL_WORDS)
    words = sorted({word for table in tables for word in table.split()})
    pieces = [*_SPECIALS.values(), *_MARKS, *_LETTERS, *words]
    pieces += [f"##{piece}" for piece in (*_LETTERS, *words)]  # after «و», for one
    ids = {piece: index for index, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token=_SPECIALS["unk"]))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True, strip_accents=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    sep, cls = ((_SPECIALS[name], ids[_SPECIALS[name]]) for name in ("sep", "cls"))
    tokenizer.post_processor = processors.BertProcessing(sep, cls)
    tokenizer.add_special_tokens(list(_SPECIALS.values()))
    return tokenizer
