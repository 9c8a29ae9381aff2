"""Low-rank adapters through peft: put on before training, merged into the weights after it."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, TaskType, get_peft_model
from transformers import PreTrainedModel

from khabar.config import LoraOptions
from khabar.errors import ConfigError

ADAPTED_HEAD = "base_model.model.classifier."
"""What the names of the classification layer's parameters begin with once adapters are on."""


@contextmanager
def _old_names() -> Iterator[None]:
    """Say nothing of peft's asking transformers for an attribute by its old name."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        yield


def add_adapters(model: PreTrainedModel, options: LoraOptions) -> PeftModel:
    """Put low-rank adapters on an encoder; the classification layer is trained whole.

    Raises:
        ConfigError: The encoder has no such layers, or peft knows none for its kind.
    """
    targets = options.target_modules
    wanted = LoraConfig(
        task_type=TaskType.TOKEN_CLS,
        r=options.r,
        lora_alpha=options.alpha,  # type: ignore[arg-type]  # a scale, which need not be whole
        lora_dropout=options.dropout,
        target_modules=list(targets) if isinstance(targets, tuple) else targets,
        modules_to_save=["classifier"],
        exclude_modules=["classifier"],
    )
    try:
        with _old_names():
            return get_peft_model(model, wanted)
    except ValueError as error:
        linear = {
            name.rpartition(".")[2]
            for name, module in model.named_modules()
            if isinstance(module, torch.nn.Linear) and not name.startswith("classifier")
        }
        raise ConfigError(
            f"recipe.lora.target_modules is {targets!r}, which does not fit {type(model).__name__}; "
            f"name some of its linear layers: {', '.join(sorted(linear))}."
        ) from error


def merge_adapters(model: PeftModel) -> PreTrainedModel:
    """Return the encoder with what its adapters learnt added to its weights, and without adapters."""
    merged = model.merge_and_unload()
    assert isinstance(merged, PreTrainedModel)  # it is what the adapters were put on
    return merged


def load_adapters(model: PreTrainedModel, checkpoint: Path) -> PreTrainedModel:
    """Merge the adapters of a checkpoint into the encoder that they were trained on."""
    with _old_names():
        return merge_adapters(PeftModel.from_pretrained(model, str(checkpoint)))
