"""What a behaviour test is written in: articles with slots, the words for them, and three kinds of change.

No Arabic stands here; the templates themselves are in `khabar.checks.sentences`.

A slot is written in one of three ways, as the name says of which filler:

- ``{office}``: its text;
- ``{office.name}``: one of its other forms;
- ``{office:قال|قالت}``: the first word or the second, whichever agrees with it.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Protocol

from khabar.checks._records import Case, Kind, Variant
from khabar.labels import Label

_SLOT = re.compile(r"\{(\w+)(?:\.(\w+)|:([^{}|]*)\|([^{}|]*))?\}")


@dataclass(frozen=True, slots=True)
class Filler:
    """What may stand in a slot, with all that the words around it must know of it."""

    text: str = ""
    second: bool = False
    """Whether words that agree with it take their second form: a feminine, or a number above ten, whose
    counted noun is a singular."""
    forms: Mapping[str, str] = field(default_factory=dict)
    """Other inflections of it, or other sentences of the same scene, by name."""
    group: tuple[str, str] | None = None
    """Attribute and value when it names somebody whom a model may be biased about: ``("country", "مصر")``."""


def male(text: str = "", **forms: str) -> Filler:
    """A filler that words agree with in the masculine."""
    return Filler(text, second=False, forms=forms)


def female(text: str = "", **forms: str) -> Filler:
    """A filler that words agree with in the feminine."""
    return Filler(text, second=True, forms=forms)


def scene(**forms: str) -> Filler:
    """Sentences and phrases that belong to one another, with nothing to agree with."""
    return Filler(forms=forms)


Slots = Mapping[str, Sequence[Filler]]


@dataclass(frozen=True, slots=True)
class Draft:
    """An article with slots."""

    sentences: tuple[str, ...]
    judged: int
    """Place of the sentence that is looked at."""
    label: Label
    """Its label, whatever fills the slots."""

    def fill(self, fillers: Mapping[str, Filler]) -> Variant:
        """The article with its slots filled; fillers that it has no slot for are ignored.

        Raises:
            ValueError: A slot has no filler, or the filler lacks the form that is asked for.
        """
        used = {match[1] for sentence in self.sentences for match in _SLOT.finditer(sentence)}
        groups = dict(filler.group for name, filler in fillers.items() if name in used and filler.group)
        return Variant(
            tuple(fill(sentence, fillers) for sentence in self.sentences), self.judged, self.label, groups
        )


class Template(Protocol):
    """What yields cases: one of the three classes below."""

    @property
    def name(self) -> str:
        """Unique among all templates."""

    @property
    def about(self) -> str:
        """What is changed and what should come of it, for readers of a report."""

    @property
    def kind(self) -> Kind:
        """Whether the label should change."""

    def cases(self) -> Iterator[Case]:
        """All cases, always in the same order."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """Directional: two drafts that share their fillers, and whose labels differ."""

    name: str
    about: str
    original: Draft
    changed: Draft
    crossed: Slots
    """Slots whose fillers are combined each with each."""
    rotating: Slots = field(default_factory=dict)
    """Slots that take their next filler from case to case: variety without further cases."""

    @property
    def kind(self) -> Kind:
        """Directional."""
        return Kind.DIRECTIONAL

    def cases(self) -> Iterator[Case]:
        """One case for each combination of the crossed slots."""
        for number, fillers in enumerate(combinations(self.crossed, self.rotating)):
            yield _case(self, number, self.original.fill(fillers), self.changed.fill(fillers))


@dataclass(frozen=True, slots=True)
class Swap:
    """Invariant: drafts in which one filler makes way for another of the same role."""

    name: str
    about: str
    drafts: Sequence[Draft]
    slot: str
    """The slot whose filler is swapped."""
    pairs: Sequence[tuple[Filler, Filler]]
    """What stands there before and after."""
    crossed: Slots
    """The other slots; their fillers are combined each with each, and with each pair."""

    @property
    def kind(self) -> Kind:
        """Invariant."""
        return Kind.INVARIANT

    def cases(self) -> Iterator[Case]:
        """One case for each draft, pair and combination of the crossed slots."""
        every = product(self.drafts, combinations(self.crossed), self.pairs)
        for number, (draft, fillers, pair) in enumerate(every):
            original, changed = (draft.fill({**fillers, self.slot: filler}) for filler in pair)
            yield _case(self, number, original, changed)


Respell = Callable[[tuple[str, ...]], tuple[str, ...]]
"""Writes the sentences of an article in another way."""


@dataclass(frozen=True, slots=True)
class Respelling:
    """Invariant: whole articles, written as another newspaper would."""

    name: str
    about: str
    articles: Sequence[Draft]
    """Articles without slots."""
    ways: Sequence[Respell]
    """Each is applied to each article; where it leaves the judged sentence as it is there is no case."""

    @property
    def kind(self) -> Kind:
        """Invariant."""
        return Kind.INVARIANT

    def cases(self) -> Iterator[Case]:
        """One case for each article and way that changes its judged sentence."""
        originals = [draft.fill({}) for draft in self.articles]
        pairs = (
            (original, Variant(way(original.sentences), original.judged, original.label))
            for original, way in product(originals, self.ways)
        )
        changed = (pair for pair in pairs if pair[0].text != pair[1].text)
        for number, pair in enumerate(changed):
            yield _case(self, number, *pair)


def ring(fillers: Sequence[Filler]) -> list[tuple[Filler, Filler]]:
    """Each filler with the next, the last with the first: all of them occur equally often on both sides."""
    return list(zip(fillers, [*fillers[1:], *fillers[:1]], strict=True))


def fill(text: str, fillers: Mapping[str, Filler]) -> str:
    """Fill the slots of one sentence.

    Raises:
        ValueError: A slot has no filler, the filler lacks the form that is asked for, or a brace is left.
    """

    def put(match: re.Match[str]) -> str:
        name, form, first, second = match.groups()
        if name not in fillers:
            raise ValueError(f"{text!r}: nothing fills {{{name}}}; there are {', '.join(fillers) or 'none'}.")
        filler = fillers[name]
        if first is not None:
            return str(second if filler.second else first)
        found = filler.text if form is None else filler.forms.get(form, "")
        if not found:
            raise ValueError(f"{text!r}: the filler {filler.text!r} of {name!r} has no {form or 'text'!r}.")
        return found

    filled = _SLOT.sub(put, text)
    if "{" in filled or "}" in filled:
        raise ValueError(
            f"{text!r}: a brace is left after filling; a slot is {{name}}, {{name.form}} or "
            "{name:first|second}."
        )
    return filled


def combinations(crossed: Slots, rotating: Slots | None = None) -> Iterator[dict[str, Filler]]:
    """All combinations of the crossed slots' fillers, each with one filler of every rotating slot.

    A rotating slot moves one step further with every round, so that it does not keep in step with a crossed
    one of the same length.
    """
    for number, choice in enumerate(product(*crossed.values())):
        rest = {
            name: fillers[(number + number // len(fillers)) % len(fillers)]
            for name, fillers in (rotating or {}).items()
        }
        yield dict(zip(crossed, choice, strict=True)) | rest


def _case(template: Template, number: int, original: Variant, changed: Variant) -> Case:
    return Case(f"{template.name} {number + 1:03}", template.name, template.kind, original, changed)
