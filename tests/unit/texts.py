"""Hypothesis strategies for raw texts, the invariants of reading them, and a yardstick for linear time."""

import time
from collections.abc import Callable, Sequence

from hypothesis import settings
from hypothesis import strategies as st

from khabar.arabic.punctuation import DEBRIS
from khabar.schema import Article

# A busy machine is no failure; that time is linear has tests of its own.
untimed = settings(deadline=None)

PIECES = [
    *"ابتجدرسعفقكلمنهويأةى",
    *".!?؟…۔،؛:,;",
    *"«»‹›“”„\"'‘’()[]{}﴿﴾",
    *"0123٠١٢۴٫٬%/-–ـ",
    *"•●*#@_",
    *" \t\n\r\v\f\x1c\x85\u00a0\u2028\u2029",
    *"\u200b\u200f\u202b\ufeff\u0640\u064e\x00",
    "\r\n",
    "\n\n",
    "...",
    "''",
    "<<",
    ">>",
    "https://a.b/c?d=1.",
    "www.",
    "x.jpg",
    "a@b.co",
    "U.S.",
    "أ.ف.ب",
    "د. ",
    "وأضاف ",
    "وقال: «",
    ".» ",
    "اقرأ أيضا",
    "حجم الخط",
    "القاهرة - ",
    "(رويترز)",
    "الأحد",
    "كلمة أخرى وثالثة ",
    "\ud800",
    "中文",
    "👍🏽",
]

arabic_soup = st.lists(st.sampled_from(PIECES), max_size=80).map("".join)
any_text = st.one_of(
    st.text(alphabet=st.characters(exclude_categories=()), max_size=80),
    arabic_soup,
    st.lists(st.one_of(arabic_soup, st.text(max_size=10)), max_size=6).map("\n".join),
)


def is_visible(character: str) -> bool:
    return not character.isspace() and character not in DEBRIS


def assert_partition(
    text: str, spans: Sequence[tuple[int, int]], start: int = 0, end: int | None = None
) -> None:
    """The spans are in order, disjoint, trimmed and not empty, and leave out nothing that can be seen."""
    end = len(text) if end is None else end
    position = start
    for first, last in spans:
        assert position <= first < last <= end
        assert not any(map(is_visible, text[position:first]))
        assert text[first:last] == text[first:last].strip()
        position = last
    assert not any(map(is_visible, text[position:end]))


def assert_article(article: Article, text: str, title: str | None) -> None:
    """Everything that holds for an article as it is read, whatever the text."""
    assert article.text == text
    in_title = [sentence for sentence in article.sentences if sentence.part == "title"]
    in_text = list(article.sentences)
    if article.title is None:
        assert title is None or not any(map(is_visible, title))
        assert len(in_title) <= 1
    else:
        assert article.title == title
        assert in_title == in_text[:1]
        head = in_text.pop(0)
        assert head.text == title[head.start : head.end] == head.text.strip() != ""
        assert list(filter(is_visible, title)) == list(filter(is_visible, head.text))
    for piece in (*in_text, *article.furniture):
        assert text[piece.start : piece.end] == piece.text
    spans = [[(piece.start, piece.end) for piece in pieces] for pieces in (in_text, article.furniture)]
    assert spans[0] == sorted(spans[0])
    assert spans[1] == sorted(spans[1])
    assert_partition(text, sorted(spans[0] + spans[1]))


def growth(function: Callable[[str], object], unit: str, short: int = 25_000, factor: int = 8) -> float:
    """How many times longer ``function`` takes on a text ``factor`` times as long, best of three each.

    Processor time, measured within one run, so that a slow or busy machine changes little; linear time
    gives about ``factor``, quadratic time its square.
    """

    def best(length: int) -> float:
        text = (unit * (length // len(unit) + 1))[:length]
        durations = []
        for _ in range(3):
            started = time.process_time()
            function(text)
            durations.append(time.process_time() - started)
        return min(durations)

    # Below a fifth of a millisecond a duration is noise.
    return best(short * factor) / max(best(short), 2e-4)


HOSTILE_UNITS = [
    "كلمة ",
    "ا",
    "1",
    "1. ",
    "1,",
    ".",
    ". ",
    "…",
    "؟",
    "؟ ",
    ".)",
    ". ) ",
    "«",
    "»",
    "«»",
    "«.»",
    '"',
    '".',
    ' "',
    "'",
    "''",
    "(",
    "()",
    "[(",
    "<",
    "\n",
    "\r\n",
    "اب\n",
    "\u2028",
    " ",
    "\u200f",
    "\u200f ",
    "\x00",
    "•",
    " • ا",
    "-",
    "ـ",
    "أ.",
    "أ. ",
    "د. وأضاف ",
    "a.",
    "a@",
    "www.",
    "http://",
    "x.jpg ",
    'قال: «نعم.» وأضاف "لا". ',
    "اقرأ أيضا ",
    "القاهرة - ",
    "(رويترز) ",
]
