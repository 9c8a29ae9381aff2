import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from texts import HOSTILE_UNITS, any_text, arabic_soup, assert_partition, growth, untimed

from khabar.segment import MAX_ASIDE, MAX_QUOTATION, split_lines, split_sentences

GOLDEN = [
    json.loads(line)
    for line in (Path(__file__).parents[1] / "data" / "segmentation.jsonl").read_text("utf-8").split("\n")
    if line
]


def sentences_of(text: str) -> list[str]:
    return [text[start:end] for start, end in split_sentences(text)]


def test_there_are_enough_golden_cases():
    assert len(GOLDEN) >= 120
    assert len({case["text"] for case in GOLDEN}) == len({case["id"] for case in GOLDEN}) == len(GOLDEN)


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: case["id"])
def test_golden_case(case):
    assert sentences_of(case["text"]) == case["sentences"]


@pytest.mark.parametrize("text", ["", " ", "\n\n\r\n", "\u200f", "\x00\ufeff\n\u200b"])
def test_nothing_to_see_has_no_sentences(text):
    assert split_sentences(text) == []


def test_a_lone_surrogate_is_a_character_like_any_other():
    assert sentences_of("قال \ud800 نعم. ثم \udfff.") == ["قال \ud800 نعم.", "ثم \udfff."]


def test_a_range_is_split_without_regard_to_what_lies_outside():
    text = "قال: «نعم. لا». ثم صمت. وعاد."
    start, end = text.index("ثم"), text.index(" وعاد")
    assert [text[a:b] for a, b in split_sentences(text, start, end)] == ["ثم صمت."]
    inside = text.index("نعم")
    assert [text[a:b] for a, b in split_sentences(text, inside)] == ["نعم.", "لا».", "ثم صمت.", "وعاد."]


def test_a_quotation_is_trusted_up_to_its_limit_and_no_further():
    filling = "كلمة " * (MAX_QUOTATION // 5)
    assert len(sentences_of(f"قال: «{filling[: MAX_QUOTATION - 20]}. نعم».")) == 1
    assert len(sentences_of(f"قال: «{filling}. نعم».")) == 2


def test_an_aside_is_trusted_up_to_its_limit_and_no_further():
    filling = "كلمة " * (MAX_ASIDE // 5)
    assert len(sentences_of(f"وصل ({filling[: MAX_ASIDE - 20]}. نعم) أمس.")) == 1
    assert len(sentences_of(f"وصل ({filling}. نعم) أمس.")) == 2


def test_a_quotation_mark_left_open_at_the_start_costs_no_sentence_of_the_article():
    sentence = "وقال الوزير إن الأمر محسوم. "
    for mark in "«‹“\"'(":
        assert len(sentences_of(f"{mark}بدأ كل شيء أمس. " + 50 * sentence)) == 51


def test_lines_are_trimmed_and_blank_ones_left_out():
    text = " أولى \r\n\u200f\n\u2028ثانية\x85"
    assert [text[start:end] for start, end in split_lines(text)] == ["أولى", "ثانية"]


@untimed
@given(any_text)
def test_sentences_leave_out_nothing_that_can_be_seen(text):
    assert_partition(text, split_sentences(text))


@untimed
@given(arabic_soup, st.data())
def test_sentences_of_a_range_stay_in_it(text, data):
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    assert_partition(text, split_sentences(text, start, end), start, end)


@untimed
@given(st.lists(arabic_soup, max_size=5))
def test_a_line_break_ends_whatever_is_open(pieces):
    lines = [line for piece in pieces for line in piece.split("\n")]
    assert sentences_of("\n".join(lines)) == [sentence for line in lines for sentence in sentences_of(line)]


@untimed
@given(any_text)
def test_splitting_a_sentence_again_may_only_cut_finer(text):
    # A sentence torn from its line can lose the mark that paired with one of its own; it never grows.
    for start, end in split_sentences(text):
        assert_partition(text, split_sentences(text, start, end), start, end)


@pytest.mark.parametrize("unit", HOSTILE_UNITS)
def test_time_is_linear(unit):
    assert growth(split_sentences, unit) < 24
