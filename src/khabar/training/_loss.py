"""What a run minimises, and what it predicts: both by sentence."""

from dataclasses import dataclass

import torch
from transformers.modeling_outputs import TokenClassifierOutput

from khabar.training._data import CODES, IGNORED, LABELS


def sentence_logits(logits: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Average outputs over each sentence's span, as `khabar.encode.pool` does for inference.

    Args:
        logits: Shape ``(windows, tokens, features)``: logits, or any other output per token.
        labels: Shape ``(windows, tokens)``, coded as in `window_dataset`.

    Returns:
        The averages, shape ``(sentences, features)`` in 32-bit floats, and the codes of the labels without
        the ordinals, shape ``(sentences,)``: modulo ``len(LABELS)`` they are indices into `LABELS`.
    """
    chosen = labels != IGNORED
    row = torch.arange(labels.shape[0], device=labels.device).unsqueeze(1).expand_as(labels)
    width = int(labels.max()) + 1 if bool(chosen.any()) else 1
    codes, place = torch.unique(row[chosen] * width + labels[chosen], return_inverse=True)
    sums = logits.new_zeros((len(codes), logits.shape[-1]), dtype=torch.float32)
    sums = sums.index_add(0, place, logits[chosen].float())
    counts = torch.bincount(place, minlength=len(codes)).unsqueeze(1)
    return sums / counts, codes % width % CODES


@dataclass(frozen=True, slots=True)
class SentenceLoss:
    """Cross-entropy averaged over the sentences of a batch, whatever number of tokens they have."""

    second_label: float = 0.0
    """Share of the target that goes to a second label."""
    label_smoothing: float = 0.0
    """Share of the target that is spread over all labels."""

    def __call__(
        self,
        outputs: TokenClassifierOutput,
        labels: torch.Tensor,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> torch.Tensor:
        """Return the loss of a batch; the Trainer calls it."""
        if outputs.logits is None:
            raise ValueError("the model gave no logits.")
        pooled, codes = sentence_logits(outputs.logits, labels)
        if not len(codes):  # nothing but page furniture: a mean of nothing would be no number
            return outputs.logits.sum() * 0.0
        one_hot = torch.nn.functional.one_hot
        targets = one_hot(codes % len(LABELS), len(LABELS)).float()
        second = torch.div(codes, len(LABELS), rounding_mode="floor")  # 0: none
        others = one_hot(second, len(LABELS) + 1).float()[:, 1:]
        has_second = others.sum(-1, keepdim=True)
        targets = targets * (1 - self.second_label * has_second) + self.second_label * others
        return torch.nn.functional.cross_entropy(pooled, targets, label_smoothing=self.label_smoothing)


def predicted_labels(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Put the predicted index of each sentence at its last token, `IGNORED` at all others.

    Arguments and shapes as in `sentence_logits`; the result is shaped like ``labels``.
    """
    pooled, _ = sentence_logits(logits, labels)
    following = torch.nn.functional.pad(labels[:, 1:], (0, 1), value=IGNORED)
    last = (labels != IGNORED) & (labels != following)
    predicted = torch.full_like(labels, IGNORED)
    predicted[last] = pooled.argmax(-1)
    return predicted
