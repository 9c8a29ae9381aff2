"""What a run was: how long it took, on what, and how loss and score went."""

import json
import platform
import re
import time
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from khabar.plots import training_curves

CURVES = "training-curves.png"
STATE = "trainer_state.json"
_SECONDS = "seconds"


class Clock(TrainerCallback):
    """Notes in the Trainer's history how long was trained until each entry, what a kill undid left out.

    The history is saved with each checkpoint, so the clock of a run that goes on goes on too.
    """

    def __init__(self) -> None:
        self._began = time.monotonic()

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        """Take up the time of the checkpoint that training goes on from."""
        self._began = time.monotonic() - seconds(state.log_history)

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        """Note the time of an entry."""
        state.log_history[-1][_SECONDS] = round(time.monotonic() - self._began, 1)


def seconds(history: list[dict[str, Any]]) -> float:
    """Return how long was trained until the last entry of the Trainer's history."""
    return max((float(entry[_SECONDS]) for entry in history if _SECONDS in entry), default=0.0)


def draw_curves(checkpoints: Path, folder: Path) -> None:
    """Draw loss and score by step of a finished training run into ``folder / CURVES``.

    Args:
        checkpoints: Where the Trainer saved its state.
        folder: Where the picture goes.
    """
    training_curves(_state(checkpoints)["log_history"], folder / CURVES)


def training_record(output: Path, precision: str) -> dict[str, Any]:
    """Return how the runs under a folder were trained, one a seed, for metrics.json.

    Args:
        output: The run's folder.
        precision: In which number format was trained, such as ``bf16``.
    """
    states = [_state(path.parent) for path in sorted(output.glob(f"**/checkpoints/{STATE}"))]
    if torch.cuda.is_available():
        hardware = torch.cuda.get_device_name()
    else:
        hardware = f"{_processor()}, {torch.get_num_threads()} threads"
    return {
        "runs": len(states),
        "steps": sum(state["global_step"] for state in states),
        "seconds": round(sum(seconds(state["log_history"]) for state in states)),
        "hardware": hardware,
        "precision": precision,
        "torch": torch.__version__.split("+")[0],
        "transformers": transformers.__version__,
    }


def _state(checkpoints: Path) -> dict[str, Any]:
    state: dict[str, Any] = json.loads((checkpoints / STATE).read_text(encoding="utf-8"))
    return state


def _processor() -> str:
    """Return the name of the processor, or at least its architecture."""
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.M)
    except OSError:  # not Linux
        found = None
    return found[1].strip() if found else platform.processor() or platform.machine()
