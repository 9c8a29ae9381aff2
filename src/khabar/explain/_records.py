"""Plain records of an explanation, with offsets into the raw text as in `khabar.schema`."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from khabar.explain._page import Stretch, render_fragment, render_page
from khabar.labels import Label
from khabar.schema import Sentence


@dataclass(frozen=True, slots=True)
class WordAttribution:
    """A word of the article, and what it adds to the logit of the label."""

    start: int
    """First character, in the string that the sentence's ``part`` points to."""
    end: int
    """One past the last character."""
    text: str
    """The raw characters ``[start:end]``, never normalised."""
    weight: float
    """Above 0 speaks for the label, below 0 against it; in units of the logit."""


@dataclass(frozen=True, slots=True)
class ExplainedSentence:
    """A sentence that the model read in one window with the explained one."""

    index: int
    """Which sentence of the article it is."""
    sentence: Sentence
    words: tuple[WordAttribution, ...]
    """Its words in order: what stands between white space. One that normalisation removes, or that is beyond
    the model's cut, has the weight 0. Where normalisation joins words, as it may under AraBERT's scheme, the
    whole sentence is one word."""

    @property
    def weight(self) -> float:
        """Sum of its words' weights."""
        return sum(word.weight for word in self.words)


@dataclass(frozen=True, slots=True)
class Explanation:
    """What the words of an article add to the logit of one sentence's label."""

    index: int
    """Which sentence of the article is explained."""
    label: Label
    """The label whose logit is explained."""
    logit: float
    """That logit, before calibration, from the full weights."""
    baseline_logit: float
    """The same with every word of the window masked."""
    sentences: tuple[ExplainedSentence, ...]
    """The explained sentence and its context, in order: the sentences of the window that decides for it. What
    stands further away has no part in the label."""

    @property
    def explained(self) -> ExplainedSentence:
        """The sentence whose label is explained."""
        return next(each for each in self.sentences if each.index == self.index)

    @property
    def context(self) -> tuple[ExplainedSentence, ...]:
        """The others."""
        return tuple(each for each in self.sentences if each.index != self.index)

    @property
    def total(self) -> float:
        """Sum of all weights: ``logit - baseline_logit``, but for `error`."""
        return sum(each.weight for each in self.sentences)

    @property
    def error(self) -> float:
        """By how much the weights miss the change in the logit, since the integral is a sum of few steps."""
        return self.total - (self.logit - self.baseline_logit)

    def top(self, count: int = 10) -> list[WordAttribution]:
        """The words with the greatest weights, for or against, the greatest first."""
        words = [word for each in self.sentences for word in each.words]
        return sorted(words, key=lambda word: -abs(word.weight))[:count]

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "index": self.index,
            "label": self.label.value,
            "logit": self.logit,
            "baseline_logit": self.baseline_logit,
            "error": self.error,
            "sentences": [
                {
                    "index": each.index,
                    "part": each.sentence.part,
                    "start": each.sentence.start,
                    "end": each.sentence.end,
                    "weight": each.weight,
                    "words": [
                        {"start": word.start, "end": word.end, "text": word.text, "weight": word.weight}
                        for word in each.words
                    ],
                }
                for each in self.sentences
            ],
        }

    def to_html(self) -> str:
        """A whole page, right to left, that needs no other file."""
        return render_page(self.label, self.logit, self.baseline_logit, self._stretches())

    def _repr_html_(self) -> str:
        """The same for a cell of a notebook."""
        return render_fragment(self.label, self.logit, self.baseline_logit, self._stretches())

    def _stretches(self) -> Iterator[Stretch]:
        for each in self.sentences:
            pieces: list[tuple[str, float | None]] = []
            at = each.sentence.start
            for word in each.words:
                pieces.append((_between(each.sentence, at, word.start), None))
                pieces.append((word.text, word.weight))
                at = word.end
            yield Stretch(each.index == self.index, each.weight, pieces)


def _between(sentence: Sentence, start: int, end: int) -> str:
    return sentence.text[start - sentence.start : end - sentence.start]
