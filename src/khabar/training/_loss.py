"""What a run minimises, and what it predicts: both by sentence."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from transformers.modeling_outputs import TokenClassifierOutput

from khabar.config import RecipeConfig
from khabar.errors import ConfigError
from khabar.labels import Label
from khabar.schema import LabelledArticle
from khabar.training._data import CODES, IGNORED, LABELS


def sentence_logits(logits: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Average outputs over each sentence's span, as `khabar.encode.pool` does for inference.

    Args:
        logits: Shape ``(windows, tokens, features)``: logits, or any other output per token.
        labels: Shape ``(windows, tokens)``, coded as in `window_dataset`.

    Returns:
        The averages, shape ``(sentences, features)`` in 32-bit floats, and the codes of the labels without
        the lengths, shape ``(sentences,)``: modulo ``len(LABELS)`` they are indices into `LABELS`. Sentences
        are in the order of their windows and places.
    """
    rows, ends = torch.nonzero(labels != IGNORED, as_tuple=True)
    codes = labels[rows, ends]
    lengths = torch.div(codes, CODES, rounding_mode="floor")
    sentences = torch.arange(len(codes), device=codes.device)
    place = torch.repeat_interleave(sentences, lengths)
    before = torch.cumsum(lengths, 0) - lengths
    within = torch.arange(len(place), device=codes.device) - before[place]
    tokens = (ends - lengths + 1)[place] + within
    sums = logits.new_zeros((len(codes), logits.shape[-1]), dtype=torch.float32)
    sums = sums.index_add(0, place, logits[rows[place], tokens].float())
    return sums / lengths.unsqueeze(1), codes % CODES


@dataclass(frozen=True, slots=True)
class SentenceLoss:
    """Cross-entropy averaged over the sentences of a batch, whatever number of tokens they have.

    With targets ``t`` that may be soft, class weights ``w`` and probabilities ``p`` the loss of a sentence is
    ``-sum over labels of w t (1 - p)^gamma log p``: cross-entropy where gamma is 0, else focal loss (Lin et
    al. 2017, «Focal Loss for Dense Object Detection»).
    """

    second_label: float = 0.0
    """Share of the target that goes to a second label."""
    label_smoothing: float = 0.0
    """Share of the target that is spread over all labels."""
    focal_gamma: float = 0.0
    """How much less the loss of a sentence counts that the model is already sure of."""
    class_weights: tuple[float, ...] | None = None
    """Weight of each of `LABELS`; None weighs all the same."""

    def __call__(
        self,
        outputs: TokenClassifierOutput,
        labels: torch.Tensor,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> torch.Tensor:
        """Return the loss of a batch; the Trainer calls it.

        Args:
            outputs: What the model made of the batch.
            labels: Shape ``(windows, tokens)``, coded as in `window_dataset`.
            num_items_in_batch: Sentences of the whole step: this batch and those that other processes and
                other rounds of accumulation add to its gradient. None: no others do.
        """
        if outputs.logits is None:
            raise ValueError("the model gave no logits.")
        pooled, codes = sentence_logits(outputs.logits, labels)
        if not len(codes):  # nothing but page furniture: a mean of nothing would be no number
            return outputs.logits.sum() * 0.0
        each = self._of_sentences(pooled, self._targets(codes))
        if num_items_in_batch is None:
            return each.mean()
        # Where one process drives several GPUs, the Trainer repeats the number for each of them, and then
        # multiplies the loss by how many they are.
        return each.sum() / torch.as_tensor(num_items_in_batch, device=each.device).sum()

    def _targets(self, codes: torch.Tensor) -> torch.Tensor:
        one_hot = torch.nn.functional.one_hot
        targets = one_hot(codes % len(LABELS), len(LABELS)).float()
        second = torch.div(codes, len(LABELS), rounding_mode="floor")  # 0: none
        others = one_hot(second, len(LABELS) + 1).float()[:, 1:]
        has_second = others.sum(-1, keepdim=True)
        targets = targets * (1 - self.second_label * has_second) + self.second_label * others
        return targets * (1 - self.label_smoothing) + self.label_smoothing / len(LABELS)

    def _of_sentences(self, pooled: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        if self.class_weights is not None:
            targets = targets * targets.new_tensor(self.class_weights)
        logs = torch.log_softmax(pooled, -1)
        if self.focal_gamma:
            # At a probability of 1 the power has no slope where gamma is below 1.
            targets = targets * (-torch.expm1(logs)).clamp_min(1e-8).pow(self.focal_gamma)
        return -(targets * logs).sum(-1)


def loss_of(recipe: RecipeConfig, articles: Sequence[LabelledArticle]) -> SentenceLoss:
    """Return the loss that a recipe asks for.

    Args:
        recipe: Its options.
        articles: The training articles, whose labels `balanced` class weights are computed from.

    Raises:
        ConfigError: Class weights are to be balanced, and a label has no sentence.
    """
    return SentenceLoss(
        second_label=recipe.second_label,
        label_smoothing=recipe.label_smoothing,
        focal_gamma=recipe.focal_gamma,
        class_weights=class_weights(recipe.class_weights, articles),
    )


def class_weights(
    wanted: Literal["balanced"] | Mapping[Label, float] | None, articles: Sequence[LabelledArticle]
) -> tuple[float, ...] | None:
    """Return the weight of each of `LABELS`.

    Args:
        wanted: Weights by label, 1 where it names none, or ``"balanced"``: sentences / (labels * sentences of
            the label), so that all labels weigh the same together, and the mean over sentences is 1 (King and
            Zeng 2001, as in scikit-learn). None asks for no weights.
        articles: Where sentences are counted.

    Raises:
        ConfigError: They are to be balanced, and a label has no sentence.
    """
    if wanted is None:
        return None
    if wanted != "balanced":
        return tuple(float(wanted.get(label, 1.0)) for label in LABELS)
    counts = Counter(unit.label for article in articles for unit in article.sentences if unit.label)
    missing = [str(label) for label in LABELS if not counts[label]]
    if missing:
        raise ConfigError(
            f"recipe.class_weights is 'balanced', but no training sentence is labelled {', '.join(missing)}; "
            "label some, or give weights by label."
        )
    return tuple(counts.total() / (len(LABELS) * counts[label]) for label in LABELS)


def predicted_labels(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Put the predicted index of each sentence at its closing token, `IGNORED` at all others.

    Arguments and shapes as in `sentence_logits`; the result is shaped like ``labels``.
    """
    pooled, _ = sentence_logits(logits, labels)
    predicted = torch.full_like(labels, IGNORED)
    predicted[labels != IGNORED] = pooled.argmax(-1)
    return predicted
