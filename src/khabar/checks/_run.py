"""Put the cases to an annotator and keep what it says."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from khabar.checks._records import Case, Kind, Variant
from khabar.errors import KhabarError
from khabar.evaluation import SentenceAnnotator
from khabar.labels import Label


@dataclass(frozen=True, slots=True)
class Answer:
    """What an annotator says of one sentence."""

    label: Label | None
    """None when it abstains."""
    scores: Mapping[str, float]
    """Probability of every label by its name."""

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {"label": None if self.label is None else self.label.value, "scores": dict(self.scores)}


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What an annotator says of a case, before and after the change."""

    case: Case
    original: Answer
    changed: Answer

    @property
    def original_right(self) -> bool:
        """Whether the judged sentence has its label before the change."""
        return self.original.label is self.case.original.label

    @property
    def changed_right(self) -> bool:
        """Whether the judged sentence has its label after the change."""
        return self.changed.label is self.case.changed.label

    @property
    def passed(self) -> bool:
        """Whether the annotator behaves as it should.

        In a directional case both labels must be right. In an invariant one the label must stay what it is,
        right or wrong, for what is asked there is whether a name or a spelling sways the annotator; whether
        it is right stands in `original_right`.
        """
        if self.case.kind is Kind.DIRECTIONAL:
            return self.original_right and self.changed_right
        return self.original.label is self.changed.label

    @property
    def moved(self) -> bool:
        """Whether the change takes probability from the label before it and gives to the one after it.

        A case that fails may still move the right way, only not far enough. In an invariant case, where the
        two labels are one, it is False.
        """
        before, after = self.case.original.label.value, self.case.changed.label.value
        return (
            self.changed.scores[before] < self.original.scores[before]
            and self.changed.scores[after] > self.original.scores[after]
        )

    def to_dict(self, *, sentences: bool = False) -> dict[str, Any]:
        """Plain data for JSON.

        Args:
            sentences: Whether to add both articles in full.
        """
        return {
            "id": self.case.id,
            "template": self.case.template,
            "kind": self.case.kind.value,
            "passed": self.passed,
            "original": _variant(self.case.original, self.original, sentences),
            "changed": _variant(self.case.changed, self.changed, sentences),
        }


def run_checks(annotator: SentenceAnnotator, cases: Iterable[Case]) -> list[CheckResult]:
    """Annotate both articles of every case.

    An article that stands in several cases is annotated once.

    Raises:
        KhabarError: The annotator gave more or fewer results than it got sentences.
    """
    known: dict[tuple[str, ...], list[Answer]] = {}

    def answer(variant: Variant, case: Case) -> Answer:
        if variant.sentences not in known:
            found = annotator.annotate_sentences(list(variant.sentences))
            if len(found) != len(variant.sentences):
                raise KhabarError(
                    f"case {case.id!r}: {len(variant.sentences)} sentences were given and {len(found)} came "
                    "back; annotate_sentences gives one result for every sentence."
                )
            known[variant.sentences] = [Answer(sentence.label, sentence.scores) for sentence in found]
        return known[variant.sentences][variant.judged]

    return [CheckResult(case, answer(case.original, case), answer(case.changed, case)) for case in cases]


def _variant(variant: Variant, answer: Answer, sentences: bool) -> dict[str, Any]:
    article = {"sentences": list(variant.sentences), "judged": variant.judged} if sentences else {}
    return {
        **article,
        "groups": dict(variant.groups),
        "expected": variant.label.value,
        **answer.to_dict(),
    }
