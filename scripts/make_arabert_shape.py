"""Make an encoder of AraBERT's shape with random weights, offline: for what it costs, not how good it is.

    python scripts/make_arabert_shape.py build/arabert-shape

The folder is what a copy of the hub's would be: config.json of BERT's kind, model.safetensors, vocab.txt with
AraBERT's tokens for links, e-mail addresses and mentions, tokenizer_config.json. The pieces of the vocabulary
are sequences of letters, in place of those that AraBERT learnt.
"""

import argparse
import itertools
import json
from pathlib import Path

import torch
from transformers import BertConfig, BertModel

from khabar.arabic import ADDRESS_TOKENS

SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LETTERS = "ءآأؤإئابةتثجحخدذرزسشصضطظعغفقكلمنهوىي"
SIGNS = "0123456789.,:;!?؟،؛«»\"'()[]-–…%_+=*#@<>|abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
SIZES = {"base": (12, 768, 12), "large": (24, 1024, 16)}


def vocabulary(size: int) -> list[str]:
    """Return so many WordPiece entries: special tokens, signs, and sequences of one to three letters."""
    sequences = itertools.chain.from_iterable(
        map("".join, itertools.product(LETTERS, repeat=length)) for length in (1, 2, 3)
    )
    pieces = itertools.chain.from_iterable((one, f"##{one}") for one in itertools.chain(SIGNS, sequences))
    return list(itertools.islice(itertools.chain(SPECIALS, ADDRESS_TOKENS, pieces), size))


def make(folder: Path, *, layers: int, width: int, heads: int, size: int, positions: int = 512) -> None:
    """Write the encoder and its tokenizer.

    Args:
        folder: Where to; made if it is not there.
        layers: Number of layers.
        width: Of the hidden states; the feed-forward blocks are four times as wide.
        heads: Attention heads of a layer.
        size: Entries of the vocabulary.
        positions: Tokens that it reads at once.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pieces = vocabulary(size)
    (folder / "vocab.txt").write_text("\n".join(pieces) + "\n", encoding="utf-8")
    settings = {
        "tokenizer_class": "BertTokenizer",
        "do_lower_case": False,
        "model_max_length": positions,
        "never_split": list(ADDRESS_TOKENS),
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, ensure_ascii=False), encoding="utf-8")
    torch.manual_seed(17)
    config = BertConfig(
        vocab_size=len(pieces),
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=4 * width,
        max_position_embeddings=positions,
    )
    BertModel(config).save_pretrained(folder)


def main(options: argparse.Namespace) -> None:
    """Make it and say what it is."""
    layers, width, heads = SIZES[options.size]
    make(options.folder, layers=layers, width=width, heads=heads, size=options.vocabulary)
    print(f"{options.folder}: {layers} layers of width {width}, {options.vocabulary} pieces, random weights")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", choices=SIZES, default="base")
    parser.add_argument("--vocabulary", type=int, default=64_000, help="number of pieces")
    main(parser.parse_args())
