"""Annotated articles for tests of what is made from them, and an annotator that needs no model."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from khabar.errors import InputError
from khabar.labels import Label
from khabar.schema import AnnotatedArticle, AnnotatedSentence, ArticleError, Furniture

CUES = {"قتل": Label.CASUALTY_REPORT, "وزير": Label.OFFICIAL_STATEMENT, "سكان": Label.CLAIM}
REFUSED = "مرفوض"


def sentence(
    text: str,
    label: Label | None = Label.CLAIM,
    *,
    part: str = "body",
    start: int = 0,
    score: float = 0.7,
    truncated: bool = False,
    label_set: tuple[Label, ...] | None = None,
) -> AnnotatedSentence:
    rest = (1 - score) / 3
    best = label or Label.CLAIM
    scores = {str(other): score if other is best else rest for other in reversed(Label)}
    end = start + len(text)
    return AnnotatedSentence(part, start, end, text, label, score, scores, truncated, label_set)


def article(
    *sentences: AnnotatedSentence, title: str | None = None, furniture: tuple[Furniture, ...] = ()
) -> AnnotatedArticle:
    return AnnotatedArticle(" ".join(s.text for s in sentences), title, None, sentences, furniture)


class FakeAnnotator:
    """Takes each line for a sentence, «اقرأ أيضا» for furniture and a cue for its label; refuses one word.

    Like the real one it works in batches, two articles at a time.
    """

    def __init__(self) -> None:
        self.handed_over: list[Any] = []
        self.workers = 0

    def annotate_many(
        self, items: Iterable[str | Mapping[str, Any]], *, errors: str, workers: int
    ) -> Iterator[AnnotatedArticle | ArticleError]:
        assert errors == "record"
        self.workers = workers
        numbered = enumerate(items)
        while batch := list(islice(numbered, 2)):
            self.handed_over += [item["id"] for _, item in batch]
            for index, item in batch:
                try:
                    yield self._annotate(item)
                except InputError as error:
                    yield ArticleError(index, item["id"], str(error))

    def _annotate(self, item: Mapping[str, Any]) -> AnnotatedArticle:
        if REFUSED in item["text"]:
            raise InputError("the text was refused")
        sentences, furniture, start = [], [], 0
        if item["title"]:
            sentences.append(self._label(item["title"], "title", 0))
        for line in item["text"].splitlines(keepends=True):
            text = line.strip()
            at = start + line.find(text)
            if text.startswith("اقرأ أيضا"):
                furniture.append(Furniture(at, at + len(text), text, "related"))
            elif text:
                sentences.append(self._label(text, "body", at))
            start += len(line)
        return AnnotatedArticle(item["text"], item["title"], item["id"], tuple(sentences), tuple(furniture))

    @staticmethod
    def _label(text: str, part: str, start: int) -> AnnotatedSentence:
        label = next((label for cue, label in CUES.items() if cue in text), Label.BACKGROUND)
        return sentence(text, label, part=part, start=start)
