"""What a run starts from: an encoder, its classification layer and its tokenizer."""

from difflib import get_close_matches

import numpy as np
import torch
from datasets import Dataset
from safetensors import SafetensorError
from sklearn.linear_model import LogisticRegression
from tokenizers import AddedToken, Tokenizer
from transformers import (
    AutoConfig,
    AutoModelForTokenClassification,
    AutoTokenizer,
    DataCollatorForTokenClassification,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    set_seed,
)

from khabar.arabic import ADDRESS_TOKENS
from khabar.bundle import built_in, usable_positions
from khabar.config import AdaptConfig, RunConfig
from khabar.encode import Encoder
from khabar.errors import ConfigError
from khabar.tiny_encoder import TINY, write_tiny_encoder
from khabar.training._data import IGNORED, LABELS
from khabar.training._loss import sentence_logits


def load_start(config: RunConfig | AdaptConfig) -> tuple[PreTrainedModel, PreTrainedTokenizerBase, Encoder]:
    """Load the encoder with a classification layer, its tokenizer and the encoder of articles.

    The layer is the one in the encoder's folder, as an adapted encoder and a bundle have it, else a new one.

    Raises:
        ConfigError: There is no such encoder, or the windows are longer than it reads.
    """
    name = _place(config)
    try:
        trained_with = AutoConfig.from_pretrained(name).id2label
        model_config = AutoConfig.from_pretrained(
            name,
            id2label=dict(enumerate(map(str, LABELS))),
            label2id={str(label): index for index, label in enumerate(LABELS)},
            **config.encoder.overrides,
        )
        tokenizer = AutoTokenizer.from_pretrained(name)
    except OSError as error:
        raise ConfigError(
            f"encoder.path is {name!r}: no such folder or hub name ({str(error).splitlines()[0]}). "
            "The encoder of the built-in model is made by `python scripts/build_base.py`."
        ) from error
    except (ImportError, ValueError) as error:
        raise ConfigError(
            f"encoder.path is {name!r}, which transformers cannot load ({_first_line(error)})."
        ) from error
    positions = usable_positions(model_config.to_dict())
    if positions is not None and config.window.max_tokens > positions:
        raise ConfigError(
            f"window.max_tokens is {config.window.max_tokens}, "
            f"but {name} has {positions} positions; lower it."
        )
    for key in config.encoder.overrides:
        if not hasattr(model_config, key):
            near = get_close_matches(key, model_config.to_dict(), n=1)
            hint = f"; did you mean {near[0]!r}?" if near else "."
            raise ConfigError(f"encoder.overrides: {name} has no key {key!r} in its config{hint}")
    encoder = _encoder_of(tokenizer, name, config)
    set_seed(config.seed)
    try:
        # A bundle's weights are in 16 bits, in which small steps are lost.
        model = AutoModelForTokenClassification.from_pretrained(
            name, config=model_config, dtype=torch.float32, attn_implementation=config.encoder.attention
        )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise ConfigError(
            f"encoder.path is {name!r}, whose weights transformers cannot load ({_first_line(error)})."
        ) from error
    _order_head(model, trained_with)
    return model, tokenizer, encoder


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(". ") if lines else type(error).__name__


def _encoder_of(tokenizer: PreTrainedTokenizerBase, name: str, config: RunConfig | AdaptConfig) -> Encoder:
    """Return the encoder of articles over a tokenizer that has what windows are made of."""
    fast = getattr(tokenizer, "backend_tokenizer", None)
    if not isinstance(fast, Tokenizer):
        raise ConfigError(
            f"encoder.path is {name!r}, which has no tokenizer.json and nothing that makes one, "
            "but windows need a fast tokenizer; take an encoder that has one."
        )
    missing = [key for key in ("cls_token", "sep_token", "pad_token") if getattr(tokenizer, key) is None]
    if missing:
        raise ConfigError(
            f"encoder.path is {name!r}, whose tokenizer lacks {', '.join(missing)}, "
            "but windows are made of them; take an encoder of BERT's kind."
        )
    if config.normalization.scheme != "khabar":
        _keep_whole(tokenizer)
    return Encoder(
        fast,
        cls_token=tokenizer.cls_token,
        sep_token=tokenizer.sep_token,
        normalization=config.normalization,
        window=config.window,
    )


def _keep_whole(tokenizer: PreTrainedTokenizerBase) -> None:
    """Let AraBERT's tokens for addresses stay one token each, where its vocabulary holds them.

    Its tokenizer settings ask for that by ``never_split``, which fast tokenizers pass over. A token that is
    in the vocabulary keeps its id, and the tokenizer that is saved has them too.
    """
    known = tokenizer.get_vocab()
    tokenizer.add_tokens(
        [
            AddedToken(token, normalized=False)
            for token in ADDRESS_TOKENS
            if token in known and len(tokenizer.encode(token, add_special_tokens=False)) > 1
        ]
    )


def _place(config: RunConfig | AdaptConfig) -> str:
    """Return the folder or hub name of the encoder."""
    if config.encoder.path == TINY:
        return str(write_tiny_encoder(config.output / "tiny-encoder"))
    return str(built_in(config.encoder.path) or config.encoder.path)


def _order_head(model: PreTrainedModel, trained_with: dict[int, str]) -> None:
    """Put the rows of a layer that was trained with another order of labels in the order of `LABELS`."""
    names = [trained_with.get(index) for index in range(len(LABELS))]
    if sorted(map(str, names)) == sorted(LABELS) and isinstance(model.classifier, torch.nn.Linear):
        order = [names.index(label) for label in LABELS]
        with torch.no_grad():
            model.classifier.weight.copy_(model.classifier.weight[order].clone())
            model.classifier.bias.copy_(model.classifier.bias[order].clone())


def probe_head(
    model: PreTrainedModel, dataset: Dataset, collator: DataCollatorForTokenClassification
) -> None:
    """Fit the classification layer to the states of the untrained encoder.

    Sentence states of an encoder made for retrieval differ little from each other, so a layer that starts at
    random spends an epoch on finding their scale. A logistic regression on standardised states, folded into
    the layer, starts where that would end (linear probing, then fine-tuning: Kumar et al. 2022).

    Raises:
        ConfigError: The model's last layer is not one linear layer called ``classifier``.
    """
    head = getattr(model, "classifier", None)
    if not isinstance(head, torch.nn.Linear):
        raise ConfigError(
            f"recipe.probe_articles: {type(model).__name__} has no linear layer 'classifier' to fit; "
            "leave the key out."
        )
    model.eval()
    states, targets = [], []
    columns = dataset.select_columns(["input_ids", "attention_mask", "labels"])
    for row in columns:
        batch = collator([row])
        with torch.inference_mode():
            hidden = model.base_model(
                input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]
            ).last_hidden_state
        if bool((batch["labels"] != IGNORED).any()):
            pooled, index = sentence_logits(hidden, batch["labels"])
            states.append(pooled.numpy())
            targets.append(index.numpy() % len(LABELS))
    if len({index for found in targets for index in found.tolist()}) < len(LABELS):
        raise ConfigError(
            "recipe.probe_articles: these articles do not have all four labels; raise the number."
        )
    features, labels = np.concatenate(states), np.concatenate(targets)
    mean, deviation = features.mean(axis=0), features.std(axis=0) + 1e-6
    probe = LogisticRegression(C=0.02, max_iter=1000).fit((features - mean) / deviation, labels)
    weight = probe.coef_ / deviation
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(weight))
        head.bias.copy_(torch.from_numpy(probe.intercept_ - weight @ mean))
