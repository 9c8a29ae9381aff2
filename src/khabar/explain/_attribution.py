"""Integrated gradients (Sundararajan et al. 2017, «Axiomatic Attribution for Deep Networks») of one logit.

What is explained is the logit that decides: averaged over the tokens of the sentence, as in `khabar.encode`.
The path leads from an article whose every token is the mask, with the window's structure left standing, to
the article itself. The weights of the tokens sum to the change in the logit along it.
"""

import operator
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from khabar.arabic import normalize
from khabar.bundle import WEIGHTS, Bundle
from khabar.encode import Encoder, Window
from khabar.errors import BundleError, InputError, MissingExtraError
from khabar.explain._records import ExplainedSentence, Explanation, WordAttribution
from khabar.labels import Label
from khabar.schema import AnnotatedArticle, AnnotatedSentence

try:
    import torch
    from captum.attr import IntegratedGradients
    from safetensors import SafetensorError
    from transformers import AutoModelForTokenClassification, AutoTokenizer
except ImportError as error:
    raise MissingExtraError(
        f"Explanations need {error.name}, which is not installed: pip install 'khabar[train]'."
    ) from error

if TYPE_CHECKING:
    from transformers import PreTrainedModel

STEPS = 64
"""Points of the path at which gradients are taken, by the Gauss-Legendre rule. On news and the built-in model
half as many miss the change in the logit by some percent."""

_AT_ONCE = 4
"""Points computed together: a window of 512 tokens takes about a gigabyte for that."""

_WORD = re.compile(r"\S+")


def explain(
    bundle: Bundle,
    article: AnnotatedArticle,
    index: int,
    label: Label | str | None = None,
    *,
    steps: int = STEPS,
) -> Explanation:
    """Say what each word of an article adds to the logit of a sentence's label.

    Args:
        bundle: The model; its full weights are read, whatever engine annotated the article.
        article: An annotated article.
        index: Which of its sentences; negative counts from the end.
        label: The label to explain; None takes the one that the sentence has, which is its most probable one.
        steps: Points of the path. More make `Explanation.error` smaller and take longer by as much.

    Raises:
        InputError: ``article`` is no annotated article, there is no such sentence or label, or ``steps`` is
            less than 1.
        BundleError: The bundle has no full weights, or they cannot be loaded.
    """
    if not isinstance(article, AnnotatedArticle):
        raise InputError(
            f"article is {type(article).__name__}, expected an AnnotatedArticle: "
            "explain what annotator.annotate(text) returns."
        )
    sentences = article.sentences
    try:
        index = operator.index(index)
    except TypeError:
        raise InputError(f"index is {index!r}, expected the number of a sentence, counted from 0.") from None
    if not -len(sentences) <= index < len(sentences):
        raise InputError(
            f"index is {index}, but the article has {len(sentences)} sentences; count them from 0."
        )
    if steps < 1:
        raise InputError(f"steps is {steps}, expected 1 or more.")
    index %= len(sentences)
    target = _label(sentences[index], label)
    weights_file = bundle.path / WEIGHTS
    if not weights_file.is_file():
        raise BundleError(
            f"{bundle.path}: lacks {WEIGHTS}, from which explanations are computed; copy the whole model."
        )
    model, mask = _load(bundle.path, weights_file.stat().st_mtime_ns)
    encoder = bundle.encoder()
    windows = encoder.encode([sentence.text for sentence in sentences]).windows
    window = next(window for window in windows if index in window.sentences)
    span = window.spans[window.sentences.index(index)]
    column = bundle.labels.index(target)
    weights, logit, baseline = _integrate(model, _masked(window, mask), window, span, column, steps)
    return Explanation(index, target, logit, baseline, tuple(_explained(sentences, window, weights, encoder)))


def _label(sentence: AnnotatedSentence, asked: Label | str | None) -> Label:
    if asked is None:
        return Label(max(sentence.scores, key=lambda name: sentence.scores[name]))
    try:
        return Label(asked)
    except ValueError as error:
        raise InputError(f"label is {asked!r}, expected one of {', '.join(Label)}, or None.") from error


@lru_cache(maxsize=1)
def _load(folder: Path, changed: int) -> tuple["PreTrainedModel", int]:
    """Load a model once for explanations in a row; ``changed`` is when the file of its weights last was.

    Returns:
        The model, and the id that masks a token: that of padding for a tokenizer without a mask.
    """
    try:
        model = AutoModelForTokenClassification.from_pretrained(
            folder, dtype=torch.float32, local_files_only=True, use_safetensors=True
        )
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise BundleError(f"{folder}: transformers cannot load it ({str(error).splitlines()[0]}).") from error
    # Only the embeddings need gradients, which the weights would take most of the time for.
    model = model.eval().requires_grad_(False)
    mask = tokenizer.pad_token_id if tokenizer.mask_token_id is None else tokenizer.mask_token_id
    return model, mask or 0


def _masked(window: Window, mask: int) -> list[int]:
    """Return the ids of a window with the mask for every token that is no structure."""
    ids = list(window.input_ids)
    for _, start, end in _stretches(window):
        ids[start:end] = [mask] * (end - start)
    return ids


def _integrate(
    model: "PreTrainedModel",
    masked: list[int],
    window: Window,
    span: tuple[int, int],
    label: int,
    steps: int,
) -> tuple[list[float], float, float]:
    """Attribute the pooled logit of a span to the tokens of its window.

    Args:
        model: The model.
        masked: Ids of the baseline, as many as the window has.
        window: What the model reads.
        span: Positions whose logits are averaged, end exclusive.
        label: Column of the logits.
        steps: Points of the path.

    Returns:
        A weight for every token, the logit, and the logit of the baseline.
    """
    ids = torch.tensor([window.input_ids])
    embed = model.get_input_embeddings()
    start, end = span

    def pooled(embedded: torch.Tensor) -> torch.Tensor:
        everything = torch.ones(embedded.shape[:2], dtype=torch.long)
        logits: torch.Tensor = model(inputs_embeds=embedded, attention_mask=everything).logits
        return logits[:, start:end, label].mean(dim=1)

    found, baseline = embed(ids), embed(torch.tensor([masked]))
    attributions = IntegratedGradients(pooled).attribute(
        found, baselines=baseline, n_steps=steps, internal_batch_size=_AT_ONCE
    )
    with torch.inference_mode():
        ends = pooled(torch.cat([found, baseline])).tolist()
    return attributions.sum(dim=-1)[0].tolist(), ends[0], ends[1]


def _explained(
    sentences: Sequence[AnnotatedSentence], window: Window, weights: Sequence[float], encoder: Encoder
) -> Iterator[ExplainedSentence]:
    """Give the weights of a window's tokens to the words of its sentences."""
    for index, start, end in _stretches(window):
        sentence = sentences[index]
        words = [(found.start(), found.end()) for found in _WORD.finditer(sentence.text)]
        owners = word_of_tokens(sentence.text, words, encoder)
        if owners is None:
            words, owners = [(0, len(sentence.text))], [0] * (end - start)
        sums = [0.0] * len(words)
        for owner, weight in zip(owners, weights[start:end], strict=True):
            sums[owner] += weight
        yield ExplainedSentence(
            index,
            sentence,
            tuple(
                WordAttribution(
                    sentence.start + first, sentence.start + last, sentence.text[first:last], weight
                )
                for (first, last), weight in zip(words, sums, strict=True)
            ),
        )


def _stretches(window: Window) -> Iterator[tuple[int, int, int]]:
    """Yield each sentence that a window reads, its context too: its number, and where its tokens stand.

    Structure is no part of a sentence's tokens, so what equals the closing token closes a sentence.
    """
    closing = window.input_ids[window.spans[0][1] - 1]
    ends = [place for place, token in enumerate(window.input_ids) if token == closing]
    index = window.sentences[0] - ends.index(window.spans[0][1] - 1)
    start = 1
    for end in ends:
        yield index, start, end
        index, start = index + 1, end + 1


def word_of_tokens(text: str, words: Sequence[tuple[int, int]], encoder: Encoder) -> list[int] | None:
    """Tell for each token of a sentence, as the model reads it, which word it is of.

    Words are normalised one by one. Put together they have to be the normalised sentence, white space aside;
    then each character of that is known to be of a word, and the tokenizer tells the characters of a token.

    Args:
        text: The raw sentence.
        words: Spans of its words, in order.
        encoder: The model's.

    Returns:
        Numbers of words, or None where normalisation reads words together or the sentence has none.
    """
    pieces = ["".join(normalize(text[start:end], encoder.normalization).split()) for start, end in words]
    normalized, spans = encoder.token_spans(text)
    if "".join(pieces) != "".join(normalized.split()) or not words:
        return None
    # White space is of the word after it: a tokenizer may mark the beginning of a word by a token of its own.
    number = len(words) - 1
    backwards = iter([number for number, piece in enumerate(pieces) for _ in piece][::-1])
    owners = [number] * (len(normalized) + 1)
    for place in reversed(range(len(normalized))):
        if not normalized[place].isspace():
            number = next(backwards)
        owners[place] = number
    return [owners[start] for start, _ in spans]
