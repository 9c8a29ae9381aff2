"""Other ways to write the same article, as newspapers and their pages differ; none changes a label."""

import re
from collections.abc import Mapping

from khabar.arabic._tables import TATWEEL
from khabar.checks._templates import Respell

_LETTERS = "ء-غف-ي"
_WORD = re.compile(f"[{_LETTERS}]+")

_UNJOINED = "اأإآءدذرزوؤةى"
"""Letters that do not join the next one, so that nothing can be stretched after them."""

_STRETCHED_FROM = 5
"""Letters from which a word is stretched; short words seldom are."""

_DROP_HAMZA = str.maketrans("أإآ", "ااا")
_FINAL_YAA = re.compile(f"ي(?![{_LETTERS}])")
_HAMZA_SEATS = {"مسؤول": "مسئول", "شؤون": "شئون"}
"""Words whose hamza has another seat in the press of Egypt."""


def vocalised(words: Mapping[str, str]) -> Respell:
    """Write words with the marks that a table gives them, wherever they stand as whole words."""

    def respell(sentences: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(
            _WORD.sub(lambda match: words.get(match[0], match[0]), sentence) for sentence in sentences
        )

    return respell


def stretched(sentences: tuple[str, ...]) -> tuple[str, ...]:
    """Stretch every long word once, where its letters join."""
    return tuple(_WORD.sub(lambda match: _stretch(match[0]), sentence) for sentence in sentences)


def _stretch(word: str) -> str:
    if len(word) < _STRETCHED_FROM:
        return word
    for place in range(1, len(word)):
        before, after = word[place - 1], word[place]
        # Lam and alef are one sign that no printer pulls apart.
        if before not in _UNJOINED and after != "ء" and not (before == "ل" and after in "اأإآ"):
            return word[:place] + TATWEEL + word[place:]
    return word


def quoted(opening: str, closing: str) -> Respell:
    """Write other quotation marks in place of guillemets."""
    marks = str.maketrans({"«": opening, "»": closing})

    def respell(sentences: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(sentence.translate(marks) for sentence in sentences)

    return respell


def without_hamza(sentences: tuple[str, ...]) -> tuple[str, ...]:
    """Write every alef without its hamza or maddah, as hurried typists do."""
    return tuple(sentence.translate(_DROP_HAMZA) for sentence in sentences)


def egyptian(sentences: tuple[str, ...]) -> tuple[str, ...]:
    """Write as the press of Egypt does: a yaa that ends a word has no dots, «مسؤول» is «مسئول»."""

    def respell(sentence: str) -> str:
        for ours, theirs in _HAMZA_SEATS.items():
            sentence = sentence.replace(ours, theirs)
        return _FINAL_YAA.sub("ى", sentence)

    return tuple(map(respell, sentences))


def datelined(prefix: str) -> Respell:
    """Open the article with a place and an agency, as its first sentence has them on many pages."""

    def respell(sentences: tuple[str, ...]) -> tuple[str, ...]:
        first, *rest = sentences
        return (prefix + first, *rest)

    return respell
