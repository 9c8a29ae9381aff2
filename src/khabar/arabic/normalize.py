"""Normalisation of the copy of a text that goes to the model; the raw text is never touched.

Only what carries no meaning for the labels is removed or folded: how a letter was encoded, vocalised,
stretched or typed on a Persian keyboard. Alef, yaa and taa marbuta stay as they are, since subword
vocabularies were learnt on text that tells them apart.

Or the steps are those of AraBERT (`arabert`), for models that start from it.
"""

import re
import unicodedata
from dataclasses import dataclass, fields
from typing import Literal, get_args

from khabar.arabic._tables import DIGITS, INVISIBLE, LETTER_VARIANTS, TASHKEEL, TATWEEL
from khabar.arabic.arabert import normalize_arabert, normalize_arabert_v2

Scheme = Literal["khabar", "arabert-v02", "arabert-v2"]

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

    The steps run in the order of their fields. Independently of them NUL and lone surrogates, which no
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
    scheme: Scheme = "khabar"
    """Whose steps: `khabar` takes those of the fields above; `arabert-v02` all those that AraBERT v02 was
    pretrained with, `arabert-v2` the same and Farasa's segmentation, which needs `khabar[farasa]` and Java.
    AraBERT's cannot be switched off one by one."""

    def __post_init__(self) -> None:
        if self.scheme not in get_args(Scheme):
            raise ValueError(f"scheme is {self.scheme!r}, expected one of {', '.join(get_args(Scheme))}.")
        off = [field.name for field in fields(self) if getattr(self, field.name) is False]
        if off and self.scheme != "khabar":
            raise ValueError(
                f"{', '.join(off)} cannot be off where scheme is {self.scheme!r}, since AraBERT knows only "
                "text that has gone through all of its steps; leave them out, or take scheme 'khabar'."
            )


def normalize(text: str, options: Normalization = Normalization()) -> str:
    """Return the form of ``text`` that a model reads.

    The result has other offsets than ``text``. Under the scheme ``khabar`` it is idempotent: normalising it
    again changes nothing. For the others see `normalize_arabert` and `normalize_arabert_v2`.

    Raises:
        MissingExtraError: The scheme is ``arabert-v2``, and farasapy, Java or Farasa is not there.
        KhabarError: The scheme is ``arabert-v2``, and Farasa gave no answer.
    """
    if options.scheme == "arabert-v02":
        return normalize_arabert(text)
    if options.scheme == "arabert-v2":
        return normalize_arabert_v2(text)
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
