"""Kinds of error, told by the two labels that were confused and by words of the sentence, as data.

A kind says where to look, not why a model erred: the words are cues, and a sentence has the first kind that
fits. Together the kinds hold every error once.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from khabar.arabic.words import fold, words_of
from khabar.labels import Label
from khabar.schema import LabelledSentence

_UNNAMED = frozenset(
    words_of(
        """
        مسؤول مسؤولا مسؤولون مسؤولين مسؤولان المسؤول المسؤولون المسؤولين مسئول مسئولون مسئولين مصدر مصدرا
        مصدران المصدر مصادر المصادر مصادرها مصادره دبلوماسي دبلوماسيون دبلوماسيين
        """
    )
)
"""Officials and sources without a name."""

_MOVEMENTS = frozenset(
    words_of(
        """
        حركة الحركة جماعة الجماعة جماعات حزب الحزب أحزاب الأحزاب تنظيم التنظيم كتائب الكتائب سرايا
        فصائل الفصائل فصيل جبهة الجبهة ائتلاف الائتلاف تحالف ميليشيا ميليشيات مليشيا مليشيات المقاومة
        مسلحون مسلحين المسلحين المعارضة معارض معارضون متمردون المتمردين المتمردون حماس طالبان
        الحوثيون الحوثيين
        """
    )
)
"""Movements, parties and armed groups, which are no authorities."""

_RESULT = re.compile(
    fold(r"\b(?:مما|ما|و|ف)?(?:أسفر|أسفرت|أدى|أدت|تسبب|تسببت|خلف|خلفت|أوقع|أوقعت|راح ضحي|نتج|نجم)\w*\b")
)
"""A result clause: «ما أسفر عن مقتل ثلاثة»."""


class _Judged(Protocol):
    """What is asked of a judgement; the record itself stands in a module above."""

    @property
    def gold(self) -> LabelledSentence: ...
    @property
    def carried_over(self) -> bool: ...


def _has(words: frozenset[str]) -> Callable[[_Judged], bool]:
    return lambda judged: not words.isdisjoint(words_of(judged.gold.text))


_SOURCES = {Label.CLAIM, Label.OFFICIAL_STATEMENT}
_Cue = Callable[[_Judged], bool]


def _has_result_clause(judged: _Judged) -> bool:
    return _RESULT.search(fold(judged.gold.text)) is not None


def _always(judged: _Judged) -> bool:
    return True


_KINDS: tuple[tuple[str, Callable[[set[Label]], bool], _Cue], ...] = (
    ("toll in a result clause", lambda pair: Label.CASUALTY_REPORT in pair, _has_result_clause),
    ("toll, other", lambda pair: Label.CASUALTY_REPORT in pair, _always),
    ("background against claim", lambda pair: pair == {Label.BACKGROUND, Label.CLAIM}, _always),
    ("background against official statement", lambda pair: Label.BACKGROUND in pair, _always),
    ("who speaks: carried over", lambda pair: pair == _SOURCES, lambda judged: judged.carried_over),
    ("who speaks: unnamed officials and sources", lambda pair: pair == _SOURCES, _has(_UNNAMED)),
    ("who speaks: movements and parties", lambda pair: pair == _SOURCES, _has(_MOVEMENTS)),
    ("who speaks: headline", lambda pair: pair == _SOURCES, lambda judged: judged.gold.part == "title"),
    ("who speaks: other", lambda pair: pair == _SOURCES, _always),
)

ERROR_KINDS = tuple(name for name, _, _ in _KINDS)
"""Names of the kinds, in the order in which they are asked."""


def count_kinds(errors: Iterable[tuple[_Judged, Label, Label]]) -> Mapping[str, int]:
    """Count errors by kind.

    Args:
        errors: What was judged, its gold label and the other label that it got.

    Returns:
        A count for each of `ERROR_KINDS`, zero included; they sum to the number of errors.
    """
    counts = Counter(
        next(name for name, fits, cue in _KINDS if fits({gold, got}) and cue(judged))
        for judged, gold, got in errors
    )
    return {name: counts[name] for name in ERROR_KINDS}
