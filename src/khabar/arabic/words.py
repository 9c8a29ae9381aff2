"""Pure functions on single words, answered from the tables of this folder."""

import re
from typing import Final

from khabar.arabic import abbreviations, openers
from khabar.arabic._tables import DIGITS, INVISIBLE, TASHKEEL, TATWEEL

_FOLD: Final = str.maketrans(
    dict.fromkeys(TASHKEEL + TATWEEL + INVISIBLE)
    | dict.fromkeys("أإآٱ", "ا")
    | {"ى": "ي", "ی": "ي", "ة": "ه", "ک": "ك", "ؤ": "و", "ئ": "ي"}
    | DIGITS
)
_WORD: Final = re.compile(r"[^\W\d_]+")
_LONGEST_WORD: Final = 24


def fold(text: str) -> str:
    """Return ``text`` as the tables are read: one spelling of alef, yaa and taa marbuta, no marks."""
    return text.translate(_FOLD).lower()


def _folded(table: str) -> frozenset[str]:
    return frozenset(fold(table).split())


_ABBREVIATIONS: Final = _folded(abbreviations.ABBREVIATIONS)
_ERA_MARKS: Final = _folded(abbreviations.ERA_MARKS)
_WRITTEN_DOMAINS: Final = _folded(abbreviations.WRITTEN_DOMAINS)
_WORDS_IN_WAW: Final = _folded(openers.WORDS_IN_WAW)
_NEGATIONS: Final = _folded(openers.NEGATIONS)
_TOLL_WORDS: Final = _folded(openers.TOLL_WORDS)
_LETTER_NAMES: Final = _folded(abbreviations.LETTER_NAMES)
_REPORTING: Final = _folded(openers.REPORTING_VERBS)
_VERBS: Final = _REPORTING | _folded(openers.NEWS_VERBS)
_OPENERS: Final = _folded(openers.SENTENCE_OPENERS) | _folded(openers.QUESTION_WORDS)
_CONJUNCTIONS: Final = tuple(openers.CONJUNCTIONS)
_ATTRIBUTIONS: Final = _folded(openers.ATTRIBUTIONS)


def word_at(text: str, index: int) -> str:
    """Return the word of ``text`` that begins at ``index``, folded; "" when none begins there."""
    # The marks of a vocalised word are not letters to the pattern, hence the fold before the match.
    match = _WORD.match(fold(text[index : index + _LONGEST_WORD]))
    return match[0] if match else ""


def is_abbreviation(word: str) -> bool:
    """Say whether a dot after the folded ``word`` abbreviates: a letter alone, or an entry of the table."""
    return len(word) == 1 or word in _ABBREVIATIONS


def is_era_mark(word: str) -> bool:
    """Say whether the folded ``word`` after a figure means an era or a time of day."""
    return word in _ERA_MARKS


def is_letter_name(word: str) -> bool:
    """Say whether the folded ``word`` names a Latin letter."""
    return word in _LETTER_NAMES


def is_written_domain(word: str) -> bool:
    """Say whether the folded ``word`` after a dot is the end of a web address spelt in Arabic."""
    return word in _WRITTEN_DOMAINS


def is_verb(word: str) -> bool:
    """Say whether the folded ``word``, with or without a conjunction, is a verb that news begins with."""
    return word in _VERBS or (word.startswith(_CONJUNCTIONS) and word[1:] in _VERBS)


def words_of(text: str) -> list[str]:
    """Return the words of ``text``, folded, figures left out."""
    return _WORD.findall(fold(text))


def opens_sentence(word: str) -> bool:
    """Say whether a new sentence probably begins with the folded ``word``."""
    return word in _OPENERS or is_verb(word)


def may_begin_name(word: str) -> bool:
    """Say whether the name of a person may begin with the folded ``word``."""
    return not word.startswith(openers.DEFINITE_ARTICLE)


def is_joined(word: str) -> bool:
    """Say whether the folded ``word`` begins with the conjunction that carries a text on."""
    return len(word) > 2 and word.startswith(openers.AND) and word not in _WORDS_IN_WAW


def reads_as_news(found: list[str]) -> bool:
    """Say whether a short line of these folded words is news, by its start or a toll, and no heading."""
    if not found:
        return False
    first = found[0]
    return (
        is_joined(first) or opens_sentence(first) or first in _NEGATIONS or not _TOLL_WORDS.isdisjoint(found)
    )


def opens_report(word: str) -> bool:
    """Say whether the folded ``word`` is a reporting verb with a conjunction, as in «وأضاف»."""
    return word.startswith(_CONJUNCTIONS) and word[1:] in _REPORTING


def continues_quotation(word: str) -> bool:
    """Say whether the folded ``word`` after a closed quotation carries its sentence on, as in «بحسب»."""
    return word in _ATTRIBUTIONS
