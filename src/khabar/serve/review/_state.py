"""An article under review: its units, and how each correction changes them.

The state is never stored. It follows from the units that the rules found and from the rows of the log,
applied one after the other, so that what is shown, exported and counted is what the log says.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal, NamedTuple

from khabar.errors import KhabarError
from khabar.labels import Label
from khabar.schema import Part
from khabar.segment import trim
from khabar.serve.review._operations import (
    DoneOperation,
    LabelOperation,
    MergeOperation,
    Operation,
    ReopenOperation,
    SplitOperation,
)

FURNITURE = "furniture"
"""How page furniture is written where labels are written by name."""

Op = Literal["label", "merge", "split", "done", "reopen"]


class Span(NamedTuple):
    """What identifies a unit: offsets in characters of its part's string, end exclusive."""

    part: Part
    start: int
    end: int

    def overlaps(self, other: "Span") -> bool:
        """Say whether the two share a character."""
        return self.part == other.part and self.start < other.end and other.start < self.end


@dataclass(frozen=True, slots=True)
class Unit:
    """A sentence or a stretch of furniture, with the label that a person gave it, if one did."""

    span: Span
    kind: str | None = None
    """What the rules took it for when they took it for furniture."""
    headline: bool = False
    """A headline that opens the text, when no title was given apart."""
    label: Label | None = None
    """None for furniture; without meaning while ``by`` is None."""
    by: str | None = None
    """Who gave the label; None while it is the model's, or the rules'."""
    at: datetime | None = None

    @property
    def furniture(self) -> bool:
        """Whether it is page furniture, as things stand."""
        return self.kind is not None if self.by is None else self.label is None


@dataclass(frozen=True, slots=True)
class Change:
    """One row of the log."""

    op: Op
    annotator: str
    at: datetime
    span: Span | None = None
    """The unit that was labelled or split, or that a merge made; None for ``done`` and ``reopen``."""
    cut: int | None = None
    """Where a split cut, in characters of the part's string."""
    before: str | None = None
    """Name of the label that was shown before, `FURNITURE` for furniture, None when none was."""
    after: str | None = None
    blind: bool = False
    """A second opinion: it counts for agreement and changes nothing else."""
    seen: bool = False
    """The annotator could see what another person had chosen."""
    revision: int = 0


class ReviewError(KhabarError, ValueError):
    """An operation that the article does not allow."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class NotReadyError(KhabarError):
    """The model has not read the article yet, and the operation needs its labels."""


@dataclass
class Review:
    """The units of an article after some rows of its log."""

    text: str
    title: str | None
    units: dict[Span, Unit]
    done: bool = False
    done_by: str | None = None
    labels: dict[str, dict[Span, Label | None]] = field(default_factory=dict)
    """What each person said last about a span, by name."""
    _opinions: dict[Span, dict[str, Label | None]] = field(default_factory=dict)
    """Second opinions on a span that no later correction has settled."""

    @classmethod
    def replay(cls, text: str, title: str | None, units: Iterable[Unit], log: Iterable[Change]) -> "Review":
        """Return the state after all rows of a log, which stand in order."""
        review = cls(text, title, {unit.span: unit for unit in units})
        for change in log:
            review.apply(change)
        return review

    def ordered(self) -> list[Unit]:
        """Return the units in reading order, the title first."""
        return sorted(self.units.values(), key=lambda unit: (unit.span.part == "body", unit.span.start))

    def string(self, part: Part) -> str:
        """Return what the offsets of a part point into."""
        return self.text if part == "body" else self.title or ""

    def text_of(self, span: Span) -> str:
        """Return the characters of a unit."""
        return self.string(span.part)[span.start : span.end]

    def labelled(self) -> int:
        """Return how many units have a person's label."""
        return sum(unit.by is not None for unit in self.units.values())

    def disagreeing(self) -> set[Span]:
        """Return the units on which a second opinion differs from the label, and nobody has settled it."""
        return {span for span in self._opinions if self._disagrees(span)}

    def _disagrees(self, span: Span) -> bool:
        unit = self.units.get(span)
        if unit is None or unit.by is None:
            return False
        opinions = self._opinions.get(span, {})
        return any(label != unit.label for name, label in opinions.items() if name != unit.by)

    def current(self, span: Span, model: Mapping[Span, Label]) -> str | None:
        """Return the name of a unit's label as shown: a person's, the rules' or the model's, or None."""
        unit = self.units[span]
        if unit.by is not None:
            return name_of(unit.label)
        return FURNITURE if unit.kind is not None else _value(model.get(span))

    def apply(self, change: Change) -> None:
        """Change the state by one row of the log."""
        if change.op in ("done", "reopen"):
            if not change.blind:
                self.done = change.op == "done"
                self.done_by = change.annotator if self.done else None
            return
        assert change.span is not None
        if change.op == "label":
            self._label(change.span, change)
        elif change.op == "merge":
            self._merge(change.span)
        elif change.cut is not None:
            self._split(change.span, change.cut)

    def _label(self, span: Span, change: Change) -> None:
        label = label_of(change.after)
        self.labels.setdefault(change.annotator, {})[span] = label
        if change.blind:
            self._opinions.setdefault(span, {})[change.annotator] = label
            return
        if self._disagrees(span):
            del self._opinions[span]
        self.units[span] = replace(self.units[span], label=label, by=change.annotator, at=change.at)

    def _merge(self, span: Span) -> None:
        parts = [unit for unit in self.ordered() if unit.span.overlaps(span)]
        for unit in parts:
            del self.units[unit.span]
        # What a person puts together with a sentence is part of it.
        model = next((unit for unit in parts if not unit.furniture), parts[0])
        self.units[span] = replace(model, span=span, headline=all(unit.headline for unit in parts))

    def _split(self, span: Span, cut: int) -> None:
        unit = self.units.pop(span)
        for half in self.halves(span, cut):
            self.units[half] = replace(unit, span=half)

    def halves(self, span: Span, cut: int) -> tuple[Span, Span]:
        """Return the two units that a cut makes, without the white space around it."""
        string = self.string(span.part)
        first = trim(string, span.start, cut)
        second = trim(string, cut, span.end)
        return Span(span.part, *first), Span(span.part, *second)

    def plan(
        self, operation: Operation, annotator: str, at: datetime, model: Mapping[Span, Label], *, blind: bool
    ) -> Iterator[Change]:
        """Check an operation and yield the rows that it makes; apply each before asking for the next.

        Args:
            operation: What the person did.
            annotator: Their name.
            at: When.
            model: The model's labels of the sentences, as shown.
            blind: It is a second opinion.

        Raises:
            ReviewError: The article does not allow it.
            NotReadyError: A unit would be confirmed for which there is no label to confirm.
        """
        if blind and not isinstance(operation, LabelOperation | DoneOperation):
            raise ReviewError(
                "invalid", f"a second opinion (blind) labels units as they are and cannot {operation.op}."
            )
        match operation:
            case LabelOperation():
                span = self._find(operation.part, operation.start, operation.end)
                yield self._labelling(span, name_of(operation.label), annotator, at, model, blind=blind)
            case MergeOperation():
                yield from self._merging(operation, annotator, at, model)
            case SplitOperation():
                yield self._splitting(operation, annotator, at, model)
            case DoneOperation():
                for span in self.unconfirmed(annotator, blind=blind):
                    shown = self._shown(span, annotator, model, blind=blind)
                    if shown is None:
                        raise NotReadyError(
                            "the model has not read all sentences yet; mark the article as done in a request "
                            "of its own, in a moment."
                        )
                    yield self._labelling(span, shown, annotator, at, model, blind=blind)
                yield Change("done", annotator, at, blind=blind)
            case ReopenOperation():
                yield Change("reopen", annotator, at)

    def unconfirmed(self, annotator: str, *, blind: bool) -> list[Span]:
        """Return the units that ``done`` confirms for this person."""
        own = self.labels.get(annotator, {})
        return [unit.span for unit in self.ordered() if (unit.span not in own if blind else unit.by is None)]

    def touched(self, operation: Operation, annotator: str, *, blind: bool) -> list[Span]:
        """Return the stretches of text that an operation is about."""
        match operation:
            case LabelOperation() | SplitOperation():
                return [Span(operation.part, operation.start, operation.end)]
            case MergeOperation():
                start = min(operation.start, operation.other.start)
                return [Span(operation.part, start, max(operation.end, operation.other.end))]
            case DoneOperation():
                return self.unconfirmed(annotator, blind=blind)
            case ReopenOperation():
                return []

    def _shown(self, span: Span, annotator: str, model: Mapping[Span, Label], *, blind: bool) -> str | None:
        """Return the name of the label that the annotator sees on a unit."""
        if not blind:
            return self.current(span, model)
        own = self.labels.get(annotator, {})
        if span in own:
            return name_of(own[span])
        unit = self.units[span]
        return FURNITURE if unit.kind is not None else _value(model.get(span))

    def _labelling(
        self,
        span: Span,
        name: str,
        annotator: str,
        at: datetime,
        model: Mapping[Span, Label],
        *,
        blind: bool,
    ) -> Change:
        before = self._shown(span, annotator, model, blind=blind)
        seen = not blind and self.units[span].by not in (None, annotator)
        return Change("label", annotator, at, span, before=before, after=name, blind=blind, seen=seen)

    def _merging(
        self, operation: MergeOperation, annotator: str, at: datetime, model: Mapping[Span, Label]
    ) -> Iterator[Change]:
        one = self._find(operation.part, operation.start, operation.end)
        other = self._find(operation.part, operation.other.start, operation.other.end)
        first, second = sorted((one, other))
        whole = Span(first.part, first.start, second.end)
        between = [span for span in self.units if span.overlaps(whole)]
        if first == second or len(between) != 2:
            raise ReviewError(
                "not_neighbours",
                f"{_place(first)} and {_place(second)} are no neighbours; merge a unit with the one right "
                "before or behind it.",
            )
        before = self.current(first, model)
        parts = [self.units[first], self.units[second]]
        kept = next((unit.span for unit in parts if not unit.furniture), first)
        yield Change("merge", annotator, at, whole, before=before, after=self._inherited(kept))
        if "label" in operation.model_fields_set:
            yield self._labelling(whole, name_of(operation.label), annotator, at, model, blind=False)

    def _splitting(
        self, operation: SplitOperation, annotator: str, at: datetime, model: Mapping[Span, Label]
    ) -> Change:
        span = self._find(operation.part, operation.start, operation.end)
        if span.part == "title":
            raise ReviewError("bad_split", "a headline is one unit, however long, and is not split.")
        if not span.start < operation.at < span.end or any(
            half.start >= half.end for half in self.halves(span, operation.at)
        ):
            raise ReviewError(
                "bad_split",
                f"a cut at {operation.at} leaves one half of {_place(span)} empty; cut inside of it, with "
                "text on both sides.",
            )
        before, after = self.current(span, model), self._inherited(span)
        return Change("split", annotator, at, span, cut=operation.at, before=before, after=after)

    def _inherited(self, span: Span) -> str | None:
        """Return the label that goes over to new units; None where the model labels those anew."""
        return self.current(span, {})

    def _find(self, part: Part, start: int, end: int) -> Span:
        span = Span(part, start, end)
        if span not in self.units:
            raise ReviewError(
                "no_such_unit",
                f"the article has no unit at {_place(span)}; load it again, offsets count characters (code "
                "points) with exclusive end.",
            )
        return span


def name_of(label: Label | None) -> str:
    """Return the name of a person's label."""
    return FURNITURE if label is None else label.value


def label_of(name: str | None) -> Label | None:
    """Return the label of a name in the log."""
    return None if name in (None, FURNITURE) else Label(str(name))


def _value(label: Label | None) -> str | None:
    return None if label is None else label.value


def _place(span: Span) -> str:
    return f"{span.part} {span.start} to {span.end}"


def conflicting(touched: Sequence[Span], newer: Iterable[Change]) -> list[Change]:
    """Return the changes of others that an operation would overwrite."""
    return [
        change
        for change in newer
        if not change.blind and change.span is not None and any(map(change.span.overlaps, touched))
    ]
