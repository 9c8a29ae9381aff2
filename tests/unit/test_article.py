import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from texts import HOSTILE_UNITS, any_text, assert_article, growth, untimed

from khabar.arabic import FURNITURE_KINDS
from khabar.article import read_article
from khabar.schema import Sentence

GOLDEN = [
    json.loads(line)
    for line in (Path(__file__).parents[1] / "data" / "pages.jsonl").read_text("utf-8").split("\n")
    if line
]


def test_golden_cases_cover_every_kind_of_furniture():
    assert len({case["id"] for case in GOLDEN}) == len(GOLDEN) >= 50
    assert {kind for case in GOLDEN for kind, _ in case["furniture"]} == set(FURNITURE_KINDS)


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: case["id"])
def test_golden_case(case):
    article = read_article(case["text"], case["title"])
    assert [[sentence.part, sentence.text] for sentence in article.sentences] == case["sentences"]
    assert [[piece.kind, piece.text] for piece in article.furniture] == case["furniture"]
    assert_article(article, case["text"], case["title"])


@pytest.mark.parametrize("text", ["", " \n\t", "\x00", "\u200f\n\ufeff"])
def test_an_empty_page_is_an_empty_article(text):
    article = read_article(text)
    assert (article.sentences, article.furniture) == ((), ())


def test_a_passed_title_is_one_sentence_with_offsets_into_itself():
    article = read_article("وصل الوفد.", "  نعم. لا؟ ربما!\n")
    assert article.title == "  نعم. لا؟ ربما!\n"
    assert article.sentences == (
        Sentence("title", 2, 16, "نعم. لا؟ ربما!"),
        Sentence("body", 0, 10, "وصل الوفد."),
    )


@pytest.mark.parametrize("title", ["", "  ", "\u200f\n", "\x00"])
def test_a_blank_title_is_none(title):
    article = read_article("الحكومة تستقيل\n\nاستقالت الحكومة.", title)
    assert article.title is None
    assert [sentence.part for sentence in article.sentences] == ["title", "body"]


def test_a_headline_has_offsets_into_the_text():
    text = "\n\n  الحكومة تستقيل \n\nاستقالت الحكومة."
    headline = read_article(text).sentences[0]
    assert headline == Sentence("title", 4, 18, "الحكومة تستقيل")
    assert text[4:18] == "الحكومة تستقيل"


def test_a_passed_title_leaves_the_first_line_in_the_body():
    article = read_article("الحكومة تستقيل\n\nاستقالت الحكومة.", "خبر عاجل من العاصمة")
    assert [sentence.part for sentence in article.sentences] == ["title", "body", "body"]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r", "\u2028", "\u2029"])
def test_every_line_break_sets_a_headline_apart(newline):
    text = newline.join(["الحكومة تستقيل", "", "استقالت الحكومة."])
    assert [sentence.part for sentence in read_article(text).sentences] == ["title", "body"]


def test_a_page_of_short_sentences_without_stops_loses_none():
    lines = ["انقطع الماء", "الكهرباء أيضا", "المخابز مغلقة", "الشوارع خالية", "الجميع ينتظر"] * 8
    article = read_article("\n".join(lines))
    assert [sentence.text for sentence in article.sentences] == lines
    assert article.furniture == ()


def test_a_page_of_paragraphs_without_stops_loses_none():
    paragraph = "أعلنت البلدية أن أعمال الصيانة في الشارع الرئيس ستستمر حتى نهاية الشهر المقبل"
    article = read_article("\n\n".join([paragraph] * 6))
    assert len(article.sentences) == 6
    assert article.furniture == ()


@untimed
@given(any_text, st.one_of(st.none(), any_text))
def test_every_visible_character_is_in_one_sentence_or_one_piece_of_furniture(text, title):
    article = read_article(text, title)
    assert_article(article, text, title)
    assert {piece.kind for piece in article.furniture} <= set(FURNITURE_KINDS)


@untimed
@given(any_text)
def test_reading_is_a_function_of_the_text(text):
    assert read_article(text) == read_article(text)


@pytest.mark.parametrize("unit", HOSTILE_UNITS)
def test_time_is_linear(unit):
    assert growth(read_article, unit) < 24


def test_a_line_of_200_000_characters_is_read_at_once():
    text = ("وقال الوزير، في ختام الجلسة، إن القرار 3.5 نهائي " * 4200)[:200_000]
    article = read_article(text)
    assert [sentence.text for sentence in article.sentences] == [text.strip()]
