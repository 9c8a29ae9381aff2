"""Labelled articles in, a bundle out: the steps of scripts/train.py."""

from khabar.training._data import (
    CODES,
    IGNORED,
    LABELS,
    Splits,
    draw,
    read_splits,
    soft_target,
    window_dataset,
)
from khabar.training._finish import finish, save_weights
from khabar.training._fit import Fitted, fit, fit_seeds, mean_weights
from khabar.training._lora import add_adapters
from khabar.training._loss import SentenceLoss, class_weights, loss_of, predicted_labels, sentence_logits
from khabar.training._output import LogFigures, check_output, claim_output, last_checkpoint, log_to
from khabar.training._parameters import freeze, parameter_groups
from khabar.training._precision import bf16_is_emulated, bf16_ratio, warn_of_slow_bf16
from khabar.training._processes import is_main_process, wait_for_all
from khabar.training._start import load_start, probe_head
from khabar.training._warnings import warnings_of

__all__ = [
    "CODES",
    "IGNORED",
    "LABELS",
    "Fitted",
    "LogFigures",
    "SentenceLoss",
    "Splits",
    "add_adapters",
    "bf16_is_emulated",
    "bf16_ratio",
    "check_output",
    "claim_output",
    "class_weights",
    "draw",
    "finish",
    "fit",
    "fit_seeds",
    "freeze",
    "is_main_process",
    "last_checkpoint",
    "load_start",
    "log_to",
    "loss_of",
    "mean_weights",
    "parameter_groups",
    "predicted_labels",
    "probe_head",
    "read_splits",
    "save_weights",
    "sentence_logits",
    "soft_target",
    "wait_for_all",
    "warn_of_slow_bf16",
    "warnings_of",
    "window_dataset",
]
