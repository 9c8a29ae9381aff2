"""Whether 16 bits are any quicker here: processors without instructions for bf16 emulate it."""

import logging
import time
from functools import lru_cache

import torch
from transformers import TrainingArguments

log = logging.getLogger(__name__)

_SHAPE = 1024, 384, 1536
"""Rows, inputs and outputs of the product that is timed: a feed-forward layer of the built-in encoder."""
_TIMES = 3
_EMULATED = 1.5
"""Ratio beyond which it is no chance: instructions for bf16 make it a half or less, emulation several."""


@lru_cache(maxsize=1)
def bf16_ratio() -> float:
    """Return how many times as long as in 32 bits a product of matrices takes in bf16 on this processor.

    It is measured once in a process, in a fraction of a second; less than 1 is what bf16 is for.
    """
    rows, inputs, outputs = _SHAPE
    return _seconds(torch.bfloat16, rows, inputs, outputs) / _seconds(torch.float32, rows, inputs, outputs)


def bf16_is_emulated() -> bool:
    """Tell whether 16 bits are clearly the slower of the two, as they are where they are emulated."""
    return bf16_ratio() > _EMULATED


def warn_of_slow_bf16(arguments: TrainingArguments) -> None:
    """Log what training in bf16 costs where it is emulated, and the way out."""
    if arguments.bf16 and arguments.device.type == "cpu" and bf16_is_emulated():
        log.warning(
            "training.bf16 is true, but this processor emulates bf16: a product of matrices takes %.1f times "
            "as long as in 32 bits; training.bf16=false is quicker here and takes more memory.",
            bf16_ratio(),
        )


def _seconds(dtype: torch.dtype, rows: int, inputs: int, outputs: int) -> float:
    """Return the least time of a product, after one that is not counted."""
    left, right = torch.ones(rows, inputs, dtype=dtype), torch.ones(inputs, outputs, dtype=dtype)
    taken = []
    for _ in range(_TIMES + 1):
        begin = time.perf_counter()
        left @ right
        taken.append(time.perf_counter() - begin)
    return min(taken[1:])
