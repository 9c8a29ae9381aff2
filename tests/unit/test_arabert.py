import json
import sys
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import assume, example, given
from texts import HOSTILE_UNITS, any_text, growth, untimed

from khabar.arabic import Normalization, _farasa, align_arabert, normalize, normalize_arabert
from khabar.arabic._arabert_rules import LETTERS, RULES, SIGNS, SOLID, TOKENS
from khabar.arabic._tables import LETTER_VARIANTS
from khabar.arabic.arabert import normalize_arabert_v2, spell_segments
from khabar.errors import KhabarError, MissingExtraError

DATA = Path(__file__).parents[1] / "data"


def cases(name: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in (DATA / name).read_text("utf-8").split("\n") if line]


# What the package arabert 1.0.1 answers, and where khabar is to answer something else: see
# tests/data/make_arabert_reference.py.
REFERENCE = cases("arabert_reference.jsonl")
REFERENCE_V2 = cases("arabert_v2_reference.jsonl")

DIFFERENCES = {
    "persian-letters": "The package replaces letters of Persian, Urdu and Kurdish keyboards by spaces, which "
    "deletes them from Arabic words typed there and tears the words apart; alef wasla it sets apart.",
    "persian-digits": "It deletes ۰-۹, and with them the figures of a sentence.",
    "presentation-forms": "It deletes them, and so all of a text copied from some PDF files.",
    "full-width": "It deletes full-width letters, digits and signs.",
    "dagger-alef": "It makes a space of it, in the middle of هٰذا and الرحمٰن. Newspapers print such words "
    "without any alef, so the mark goes, like the short vowels.",
    "other-marks": "It drops only U+064B-0652. Hamza and madda typed as marks belong to their letter, and "
    "the others (Quranic signs, honorifics) tear a word apart or stay in it.",
    "invisible": "It makes a space of direction marks, joiners, soft hyphens and byte order marks, which "
    "stand in the middle of words.",
    "accents": "It makes a space of Latin letters with an accent, in the middle of names.",
    "no-tag": "It takes all that stands between < and > for an HTML tag, and so deletes quotations in << >>, "
    "and comparisons with all between them. A tag begins with a letter, a slash or an exclamation mark, and "
    "holds no other <.",
    "long-host": "Of what comes before the dot of a link it takes no more than 256 characters, and leaves "
    "the rest.",
    "single-spaces": "Two spaces stand where it has lost a plus sign; no tokenizer tells them from one.",
    "first-word": "For it the bracket that ends a line comes before its first word.",
}
DIFFERING = [case for case in REFERENCE + REFERENCE_V2 if "reason" in case]

MORE_HOSTILE_UNITS = [
    "a",
    "ab.",
    "ab.co",
    "a.com",
    "comdd.com",
    "=.ab",
    "a@b.",
    "@",
    "@a",
    "http://a",
    "www.a",
    "<a",
    "<a>",
    "&#1",
    "&amp;",
    "&" + "9" * 40,
    "1ا",
    "اا",
    "ا\u0654",
    "ا\u064e\u0651",
    "\u0316\u0301",
    "ﻼ",
    "é",
    "😀",
    "\ud800",
]


def name_of(case: dict[str, str]) -> str:
    return ascii(case.get("text", case.get("farasa")))[:40]


def test_there_are_enough_reference_cases():
    assert len({case["text"] for case in REFERENCE}) == len(REFERENCE) >= 400
    assert len({case["farasa"] for case in REFERENCE_V2}) == len(REFERENCE_V2) >= 50


@pytest.mark.parametrize("case", REFERENCE, ids=name_of)
def test_parity_with_the_package_but_for_the_listed_differences(case):
    assert normalize_arabert(case["text"]) == case.get("khabar", case["arabert"])


@pytest.mark.parametrize("case", REFERENCE_V2, ids=name_of)
def test_segmented_text_has_parity_but_for_the_listed_differences(case):
    assert spell_segments(case["farasa"]) == case.get("khabar", case["arabert"])


def test_every_difference_is_one_and_has_a_reason_and_every_reason_a_case():
    assert {case["reason"] for case in DIFFERING} == set(DIFFERENCES)
    assert all(case["khabar"] != case["arabert"] for case in DIFFERING)
    assert all(("khabar" in case) == ("reason" in case) for case in REFERENCE + REFERENCE_V2)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("\x00\ud800", ""),
        ("قبل\x00بعد", "قبل بعد"),
        ("&#" + "9" * 5000 + "; نص", "نص"),  # more digits than Python reads as a number
        ("نص &#xFEDF;", "نص ل"),  # a repair comes after the reference that hides the form
        ("اَ\u0670\u0654", "أ"),
        ("ا" + "\u064e\u0651" * 50 + "\u0654", "ا"),
    ],
)
def test_what_would_break_the_package(raw, expected):
    assert normalize_arabert(raw) == expected


def test_no_rule_matches_the_empty_string():
    assert len(RULES) > 20
    assert not [rule.name for rule in RULES if rule.pattern.search("")]


def test_repairs_leave_alone_what_arabert_reads_itself():
    assert "٪" in SIGNS
    assert "٪" in LETTER_VARIANTS
    assert normalize_arabert("٪ ٫ ٬ … “”") == "٪ ٫ ٬ … “ ”"


@pytest.mark.parametrize(
    ("raw", "normalized", "sources"),
    [
        ("قال نعم", "قال نعم", ["ق", "ا", "ل", " ", "ن", "ع", "م"]),
        ("1,200", "1 , 200", ["1", "", ",", "", "2", "0", "0"]),
        ("  قَالَ  ", "قال", ["ق", "ا", "ل"]),
        ("لا \n شيء", "لا شيء", ["ل", "ا", " \n ", "ش", "ي", "ء"]),
        ("في ﻻ", "في لا", ["ف", "ي", " ", "ﻻ", "ﻻ"]),
        ("ا\u064e\u0654ن", "أن", ["ا\u064e\u0654", "ن"]),
        ("جداااا", "جداا", ["ج", "د", "ا", "ا"]),
        ("ر x.com", "ر [رابط]", ["ر", " ", *["x.com"] * 6]),
        ("1/2€", "1 - 2", ["1", "", "/", "", "2"]),
        ("ا€ب", "ا ب", ["ا", "€", "ب"]),
        ("5م", "5 م", ["5", "", "م"]),
        ("&lt;ب", "< ب", ["&lt;", "", "ب"]),
        ("&notit;", "it ;", ["&notit;"] * 4),  # an inserted space between two characters of one span
        ("", "", []),
        ("\x00", "", []),
    ],
)
def test_every_character_knows_where_it_came_from(raw, normalized, sources):
    result, spans = align_arabert(raw)
    assert result == normalized
    assert [raw[start:end] for start, end in spans] == sources


def test_elongation_keeps_the_last_two():
    assert align_arabert("ااااا")[1] == [(3, 4), (4, 5)]


@untimed
@given(any_text)
@example("&notit;،ﷺ\ufb5064,")
def test_an_alignment_is_of_the_normalised_text_and_in_order(text):
    result, spans = align_arabert(text)
    assert result == normalize_arabert(text)
    assert len(spans) == len(result)
    assert all(0 <= start <= end <= len(text) for start, end in spans)
    assert all(start < end or sign == " " for sign, (start, end) in zip(result, spans, strict=True))
    starts, ends = [start for start, _ in spans], [end for _, end in spans]
    assert starts == sorted(starts)
    assert ends == sorted(ends)


@untimed
@given(any_text)
def test_nothing_is_left_that_arabert_does_not_read(text):
    result = normalize_arabert(text)
    result.encode("utf-8")
    assert result == " ".join(result.split())
    letters = {chr(code) for code in (*range(0x621, 0x63B), *range(0x641, 0x64B))}
    ascii_words = set("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ[] ")
    assert set(result) <= letters | ascii_words | set(SIGNS)
    assert all(len(word) == 1 for word in result.split() if set(word) & set(SIGNS))


@untimed
@given(any_text)
def test_normalising_twice_changes_nothing(text):
    once = normalize_arabert(text)
    # But for a link that shows only when an elongation has been cut.
    assume("http" not in once)
    assert normalize_arabert(once) == once


def test_an_elongated_link_shows_only_the_second_time():
    assert normalize_arabert("htttp") == "http"
    assert normalize_arabert("http") == "[رابط]"


@pytest.mark.parametrize("token", TOKENS)
def test_tokens_stay_as_they_are(token):
    assert normalize_arabert(token) == token


@pytest.mark.parametrize("unit", [*HOSTILE_UNITS, *MORE_HOSTILE_UNITS])
def test_time_is_linear(unit):
    assert growth(normalize_arabert, unit, short=4_000) < 24


@pytest.mark.parametrize("unit", ["وقال الوزير: «لا»، ثم 1,200. ", "ا", "a", "ab.co/", "a@"])
def test_200_000_characters_are_aligned_at_once(unit):
    text = (unit * 200_000)[:200_000]
    result, spans = align_arabert(text)
    assert len(result) == len(spans)
    assert growth(align_arabert, unit, short=4_000) < 24


def test_ranges_of_letters_are_those_of_the_class():
    assert LETTERS in SOLID
    assert [ord(sign) for sign in LETTERS if sign != "-"] == [0x621, 0x63A, 0x641, 0x64A]


# Farasa. The tests stand a package of the name in front of the real one, and a java that does nothing.


SEGMENTED = {"والكتاب 5": "و+ال+كتاب 5", "كتابها": "كتاب+ها"}


class FakeSegmenter:
    """The part of farasapy's FarasaSegmenter that is used, of version 0.1."""

    bin_dir: Path
    started: list["FakeSegmenter"]
    fails: Exception | None = None

    def __init__(
        self, interactive=False, logging_level="WARNING", binary_path=None, cache=True, cache_dir=None
    ):
        if self.fails is not None:
            raise self.fails
        self.options = (interactive, binary_path, cache)
        self.alive = True
        self.started.append(self)

    def segment(self, text):
        if self.fails is not None:
            raise self.fails
        return SEGMENTED.get(text, "")

    def terminate(self):
        self.alive = False


@pytest.fixture
def farasa(monkeypatch, tmp_path):
    """A farasapy with Farasa fetched, and Java."""
    segmenter = type("Segmenter", (FakeSegmenter,), {"bin_dir": tmp_path / "farasa_bin", "started": []})
    jar = tmp_path / "farasa_bin" / "lib" / "FarasaSegmenterJar.jar"
    jar.parent.mkdir(parents=True)
    jar.touch()
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.touch(mode=0o755)
    package, module = ModuleType("farasa"), ModuleType("farasa.segmenter")
    module.FarasaSegmenter = segmenter
    monkeypatch.setitem(sys.modules, "farasa", package)
    monkeypatch.setitem(sys.modules, "farasa.segmenter", module)
    monkeypatch.setenv("PATH", str(java.parent))
    monkeypatch.setattr(_farasa, "_running", {})
    return segmenter


def test_v2_is_v02_segmented(farasa):
    options = Normalization(scheme="arabert-v2")
    assert normalize("وَالكتاب٥", options) == "و+ ال+ كتاب 5"
    assert normalize("كتابها", options) == normalize_arabert_v2("كتابها") == "كتاب +ها"
    jar = str(farasa.bin_dir / "lib" / "FarasaSegmenterJar.jar")
    # One process for all, which fetches nothing and keeps no text on disk.
    assert [segmenter.options for segmenter in farasa.started] == [(True, jar, False)]


@pytest.mark.parametrize("text", ["", "  \n", "😀", "\x00"])
def test_nothing_to_read_needs_no_farasa(text, monkeypatch):
    monkeypatch.setitem(sys.modules, "farasa", None)
    assert normalize_arabert_v2(text) == ""


def test_v02_needs_no_farasa(monkeypatch):
    monkeypatch.setitem(sys.modules, "farasa", None)
    assert normalize("والكتاب٥", Normalization(scheme="arabert-v02")) == "والكتاب 5"


def test_farasapy_missing_is_one_sentence_that_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "farasa", None)
    monkeypatch.delitem(sys.modules, "farasa.segmenter", raising=False)
    with pytest.raises(MissingExtraError, match=r"pip install 'khabar\[farasa\]'"):
        normalize_arabert_v2("نص")


def test_another_package_of_that_name_is_not_farasapy(farasa, monkeypatch):
    monkeypatch.delattr(sys.modules["farasa.segmenter"], "FarasaSegmenter")
    with pytest.raises(MissingExtraError, match=r"pip install 'khabar\[farasa\]'"):
        normalize_arabert_v2("نص")


def test_java_missing_is_one_sentence(farasa, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingExtraError, match="install a Java runtime, or take a v02 model"):
        normalize_arabert_v2("نص")
    assert farasa.started == []


def test_farasa_not_fetched_is_one_sentence_with_its_place_and_no_download(farasa):
    jar = farasa.bin_dir / "lib" / "FarasaSegmenterJar.jar"
    jar.unlink()
    with pytest.raises(MissingExtraError) as caught:
        normalize_arabert_v2("نص")
    assert str(jar) in str(caught.value)
    assert "FarasaSegmenter(cache=False)" in str(caught.value)
    assert farasa.started == []


def test_farasapy_failing_to_start_is_one_sentence(farasa):
    farasa.fails = PermissionError("read-only")
    with pytest.raises(MissingExtraError, match="PermissionError: read-only"):
        normalize_arabert_v2("نص")


def test_a_java_process_that_died_is_said_and_started_again(farasa):
    with pytest.raises(KhabarError, match="gave no answer to 'غريب'"):
        normalize_arabert_v2("غريب")
    assert [segmenter.alive for segmenter in farasa.started] == [False]
    assert normalize_arabert_v2("كتابها") == "كتاب +ها"
    assert [segmenter.alive for segmenter in farasa.started] == [False, True]


def test_farasa_failing_on_a_line_is_said(farasa):
    assert normalize_arabert_v2("كتابها") == "كتاب +ها"
    farasa.fails = BrokenPipeError("gone")
    with pytest.raises(KhabarError, match=r"failed on 'كتابها' \(BrokenPipeError: gone\)"):
        normalize_arabert_v2("كتابها")


def test_a_forked_process_starts_a_java_of_its_own(farasa, monkeypatch):
    normalize_arabert_v2("كتابها")
    monkeypatch.setattr("os.getpid", lambda: -1)
    normalize_arabert_v2("كتابها")
    assert len(farasa.started) == 2
