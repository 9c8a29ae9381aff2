"""One YAML file is everything that makes a training run different from another."""

import difflib
import re
from dataclasses import fields
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_type_hints

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from khabar.arabic import Normalization
from khabar.encode import WindowOptions
from khabar.errors import ConfigError


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DataConfig(_Section):
    """Where the labelled articles are."""

    path: Path
    """Labelled JSONL whose articles name their split: docs/data-formats.md."""
    train_split: str = "train"
    """Split to learn from."""
    validation_split: str = "validation"
    """Split that chooses the checkpoint and fits the temperature."""
    max_train_articles: int | None = Field(default=None, ge=1)
    """Take only so many training articles, drawn with the run's seed; None takes all."""


class EncoderConfig(_Section):
    """The encoder that training starts from."""

    path: str
    """A local folder, or a name on the Hugging Face hub."""
    overrides: dict[str, Any] = Field(default_factory=dict)
    """Keys of the encoder's own config.json to change, such as its dropout."""


class RecipeConfig(_Section):
    """What training does beyond the arguments of the Trainer."""

    head_learning_rate: float | None = Field(default=None, gt=0)
    """Peak learning rate of the new classification layer; None takes that of the encoder."""
    probe_articles: int | None = Field(default=None, ge=1)
    """Fit the new layer to the untrained encoder's states on so many articles before training (linear
    probing, then
    fine-tuning: Kumar et al. 2022); None starts it at random."""


class CardConfig(_Section):
    """What only people know of a model, for its card; it has no part in training."""

    name: str = "khabar"
    """Heading of the card."""
    encoder: str | None = None
    """What the encoder is and under which licence; None says its path."""
    license: str = "unknown"
    """Identifier of the model's licence, as the hub spells it."""
    labelling: str = "How the labels were given was not said."
    """Who labelled the data, how, and how far they agreed."""
    limits: tuple[str, ...] = ()
    """What the model should not be relied on for, a sentence or two each."""


class RunConfig(_Section):
    """A whole training run."""

    output: Path
    """Folder for checkpoints and logs; the finished bundle is its subfolder ``bundle``."""
    data: DataConfig
    encoder: EncoderConfig
    normalization: Normalization = Normalization()
    """What is done to the copy of a text that the model reads."""
    window: WindowOptions = WindowOptions()
    """How an article is cut into windows."""
    recipe: RecipeConfig = RecipeConfig()
    card: CardConfig = CardConfig()
    """What the model card says beside the figures."""
    training: dict[str, Any] = Field(default_factory=dict)
    """Any argument of ``transformers.TrainingArguments`` by its own name, but for ``output_dir``."""


class _Loader(yaml.SafeLoader):
    """YAML 1.1, but 1e-4 is a number, as it has been since YAML 1.2."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)


def load_config(path: Path, overrides: list[str] | None = None) -> RunConfig:
    """Read a YAML file and check it whole.

    Args:
        path: The file.
        overrides: ``section.key=value`` each, the value in YAML; they win over the file.

    Raises:
        ConfigError: Every unknown key, wrong value and malformed override, all in one message.
    """
    try:
        # A subclass of the safe loader.
        content = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 ({error.reason} at byte {error.start}).") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: is not YAML ({error}).") from error
    if not isinstance(content, dict):
        raise ConfigError(
            f"{path}: holds {type(content).__name__}, expected sections such as data: and training:."
        )
    malformed = [problem for override in overrides or [] if (problem := _apply(content, override))]
    problems = []
    config = None
    try:
        config = RunConfig.model_validate(content)
    except ValidationError as error:
        problems = [_sentence(problem) for problem in error.errors()]
    training = content.get("training")
    problems += _training_problems(training if isinstance(training, dict) else {})
    problems = [*malformed, *(f"{path}: {problem}" for problem in problems)]
    if config is None or problems:
        raise ConfigError("\n".join(problems))
    return config


def _apply(content: dict[str, Any], override: str) -> str | None:
    """Change ``content``, or return what is wrong with the override."""
    key, equals, value = override.partition("=")
    if not equals or not all(key.split(".")):
        return f"override {override!r}: write it as section.key=value, for example training.seed=1."
    *sections, last = key.split(".")
    place = content
    for section in sections:
        if place.get(section) is None:  # a section of which the file has but the name
            place[section] = {}
        place = place[section]
        if not isinstance(place, dict):
            return f"override {override!r}: {section} is a value, not a section."
    try:
        place[last] = yaml.load(value, _Loader)
    except yaml.YAMLError:
        return f"override {override!r}: {value!r} is not YAML; put text with signs in it in quotes."
    return None


_FIELDS: dict[str, set[str]] = {
    "": set(RunConfig.model_fields),
    "data": set(DataConfig.model_fields),
    "encoder": set(EncoderConfig.model_fields),
    "recipe": set(RecipeConfig.model_fields),
    "card": set(CardConfig.model_fields),
    "normalization": set(Normalization.__dataclass_fields__),
    "window": set(WindowOptions.__dataclass_fields__),
}


def _sentence(problem: Any) -> str:  # noqa: ANN401  # pydantic's ErrorDetails is a TypedDict of optional keys
    place = [str(part) for part in problem["loc"]]
    key = ".".join(place)
    if problem["type"] in {"extra_forbidden", "unexpected_keyword_argument"}:
        return f"unknown key {key!r}{_suggest(place[-1], _FIELDS.get('.'.join(place[:-1]), set()))}"
    if problem["type"] == "missing":
        return f"key {key!r} is missing."
    return f"{key} is {problem['input']!r}: {problem['msg']}."


def _suggest(name: str, known: set[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    # An ending is a common slip: epochs for num_train_epochs.
    near = near or sorted((key for key in known if name in key), key=lambda key: (len(key), key))
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; known keys here are {', '.join(sorted(known))}." if known else "."


def _training_problems(training: dict[str, Any]) -> list[str]:
    # Only a run needs transformers, and importing it takes seconds.
    from transformers import TrainingArguments

    known = get_type_hints(TrainingArguments)
    known = {
        field.name: known[field.name] for field in fields(TrainingArguments) if field.name != "output_dir"
    }
    problems = []
    for name, value in training.items():
        if name == "output_dir":
            problems.append("unknown key 'training.output_dir'; set the key output instead.")
        elif name not in known:
            hint = _suggest(str(name), set(known))
            if "did you mean" not in hint:  # their list is longer than anybody reads
                hint = "; the keys are the arguments of transformers.TrainingArguments."
            problems.append(f"unknown key 'training.{name}'{hint}")
        elif not _fits(value, known[name]):
            problems.append(f"training.{name} is {value!r}, expected {_show(known[name])}.")
    return problems


def _fits(value: Any, hint: Any) -> bool:  # noqa: ANN401  # any value of a YAML file, any annotation
    """Tell whether a value is of a plain type; what is more than plain the Trainer checks itself."""
    plain = set(get_args(hint) or [hint])
    if not plain <= {int, float, bool, str, NoneType}:
        return True
    return type(value) in plain or (type(value) is int and float in plain)


def _show(hint: Any) -> str:  # noqa: ANN401  # as above
    return " or ".join("null" if kind is NoneType else kind.__name__ for kind in get_args(hint) or [hint])
