"""Windows: an article's sentences as the token ids that the model reads.

The article is the unit of encoding. Its sentences are packed into windows ``[CLS] s1 [SEP] s2 [SEP] ...`` of
whole sentences, and each sentence is classified by the model's output at the tokens of its span: the
separator that closes it (Cohan et al. 2019, «Pretrained Language Models for Sequential Sentence
Classification»), alone or averaged with the sentence's own tokens. Training and inference both encode
through this module, and share nothing else.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from khabar.arabic import Normalization, normalize


@dataclass(frozen=True, slots=True)
class WindowOptions:
    """How an article is cut into windows; saved with the model."""

    max_tokens: int = 512
    """Length of a window at the most, specials included; no more than the encoder has positions."""
    max_sentence_tokens: int = 256
    """A sentence is cut to this many tokens, so that it never crowds out its context."""
    context: int = 2
    """Sentences of left context that a window repeats from the one before; they are read, not classified."""
    pooling: Literal["mean", "separator"] = "mean"
    """Which tokens decide for a sentence: all of its own with the separator that closes it, their logits
    averaged,
    or that separator alone. The classification layer is linear, so averaging logits is averaging states."""
    max_sentences: int | None = None
    """Sentences classified in one window at the most; 1 with ``context=0`` is sentence-at-a-time, None no
    limit."""
    right_context: int = 0
    """Sentences of right context that a window reads and leaves to the next one to classify."""

    def __post_init__(self) -> None:
        if self.pooling not in ("mean", "separator"):
            raise ValueError(f"pooling is {self.pooling!r}, expected 'mean' or 'separator'.")
        if self.max_sentence_tokens < 1 or self.max_tokens < self.max_sentence_tokens + 2:
            raise ValueError(
                f"max_tokens is {self.max_tokens} and max_sentence_tokens {self.max_sentence_tokens}: "
                "a window must hold one whole sentence and two special tokens; "
                "raise the first or lower the second."
            )
        for name in ("context", "right_context"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}, but a number of sentences is 0 or more.")
        if self.max_sentences is not None and self.max_sentences < 1:
            raise ValueError(
                f"max_sentences is {self.max_sentences}, but a window classifies at least one sentence."
            )


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of one article as the model reads it."""

    input_ids: list[int]
    """Token ids with the specials, unpadded."""
    spans: list[tuple[int, int]]
    """Positions in ``input_ids`` that decide for each of the window's own sentences, in order, end
    exclusive."""
    sentences: list[int]
    """Which sentence of the article each span belongs to; as long as ``spans``."""


@dataclass(frozen=True, slots=True)
class EncodedArticle:
    """All windows of one article; every sentence is classified in exactly one of them."""

    windows: list[Window]
    truncated: list[bool]
    """For each sentence of the article, whether it was cut to ``max_sentence_tokens``."""


class Encoder:
    """Turns the sentences of an article into windows of token ids."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        *,
        cls_token: str,
        sep_token: str,
        normalization: Normalization,
        window: WindowOptions,
    ) -> None:
        """Prepare the tokenizer for whole, unpadded sentences.

        Args:
            tokenizer: A fast tokenizer; its own truncation and padding are switched off.
            cls_token: Token that opens a window.
            sep_token: Token that closes a sentence.
            normalization: What is done to the copy of a sentence that the tokenizer sees.
            window: How sentences are packed.

        Raises:
            ValueError: The tokenizer does not know one of the two tokens.
        """
        tokenizer.no_truncation()
        tokenizer.no_padding()
        # A special token spelt out in an article is text, not structure.
        tokenizer.encode_special_tokens = True
        # A Unigram vocabulary holds them as pieces too, so they can come out all the same. The unknown piece
        # may, and a noncharacter shows which that is.
        unknown = set(tokenizer.encode("\uffff", add_special_tokens=False).ids)
        added = tokenizer.get_added_tokens_decoder()
        self._structure = {token_id for token_id, token in added.items() if token.special} - unknown
        self._tokenizer = tokenizer
        self._cls = _token_id(tokenizer, cls_token)
        self._sep = _token_id(tokenizer, sep_token)
        self.normalization = normalization
        self.window = window

    @property
    def tokenizer_json(self) -> str:
        """The tokenizer, as ``tokenizer.json`` has it."""
        return self._tokenizer.to_str()

    def encode(self, sentences: Sequence[str]) -> EncodedArticle:
        """Encode one article, given as its sentences in order; no sentence at all gives no window."""
        return self.encode_many([sentences])[0]

    def encode_many(self, articles: Sequence[Sequence[str]]) -> list[EncodedArticle]:
        """Encode several articles, tokenised together; each is encoded as it would be alone."""
        normalized = [normalize(sentence, self.normalization) for article in articles for sentence in article]
        limit = self.window.max_sentence_tokens
        tokens = [
            [token_id for token_id in encoding.ids if token_id not in self._structure]
            for encoding in self._tokenizer.encode_batch_fast(normalized, add_special_tokens=False)
        ]
        encoded, first = [], 0
        for article in articles:
            own = tokens[first : first + len(article)]
            first += len(article)
            windows = list(self._pack([ids[:limit] for ids in own]))
            encoded.append(EncodedArticle(windows, [len(ids) > limit for ids in own]))
        return encoded

    def token_spans(self, sentence: str) -> tuple[str, list[tuple[int, int]]]:
        """Tell which characters the tokens of a sentence stand for.

        Returns:
            The normalised copy of the sentence, and for each of its tokens as they stand in a window, without
            the one that closes it, the characters of that copy, end exclusive.
        """
        normalized = normalize(sentence, self.normalization)
        encoding = self._tokenizer.encode(normalized, add_special_tokens=False)
        kept = zip(encoding.ids, encoding.offsets, strict=True)
        spans = [span for token_id, span in kept if token_id not in self._structure]
        return normalized, spans[: self.window.max_sentence_tokens]

    def _pack(self, tokens: Sequence[list[int]]) -> Iterable[Window]:
        """Fill windows greedily, each with as much context as leaves room for a sentence of its own."""
        options = self.window
        room = options.max_tokens - 1
        first = 0
        while first < len(tokens):
            start, used = first, len(tokens[first]) + 1
            while start > 0 and first - start < options.context and used + len(tokens[start - 1]) + 1 <= room:
                start -= 1
                used += len(tokens[start]) + 1
            most = len(tokens)
            if options.max_sentences is not None:
                most = min(most, first + options.max_sentences + options.right_context)
            stop = first + 1
            while stop < most and used + len(tokens[stop]) + 1 <= room:
                used += len(tokens[stop]) + 1
                stop += 1
            # What the window reads last is classified by the next, unless the article ends here.
            end = stop if stop == len(tokens) else max(first + 1, stop - options.right_context)
            if options.max_sentences is not None:
                end = min(end, first + options.max_sentences)
            yield self._window(tokens, start, first, end, stop)
            first = end

    def _window(self, tokens: Sequence[list[int]], start: int, first: int, end: int, stop: int) -> Window:
        ids, spans = [self._cls], []
        for index in range(start, stop):
            opening = len(ids)
            ids += tokens[index]
            if first <= index < end:
                spans.append((opening if self.window.pooling == "mean" else len(ids), len(ids) + 1))
            ids.append(self._sep)
        return Window(ids, spans, list(range(first, end)))


def pool(logits: NDArray[np.float32], window: Window) -> NDArray[np.float32]:
    """Average the logits of one window over the span of each sentence.

    Args:
        logits: Shape ``(tokens, labels)``, a row for every entry of ``window.input_ids``.
        window: The window they belong to.

    Returns:
        Shape ``(len(window.spans), labels)``.
    """
    rows = [logits[start:end].mean(axis=0) for start, end in window.spans]
    return np.array(rows, dtype=np.float32).reshape(len(rows), logits.shape[-1])


def load_tokenizer(folder: Path) -> Tokenizer:
    """Read ``tokenizer.json`` of a model folder."""
    return Tokenizer.from_file(str(folder / "tokenizer.json"))


def _token_id(tokenizer: Tokenizer, token: str) -> int:
    found = tokenizer.token_to_id(token)
    if found is None:
        raise ValueError(f"the tokenizer has no token {token!r}, which its settings name as a special token.")
    return found
