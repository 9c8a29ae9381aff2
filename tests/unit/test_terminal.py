import io
import re
import unicodedata

import pytest
from annotated_articles import article, sentence
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from khabar.labels import Label
from khabar.render.terminal import (
    MAX_WIDTH,
    Direction,
    count_line,
    printable,
    render_table,
    terminal_direction,
    wrap,
)
from khabar.schema import Furniture

ARTICLE = article(
    sentence("مقتل عاملين في انهيار سقالة", Label.CASUALTY_REPORT, part="title", score=0.91),
    sentence(
        "وقالت وزارة العمل إن السلطات «أوقفت المشروع» وفتحت تحقيقا في شروط السلامة التي اتبعتها الشركة.",
        Label.OFFICIAL_STATEMENT,
        score=0.83,
    ),
    sentence("ويبلغ ارتفاع البرج 120 مترا.", Label.BACKGROUND, truncated=True),
    furniture=tuple(Furniture(0, 4, "شارك", kind) for kind in ("share", "share", "caption")),
)


def render(annotated=ARTICLE, *, source="news/1.txt", width=80, colour=None, direction=Direction.PLAIN):
    console = Console(
        file=io.StringIO(), width=width, color_system=colour, force_terminal=colour is not None, _environ={}
    )
    return render_table(annotated, source, console, direction)


def test_plain_table():
    assert render() == (
        "news/1.txt\n"
        "part   label               score  text\n"
        f"{'─' * 80}\n"
        "title  casualty_report      0.91  مقتل عاملين في انهيار سقالة\n"
        "body   official_statement   0.83  وقالت وزارة العمل إن السلطات «أوقفت المشروع»\n"
        "                                  وفتحت تحقيقا في شروط السلامة التي اتبعتها\n"
        "                                  الشركة.\n"
        "body   background          *0.70  ويبلغ ارتفاع البرج 120 مترا.\n"
        f"{'─' * 80}\n"
        "3 sentences: 1 casualty_report, 1 official_statement, 1 background\n"
        "* longer than the model's window: only the beginning was read\n"
        "page furniture left out: 2 share, 1 caption\n"
    )


def test_where_the_annotator_abstained_there_is_no_label():
    unsure = article(sentence("وتحدث شهود عن حريق ثان.", None, score=0.41), sentence("ولم يصدر تعليق."))
    printed = render(unsure)
    assert "body   no label             0.41  وتحدث شهود عن حريق ثان.\n" in printed
    assert "2 sentences: 1 claim, 1 no label\n" in printed
    assert render(unsure, colour="standard").count("no label") == 2


def test_article_without_sentences():
    assert render(article()) == f"news/1.txt\n{'─' * 80}\n0 sentences\n"


def test_labels_are_named_with_and_without_colour():
    coloured = render(colour="standard")
    assert "\x1b[1;31mcasualty_report\x1b[0m" in coloured
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == render()


def test_right_to_left_table_switches_the_terminal_and_back():
    table = render(direction=Direction.RTL)
    heading, rows = table.split("\x1b[2 k")
    rows, notes = rows.split("\x1b[0 k")
    assert heading.rstrip("\n").endswith("news/1.txt")
    assert "casualty_report" in rows
    assert all(line.startswith(("\u200f", "─")) for line in rows.splitlines())
    assert "3 sentences" in notes


def test_right_to_left_row_keeps_the_ends_of_the_text_apart_from_the_other_columns():
    table = render(article(sentence("Reuters: 5 dead.")), direction=Direction.RTL)
    assert "\u200fReuters: 5 dead.\u200f\n" in table


@pytest.mark.parametrize("width", [60, 80, 100])
def test_right_to_left_rows_fit_even_where_a_mark_takes_a_column(width):
    for line in render(width=width, direction=Direction.RTL).splitlines():
        marks = line.count("\u200f") + line.count("\u200e")
        assert cell_len(re.sub(r"\x1b\[\d k|[\u200e\u200f]", "", line)) + marks <= width


def test_isolated_lines_end_at_the_right_edge():
    lines = [line for line in render(direction=Direction.ISOLATE).splitlines() if "\u2067" in line]
    assert len(lines) == 6  # the heading, and five lines of text
    assert all(
        line.endswith("\u2069") and line.count("\u2067") == line.count("\u2069") == 1 for line in lines
    )
    assert {cell_len(line) for line in lines} == {80}


def test_plain_table_has_no_invisible_character():
    assert [char for char in render() if unicodedata.category(char) in {"Cf", "Cc"} and char != "\n"] == []


@pytest.mark.parametrize(
    ("environ", "direction"),
    [
        ({"VTE_VERSION": "7006", "TERM": "xterm-256color"}, Direction.RTL),
        ({"VTE_VERSION": "5800"}, Direction.RTL),
        ({"VTE_VERSION": "5202"}, Direction.PLAIN),
        ({"VTE_VERSION": "new"}, Direction.PLAIN),
        ({"VTE_VERSION": "٧٠٠٦"}, Direction.PLAIN),
        ({"TERM_PROGRAM": "mintty"}, Direction.RTL),
        ({"MLTERM": "3.9.0"}, Direction.RTL),
        ({"KONSOLE_VERSION": "221203"}, Direction.ISOLATE),
        ({"TERM": "xterm-256color"}, Direction.PLAIN),
        ({}, Direction.PLAIN),
        ({"VTE_VERSION": "7006", "TMUX": "/tmp/tmux-1000/default,1,0"}, Direction.PLAIN),
        ({"KONSOLE_VERSION": "221203", "TERM": "screen-256color"}, Direction.PLAIN),
    ],
)
def test_direction_of_a_terminal(environ, direction):
    assert terminal_direction(environ) is direction


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("أحمر \x1b[31m الآن", "أحمر ␛[31m الآن"),
        ("\x1b]0;title\x07", "␛]0;title␇"),
        ("\x9b31m", "\ufffd31m"),
        ("\x7f", "\u2421"),
        ("سطر\r\nآخر\tوثالث", "سطر آخر وثالث"),
        ("قبل\u2028بعد", "قبل بعد"),
        ("\u202eمعكوس\u202c \u2067معزول\u2069 \u200fعلامة\u061c", "معكوس معزول علامة"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("\ud800", "\ufffd"),
        ("\ufffe\U0001ffff\ufdd0", "\ufffd\ufffd\ufffd"),
        ("مُحَمَّدٌ", "مُحَمَّدٌ"),
        ("ه" + "\u0651" * 30, "ه" + "\u0651" * 4),
        ("\u2764\ufe0f", "\u2764"),
        ("\x00", "␀"),
    ],
)
def test_printable(text, shown):
    assert printable(text) == shown


hostile = st.text(
    st.characters(codec=None, exclude_categories=())
    | st.sampled_from("\x1b[31m\x9b\u202e\u2067\u2069\u200f\ud800\u0651 \r\n\tاب12")
)


@given(text=hostile, direction=st.sampled_from(Direction), width=st.integers(1, 200))
def test_no_article_reaches_the_terminal_with_a_control(text, direction, width):
    table = render(article(sentence(text)), source=text, width=width, direction=direction)
    ours = re.sub(r"\x1b\[[02] k", "", table)
    controls = {char for char in ours if unicodedata.category(char) in {"Cc", "Cs"}}
    assert controls == {"\n"}
    assert table.count("\u2067") == table.count("\u2069")
    assert not set(ours) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2068\u061c")
    table.encode("utf-8")


@given(text=hostile, width=st.integers(2, 60))
def test_wrapped_lines_fit_and_lose_nothing(text, width):
    shown = printable(text)
    lines = wrap(shown, width)
    assert all(cell_len(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == shown.replace(" ", "")


def test_marks_take_no_column_and_stay_with_their_letter():
    assert wrap("مُحَمَّدٌ رَسُولٌ", 9) == ["مُحَمَّدٌ رَسُولٌ"]
    assert wrap("مُحَمَّدٌ", 2) == ["مُحَ", "مَّدٌ"]


def test_wide_terminal_is_not_filled_to_the_edge():
    assert max(map(cell_len, render(width=300).splitlines())) == MAX_WIDTH


def test_very_long_line():
    table = render(article(sentence("ا" * 200_000)))
    assert all(cell_len(line) <= 80 for line in table.splitlines())


@pytest.mark.parametrize(
    ("annotated", "line"),
    [
        (article(), "0 sentences"),
        (article(sentence("تم.")), "1 sentence: 1 claim"),
        (
            article(*[sentence("تم.")] * 2, sentence("ثم.", Label.BACKGROUND)),
            "3 sentences: 2 claim, 1 background",
        ),
    ],
)
def test_count_line(annotated, line):
    assert count_line(annotated) == line
