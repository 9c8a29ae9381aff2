"""Splits that tell the truth: whole articles, wire copy on one side, each label's share in every split.

A group of near-duplicates is dealt out as one piece. Pieces go, the largest first, to the split where they
leave the least distance to the wanted shares, as in scikit-learn's ``StratifiedGroupKFold``, which knows only
folds of one size. Iterative stratification (Sechidis et al. 2011, «On the Stratification of Multi-Label
Data») was tried too. It looks at one label at a time, which suits examples that have a label or not; articles
have ten sentences of one and three of another. Over five seeds on the labels of the built-in model's corpus,
dealt out 80 : 10 : 10, its worst split was off by 5 to 21 % of a label, and this one's by 0.3 to 0.5 %.
"""

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from difflib import get_close_matches
from random import Random
from types import MappingProxyType
from typing import Final

from khabar.arabic.words import fold
from khabar.corpus._duplicates import THRESHOLD, near_groups
from khabar.corpus._problems import listed, nearest, show
from khabar.errors import DataError
from khabar.labels import Label
from khabar.schema import LabelledArticle

SPLITS: Final = ("train", "validation", "test")
"""The names of the splits: to learn from, to choose a checkpoint by, to report on."""

SHARES: Final[Mapping[str, float]] = MappingProxyType({"train": 0.8, "validation": 0.1, "test": 0.1})
"""What share of the articles and labels each split gets where nothing else is said."""

_HELD_OUT: Final = "test"
_MOST_LISTED: Final = 3


@dataclass(frozen=True, slots=True)
class _Piece:
    """Articles that stay together."""

    members: tuple[int, ...]
    """Their places in the list."""
    sizes: tuple[int, ...]
    """Sentences of each label, in the order of `Label`, and then articles."""


def split(
    articles: Sequence[LabelledArticle],
    shares: Mapping[str, float] = SHARES,
    *,
    seed: int = 0,
    hold_out_outlets: Collection[str] = (),
    hold_out_after: date | None = None,
    dates: Mapping[str, date] | None = None,
    threshold: float = THRESHOLD,
) -> list[LabelledArticle]:
    """Deal articles out to splits; the splits that they have are not looked at.

    An article stays whole, articles of one id stay together, and so do near-duplicates. Every split gets
    close to its share of the articles and of each label's sentences; how close depends on the size of the
    largest articles and groups. A label that few articles have may be missing from a split, which
    `khabar.corpus.check` tells.

    Args:
        articles: The articles.
        shares: The share of each split, which sum to 1: any of `SPLITS`.
        seed: Settles ties, and with them which of many equal ways to deal is taken. The same articles in the
            same order with the same seed give the same splits on every machine.
        hold_out_outlets: Outlets whose articles are the split ``test``, to see how a model fares on outlets
            that it never saw.
        hold_out_after: The split ``test`` is what was published after this day, to see how a model fares on
            later news. Together with ``hold_out_outlets``, articles that meet one of the two are held out.
        dates: The day on which each article was published, by article id; needed for ``hold_out_after``.
        threshold: From where on two articles are near-duplicates, as in `near_duplicates`.

    Returns:
        The articles in the order in which they came, with their splits. Where articles are held out, they are
        all that is in ``test``, and the other shares are of the rest, in the same proportion. An article that
        is a near-duplicate of one held out, but not held out itself, gets the split None: learnt from, it
        would give an answer away; tested on, it would be neither of an unseen outlet nor of a later day.

    Raises:
        ValueError: Shares or options are wrong in themselves.
        DataError: The articles do not allow it: an outlet that none is of, days that are missing, fewer
            groups than splits.
        MissingExtraError: The library datasketch, of the extra ``train``, is not installed.
    """
    _check_options(shares, hold_out_outlets, hold_out_after, dates)
    held = _held_out(articles, hold_out_outlets, hold_out_after, dates)
    splits: dict[int, str | None] = {}
    pieces = []
    for piece in _pieces(articles, threshold):
        if held.isdisjoint(piece.members):
            pieces.append(piece)
        else:
            splits.update({place: _HELD_OUT if place in held else None for place in piece.members})
    names = [name for name in shares if not (held and name == _HELD_OUT)]
    if len(pieces) < len(names):
        rest = " beside what is held out" if held else ""
        raise DataError(
            f"the articles form {_counted(len(pieces), 'group')}{rest} that cannot be divided, too few for "
            f"{listed(names)}; label more articles or name fewer splits."
        )
    total = math.fsum(shares[name] for name in names)
    dealt = _deal(pieces, [shares[name] / total for name in names], seed)
    for piece, number in zip(pieces, dealt, strict=True):
        splits.update(dict.fromkeys(piece.members, names[number]))
    return [replace(article, split=splits[place]) for place, article in enumerate(articles)]


def folds(
    articles: Sequence[LabelledArticle], k: int, *, seed: int = 0, threshold: float = THRESHOLD
) -> list[list[LabelledArticle]]:
    """Deal articles out for cross-validation, each of them tested on once.

    Args:
        articles: The articles.
        k: The number of folds, at least 3.
        seed: As in `split`.
        threshold: As in `split`.

    Returns:
        All articles, in the order in which they came, k times. In the nth list the nth fold is ``test``, the
        one after it (after the last, the first) is ``validation``, by which a checkpoint is chosen, and the
        others are ``train``.

    Raises:
        ValueError: ``k`` is less than 3.
        DataError: There are fewer groups of articles than folds.
        MissingExtraError: The library datasketch, of the extra ``train``, is not installed.
    """
    if k < 3:
        raise ValueError(f"k is {k}; one fold tests, one chooses and the others train, so it is at least 3")
    pieces = _pieces(articles, threshold)
    if len(pieces) < k:
        raise DataError(
            f"the articles form {_counted(len(pieces), 'group')} that cannot be divided, too few for "
            f"{k} folds; label more articles or make fewer folds."
        )
    fold_of = {
        place: number
        for piece, number in zip(pieces, _deal(pieces, [1 / k] * k, seed), strict=True)
        for place in piece.members
    }
    roles = ("test", "validation", *["train"] * (k - 2))
    return [
        [replace(article, split=roles[(fold_of[place] - n) % k]) for place, article in enumerate(articles)]
        for n in range(k)
    ]


def _pieces(articles: Sequence[LabelledArticle], threshold: float) -> list[_Piece]:
    groups = near_groups(articles, threshold)
    first_with: dict[str, int] = {}
    for place, article in enumerate(articles):
        groups.join(first_with.setdefault(article.id, place), place)
    pieces = []
    for members in groups.listed():
        labels = Counter(unit.label for place in members for unit in articles[place].sentences)
        pieces.append(_Piece(tuple(members), (*(labels[label] for label in Label), len(members))))
    return pieces


def _deal(pieces: Sequence[_Piece], shares: Sequence[float], seed: int) -> list[int]:
    """Return for each piece the number of the split that it goes to; no split stays empty.

    The distance to the shares is Pearson's chi-squared of every label, and of the articles, each divided by
    how many there are of it, so that a rare label counts for as much as a common one.
    """
    totals = [sum(sizes) or 1 for sizes in zip(*(piece.sizes for piece in pieces), strict=True)]
    portions = [[size / total for size, total in zip(piece.sizes, totals, strict=True)] for piece in pieces]
    order = list(range(len(pieces)))
    Random(seed).shuffle(order)
    # Small pieces last, to even out what the large ones left uneven; the sort keeps equals in random order.
    order.sort(key=lambda number: -max(portions[number]))

    missing = [[share] * len(totals) for share in shares]
    empty = set(range(len(shares)))
    dealt = [0] * len(pieces)
    for done, number in enumerate(order):
        portion = portions[number]
        choices = sorted(empty) if len(pieces) - done <= len(empty) else range(len(shares))
        best = min(choices, key=lambda to: _growth(missing[to], portion) / shares[to])
        empty.discard(best)
        dealt[number] = best
        missing[best] = [lack - size for lack, size in zip(missing[best], portion, strict=True)]
    return dealt


def _growth(missing: Sequence[float], portion: Sequence[float]) -> float:
    """Return by how much a piece makes the squared distance of a split to its share grow; mostly below 0."""
    return sum((lack - size) ** 2 - lack**2 for lack, size in zip(missing, portion, strict=True))


def _check_options(
    shares: Mapping[str, float],
    outlets: Collection[str],
    after: date | None,
    dates: Mapping[str, date] | None,
) -> None:
    wrong = [
        f"shares has {show(name)}, which is no split; use {listed(SPLITS)}{nearest(name, SPLITS)}"
        for name in shares
        if name not in SPLITS
    ]
    wrong += [
        f"the share of {show(name)} is {share}; make it greater than 0, or leave the split out"
        for name, share in shares.items()
        if not share > 0
    ]
    total = math.fsum(shares.values())
    if not math.isclose(total, 1, abs_tol=1e-6):
        wrong.append(f"shares sum to {total:g}; make them sum to 1")
    if isinstance(outlets, str):
        wrong.append(f"hold_out_outlets is one string; write [{show(outlets)}]")
    if after is not None and dates is None:
        wrong.append("hold_out_after needs the day of each article; give dates={id: day}")
    if after is None and dates is not None:
        wrong.append("dates are given and hold_out_after is not; give both or neither")
    if (outlets or after is not None) and not set(shares) - {_HELD_OUT}:
        wrong.append(f"what is held out is all of {show(_HELD_OUT)}; give another split a share of the rest")
    if wrong:
        raise ValueError(_sentences(wrong))


def _held_out(
    articles: Sequence[LabelledArticle],
    outlets: Collection[str],
    after: date | None,
    dates: Mapping[str, date] | None,
) -> set[int]:
    """Return the places of the articles that are held out."""
    there = Counter(article.outlet for article in articles if article.outlet is not None)
    wrong = [_unknown_outlet(outlet, there) for outlet in outlets if outlet not in there]
    held = {place for place, article in enumerate(articles) if article.outlet in set(outlets)}
    if after is not None and dates is not None:
        undated = [article.id for article in articles if article.id not in dates]
        days = {identifier: _day(when) for identifier, when in dates.items()}
        later = {place for place, article in enumerate(articles) if days.get(article.id, after) > after}
        if undated:
            more = f" and {len(undated) - _MOST_LISTED} more" if len(undated) > _MOST_LISTED else ""
            wrong.append(
                f"dates lacks {listed(undated[:_MOST_LISTED])}{more}; "
                "give their days or leave the articles out"
            )
        elif not later:
            latest = max((days[article.id] for article in articles), default=None)
            wrong.append(
                f"no article was published after {after}; "
                f"the latest is of {latest}, so choose a day before it"
            )
        held |= later
    if wrong:
        raise DataError(_sentences(wrong))
    return held


def _unknown_outlet(outlet: str, there: Counter[str]) -> str:
    by_key = {fold(name): name for name in there}
    close = get_close_matches(fold(outlet), by_key, 1)
    if close:
        return f"no article is of the outlet {show(outlet)}; did you mean {show(by_key[close[0]])}?"
    common = listed(name for name, _ in there.most_common(_MOST_LISTED)) or "none"
    return f"no article is of the outlet {show(outlet)}; the outlets with the most articles are {common}"


def _day(when: date) -> date:
    """Return the day of a day or moment; Python does not compare the two."""
    return when.date() if isinstance(when, datetime) else when


def _sentences(wrong: Sequence[str]) -> str:
    return " ".join(what if what.endswith("?") else f"{what}." for what in wrong)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
