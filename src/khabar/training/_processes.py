"""One run in several processes, as `accelerate launch` and `torchrun` start it."""

import os

import torch


def is_main_process() -> bool:
    """Return whether this process is the one that writes files; a run in one process is its own main one."""
    return int(os.environ.get("RANK", "0")) == 0


def wait_for_all() -> None:
    """Wait until all processes of the run are here; alone there is nobody to wait for."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.barrier()
