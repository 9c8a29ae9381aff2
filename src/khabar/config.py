"""One YAML file is everything that makes a training run different from another."""

import difflib
from pathlib import Path
from typing import Any

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
    training: dict[str, Any] = Field(default_factory=dict)
    """Any argument of ``transformers.TrainingArguments`` by its own name, but for ``output_dir``."""


def load_config(path: Path, overrides: list[str] | None = None) -> RunConfig:
    """Read a YAML file and check it whole.

    Args:
        path: The file.
        overrides: ``section.key=value`` each, the value in YAML; they win over the file.

    Raises:
        ConfigError: Every unknown key, wrong value and malformed override, all in one message.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}).") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: is not YAML ({error}).") from error
    if not isinstance(content, dict):
        raise ConfigError(
            f"{path}: holds {type(content).__name__}, expected sections such as data: and training:."
        )
    for override in overrides or []:
        _apply(content, override)
    problems = []
    config = None
    try:
        config = RunConfig.model_validate(content)
    except ValidationError as error:
        problems = [_sentence(problem) for problem in error.errors()]
    training = content.get("training")
    problems += _training_problems(training if isinstance(training, dict) else {})
    if config is None or problems:
        raise ConfigError("\n".join(f"{path}: {problem}" for problem in problems))
    return config


def _apply(content: dict[str, Any], override: str) -> None:
    key, equals, value = override.partition("=")
    if not equals or not key:
        raise ConfigError(
            f"override {override!r}: write it as section.key=value, for example training.seed=1."
        )
    *sections, last = key.split(".")
    place = content
    for section in sections:
        place = place.setdefault(section, {})
        if not isinstance(place, dict):
            raise ConfigError(f"override {override!r}: {section} is a value, not a section.")
    place[last] = yaml.safe_load(value)


_FIELDS: dict[str, set[str]] = {
    "": set(RunConfig.model_fields),
    "data": set(DataConfig.model_fields),
    "encoder": set(EncoderConfig.model_fields),
    "recipe": set(RecipeConfig.model_fields),
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
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; known keys here are {', '.join(sorted(known))}." if known else "."


def _training_problems(training: dict[str, Any]) -> list[str]:
    # Only a run needs transformers, and importing it takes seconds.
    from dataclasses import fields

    from transformers import TrainingArguments

    known = {field.name for field in fields(TrainingArguments)} - {"output_dir"}
    return [
        f"unknown key 'training.{name}'"
        + ("; set the key output instead." if name == "output_dir" else _suggest(name, known))
        for name in training
        if name not in known
    ]
