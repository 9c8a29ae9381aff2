from pathlib import Path

import pytest

from khabar.corpus._aliases import ARABIC_NAMES, read_also, read_label
from khabar.corpus._problems import Place, Problems
from khabar.labels import Label


@pytest.fixture
def place():
    return Place(Problems(Path("file")), "line 3")


@pytest.mark.parametrize(
    ("name", "label"),
    [
        *((label.value, label) for label in Label),
        *((name, label) for label, name in ARABIC_NAMES.items()),
        ("CLAIM", Label.CLAIM),
        (" Official-Statement ", Label.OFFICIAL_STATEMENT),
        ("casualty report", Label.CASUALTY_REPORT),
        ("Casualty–Report", Label.CASUALTY_REPORT),
        ("الادعاء", Label.CLAIM),
        ("إدعاء", Label.CLAIM),
        ("اِدّعاء", Label.CLAIM),
        ("البيان الرسمي", Label.OFFICIAL_STATEMENT),
        ("بيان_رسمي", Label.OFFICIAL_STATEMENT),
        ("حصيلة الضحايا", Label.CASUALTY_REPORT),
        ("الخلفية", Label.BACKGROUND),
        ("خلفيـــة", Label.BACKGROUND),
        (None, None),
        ("furniture", None),
        ("Furniture", None),
    ],
)
def test_names_of_labels(name, label, place):
    assert read_label(name, place) is label
    assert place.problems.found == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("clam", 'line 3: "clam" is no label'),
        ("clam", 'or null for furniture; did you mean "claim"?'),
        ("claims", 'did you mean "claim"?'),
        ("حصيله ضحايا", 'did you mean "حصيلة ضحايا"?'),
        ("furnitures", 'did you mean "furniture"?'),
        ("رأي", '"رأي" is no label'),
        ("", '"" is no label'),
        (2, "2 is no label"),
        (True, "true is no label"),
    ],
)
def test_what_is_no_label(name, expected, place):
    assert read_label(name, place) is None
    assert expected in place.problems.found[0]


def test_second_labels(place):
    assert read_also(["ادعاء", "Background"], None, place) == (Label.CLAIM, Label.BACKGROUND)
    assert place.problems.found == []


def test_second_labels_are_neither_furniture_nor_repeated(place):
    read_also([None, "furniture", "claim", "background", "خلفية"], Label.CLAIM, place)
    assert [problem.partition(";")[0] for problem in place.problems.found] == [
        "line 3: null is no label",
        'line 3: "furniture" is no label',
        'line 3: "claim" is there twice',
        'line 3: "background" is there twice',
    ]
