"""What readers are shown for labels and furniture, in Arabic and English.

The names of the labels in data stay what they are; these are for people.
"""

from collections.abc import Mapping
from typing import Final, Literal, get_args

from khabar.labels import Label

Language = Literal["ar", "en"]
LANGUAGES: Final[tuple[str, ...]] = get_args(Language)

UNDECIDED: Final = "undecided"
"""Key of a sentence that the model left without a label."""

LABEL_NAMES: Final[Mapping[str, Mapping[str, str]]] = {
    "ar": {
        Label.CASUALTY_REPORT: "حصيلة ضحايا",
        Label.OFFICIAL_STATEMENT: "تصريح رسمي",
        Label.CLAIM: "ادعاء",
        Label.BACKGROUND: "خلفية",
        UNDECIDED: "غير محسوم",
    },
    "en": {
        Label.CASUALTY_REPORT: "casualty report",
        Label.OFFICIAL_STATEMENT: "official statement",
        Label.CLAIM: "claim",
        Label.BACKGROUND: "background",
        UNDECIDED: "undecided",
    },
}
"""Name of each label, and of none, by language."""

FURNITURE_NAMES: Final[Mapping[str, Mapping[str, str]]] = {
    "ar": {
        "advertisement": "إعلان",
        "byline": "اسم الكاتب",
        "caption": "شرح صورة",
        "comments": "تعليقات",
        "copyright": "حقوق النشر",
        "credit": "المصدر",
        "dateline": "مكان وتاريخ",
        "image_file": "اسم ملف",
        "link": "رابط",
        "navigation": "قائمة الموقع",
        "number": "رقم",
        "page_control": "أدوات الصفحة",
        "related": "مواد ذات صلة",
        "separator": "فاصل",
        "share": "مشاركة",
        "subheading": "عنوان فرعي",
        "tags": "وسوم",
        "timestamp": "تاريخ",
        "title_repeated": "تكرار العنوان",
    },
    "en": {
        "advertisement": "advertisement",
        "byline": "byline",
        "caption": "caption",
        "comments": "comments",
        "copyright": "copyright",
        "credit": "credit",
        "dateline": "dateline",
        "image_file": "file name",
        "link": "link",
        "navigation": "navigation",
        "number": "number",
        "page_control": "page control",
        "related": "related articles",
        "separator": "separator",
        "share": "share buttons",
        "subheading": "subheading",
        "tags": "tags",
        "timestamp": "date",
        "title_repeated": "title repeated",
    },
}
"""Name of each kind in `khabar.arabic.FURNITURE_KINDS`, by language."""

PHRASES: Final[Mapping[str, Mapping[str, str]]] = {
    "ar": {
        "page_title": "خبر: مقالات موسومة",
        "headline": "العنوان",
        "furniture": "من الصفحة لا من المقال",
        "legend": "دليل الألوان والأشكال",
        "rhythm": "إيقاع المقال، جملة جملة",
        "probabilities": "احتمال كل وسم",
        "truncated": "جملة طويلة قرئ أولها فقط",
        "article": "مقال",
        "empty": "لا جمل في هذا المقال.",
        "hint": "انقر على جملة لترى احتمال كل وسم.",
    },
    "en": {
        "page_title": "khabar: annotated articles",
        "headline": "headline",
        "furniture": "of the page, not of the article",
        "legend": "Legend",
        "rhythm": "The article's rhythm, sentence by sentence",
        "probabilities": "Probability of each label",
        "truncated": "a long sentence, only its beginning was read",
        "article": "Article",
        "empty": "This article has no sentences.",
        "hint": "Click a sentence for the probability of each label.",
    },
}
"""The other words of the rendered page, by language."""


def label_key(label: Label | None) -> str:
    """Return the name under which a label is styled and named; a sentence without one is undecided."""
    return UNDECIDED if label is None else str(label)


def count_words(count: int, language: Language) -> str:
    """Return how many sentences there are, with the noun in the form that the number asks for.

    Arabic has a dual, a plural for 3 to 10 and the singular after that, going by the last two digits.
    """
    if language == "en":
        return "1 sentence" if count == 1 else f"{count} sentences"
    if count == 0:
        return "لا جمل"
    if count == 1:
        return "جملة واحدة"
    if count == 2:
        return "جملتان"
    return f"{count} جمل" if 3 <= count % 100 <= 10 else f"{count} جملة"
