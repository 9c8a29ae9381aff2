"""What of a model learns, and how fast."""

import re
from typing import Any

import torch
from transformers import PreTrainedModel, TrainingArguments

from khabar.errors import ConfigError


def parameter_groups(
    model: torch.nn.Module,
    arguments: TrainingArguments,
    *,
    head_rate: float | None,
    heads: tuple[str, ...] = ("classifier.",),
    layer_decay: float = 1.0,
    layers: int = 0,
) -> list[dict[str, Any]]:
    """Group parameters by learning rate, and without weight decay on biases and norms (Devlin et al. 2019).

    Args:
        model: What is trained; frozen parameters are left out.
        arguments: They hold the peak learning rate and the weight decay.
        head_rate: Learning rate of the new layers; None takes that of the encoder.
        heads: What the names of the new layers' parameters begin with.
        layer_decay: Each layer learns at the rate of the one above times this.
        layers: Number of layers of the encoder.
    """
    groups: dict[tuple[float, float], list[torch.nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        decay = 0.0 if parameter.ndim < 2 else arguments.weight_decay
        if name.startswith(heads):
            rate = head_rate or arguments.learning_rate
        else:
            rate = arguments.learning_rate * layer_decay ** (layers - _depth(name, layers))
        groups.setdefault((rate, decay), []).append(parameter)
    return [{"params": found, "lr": rate, "weight_decay": decay} for (rate, decay), found in groups.items()]


def _depth(name: str, layers: int) -> int:
    """Return 0 for the embeddings, 1 for the lowest layer, and so on; what is above the layers is the top."""
    found = re.search(r"\.layers?\.(\d+)\.", name)
    if found:
        return int(found.group(1)) + 1
    # Embeddings may have a matrix of their own that brings them to the encoder's width, as ELECTRA's have.
    return 0 if re.search(r"embeddings(_project)?\.", name) else layers


def freeze(model: PreTrainedModel, layers: int) -> None:
    """Leave the embeddings and the lowest ``layers`` layers as they are.

    Raises:
        ConfigError: The model has fewer layers.
    """
    total = int(model.config.num_hidden_layers)
    if layers > total:
        raise ConfigError(f"recipe.freeze_layers is {layers}, but the encoder has {total} layers; lower it.")
    for name, parameter in model.named_parameters():
        if not name.startswith("classifier.") and _depth(name, total + 1) <= layers:
            parameter.requires_grad_(False)
