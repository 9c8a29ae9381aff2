import unicodedata
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from texts import any_text, untimed

from khabar.arabic import Normalization, normalize
from khabar.arabic._tables import DIGITS, INVISIBLE, LETTER_VARIANTS, TASHKEEL, TATWEEL

OFF = Normalization(**{field.name: False for field in fields(Normalization)})


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("ﻣﺤﻤﺪ", "محمد"),
        ("ﻻ ﷲ", "لا الله"),
        ("ＡＢＣ １٢", "ABC 12"),
        ("قَالَ الوَزِيرُ إنَّهُ", "قال الوزير إنه"),
        ("مُحَمَّدٌ", "محمد"),
        ("رحمٰن", "رحمن"),
        ("الخـــبر", "الخبر"),
        ("\u200fقال\u200e \u202bنعم\u202c\ufeff", "قال نعم"),
        ("مى\u200cخواهم", "مىخواهم"),
        ("کتاب یوسف", "كتاب يوسف"),
        ("گزارش پژوهش", "كزارش بزوهش"),
        ("ٱلكتاب", "الكتاب"),
        ("٣٫٥ و١٬٢٠٠", "3.5 و1,200"),
        ("۱۲۳۴", "1234"),
        ("٪٥", "%5"),
        ("انتهى۔", "انتهى."),
        ("قال…", "قال..."),
        ("أ\u0654", "أ"),
        ("ا\u0654ب ا\u0653ن", "أب آن"),
        ("  قال \t\n الوزير\u00a0 نعم  ", "قال الوزير نعم"),
        ("قبل\x00بعد \ud800", "قبل\ufffdبعد \ufffd"),
        ("", ""),
        ("\u200f", ""),
    ],
)
def test_a_copy_for_the_model(raw, expected):
    assert normalize(raw) == expected


@pytest.mark.parametrize("text", ["أإآا", "ىي", "ةه", "ؤئء", "«قال»: نعم، لا؛ متى؟", "COVID-19"])
def test_what_tells_words_apart_stays(text):
    assert normalize(text) == text


@pytest.mark.parametrize(
    ("step", "raw", "expected"),
    [
        ("nfkc", "ﻣﺤﻤﺪ", "محمد"),
        ("invisible", "قا\u200fل", "قال"),
        ("tashkeel", "قَالَ", "قال"),
        ("tatweel", "قــال", "قال"),
        ("letters", "کی", "كي"),
        ("digits", "٣٫٥", "3.5"),
    ],
)
def test_each_step_does_its_own_job_alone(step, raw, expected):
    assert normalize(raw, OFF) == raw
    assert normalize(raw, replace(OFF, **{step: True})) == expected
    assert normalize(raw, replace(Normalization(), **{step: False})) != expected


def test_with_all_steps_off_only_white_space_and_what_cannot_be_encoded_change():
    assert normalize(" قَـالَ\n٣ \x00\udfff ", OFF) == "قَـالَ ٣ \ufffd\ufffd"


@untimed
@given(any_text)
def test_normalising_twice_changes_nothing(text):
    once = normalize(text)
    assert normalize(once) == once


@untimed
@given(any_text, st.builds(Normalization, *[st.booleans()] * len(fields(Normalization))))
def test_under_any_options_the_result_can_be_encoded_and_is_trimmed(text, options):
    result = normalize(text, options)
    result.encode("utf-8")
    assert "\x00" not in result
    assert result == " ".join(result.split())


@untimed
@given(any_text)
def test_nothing_is_left_of_what_the_tables_remove(text):
    left = set(normalize(text))
    assert not left & {*TASHKEEL, *INVISIBLE, TATWEEL, *LETTER_VARIANTS, *DIGITS}


def test_tables_map_to_what_the_tables_keep():
    for target in (*LETTER_VARIANTS.values(), *DIGITS.values()):
        assert target not in LETTER_VARIANTS
        assert target not in DIGITS
        assert unicodedata.normalize("NFKC", target) == target
