"""The rules of AraBERT's preprocessing as data, in the order in which they run.

What `ArabertPreprocessor` does to a text is a fact about the texts that AraBERT was pretrained on. The rules
here were written from a description of its steps and from what the package `arabert` answers, and state them
in patterns that take linear time. Their order is that of the package; before its second step stand the
repairs, for the letters that it would delete and the words that it would thereby tear apart.
"""

import html
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from khabar.arabic._tables import DIGITS, INVISIBLE, LETTER_VARIANTS, TASHKEEL, TATWEEL

LINK_TOKEN: Final = "[رابط]"
EMAIL_TOKEN: Final = "[بريد]"
USER_TOKEN: Final = "[مستخدم]"
TOKENS: Final = (LINK_TOKEN, EMAIL_TOKEN, USER_TOKEN)
"""What stands for an address in AraBERT's vocabulary, each one token."""

LETTERS: Final = "ء-غف-ي"
"""The Arabic letters that AraBERT reads, as ranges of a character class; tatweel lies between the two."""

SOLID: Final = rf"0-9a-zA-Z{LETTERS}\[\]"
"""What may stand in a word, as ranges; every other character is a word of its own. The square brackets are
those of the tokens above."""

SIGNS: Final = "!\"#$%'()*+,.:;<=>?@^_`{|}~\\-" + "·«»–—‘’“”…" + "،؛؟٪٫٬" + "\u0674\u0b4d"
"""Signs that AraBERT reads, beside those in ``SOLID``. The last two, a high hamza and a vowel mark of Odia,
can hardly be meant, and are read all the same."""

TASHKEEL_OF_ARABERT: Final = "".join(map(chr, range(0x064B, 0x0653)))
"""The marks that AraBERT's own step drops: tanwin, short vowels, shadda and sukun, and no other."""

HAMZA_AND_MADDA: Final = "\u0653\u0654\u0655"
"""Marks that make another letter of alef, waw and yaa."""

PREFIXES: Final = ("و", "ف", "ب", "ك", "ل", "س", "ال", "لل")
SUFFIXES: Final = (
    *("ه", "ها", "هم", "هن", "هما", "ك", "كم", "كن", "كما", "نا", "ي"),
    *("ا", "ت", "ن", "ة", "ات", "ان", "ون", "ين", "وا"),
)
"""Morphemes of a word cut by Farasa that the v2 vocabularies spell with a plus sign on the side of the stem.
ك is in both, and its place decides."""

# NFKC is for the forms in these blocks alone. On a whole text it would also make three dots of an ellipsis,
# which AraBERT knows, and of a footnote mark or a half a figure that the number before it would run into.
_FORMS: Final = "\ufb00-\ufdff\ufe70-\ufefc\uff01-\uff5e"
_ACCENTED: Final = "\u00c0-\u024f\u1e00-\u1eff"
_ACCENTS: Final = "".join(map(chr, range(0x0300, 0x0370)))

# «٪» is a sign of AraBERT's, although the letters of other keyboards are folded with it elsewhere.
_LETTER_REPAIRS: Final = {letter: own for letter, own in LETTER_VARIANTS.items() if letter not in SIGNS}
_OWN_DIGITS: Final = {digit: own for digit, own in DIGITS.items() if "٠" <= digit <= "٩"}
# What DIGITS makes of the separators ٫ and ٬ is left out, for AraBERT knows them.
_DIGIT_REPAIRS: Final = {digit: own for digit, own in DIGITS.items() if "۰" <= digit <= "۹"}

# A place where a line may break, so AraBERT is right to make a space of it.
_ZERO_WIDTH_SPACE: Final = "\u200b"

_LONGEST_REFERENCE: Final = 64


@dataclass(frozen=True, slots=True)
class Rule:
    """One step: what it looks for, and what becomes of it."""

    name: str
    pattern: re.Pattern[str]
    """Never matches the empty string, and takes linear time on any text."""
    rewrite: Callable[[str], str] | None = None
    """Gives what a match becomes; None leaves it, or of a pattern with groups the groups, as they are."""
    apart: bool = False
    """Sets the match, or each of the groups, off by a space on either side."""


def _table(name: str, table: dict[str, str]) -> Rule:
    return Rule(name, re.compile(f"[{re.escape(''.join(table))}]"), table.__getitem__)


def _drop(name: str, characters: str) -> Rule:
    return _table(name, dict.fromkeys(characters, ""))


def _token(name: str, pattern: str, token: str) -> Rule:
    return Rule(name, re.compile(pattern), lambda _: token, apart=True)


def _resolve(reference: str) -> str:
    # Python refuses to read numbers of thousands of digits; so long a one is no character anyway.
    return "\ufffd" if len(reference) > _LONGEST_REFERENCE else html.unescape(reference)


def _letters_of_form(form: str) -> str:
    # A vowel mark's own form is a space and the mark: the space is where the mark is shown, and none of the
    # text's. The forms of whole phrases, such as U+FDFA, stand right after a name.
    letters = unicodedata.normalize("NFKC", form).strip(" ")
    return f" {letters} " if " " in letters else letters


def _without_accents(letter: str) -> str:
    return "".join(part for part in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(part))


def _composed(letter_and_marks: str) -> str:
    return unicodedata.normalize("NFC", letter_and_marks)


def _space(_: str) -> str:
    return " "


# A dot has to be followed by two to six small letters that end there, whatever comes before it: `report.txt`
# and `12.ab` are links to AraBERT, and so are e-mail addresses in small letters.
_HOST_CHARACTERS: Final = "a-zA-Z0-9_@:%.+~#=-"
_HOST: Final = rf"[{_HOST_CHARACTERS}]{{2,}}\.[a-z]{{2,6}}\b[?&/{_HOST_CHARACTERS}]*"

REPAIRS: Final = (
    Rule("presentation and full-width forms become letters", re.compile(f"[{_FORMS}]"), _letters_of_form),
    Rule("Latin letters lose their accents", re.compile(f"[{_ACCENTED}]"), _without_accents),
    _table("letters of Persian and Urdu become Arabic ones", _LETTER_REPAIRS),
    _table("digits of Persian and Urdu become 0-9", _DIGIT_REPAIRS),
    Rule(
        "hamza and madda join their letter",
        # No letter carries more vowel marks than a few, and to sort a long run of them, as NFC does, takes
        # quadratic time.
        re.compile(f"[اوي][{TASHKEEL_OF_ARABERT}\u0670]{{0,8}}[{HAMZA_AND_MADDA}]"),
        _composed,
    ),
    _drop(
        "other marks and invisible characters go",
        "".join(sorted({*TASHKEEL, *INVISIBLE, *_ACCENTS} - {*TASHKEEL_OF_ARABERT, _ZERO_WIDTH_SPACE})),
    ),
)
"""What is done for letters that AraBERT would take for rubbish, replacing each by a space.

The dagger alef U+0670 goes like the other marks and becomes no alef: newspapers print هذا, لكن, الرحمن and
موسى, which is how the vocabulary knows the words that هٰذا, لٰكن, الرحمٰن and موسىٰ are.
"""

ARABERT_STEPS: Final = (
    _drop("tashkeel", TASHKEEL_OF_ARABERT),
    _drop("tatweel", TATWEEL),
    _token("links by their host", f"https?://.{_HOST}|(?<![{_HOST_CHARACTERS}]){_HOST}", LINK_TOKEN),
    _token("links by their scheme", r"https?://[a-zA-Z0-9_?=%&/.~-]+", LINK_TOKEN),
    _token("links by www", r"www[a-zA-Z0-9_?=%&/.~-]+", LINK_TOKEN),
    _token("links by .com", r"(?:(?<![a-zA-Z])|(?<=\.com))[a-zA-Z]++\.com", LINK_TOKEN),
    _token("what is left of links", r"http\S*", LINK_TOKEN),
    _token("what is left of hosts", r"www\S*", LINK_TOKEN),
    _token("what is left of schemes", r"://", LINK_TOKEN),
    _token("e-mail addresses", r"(?<![\w-])[\w-]++@(?:[\w-]+\.)+[\w-]+", EMAIL_TOKEN),
    _token("words with an at sign inside", r"(?<!\S)(?=\S+@\S)\S+", EMAIL_TOKEN),
    _token("mentions", r"@\w+", USER_TOKEN),
    # The package takes all that stands between < and > for a tag, «<<a quotation>>» included.
    Rule("HTML tags", re.compile(r"<(?:/?[A-Za-z]|!)[^<>]*>"), _space),
    _table("digits", _OWN_DIGITS),
    Rule("of what is repeated the last two stay", re.compile(r"(\D)(?=\1\1)"), lambda _: ""),
    Rule("signs are words", re.compile(rf"[^{SOLID}\s]"), apart=True),
    Rule("letters after digits", re.compile(rf"(?<![0-9])([0-9]++)([{LETTERS}]++)"), apart=True),
    Rule("digits after letters", re.compile(rf"(?<![{LETTERS}])([{LETTERS}]++)([0-9]++)"), apart=True),
    _table("slashes", {"/": "-"}),
    Rule("what AraBERT does not read", re.compile(rf"[^{SOLID}{re.escape(SIGNS)}\s]"), _space),
    Rule("white space", re.compile(r"\s+"), _space),
)
"""The steps of `ArabertPreprocessor` after the first."""

RULES: Final = (
    # The first step of the package comes before the repairs, since a reference can hide what needs one.
    Rule(
        "character references",
        re.compile(r"&(?:#[0-9]+|#[xX][0-9a-fA-F]+|[^\t\n\f <&#;]{1,32});?"),
        _resolve,
    ),
    *REPAIRS,
    *ARABERT_STEPS,
)
