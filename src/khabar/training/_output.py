"""A run's folder: whose it is, its log and its last checkpoint."""

import json
import logging
from pathlib import Path

import yaml
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from khabar._files import write_text
from khabar.config import AdaptConfig, RunConfig
from khabar.errors import ConfigError
from khabar.training._processes import is_main_process

log = logging.getLogger(__name__)

_EFFECTIVE = "training.yaml"


def last_checkpoint(folder: Path) -> str | None:
    """Return the last checkpoint that is whole; a run killed while saving leaves one that is not."""
    whole = whole_checkpoints(folder)
    return str(whole[-1]) if whole else None


def whole_checkpoints(folder: Path) -> list[Path]:
    """Return the checkpoints that are whole, in the order of their steps."""
    whole = []
    for path in folder.glob("checkpoint-*/trainer_state.json"):  # the Trainer writes it last
        try:
            whole.append((int(json.loads(path.read_text(encoding="utf-8"))["global_step"]), path.parent))
        except (ValueError, KeyError):
            log.warning("%s is not whole and is passed over", path.parent)
    return [path for _, path in sorted(whole)]


def check_output(config: RunConfig | AdaptConfig) -> None:
    """Find that the folder of a run is free, or holds a run of the same configuration.

    Raises:
        ConfigError: A run of another configuration is there.
    """
    path = config.output / _EFFECTIVE
    if path.is_file() and path.read_text(encoding="utf-8") != _effective(config):
        raise ConfigError(
            f"{config.output}: holds a run of another configuration ({_EFFECTIVE} differs); "
            "choose another folder with output=FOLDER, or delete this one."
        )


def claim_output(config: RunConfig | AdaptConfig) -> None:
    """Write the effective configuration beside the checkpoints, or find that it is the same one.

    Raises:
        ConfigError: A run of another configuration is there.
    """
    check_output(config)
    if is_main_process():
        config.output.mkdir(parents=True, exist_ok=True)
        write_text(config.output / _EFFECTIVE, _effective(config))


def _effective(config: RunConfig | AdaptConfig) -> str:
    # The card has no part in training: it may be reworded without training again. Nor has the cache.
    content = config.model_dump(mode="json", exclude={"card": True, "data": {"cache"}})
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)


def log_to(output: Path) -> None:
    """Let the steps of a run, its losses and scores among them, be written to ``output/train.log``.

    Of several processes only the main one writes.
    """
    if not is_main_process():
        return
    output.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(output / "train.log", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    library = logging.getLogger("khabar")
    library.addHandler(handler)
    library.setLevel(logging.INFO)


class LogFigures(TrainerCallback):
    """Writes what the Trainer reports to the run's log."""

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **_: object,
    ) -> None:
        """Write the figures of a step."""
        figures = ", ".join(f"{name} {value}" for name, value in (logs or {}).items())
        log.info("step %d of %d: %s", state.global_step, state.max_steps, figures)
