"""The tokenizer that ships, held to the one it was cut from.

tests/data/tokenization.jsonl holds sentences written for the tests, each with the pieces that the whole
tokenizer of multilingual-e5-small (250,002 pieces) cuts its normalised form into. The same pieces have the
same rows in the embedding matrix, so equal pieces mean equal input to the encoder.
"""

import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from khabar.arabic import normalize
from khabar.bundle import BUILT_IN

DATA = Path(__file__).parents[1] / "data" / "tokenization.jsonl"
NEWS = [json.loads(line) for line in DATA.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer.from_file(str(BUILT_IN / "tokenizer.json"))


def test_there_is_something_to_hold_it_to():
    assert len(NEWS) >= 60


@pytest.mark.parametrize("entry", NEWS, ids=range(len(NEWS)))
def test_news_is_cut_as_by_the_whole_tokenizer(tokenizer, entry):
    encoding = tokenizer.encode(normalize(entry["text"]), add_special_tokens=False)
    assert encoding.tokens == entry["pieces"]
    assert "<unk>" not in [tokenizer.id_to_token(one) for one in encoding.ids]


@pytest.mark.parametrize("entry", NEWS, ids=range(len(NEWS)))
def test_nothing_of_a_text_is_lost(tokenizer, entry):
    text = normalize(entry["text"])
    assert tokenizer.decode(tokenizer.encode(text).ids) == text


@pytest.mark.parametrize(
    "name", ["New York Times", "Mohammed VI", "Zürich", "COVID-19", "ＥＵ", "Łódź", "São Paulo"]
)
def test_rare_latin_is_cut_finer_but_known(tokenizer, name):
    text = normalize(f"صحيفة {name} أمس")
    encoding = tokenizer.encode(text)
    assert tokenizer.token_to_id("<unk>") not in encoding.ids
    assert tokenizer.decode(encoding.ids) == text


def test_transformers_loads_the_same_tokenizer(tokenizer):
    from transformers import AutoTokenizer

    loaded = AutoTokenizer.from_pretrained(BUILT_IN)
    assert len(loaded) == tokenizer.get_vocab_size()
    assert [loaded.cls_token_id, loaded.pad_token_id, loaded.sep_token_id, loaded.unk_token_id] == [
        0,
        1,
        2,
        3,
    ]
    assert loaded.mask_token_id == len(loaded) - 1
    for entry in NEWS:
        text = normalize(entry["text"])
        assert loaded(text).input_ids == tokenizer.encode(text).ids


def test_the_embedding_has_a_row_for_every_piece(tokenizer):
    config = json.loads((BUILT_IN / "config.json").read_text(encoding="utf-8"))
    assert config["vocab_size"] == tokenizer.get_vocab_size()
    assert config["pad_token_id"] == tokenizer.token_to_id("<pad>")
