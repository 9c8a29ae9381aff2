"""Normalisation of the copy of a text that goes to the model; the raw text is never touched.

Only what carries no meaning for the labels is removed or folded: how a letter was encoded, vocalised,
stretched or typed on a Persian keyboard. Alef, yaa and taa marbuta stay as they are, since subword
vocabularies were learnt on text that tells them apart.
"""

import re
import unicodedata
from dataclasses import dataclass

from khabar.arabic._tables import DIGITS, INVISIBLE, LETTER_VARIANTS, TASHKEEL, TATWEEL

_FOLD_LETTERS = str.maketrans(LETTER_VARIANTS)
_FOLD_DIGITS = str.maketrans(DIGITS)
_DROP_TASHKEEL = dict.fromkeys(map(ord, TASHKEEL))
_DROP_TATWEEL = {ord(TATWEEL): None}
_DROP_INVISIBLE = dict.fromkeys(map(ord, INVISIBLE))
_UNENCODABLE = re.compile("[\ud800-\udfff\x00]")
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Normalization:
    """Which steps a model's input goes through; saved with the model, so that training and inference agree.

    The steps run in the order of the fields. Independently of them NUL and lone surrogates, which no
    tokenizer can encode, become U+FFFD, and runs of white space become one space.
    """

    nfkc: bool = True
    """Unicode NFKC: presentation forms (copied from PDF) become letters, full-width Latin becomes ASCII."""
    invisible: bool = True
    """Drop bidirectional controls, zero-width characters and the byte order mark."""
    tashkeel: bool = True
    """Drop short vowels, shadda, sukun and Quranic marks."""
    tatweel: bool = True
    """Drop the stretching character U+0640."""
    letters: bool = True
    """Fold Persian and Urdu letters to the Arabic ones that stand for them in Arabic print."""
    digits: bool = True
    """Arabic-Indic and extended Arabic-Indic digits become 0-9, their separators dots and commas."""


def normalize(text: str, options: Normalization = Normalization()) -> str:
    """Return the form of ``text`` that a model reads.

    The result has other offsets than ``text`` and is idempotent: normalising it again changes nothing.
    """
    text = _UNENCODABLE.sub("\ufffd", text)
    if options.nfkc:
        # The ligature U+FDFA would become an eighteen-letter phrase: that is what it says, so it may.
        text = unicodedata.normalize("NFKC", text)
    if options.invisible:
        text = text.translate(_DROP_INVISIBLE)
    if options.tashkeel:
        text = text.translate(_DROP_TASHKEEL)
    if options.tatweel:
        text = text.translate(_DROP_TATWEEL)
    if options.letters:
        text = text.translate(_FOLD_LETTERS)
    if options.digits:
        text = text.translate(_FOLD_DIGITS)
    if options.nfkc:
        # A mark between two others may have kept them from composing.
        text = unicodedata.normalize("NFKC", text)
    return _SPACE.sub(" ", text).strip()
