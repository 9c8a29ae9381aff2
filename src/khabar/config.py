"""One YAML file is everything that makes a training run different from another."""

import difflib
import logging
import re
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, Self, TypeVar, get_args, get_type_hints

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from khabar.arabic import Normalization
from khabar.encode import WindowOptions
from khabar.errors import ConfigError
from khabar.labels import Label

log = logging.getLogger(__name__)

_CARD_OF_DATA = ("name", "labelling", "limits")
"""What a card says of a file of articles, and of the model that learnt from it."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DataConfig(_Section):
    """Where the labelled articles are."""

    path: Path
    """Labelled articles that name their split, in any format of docs/data-formats.md."""
    format: str | None = None
    """Name of that format; None leaves it to the file, where it says so."""
    columns: dict[str, str] | None = None
    """What the file calls the fields of the format, where it has names of its own."""
    one_sentence_articles: bool = False
    """Whether each row, task or example is an article of a single sentence."""
    offset_unit: Literal["character", "utf-16"] | None = None
    """What offsets count in the formats that do not say."""
    train_split: str = "train"
    """Split to learn from."""
    validation_split: str = "validation"
    """Split that chooses the checkpoint and fits the temperature."""
    cache: Path | None = None
    """Folder for encoded articles, so that the next run on the same ones reads them instead of encoding them;
    None keeps them in memory alone. scripts/adapt.py has no use for it."""
    max_train_articles: int | None = Field(default=None, ge=1)
    """Take only so many training articles, drawn with the run's seed; None takes all."""


class EncoderConfig(_Section):
    """The encoder that training starts from."""

    path: str
    """A local folder, a name on the Hugging Face hub, ``default`` for the built-in model, or ``tiny`` for a
    random one that is made on the spot. A classification layer that is there comes along."""
    overrides: dict[str, Any] = Field(default_factory=dict)
    """Keys of the encoder's own config.json to change, such as its dropout."""
    attention: Literal["eager", "sdpa"] | None = None
    """How transformers computes attention while training; None leaves the choice to it. On a CPU with bf16
    `eager` is the quicker one (scripts/measure_step.py)."""


class LoraOptions(_Section):
    """Low-rank adapters: the encoder stays, and small matrices beside its own learn (Hu et al. 2022, «LoRA»).

    The classification layer is trained whole. The adapters are merged into the weights in the end, so the
    bundle is one like any other.
    """

    r: int = Field(default=8, ge=1)
    """Rank of the adapters."""
    alpha: float = Field(default=16, gt=0)
    """What an adapter adds is scaled by ``alpha / r``."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Dropout before the adapters."""
    target_modules: tuple[str, ...] | Literal["all-linear"] | None = None
    """Ends of the names of the layers that get one, or all linear ones; None takes what peft knows to be
    usual for the kind of encoder, such as query and value."""

    @field_validator("target_modules", mode="before")
    @classmethod
    def _names_layers(cls, value: object) -> object:
        named = isinstance(value, list | tuple) and value and all(isinstance(name, str) for name in value)
        if value is not None and value != "all-linear" and not named:
            raise ValueError("expected a list of names such as [query, value], or 'all-linear'")
        return value


class RecipeConfig(_Section):
    """What training does beyond the arguments of the Trainer."""

    head_learning_rate: float | None = Field(default=None, gt=0)
    """Peak learning rate of the new classification layer; None takes that of the encoder."""
    probe_articles: int | None = Field(default=None, ge=1)
    """Fit the new layer to the untrained encoder's states on so many articles before training (linear
    probing, then fine-tuning: Kumar et al. 2022); None leaves it as it is: at random, or as the encoder's
    folder has it."""
    seeds: tuple[int, ...] = ()
    """Train once with each of these seeds instead of `training.seed`, and keep the mean of their weights
    (Wortsman et al. 2022, «Model soups»); the runs must start from one classification layer."""
    start_share: float = Field(default=0.0, ge=0, lt=1)
    """Share of the weights before training in the final ones, which keeps what the start knew of other news
    (Wortsman et al. 2022, «Robust fine-tuning of zero-shot models»); only for a start that has a layer."""
    average_with: tuple[str, ...] = ()
    """Bundles trained from the same encoder, ``default`` for the built-in one: the model becomes the
    mean of their weights and those of the run, with equal shares (Wortsman et al. 2022, «Model soups»)."""
    second_label: float = Field(default=0.0, ge=0, lt=1)
    """Share of a sentence's target that goes to the labels that its annotator found almost as right."""
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    """Share of a sentence's target that is spread over all labels (Szegedy et al. 2016)."""
    class_weights: dict[Label, float] | Literal["balanced"] | None = None
    """Weight of a sentence's loss by its label, 1 where none is given, or ``balanced``: in inverse proportion
    to how frequent the label is among the training sentences. None weighs all the same."""
    focal_gamma: float = Field(default=0.0, ge=0)
    """The more, the less the loss counts of sentences that the model is already sure of (focal loss, Lin et
    al. 2017, who take 2); 0 is cross-entropy."""
    freeze_layers: int | None = Field(default=None, ge=0)
    """Leave the embeddings and so many of the lowest layers as they are, which makes steps cheaper; None
    trains all."""
    layer_decay: float = Field(default=1.0, gt=0, le=1)
    """Each layer learns at the rate of the one above times this (Howard and Ruder 2018)."""
    lora: LoraOptions | None = None
    """Train low-rank adapters instead of the encoder's weights; None trains the weights."""
    early_stopping_patience: int | None = Field(default=None, ge=1)
    """Stop after so many evaluations without a better macro-F1; None trains to the end."""
    average_checkpoints: int | None = Field(default=None, ge=2)
    """Take the mean of the weights of so many last checkpoints instead of one checkpoint (Izmailov et al.
    2018, «Averaging Weights Leads to Wider Optima and Better Generalization»)."""

    @field_validator("class_weights", mode="before")
    @classmethod
    def _weighs_labels(cls, value: object) -> object:
        if value is None or value == "balanced":
            return value
        if not isinstance(value, Mapping):
            raise ValueError(  # noqa: TRY004  # pydantic reports no other
                "expected 'balanced', or a number for each label that is not to weigh 1"
            )
        known = [str(label) for label in Label]
        for name, weight in value.items():
            if name not in known:
                raise ValueError(f"unknown label {str(name)!r}{_suggest(str(name), set(known))}".rstrip("."))
            if type(weight) not in (int, float) or not 0 < weight < float("inf"):
                raise ValueError(f"the weight of {name} is {weight!r}, expected a number above 0")
        return value

    @model_validator(mode="after")
    def _has_a_start_worth_keeping(self) -> Self:
        if self.start_share and self.probe_articles is not None:
            raise ValueError(
                "start_share keeps a layer that was trained before, and probe_articles puts another in its "
                "place; leave one of them out"
            )
        return self

    @model_validator(mode="after")
    def _freezes_once(self) -> Self:
        if self.lora is not None and self.freeze_layers is not None:
            raise ValueError(
                "lora leaves all weights of the encoder as they are, so freeze_layers has nothing to freeze; "
                "leave one of them out"
            )
        return self


class CardConfig(_Section):
    """What only people know of a model, for its card; it has no part in training.

    Name, labelling and limits in a file speak of the articles that its ``data.path`` names: where the command
    line names a file with another name, and nothing of the card, they are left out.
    """

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
    """Any argument of ``transformers.TrainingArguments`` by its own name, but for those that `load_config`
    refuses: ``output_dir``, and what khabar sets itself."""

    @property
    def seed(self) -> int:
        """Seed of everything that is drawn in the run."""
        return _seed(self.training)

    @model_validator(mode="after")
    def _chooses_a_checkpoint_in_one_way(self) -> Self:
        best = bool(self.training.get("load_best_model_at_end"))
        patience, average = self.recipe.early_stopping_patience, self.recipe.average_checkpoints
        if patience is not None and not best:
            raise ValueError(
                f"recipe.early_stopping_patience is {patience}, which waits for a better checkpoint than the "
                "best; set training.load_best_model_at_end: true with training.eval_strategy and "
                "training.save_strategy"
            )
        if average is not None and best:
            raise ValueError(
                f"recipe.average_checkpoints is {average}, but training.load_best_model_at_end takes a "
                "single checkpoint; leave one of them out"
            )
        kept = self.training.get("save_total_limit")
        if average is not None and isinstance(kept, int) and kept < average:
            raise ValueError(
                f"recipe.average_checkpoints is {average}, but training.save_total_limit keeps only {kept} "
                "checkpoints; raise the second or lower the first"
            )
        return self


class UnlabelledConfig(_Section):
    """Articles without labels, and who labels them."""

    path: Path
    """Folder of ``.jsonl`` or ``.jsonl.gz`` files, one an outlet, one article a line with ``text`` and
    ``title``."""
    per_outlet: int | None = Field(default=None, ge=1)
    """Draw so many articles of each file, with the run's seed; None takes all."""
    teacher: str = "default"
    """Bundle that labels them: ``default`` for the built-in one, else a folder or a hub name."""


class AdaptRecipeConfig(_Section):
    """What is learnt from labelled and unlabelled articles at once."""

    hidden_share: float = Field(default=0.15, ge=0, lt=1)
    """Share of the tokens that are hidden and to be predicted; the labels are learnt without them."""
    hidden_weight: float = Field(default=1.0, ge=0)
    """Weight of that loss, a mean over hidden tokens. With 0 they are only hidden, as noise."""
    label_weight: float = Field(default=1.0, ge=0)
    """Weight of the loss of the labels, a mean over sentences."""
    second_label: float = Field(default=0.0, ge=0, lt=1)
    """As in a training run."""
    probe_articles: int | None = Field(default=None, ge=1)
    """As in a training run."""
    head_learning_rate: float | None = Field(default=None, gt=0)
    """Peak learning rate of the two heads; None takes that of the encoder."""


class AdaptConfig(_Section):
    """A whole run of scripts/adapt.py."""

    output: Path
    """Folder for checkpoints and logs; the adapted encoder is its subfolder ``encoder``."""
    data: DataConfig
    unlabelled: UnlabelledConfig
    encoder: EncoderConfig
    normalization: Normalization = Normalization()
    """What is done to the copy of a text that the encoder reads."""
    window: WindowOptions = WindowOptions()
    """How an article is cut into windows."""
    recipe: AdaptRecipeConfig = AdaptRecipeConfig()
    training: dict[str, Any] = Field(default_factory=dict)
    """Any argument of ``transformers.TrainingArguments`` by its own name, but for ``output_dir``."""

    @property
    def seed(self) -> int:
        """Seed of everything that is drawn in the run."""
        return _seed(self.training)


class JudgedSplit(_Section):
    """Labelled articles that finished models are scored on."""

    path: Path
    """Labelled articles that name their split."""
    split: str
    """Which of the splits."""

    @property
    def name(self) -> str:
        """What tables call it."""
        return f"{self.path.name}, {self.split}"


class ExperimentConfig(_Section):
    """Variants of one training run, compared over the same seeds by scripts/experiment.py."""

    output: Path
    """Folder of the runs and of ``results.json``."""
    config: Path
    """YAML file of the training run that is varied."""
    overrides: tuple[str, ...] = ()
    """``section.key=value`` each, for all variants."""
    seeds: tuple[int, ...] = (17, 18, 19)
    """Each variant is trained once with each."""
    variants: dict[str, tuple[str, ...]] = Field(min_length=1)
    """Name of each variant and what it changes, in the order of the table."""
    varies: str = ""
    """What the variants differ in, for the axis of a plot."""
    judge_on: tuple[JudgedSplit, ...] = ()
    """Further articles to score each finished model on, through its int8 graph."""
    judge_start: bool = False
    """Whether the model that the runs start from is scored there too; it must be a whole bundle."""


class FloatRange(_Section):
    """A number between two others."""

    type: Literal["float"]
    """Says that it is one of these."""
    low: float
    """The lowest value, which may be drawn."""
    high: float
    """The highest value, which may be drawn."""
    log: bool = False
    """Whether to draw evenly among orders of magnitude instead of among values."""
    step: float | None = Field(default=None, gt=0)
    """Distance of the values to draw from; None draws any."""

    @model_validator(mode="after")
    def _holds_something(self) -> Self:
        _check_range(self)
        return self


class IntRange(_Section):
    """A whole number between two others."""

    type: Literal["int"]
    """Says that it is one of these."""
    low: int
    """The lowest value, which may be drawn."""
    high: int
    """The highest value, which may be drawn."""
    log: bool = False
    """Whether to draw evenly among orders of magnitude instead of among values."""
    step: int = Field(default=1, ge=1)
    """Distance of the values to draw from."""

    @model_validator(mode="after")
    def _holds_something(self) -> Self:
        _check_range(self)
        return self


class Choices(_Section):
    """One of several values."""

    type: Literal["categorical"]
    """Says that it is one of these."""
    choices: tuple[str | int | float | bool | None, ...] = Field(min_length=1)
    """The values to draw from."""


def _check_range(values: FloatRange | IntRange) -> None:
    if values.low > values.high:
        raise ValueError(f"low is {values.low} and high is {values.high}; the lower one comes first")
    if values.log and values.low <= 0:
        raise ValueError(f"low is {values.low}, but on a logarithmic scale it lies above 0")
    if values.log and values.step not in (None, 1):
        raise ValueError("log and step exclude each other; leave one of them out")


class PruningOptions(_Section):
    """When a trial is stopped that does worse than the median of those before it (Golovin et al. 2017)."""

    startup_trials: int = Field(default=4, ge=1)
    """So many trials run to their end before any is stopped."""
    warmup_evaluations: int = Field(default=1, ge=0)
    """So many evaluations of each trial are waited for."""


class SearchConfig(_Section):
    """A search over configurations of one training run, by scripts/tune.py."""

    output: Path
    """Folder of the trials, of the study ``study.db`` and of what the search finds."""
    config: Path
    """YAML file of the training run."""
    overrides: tuple[str, ...] = ()
    """``section.key=value`` each, for all trials."""
    trials: int = Field(default=20, ge=1)
    """How many there are to be in all; more can be asked for later."""
    seed: int = 17
    """Seed of what is drawn; the runs have `training.seed`."""
    space: dict[str, Annotated[FloatRange | IntRange | Choices, Field(discriminator="type")]] = Field(
        min_length=1
    )
    """What each dotted key of the configuration may be."""
    pruning: PruningOptions | None = PruningOptions()
    """When to stop a trial early; None lets all run to their end."""


def _seed(training: dict[str, Any]) -> int:
    # Only a run needs transformers, and importing it takes seconds.
    from transformers import TrainingArguments

    return int(training.get("seed", TrainingArguments.seed))


_STRATEGIES = frozenset({"eval_strategy", "save_strategy", "logging_strategy"})


class _Loader(yaml.SafeLoader):
    """YAML 1.1, but 1e-4 is a number, as it has been since YAML 1.2."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)


_Config = TypeVar("_Config", RunConfig, AdaptConfig)
_Checked = TypeVar("_Checked", bound=_Section)


def load_config(path: Path, overrides: list[str] | None = None) -> RunConfig:
    """Read the YAML file of a training run and check it whole.

    Args:
        path: The file.
        overrides: ``section.key=value`` each, the value in YAML; they win over the file.

    Raises:
        ConfigError: Every unknown key, wrong value and malformed override, all in one message.
    """
    return _load(RunConfig, path, overrides)


def load_adapt_config(path: Path, overrides: list[str] | None = None) -> AdaptConfig:
    """Read the YAML file of a run of scripts/adapt.py, as `load_config` does.

    Raises:
        ConfigError: As for `load_config`.
    """
    return _load(AdaptConfig, path, overrides)


def load_experiment(path: Path) -> ExperimentConfig:
    """Read the YAML file of an experiment.

    Raises:
        ConfigError: As for `load_config`; the runs themselves are checked by `load_config`, one by one.
    """
    return _checked(ExperimentConfig, path, _read(path))


def load_search(path: Path) -> SearchConfig:
    """Read the YAML file of a search.

    Raises:
        ConfigError: As for `load_config`; the configurations of the trials are checked by `load_config`.
    """
    return _checked(SearchConfig, path, _read(path))


def _load(kind: type[_Config], path: Path, overrides: list[str] | None) -> _Config:
    content = _read(path)
    named = _file_name(content)
    malformed = [problem for override in overrides or [] if (problem := _apply(content, override))]
    if _file_name(content) != named and not any(each.startswith("card") for each in overrides or []):
        _forget_the_data(content, path)
    training = content.get("training")
    more = []
    if isinstance(training, dict):
        # YAML reads a bare no as false, and of these no is a value.
        training.update({name: "no" for name in _STRATEGIES if training.get(name) is False})
        more = _training_problems(training)
    return _checked(kind, path, content, malformed, more)


def _file_name(content: dict[str, Any]) -> str | None:
    data = content.get("data")
    return Path(str(data["path"])).name if isinstance(data, dict) and data.get("path") else None


def _forget_the_data(content: dict[str, Any], path: Path) -> None:
    """Take out of the card what is true of the file that the configuration names, and of no other."""
    card = content.get("card")
    if not isinstance(card, dict):
        return
    dropped = [key for key in _CARD_OF_DATA if card.pop(key, None) is not None]
    if dropped:
        log.warning(
            "%s: card.%s speak of the file that data.path names there, so the model card leaves them out; "
            "say what is true of yours with card.labelling=… and card.limits=[…].",
            path,
            ", card.".join(dropped),
        )


def _checked(
    kind: type[_Checked],
    path: Path,
    content: dict[str, Any],
    malformed: list[str] | None = None,
    more: list[str] | None = None,
) -> _Checked:
    """Validate the content of a file and report all problems at once, those found before among them."""
    problems = []
    config = None
    try:
        config = kind.model_validate(content)
    except ValidationError as error:
        problems = [_sentence(kind, problem) for problem in error.errors()]
    problems = [*(malformed or []), *(f"{path}: {problem}" for problem in [*problems, *(more or [])])]
    if config is None or problems:
        raise ConfigError("\n".join(problems))
    return config


def _read(path: Path) -> dict[str, Any]:
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
    return content


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


def _keys(kind: type[_Section], section: str) -> set[str]:
    """Return the keys that a section knows; an empty name is the top of the file."""
    known: Any = kind
    for name in section.split(".") if section else ():
        field = known.model_fields.get(name) if _is_section(known) else None
        choices = () if field is None else (field.annotation, *get_args(field.annotation))
        known = next(
            (one for one in choices if _is_section(one) or hasattr(one, "__dataclass_fields__")), None
        )
    return set(known.model_fields if _is_section(known) else getattr(known, "__dataclass_fields__", ()))


def _is_section(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _sentence(kind: type[_Section], problem: Any) -> str:  # noqa: ANN401  # pydantic's ErrorDetails is a TypedDict of optional keys
    place = [str(part) for part in problem["loc"]]
    key = ".".join(place)
    if problem["type"] in {"extra_forbidden", "unexpected_keyword_argument"}:
        return f"unknown key {key!r}{_suggest(place[-1], _keys(kind, '.'.join(place[:-1])))}"
    if problem["type"] == "missing":
        return f"key {key!r} is missing."
    if problem["type"] == "value_error" and isinstance(problem["input"], dict):
        # Of a section as a whole: what is in it need not be repeated.
        return f"{key}{': ' if key else ''}{problem['ctx']['error']}."
    if problem["type"] == "value_error":
        return f"{key} is {problem['input']!r}: {problem['ctx']['error']}."
    return f"{key} is {problem['input']!r}: {problem['msg']}."


def _suggest(name: str, known: set[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    # An ending is a common slip: epochs for num_train_epochs.
    near = near or sorted((key for key in known if name in key), key=lambda key: (len(key), key))
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; known keys here are {', '.join(sorted(known))}." if known else "."


_INSTEAD = {
    "output_dir": "set the key output instead",
    "metric_for_best_model": "macro-F1 on the validation articles selects the checkpoint, so leave it out",
    "greater_is_better": "macro-F1 on the validation articles selects the checkpoint, so leave it out",
    "dataloader_drop_last": "it drops articles from evaluation too, so leave it out",
    "label_smoothing_factor": "the loss is one by sentence, so set recipe.label_smoothing instead",
}
"""Arguments of the Trainer that a configuration does not set, and what to do instead."""


def _training_problems(training: dict[str, Any]) -> list[str]:
    # Only a run needs transformers, and importing it takes seconds.
    from transformers import TrainingArguments

    known = get_type_hints(TrainingArguments)
    known = {
        field.name: known[field.name] for field in fields(TrainingArguments) if field.name not in _INSTEAD
    }
    problems = []
    for name, value in training.items():
        if name in _INSTEAD:
            problems.append(f"unknown key 'training.{name}'; {_INSTEAD[name]}.")
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
