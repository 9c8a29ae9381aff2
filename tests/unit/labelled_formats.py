"""Two articles as every format of tests/data/formats has them, and how to compare what was read."""

from itertools import cycle
from pathlib import Path

import pytest

from khabar.article import read_article
from khabar.corpus import read_labelled
from khabar.errors import DataError
from khabar.labels import Label
from khabar.schema import AnnotatedArticle, AnnotatedSentence, LabelledArticle

FORMATS = Path(__file__).parents[1] / "data" / "formats"

TITLE = ("title", "حريق في ميناء صحار يصيب أربعة عمال", Label.CASUALTY_REPORT)
FIRE = [
    ("body", "اندلع حريق في مستودع للإطارات بميناء صحار مساء الثلاثاء.", Label.CLAIM),
    ("body", "وأصيب أربعة عمال بحروق متوسطة نقلوا على إثرها إلى المستشفى المرجعي.", Label.CASUALTY_REPORT),
    ("body", "وقالت هيئة الدفاع المدني إن فرقها سيطرت على النيران بعد ثلاث ساعات.", Label.OFFICIAL_STATEMENT),
    ("body", "حجم الخط", None),
    ("body", "ويعد الميناء أحد أكبر الموانئ الصناعية في البلاد منذ افتتاحه عام 2004.", Label.BACKGROUND),
]
WHEAT = [
    ("body", "أعلنت وزارة التموين طرح مناقصة لشراء ستين ألف طن من القمح.", Label.OFFICIAL_STATEMENT),
    ("body", "وقال تجار إن الأسعار «ستتراجع قبل نهاية الشهر».", Label.CLAIM),
    ("body", "وتستورد البلاد نحو نصف حاجتها من القمح كل عام.", Label.BACKGROUND),
]

# What a page may hold: a headline in the text, furniture, an emoji, tashkeel, Windows line ends.
PAGE = (
    "عاجل 🚨 غرق عبّارة قبالة الساحل\r\n\r\n"
    "غرقت عبّارة تقل ثلاثين راكبا قبالة الساحل فجر الأحد 🌊، وفق ما ذكره صيادون. "
    "وقالت وزارة النقل إنها أرسلت ثلاثة زوارق إلى المكان.\r\nحجم الخط\r\n"
    "وتعمل العبّارة على هذا الخط منذ عشر سنوات.\r\n"
)
HEADLINE = "غرق عبّارة تقل ثلاثين راكبا 🚨"


def units(article: LabelledArticle) -> list[tuple[str, str, Label | None]]:
    """The sentences without their offsets, which are checked on the way."""
    for sentence in article.sentences:
        string = article.title if sentence.part == "title" else article.text
        assert string[sentence.start : sentence.end] == sentence.text
    return [(sentence.part, sentence.text, sentence.label) for sentence in article.sentences]


def complaint(path: Path, *args, **options) -> str:
    with pytest.raises(DataError) as caught:
        read_labelled(path, *args, **options)
    return str(caught.value)


def annotated(text: str, title: str | None = None, name: str | None = None) -> AnnotatedArticle:
    """The article as it is read from a page, with labels in turn and a score of its own for each sentence."""
    page = read_article(text, title)
    labels = cycle(Label)
    sentences = tuple(
        AnnotatedSentence(
            unit.part,
            unit.start,
            unit.end,
            unit.text,
            label := next(labels),
            score := 0.9 - index / 10,
            {str(other): score if other is label else (1 - score) / 3 for other in Label},
            False,
        )
        for index, unit in enumerate(page.sentences)
    )
    return AnnotatedArticle(page.text, page.title, name, sentences, page.furniture)


def expected_spans(article: AnnotatedArticle) -> list[tuple[str, int, int, Label | None]]:
    """What reading a written article again gives: a headline within the text belongs to the body."""
    spans = [
        (
            "title" if unit.part == "title" and article.title is not None else "body",
            unit.start,
            unit.end,
            unit.label,
        )
        for unit in article.sentences
    ]
    spans += [("body", piece.start, piece.end, None) for piece in article.furniture]
    return sorted(spans, key=lambda span: (span[0] == "body", span[1]))


def spans(article: LabelledArticle) -> list[tuple[str, int, int, Label | None]]:
    return [(unit.part, unit.start, unit.end, unit.label) for unit in article.sentences]
