"""Adapts an encoder to the news before it is fine-tuned: the steps of scripts/adapt.py.

One pass over articles, of which most have no labels, learns two things at once. From tokens that are hidden
from it the encoder learns how news is written (masked language modelling, Devlin et al. 2019; continued on
text of the task's own kind, Gururangan et al. 2020, «Don't Stop Pretraining»). From the sentences around them
it learns the task: gold labels where there are any, and elsewhere the probabilities of a teacher that read
the same sentences unmasked (Xie et al. 2020, «Self-training with Noisy Student improves ImageNet
classification»).
"""

import logging
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset, concatenate_datasets, load_from_disk
from torch import nn
from transformers import (
    AutoModelForTokenClassification,
    DataCollatorForTokenClassification,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    Trainer,
    TrainingArguments,
)

from khabar.article import read_article
from khabar.bundle import WEIGHTS, Bundle, load_bundle, locate
from khabar.confidence import calibrated
from khabar.config import AdaptConfig
from khabar.corpus import read_texts, text_files
from khabar.encode import Encoder, Window, load_tokenizer
from khabar.errors import BundleError, ConfigError
from khabar.schema import LabelledArticle
from khabar.training import (
    IGNORED,
    LABELS,
    LogFigures,
    bf16_is_emulated,
    claim_output,
    draw,
    is_main_process,
    last_checkpoint,
    load_start,
    parameter_groups,
    probe_head,
    read_splits,
    soft_target,
    wait_for_all,
    warn_of_slow_bf16,
    window_dataset,
)

log = logging.getLogger(__name__)

ENCODER = "encoder"
"""Subfolder of the output that holds the adapted encoder with its classification layer."""

_TEACHING = "unlabelled"
_MASKED_RANDOM = 0.8, 0.1
"""Shares of the chosen tokens that become the mask and a random one; others stay (Devlin et al. 2019)."""


# --- articles without labels


def read_unlabelled(folder: Path, per_outlet: int | None, seed: int) -> list[tuple[str, str | None]]:
    """Read text and title of articles from all ``.jsonl`` and ``.jsonl.gz`` files of a folder.

    Args:
        folder: One file an outlet, one article a line with ``text`` and, maybe, ``title``.
        per_outlet: How many articles to draw of each file, in their order; None takes all.
        seed: Of the draw.

    Raises:
        DataError: There is no such file, or a line is no article; the message names file and line.
    """
    articles = []
    for path in text_files(folder, way_out="set unlabelled.path"):
        found = [(record["text"], record.get("title")) for _, record in read_texts(path)]
        order = np.random.default_rng(seed).permutation(len(found))[:per_outlet]
        articles += [found[index] for index in sorted(order)]
    return articles


def teach(
    articles: Sequence[tuple[str, str | None]], teacher: Bundle, seed: int, *, batch: int = 4
) -> Dataset:
    """Draw a window of every article and let the teacher label it.

    Args:
        articles: Text and title, as `read_unlabelled` gives them.
        teacher: A bundle with full weights, whose own windows and normalisation are used.
        seed: Of the draw.
        batch: Windows that the teacher reads at once.

    Returns:
        Rows as of `soft_rows`; the targets are the teacher's calibrated probabilities.
    """
    encoder = teacher.encoder()
    sentences = [[unit.text for unit in read_article(text, title).sentences] for text, title in articles]
    draw = np.random.default_rng(seed)
    windows = [
        encoded.windows[int(draw.integers(len(encoded.windows)))]
        for encoded in encoder.encode_many(sentences)
        if encoded.windows
    ]
    model = AutoModelForTokenClassification.from_pretrained(
        teacher.path, dtype=torch.float32, local_files_only=True, attn_implementation="eager"
    ).eval()
    pad = model.config.pad_token_id or 0
    columns = [teacher.labels.index(label) for label in LABELS]
    settings = teacher.settings
    targets: list[list[list[float]]] = [[] for _ in windows]
    order = sorted(range(len(windows)), key=lambda index: len(windows[index].input_ids))
    half = not bf16_is_emulated()
    log.info("the teacher reads %d windows in %s", len(windows), "bf16" if half else "32 bits")
    for first in range(0, len(order), batch):
        chosen = order[first : first + batch]
        ids, mask = _pad([windows[index].input_ids for index in chosen], pad)
        with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
            logits = model(input_ids=ids, attention_mask=mask).logits.float()
        for row, index in enumerate(chosen):
            pooled = torch.stack([logits[row, start:end].mean(0) for start, end in windows[index].spans])
            scores = calibrated(pooled[:, columns].numpy(), settings.temperature, settings.temperature_slope)
            targets[index] = scores.round(4).tolist()
        if first % (50 * batch) == 0:
            log.info("the teacher has read %d of %d windows", first, len(windows))
    return soft_rows(windows, targets)


def soft_rows(windows: Sequence[Window], targets: Sequence[Sequence[Sequence[float] | None]]) -> Dataset:
    """Return windows as rows with ``input_ids``, ``ordinals``, ``targets`` and ``length``.

    ``ordinals`` says of every token which target of the window is that of its sentence, `IGNORED` outside of
    the spans and in sentences whose target is None; ``targets`` holds distributions over `LABELS`.
    """
    rows: dict[str, list[Any]] = {"input_ids": [], "ordinals": [], "targets": [], "length": []}
    for window, wanted in zip(windows, targets, strict=True):
        ordinals = [IGNORED] * len(window.input_ids)
        kept: list[list[float]] = []
        for span, target in zip(window.spans, wanted, strict=True):
            if target is not None:
                ordinals[slice(*span)] = [len(kept)] * (span[1] - span[0])
                kept.append(list(target))
        rows["input_ids"].append(window.input_ids)
        rows["ordinals"].append(ordinals)
        rows["targets"].append(kept)
        rows["length"].append(len(window.input_ids))
    return Dataset.from_dict(rows)


def gold_rows(articles: Sequence[LabelledArticle], encoder: Encoder, second_label: float) -> Dataset:
    """Return labelled articles as rows of `soft_rows`; furniture is read and not learnt from."""
    windows, targets = [], []
    for article in articles:
        for window in encoder.encode([sentence.text for sentence in article.sentences]).windows:
            windows.append(window)
            wanted = [article.sentences[index] for index in window.sentences]
            targets.append(
                [
                    None if unit.label is None else soft_target(unit.label, unit.also, second_label)
                    for unit in wanted
                ]
            )
    return soft_rows(windows, targets)


def _pad(rows: Sequence[Sequence[int]], value: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Pad to the longest row; the second tensor is 1 where there is something."""
    width = max(map(len, rows))
    padded = torch.tensor([[*row, *[value] * (width - len(row))] for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows])
    return padded, mask


class MaskingCollator:
    """Pads rows of `soft_rows` to a batch and hides some of their tokens."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, share: float) -> None:
        """Prepare for a tokenizer.

        Args:
            tokenizer: Its special tokens are never hidden.
            share: Of the other tokens, to be predicted.

        Raises:
            ConfigError: The tokenizer has no mask token.
        """
        if tokenizer.mask_token_id is None or tokenizer.pad_token_id is None:
            raise ConfigError(
                "encoder.path: the tokenizer lacks a mask or a padding token, so it cannot adapt."
            )
        self._mask, self._pad = int(tokenizer.mask_token_id), int(tokenizer.pad_token_id)
        self._specials = torch.tensor(tokenizer.all_special_ids)
        self._size = len(tokenizer)
        self._share = share

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        """Return ``input_ids``, ``attention_mask``, ``hidden``, ``ordinals`` and ``targets``.

        ``hidden`` holds the original id where a token is to be predicted, else `IGNORED`; ``ordinals`` counts
        through the targets of the whole batch, shape ``(sentences, labels)``.
        """
        ids, mask = _pad([row["input_ids"] for row in rows], self._pad)
        ordinals, _ = _pad([row["ordinals"] for row in rows], IGNORED)
        first = 0
        for index, row in enumerate(rows):
            ordinals[index][ordinals[index] != IGNORED] += first
            first += len(row["targets"])
        targets = [target for row in rows for target in row["targets"]]
        chosen = (torch.rand(ids.shape) < self._share) & ~torch.isin(ids, self._specials)
        hidden = torch.where(chosen, ids, IGNORED)
        fate = torch.rand(ids.shape)
        masked, random = _MASKED_RANDOM
        ids = torch.where(chosen & (fate < masked), self._mask, ids)
        replaced = chosen & (fate >= masked) & (fate < masked + random)
        ids = torch.where(replaced, torch.randint(self._size, ids.shape), ids)
        return {
            "input_ids": ids,
            "attention_mask": mask,
            "hidden": hidden,
            "ordinals": ordinals,
            "targets": torch.tensor(targets, dtype=torch.float32).reshape(-1, len(LABELS)),
        }


# --- the model


class AdaptationModel(nn.Module):
    """An encoder with two heads: one for labels of sentences, one for hidden tokens.

    The second is tied to the word embeddings, of which the built-in encoder has no head of its own.
    """

    def __init__(self, model: PreTrainedModel, *, hidden_weight: float, label_weight: float) -> None:
        """Put the head for hidden tokens on a token classification model.

        Raises:
            ConfigError: Its last layer is not one linear layer called ``classifier``.
        """
        super().__init__()
        if not isinstance(getattr(model, "classifier", None), nn.Linear):
            raise ConfigError(f"{type(model).__name__} has no linear layer 'classifier', so it cannot adapt.")
        pieces, width = _embeddings(model).shape
        self.model = model
        self.transform = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.LayerNorm(width))
        self.bias = nn.Parameter(torch.zeros(pieces))
        self._hidden_weight, self._label_weight = hidden_weight, label_weight
        if not hidden_weight:  # several processes would wait for gradients that never come
            self.transform.requires_grad_(False)
            self.bias.requires_grad_(False)

    def _classify(self, states: torch.Tensor) -> torch.Tensor:
        classifier = self.model.classifier
        assert isinstance(classifier, nn.Linear)  # seen to when it was put together
        logits: torch.Tensor = classifier(states)
        return logits

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        hidden: torch.Tensor,
        ordinals: torch.Tensor,
        targets: torch.Tensor,
    ) -> dict[str, torch.Tensor]:
        """Return the loss of a batch of `MaskingCollator`."""
        states = self.model.base_model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        loss = states.new_zeros((), dtype=torch.float32)
        asked = hidden != IGNORED
        # A product with the whole vocabulary is not made to be weighed with nothing.
        if self._hidden_weight and bool(asked.any()):
            tokens = nn.functional.linear(self.transform(states[asked]), _embeddings(self.model), self.bias)
            loss = loss + self._hidden_weight * nn.functional.cross_entropy(tokens.float(), hidden[asked])
        inside = ordinals != IGNORED
        if len(targets):
            logits = self._classify(states[inside]).float()
            sums = logits.new_zeros(targets.shape).index_add(0, ordinals[inside], logits)
            counts = torch.bincount(ordinals[inside], minlength=len(targets)).unsqueeze(1)
            loss = loss + self._label_weight * nn.functional.cross_entropy(sums / counts, targets)
        return {"loss": loss}


def _embeddings(model: PreTrainedModel) -> torch.Tensor:
    """Return the word embeddings, shape ``(pieces, width)``."""
    weight = model.get_input_embeddings().weight
    if not isinstance(weight, torch.Tensor):
        raise ConfigError(f"{type(model).__name__} has no word embeddings, so it cannot adapt.")
    return weight


# --- the run


def adapt(config: AdaptConfig) -> Path:
    """Run the whole stage and return the folder of the adapted encoder, which ``encoder.path`` takes.

    A run that was killed goes on from its last checkpoint, but hides other tokens from there on than it would
    have. What the teacher said is kept in the output.

    Raises:
        ConfigError: The encoder cannot be loaded, the teacher has another vocabulary, or the output folder
            belongs to another configuration.
        DataError: The articles cannot be read.
        BundleError: The teacher is no bundle, or one without full weights.
    """
    model, tokenizer, encoder = load_start(config)
    checkpoints = config.output / "checkpoints"
    try:
        arguments = TrainingArguments(
            output_dir=str(checkpoints), remove_unused_columns=False, **config.training
        )
    except (TypeError, ValueError) as error:
        raise ConfigError(f"training: {error}") from error
    warn_of_slow_bf16(arguments)
    splits = read_splits(config)
    claim_output(config)
    gold = gold_rows(splits.train, encoder, config.recipe.second_label)
    rows = concatenate_datasets([_taught(config, tokenizer), gold])
    checkpoint = last_checkpoint(checkpoints)
    if config.recipe.probe_articles is not None and checkpoint is None:
        log.info("fitting the classification layer to the untrained encoder")
        few = draw(splits.train, config.recipe.probe_articles, arguments.seed)
        probe_head(model, window_dataset(few, encoder), DataCollatorForTokenClassification(tokenizer))
    both = AdaptationModel(
        model, hidden_weight=config.recipe.hidden_weight, label_weight=config.recipe.label_weight
    )
    trainer = Trainer(
        model=both,
        args=arguments,
        data_collator=MaskingCollator(tokenizer, config.recipe.hidden_share),
        train_dataset=rows,
        callbacks=[LogFigures()],
        processing_class=tokenizer,
    )
    trainer.optimizer = torch.optim.AdamW(
        parameter_groups(
            both,
            arguments,
            head_rate=config.recipe.head_learning_rate,
            heads=("model.classifier.", "transform.", "bias"),
        ),
        lr=arguments.learning_rate,
        betas=(arguments.adam_beta1, arguments.adam_beta2),
        eps=arguments.adam_epsilon,
    )
    log.info("%d windows, %d of them with gold labels", len(rows), len(gold))
    trainer.train(resume_from_checkpoint=checkpoint)
    target, staging = config.output / ENCODER, config.output / f"{ENCODER}.partial"
    if not is_main_process():
        return target
    shutil.rmtree(staging, ignore_errors=True)
    model.save_pretrained(staging)
    tokenizer.save_pretrained(staging)
    shutil.rmtree(target, ignore_errors=True)
    staging.rename(target)
    return target


def _taught(config: AdaptConfig, tokenizer: PreTrainedTokenizerBase) -> Dataset:
    """Return what the teacher says of the unlabelled articles, computed once for an output folder."""
    place = config.output / _TEACHING
    if not place.is_dir() and is_main_process():
        name = config.unlabelled.teacher
        teacher = load_bundle(locate(name))
        if not (teacher.path / WEIGHTS).is_file():
            raise BundleError(f"{teacher.path}: a teacher needs full weights, and {WEIGHTS} is missing.")
        # The ids that the teacher read are the ones that the encoder learns from.
        if load_tokenizer(teacher.path).get_vocab() != tokenizer.get_vocab():
            raise ConfigError(
                f"unlabelled.teacher is {name!r}, whose vocabulary is not that of {config.encoder.path!r}; "
                "name a bundle that was trained from that encoder."
            )
        articles = read_unlabelled(config.unlabelled.path, config.unlabelled.per_outlet, config.seed)
        staging = place.with_name(f"{_TEACHING}.partial")
        teach(articles, teacher, config.seed).save_to_disk(staging)
        staging.rename(place)
    wait_for_all()
    return load_from_disk(str(place))
