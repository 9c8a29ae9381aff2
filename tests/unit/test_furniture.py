"""What a line gives away by its own words, and above all what it does not."""

import pytest

from khabar.arabic import FURNITURE_KINDS
from khabar.arabic.furniture import furniture_kind, is_byline, is_credit, is_credited, same_words


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("اقرأ أيضا", "related"),
        ("إقرأ أيضاً :", "related"),
        ("اقرأ أيضًا | بلديات بلا رواتب", "related"),
        ("◄ شاهد أيضا", "related"),
        ("مقالات أخرى للكاتبحين يصمت الشعراءعودة البحر", "related"),
        ("الأكثر قراءة", "related"),
        ("حجم الخط", "page_control"),
        ("حجم الخط + -", "page_control"),
        ("A A A", "page_control"),
        ("عدد المشاهدات: 1,204", "page_control"),
        ("زمن القراءة: 3 دقائق", "page_control"),
        ("٣ دقائق قراءة", "timestamp"),
        ("شارك", "share"),
        ("مشاركة عبر واتساب", "share"),
        ("فيسبوك | تويتر | واتساب", "share"),
        ("Facebook Twitter WhatsApp", "share"),
        ("تابعونا على فيسبوك", "share"),
        ("لا توجد تعليقات", "comments"),
        ("التعليقات (12)", "comments"),
        ("الوسوم: السدود، الري", "tags"),
        ("© جميع الحقوق محفوظة لصحيفة البلد 2020", "copyright"),
        ("عاجل", "navigation"),
        ("الرئيسية » اقتصاد » طاقة", "navigation"),
        ("إعلان", "advertisement"),
        ("صورة أرشيفية", "caption"),
        ("مصدر الصورة: رويترز", "caption"),
        ("كتب: سامي الحلبي", "byline"),
        ("كتبت – هدى الراوي", "byline"),
        ("تصوير: هدى الراوي", "byline"),
        ("القاهرة - مراسلنا", "byline"),
        ("بيروت ـ وكالات", "byline"),
        ("واشنطن (رويترز)", "byline"),
        ("طرابلس", "dateline"),
        ("رام الله / غزة", "dateline"),
        ("جنيف، 3 حزيران 2019", "dateline"),
        ("السبت", "timestamp"),
        ("الاثنين 7 أيلول/سبتمبر 2020", "timestamp"),
        ("2020-09-07", "timestamp"),
        ("١٠:٣٥", "timestamp"),
        ("10:35 ص بتوقيت أبوظبي", "timestamp"),
        ("Monday, 7 September 2020 10:35 AM", "timestamp"),
        ("(أ ف ب)", "credit"),
        ("رويترز", "credit"),
        ("س.ع/ هـ.ن", "credit"),
        ("http://example.com/صورة?id=1", "link"),
        ("#هاشتاغ_اليوم", "link"),
        ("desk@example.com", "link"),
        ("img-0021.jpeg", "image_file"),
        ("https://example.com/a/b/c.webp", "image_file"),
        ("صورة-الوزير.png", "image_file"),
        ("— — —", "separator"),
        ("ـــــ", "separator"),
        ("♦♦♦", "separator"),
        ("1987-22", "number"),
        ("٤٤٥", "number"),
    ],
)
def test_page_furniture(line, kind):
    assert furniture_kind(line) == kind
    assert kind in FURNITURE_KINDS


@pytest.mark.parametrize(
    "line",
    [
        "عاجل: مقتل ثلاثة جنود",
        "فيديو: انفجار يهز العاصمة",
        "بالصور.. احتراق سوق شعبية",
        "خاص: الحكومة تستقيل",
        "تقرير: ستة قتلى في الغارة",
        "القاهرة: قتيلان",
        "صنعاء - مقتل ثلاثة جنود",
        "بيروت تحت المطر",
        "المصدر: الجيش قصف المدينة",
        "المصدر قال إن الخطة جاهزة",
        "كتب الوزير إلى نظيره",
        "إعلان حالة الطوارئ",
        "إغلاق المعابر",
        "طباعة العملة الجديدة تبدأ غدا",
        "عدد القراء في تراجع",
        "تعليقات غاضبة على القرار",
        "لا توجد تعليقات رسمية على الحادث",
        "شارك الوزير في المؤتمر",
        "شارك عبر تقنية الفيديو عشرة خبراء",
        "آخر الأخبار من الجبهة سيئة",
        "حقوق النشر تثير جدلا",
        "صورة قاتمة للاقتصاد",
        "الصورة لم تكتمل",
        "اليوم الأول بعد الهدنة",
        "منذ الصباح",
        "الأحد المقبل موعد الاقتراع",
        "5 قتلى",
        "قتل 5",
        "3 أيام من القتال",
        "2020 عام الوباء",
        "نعم.",
        "لماذا؟",
        "وزير الدفاع: انتهت العملية",
        "تويتر يحذف حساب الرئيس",
        "فيسبوك: سنحذف المنشورات",
    ],
)
def test_news_is_no_furniture(line):
    assert furniture_kind(line) is None


def test_a_long_line_is_never_furniture_as_a_whole():
    assert furniture_kind("اقرأ أيضا " + "كلمة " * 30) is None
    assert furniture_kind("القاهرة " * 60) is None


@pytest.mark.parametrize(
    "line",
    [
        "القاهرة - مروان الشامي",
        "مروان الشامي ـ بيروت",
        "بقلم مروان الشامي",
        "تصوير هدى الراوي",
        "عدن: مراسلنا مروان",
    ],
)
def test_a_byline_at_the_top(line):
    assert is_byline(line)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "القاهرة",
        "مروان الشامي",
        "كتب",
        "قال مروان - أمس",
        "تصوير 3 أفلام",
        "اجتماع القاهرة - نتائج وتوصيات مهمة جدا",
    ],
)
def test_no_byline_even_at_the_top(line):
    assert not is_byline(line)


def test_a_caption_ends_with_its_agency():
    assert is_credited("الوزير لدى وصوله إلى القاعة (أ.ف.ب)")
    assert is_credited("الوزير لدى وصوله [رويترز]")
    assert not is_credited("الوزير (الثاني من اليمين)")
    assert not is_credited("قالت (رويترز) إن الوزير وصل")


def test_a_credit_stands_in_brackets():
    assert is_credit("(أ ف ب، رويترز، «المدينة»)")
    assert is_credit("- (وكالات)")
    assert not is_credit("(انتهى)")
    assert not is_credit("أ ف ب")


def test_the_same_words_whatever_the_spelling_and_punctuation():
    assert same_words("الوزير: «الامتحاناتُ في حزيران»", "الوزير الامتحانات فى حزيران!")
    assert not same_words("الوزير: الامتحانات", "الوزيرة: الامتحانات")
