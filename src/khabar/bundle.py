"""The bundle: what a model is on disk.

A folder that Hugging Face tools read as it is (config.json, model.safetensors, tokenizer files), plus
``khabar.json`` with everything that training assumed about its input, and an int8 ONNX graph for annotating
without torch.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from khabar._files import write_text
from khabar._version import __version__
from khabar.arabic import Normalization
from khabar.confidence import LabelSets
from khabar.encode import Encoder, WindowOptions, load_tokenizer
from khabar.errors import BundleError
from khabar.labels import Label

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
TOKENIZER = "tokenizer.json"
TOKENIZER_CONFIG = "tokenizer_config.json"
SETTINGS = "khabar.json"
ONNX_INT8 = "onnx/model.int8.onnx"

_REQUIRED = (CONFIG, TOKENIZER, TOKENIZER_CONFIG, SETTINGS)
_FINGERPRINT_CHARACTERS = 12
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.pkl", "*.pickle", "*.ckpt")
AFTER_PADDING = frozenset(
    {
        "camembert",
        "data2vec-text",
        "ibert",
        "lilt",
        "longformer",
        "luke",
        "markuplm",
        "mpnet",
        "roberta",
        "roberta-prelayernorm",
        "xlm-roberta",
        "xlm-roberta-xl",
        "xmod",
    }
)
"""Values of ``model_type`` whose encoders number positions from one past the padding id."""
_NUMBERS = re.compile(r"\[[\s\d.,e+-]+\]")
BUILT_IN = Path(__file__).parent / "models" / "default"


class Settings(BaseModel):
    """Content of khabar.json: what training assumed, so that inference does the same."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    normalization: Normalization = Normalization()
    window: WindowOptions = WindowOptions()
    temperature: float = Field(default=1.0, gt=0)
    """Logits are divided by it before the softmax."""
    temperature_slope: float = Field(default=0.0, ge=-2, le=2)
    """How the temperature changes with the entropy of a sentence: see `khabar.confidence.calibrated`."""
    label_sets: LabelSets | None = None
    """Thresholds of ``Annotator(error_rate=…)``; None when they were never fitted."""
    guidelines: str = "1.1"
    """Version of the annotation guidelines that the labels follow."""
    library: str = __version__
    """Version of khabar that saved the bundle."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A checked model folder."""

    path: Path
    settings: Settings
    labels: tuple[Label, ...]
    """Label of each logit, from ``id2label`` in config.json."""
    positions: int | None
    """How many tokens the encoder reads at once, None when its config does not say."""

    def encoder(self) -> Encoder:
        """Return the encoder of articles that this model was trained with."""
        tokens = _read_json(self.path / TOKENIZER_CONFIG)
        try:
            tokenizer = load_tokenizer(self.path)
        except Exception as error:  # tokenizers raises nothing more particular
            raise BundleError(
                f"{self.path / TOKENIZER}: cannot be read as a tokenizer ({str(error).splitlines()[0]}); "
                "copy or save the model again."
            ) from error
        return Encoder(
            tokenizer,
            cls_token=_token(self.path, tokens, "cls_token"),
            sep_token=_token(self.path, tokens, "sep_token"),
            normalization=self.settings.normalization,
            window=self.settings.window,
        )


def built_in(name: str) -> Path | None:
    """Return the folder of a built-in model, None when there is none of that name."""
    path = BUILT_IN.parent / name
    # "" and ".." name the folder of all models and the one above.
    is_name = Path(name).name == name and name not in {"", ".."}
    return path if is_name and path.is_dir() else None


def fingerprint(folder: Path) -> str:
    """Return the beginning of the SHA-256 over the files of a model that its labels depend on.

    Raises:
        OSError: A file cannot be read.
    """
    digest = hashlib.sha256()
    for name in (CONFIG, SETTINGS, TOKENIZER, WEIGHTS, ONNX_INT8):
        path = folder / name
        if path.is_file():
            with path.open("rb") as file:
                digest.update(f"{name}\n{hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return digest.hexdigest()[:_FINGERPRINT_CHARACTERS]


def resolve(name: str | Path) -> Path:
    """Return the folder of a bundle: ``name`` itself when it is a local path, else a snapshot from the hub.

    Raises:
        BundleError: There is no such folder, and the hub has no such repository or cannot be reached.
    """
    path = Path(name).expanduser()
    if path.is_dir():
        return path
    text = str(name)
    if path.exists():
        raise BundleError(f"{text}: is a file; a model is a folder with {', '.join(_REQUIRED)}.")
    if text.count("/") != 1 or text.startswith((".", "/", "~")):
        raise BundleError(f"{text}: no such folder; give a model folder or a hub name such as owner/model.")
    # Only a hub name needs the hub's client.
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(text, ignore_patterns=list(_PICKLES)))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise BundleError(
            f"{text}: no such folder here, and the hub did not give a model of that name ({reason})."
        ) from error


def locate(model: str | Path) -> Path:
    """Return the folder of a model as users name it: a built-in one, a folder, or a name on the hub.

    A `Path` is a folder, even if it is called like a built-in model.

    Raises:
        BundleError: As for `resolve`.
    """
    return (built_in(model) if isinstance(model, str) else None) or resolve(model)


def load_bundle(path: Path) -> Bundle:
    """Read and check a bundle; the weights themselves are read by the backend.

    Raises:
        BundleError: Files are missing, damaged or of an unsafe kind; the message names every one.
    """
    if not path.is_dir():
        raise BundleError(f"{path}: no such folder.")
    missing = [name for name in _REQUIRED if not (path / name).is_file()]
    if not any((path / name).is_file() for name in (WEIGHTS, ONNX_INT8)):
        pickles = sorted(found.name for pattern in _PICKLES for found in path.glob(pattern))
        if pickles:
            raise BundleError(
                f"{path}: {', '.join(pickles)} may run code when opened and is refused; "
                f"save the weights as {WEIGHTS} (save_pretrained does)."
            )
        missing.append(f"{WEIGHTS} or {ONNX_INT8}")
    if missing:
        raise BundleError(f"{path}: is no khabar model, it lacks {', '.join(missing)}.")
    config = _read_json(path / CONFIG)
    try:
        settings = Settings.model_validate(_read_json(path / SETTINGS))
    except ValidationError as error:
        found = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise BundleError(
            f"{path / SETTINGS}: {found}. "
            f"The model may come from another version of khabar, this is {__version__}."
        ) from error
    positions = usable_positions(config)
    if positions is not None and settings.window.max_tokens > positions:
        raise BundleError(
            f"{path / SETTINGS}: window.max_tokens is {settings.window.max_tokens}, "
            f"but the encoder has {positions} positions; lower it."
        )
    return Bundle(path, settings, _labels(path, config), positions)


def usable_positions(config: Mapping[str, Any]) -> int | None:
    """Return how many tokens an encoder reads at once, by the content of its config.json.

    RoBERTa and what descends from it number the positions from one past the padding id, so the first rows of
    their tables are never used.

    Returns:
        A number of tokens; None where the config knows no limit.
    """
    positions = config.get("max_position_embeddings")
    if not isinstance(positions, int) or positions < 1:
        return None
    if config.get("model_type") in AFTER_PADDING:
        pad = config.get("pad_token_id")
        positions -= (pad if isinstance(pad, int) else 1) + 1
    return positions


def save_settings(path: Path, settings: Settings) -> None:
    """Write khabar.json into a model folder."""
    content: dict[str, Any] = settings.model_dump(mode="json")
    content["normalization"] = asdict(settings.normalization)
    content["window"] = asdict(settings.window)
    text = json.dumps(content, ensure_ascii=False, indent=2)
    # Thresholds are hundreds of numbers: a list of them stands on one line.
    text = _NUMBERS.sub(lambda found: "[" + " ".join(found[0][1:-1].split()) + "]", text)
    write_text(path / SETTINGS, text + "\n")


def _labels(path: Path, config: dict[str, Any]) -> tuple[Label, ...]:
    names = config.get("id2label")
    expected = sorted(Label)
    ids = [str(index) for index in range(len(expected))]
    if not isinstance(names, dict) or sorted(names) != ids or sorted(map(str, names.values())) != expected:
        found = names
        raise BundleError(f"{path / CONFIG}: id2label is {found}, expected the labels {', '.join(expected)}.")
    return tuple(Label(names[key]) for key in ids)


def _token(path: Path, config: dict[str, Any], key: str) -> str:
    token = config.get(key)
    if isinstance(token, dict):  # older tokenizers store a token with its options
        token = token.get("content")
    if not isinstance(token, str):
        raise BundleError(f"{path / TOKENIZER_CONFIG}: {key} is {token!r}, expected the text of a token.")
    return token


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise BundleError(
            f"{path}: cannot be read as JSON ({error}); copy or save the model again."
        ) from error
    if not isinstance(content, dict):
        raise BundleError(f"{path}: holds {type(content).__name__}, expected an object.")
    return content
