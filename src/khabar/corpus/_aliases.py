"""The names that people give the four labels and page furniture, and the one way from a name to a label."""

import re
from typing import Final

from khabar.arabic import normalize
from khabar.corpus._problems import Place, listed, nearest, show
from khabar.labels import Label

FURNITURE: Final = "furniture"
"""The name of page furniture where a format cannot say null."""

ARABIC_NAMES: Final = {
    Label.CASUALTY_REPORT: "حصيلة ضحايا",
    Label.OFFICIAL_STATEMENT: "بيان رسمي",
    Label.CLAIM: "ادعاء",
    Label.BACKGROUND: "خلفية",
}
"""What each label is called in Arabic; with or without article, hamza and vowel signs."""

_SEPARATORS = re.compile(r"[\s_\-\u2010-\u2015]+")
_ARTICLE = re.compile(r"^ال(?=..)")
_HAMZA = str.maketrans("أإآٱ", "اااا")


def _key(name: str) -> str:
    """Return what all spellings of a name have in common: case, hyphens, article and hamza are dropped."""
    words = _SEPARATORS.split(normalize(name).casefold().translate(_HAMZA))
    return "_".join(_ARTICLE.sub("", word) for word in words if word)


_LABELS = {label.value: label for label in Label}
_BY_KEY = {_key(name): label for label, name in ARABIC_NAMES.items()} | {
    _key(name): label for name, label in _LABELS.items()
}
_KNOWN = (*_LABELS, *ARABIC_NAMES.values(), FURNITURE)


def read_label(value: object, place: Place) -> Label | None:
    """Return the label that a value of a file means.

    Canonical names count in any case and with hyphens or spaces for underscores; so do the names of
    `ARABIC_NAMES`. Anything else is complained of, with the nearest name that is known.

    Returns:
        The label; None for page furniture, which is null or «furniture», and for what is no label.
    """
    if value is None:
        return None
    if isinstance(value, str):
        key = _key(value)
        if key in _BY_KEY:
            return _BY_KEY[key]
        if key == FURNITURE:
            return None
    place.complain(
        f"{show(value)} is no label; use {listed(_LABELS)} or null for furniture{nearest(value, _KNOWN)}"
    )
    return None


def read_also(values: list[object], label: Label | None, place: Place) -> tuple[Label, ...]:
    """Return second labels: none of them furniture, none twice, none the label itself."""
    also: list[Label] = []
    for value in values:
        other = _BY_KEY.get(_key(value)) if isinstance(value, str) else None
        if other is None:
            place.complain(f"{show(value)} is no label; use {listed(_LABELS)}{nearest(value, _KNOWN[:-1])}")
            continue
        if other is label or other in also:
            place.complain(
                f"{show(other.value)} is there twice; list only labels other than the sentence's own, once"
            )
        also.append(other)
    return tuple(also)
