"""Who is speaking stands in an earlier sentence: the judged one stays, word for word, and its label turns.

Both speakers of a scene have one gender, so that the verb which goes on with their words fits both.
"""

from typing import Final

from khabar.checks._templates import Contrast, Draft, Template, female, male, scene
from khabar.labels import Label

OFFICIAL, CLAIM = Label.OFFICIAL_STATEMENT, Label.CLAIM

_PAIRS: Final = (
    male(
        official="وزير النقل",
        private="رئيس نقابة سائقي الشاحنات",
        lead="توقفت حركة الشاحنات في الميناء منذ صباح الاثنين.",
        said="الرسوم الجديدة ستناقش في اجتماع غدا",
        tail="ويمر عبر الميناء معظم واردات البلاد.",
    ),
    female(
        official="وزيرة الصحة",
        private="مديرة مستشفى خاص",
        lead="نقلت أجهزة طبية إلى المستشفيات الجنوبية خلال الأسبوع الماضي.",
        said="أقسام الطوارئ تعمل بأقصى طاقتها",
        tail="ويعيش في محافظات الجنوب ثلث سكان البلاد.",
    ),
    male(
        official="قائد الجيش",
        private="زعيم جماعة مسلحة",
        lead="تواصلت الاشتباكات المتقطعة حول المدينة.",
        said="وقف إطلاق النار مرهون بانسحاب الطرف الآخر",
        tail="وتسيطر الأطراف المتحاربة على أجزاء من المدينة منذ عامين.",
    ),
    female(
        official="وزيرة التربية والتعليم",
        private="رئيسة جمعية أولياء الأمور",
        lead="خلت المدارس من التلاميذ في معظم المحافظات الأحد.",
        said="الامتحانات لن تجرى هذا الأسبوع",
        tail="وتجرى الامتحانات عادة في شهر أيار.",
    ),
    male(
        official="رئيس البلدية",
        private="صاحب أكبر متاجر السوق",
        lead="هدمت جرافات جزءا من السوق القديم فجر الأربعاء.",
        said="الباعة سينقلون إلى موقع آخر",
        tail="ويعود السوق إلى القرن التاسع عشر.",
    ),
    female(
        official="المتحدثة باسم وزارة الخارجية",
        private="المتحدثة باسم حزب معارض",
        lead="انتهت محادثات السلام من دون بيان ختامي.",
        said="جدول الأعمال لم يكتمل",
        tail="وعقدت المحادثات في فندق على ضفة البحيرة.",
    ),
    male(
        official="محافظ البنك المركزي",
        private="مدير شركة للصرافة",
        lead="قفز سعر الدولار في السوق الموازية الثلاثاء.",
        said="الطلب على العملة الصعبة تضاعف",
        tail="وتعمل في البلاد مئات من شركات الصرافة.",
    ),
    male(
        official="مدير الدفاع المدني",
        private="متطوع في جمعية بيئية",
        lead="اشتعلت حرائق في غابات الشمال لليوم الرابع.",
        said="الرياح تعرقل إخماد النيران",
        tail="وتشهد غابات الشمال حرائق في كل صيف.",
    ),
)
"""An authority and somebody else who may say the same, with an article around them."""

_WITNESSES: Final = (
    male(
        official="قائد شرطة المدينة",
        private="صاحب متجر مجاور",
        lead="انفجرت أنبوبة غاز في مطعم وسط المدينة ظهر السبت.",
        said="النيران امتدت إلى مبنيين",
    ),
    female(
        official="رئيسة البلدية",
        private="سيدة تسكن الشارع نفسه",
        lead="انهار سور المدرسة الثانوية بعد أمطار غزيرة.",
        said="حجارة السور سدت الشارع",
    ),
    male(
        official="وزير النقل",
        private="سائق كان في المكان",
        lead="خرج قطار للبضائع عن سكته قرب الميناء ليل الخميس.",
        said="أربع عربات انقلبت",
    ),
    female(
        official="وزيرة البيئة",
        private="مالكة فندق على الشاطئ",
        lead="اجتاحت مياه البحر الواجهة البحرية صباح الأحد.",
        said="المياه بلغت الطبقات الأرضية من الفنادق",
    ),
    male(
        official="المتحدث باسم الدفاع المدني",
        private="عامل في المستودع",
        lead="اندلع حريق في مستودع للأقمشة مساء الأربعاء.",
        said="الحريق بدأ من الطابق السفلي",
    ),
    female(
        official="وزيرة الأشغال العامة",
        private="طالبة كانت تمر من هناك",
        lead="سقط جسر للمشاة على الطريق السريع فجر الاثنين.",
        said="الجسر كان متصدعا منذ أشهر",
    ),
)
"""A witness and an authority who may tell the same of an incident."""

_STANCES: Final = (
    male(
        official="رئيس الوزراء",
        private="رئيس حزب معارض",
        lead="انفض اجتماع القوى السياسية بعد ست ساعات.",
        said="تشكيل الحكومة يحتاج إلى تنازلات",
        tail="واستقالت الحكومة السابقة في الربيع.",
    ),
    female(
        official="وزيرة العدل",
        private="محامية الموقوفين",
        lead="أفرج عن عشرات الموقوفين مساء الأحد.",
        said="بقية الملفات ستراجع هذا الشهر",
        tail="وبدأت حملة التوقيفات بعد احتجاجات الخريف.",
    ),
    male(
        official="وزير الرياضة",
        private="مدرب الفريق",
        lead="عاد فريق العاصمة إلى البلاد فجر الجمعة بعد خسارته المباراة النهائية.",
        said="الاستعداد للموسم المقبل يبدأ غدا",
        tail="وتأسس الفريق قبل ستين عاما.",
    ),
    male(
        official="وزير الزراعة",
        private="رئيس جمعية المزارعين",
        lead="جفت الآبار في قرى الإقليم الشرقي.",
        said="الموسم ضاع على آلاف الأسر",
        tail="ويزرع الإقليم نصف قمح البلاد.",
    ),
    female(
        official="سفيرة الاتحاد الأوروبي",
        private="مديرة منظمة غير حكومية",
        lead="وصلت قافلة مساعدات إلى المدينة المحاصرة.",
        said="الطريق لا يزال محفوفا بالمخاطر",
        tail="وبدأ حصار المدينة مطلع الشتاء.",
    ),
    male(
        official="وزير العمل",
        private="رئيس نقابة عمال المناجم",
        lead="دخل إضراب عمال المناجم أسبوعه الثالث.",
        said="المفاوضات وصلت إلى طريق مسدود",
        tail="وتشغل المناجم عشرين ألف عامل.",
    ),
)
"""An authority and somebody else who may take the same stance."""


def _spoken(role: str, *rest: str) -> tuple[str, ...]:
    """A lead, a sentence that names the speaker of a role, and what follows."""
    return ("{scene.lead}", f"و{{scene:قال|قالت}} {{scene.{role}}} إن {{scene.said}}.", *rest)


_QUOTED = ("{scene:وأضاف|وأضافت}: «{goes_on.quote}».", "{scene.tail}")
_REPORTED = ("{scene:وأضاف|وأضافت} {goes_on.quote}.",)
_BARE = ("«{goes_on.quote}».", "{scene.tail}")
_FAR = (
    "{scene:وأوضح|وأوضحت} أن الأمر لا يحتمل التأجيل.",
    "{scene:وتابع|وتابعت}: «{goes_on.quote}».",
    "{scene.tail}",
)

TEMPLATES: Final[tuple[Template, ...]] = (
    Contrast(
        "speaker before a quotation",
        "«وأضاف: …» goes on with the words of an authority, or of somebody else.",
        Draft(_spoken("official", *_QUOTED), judged=2, label=OFFICIAL),
        Draft(_spoken("private", *_QUOTED), judged=2, label=CLAIM),
        crossed={
            "scene": _PAIRS,
            "goes_on": (
                scene(quote="سنعلن التفاصيل خلال الأيام المقبلة"),
                scene(quote="نحتاج إلى مزيد من الوقت"),
                scene(quote="نتابع الأمر ساعة بساعة"),
            ),
        },
    ),
    Contrast(
        "speaker before reported speech",
        "«وأضاف أن …» goes on with the words of a witness, or of an authority.",
        Draft(_spoken("private", *_REPORTED), judged=2, label=CLAIM),
        Draft(_spoken("official", *_REPORTED), judged=2, label=OFFICIAL),
        crossed={
            "scene": _WITNESSES,
            "goes_on": (
                scene(quote="أن الأضرار أكبر مما كان متوقعا"),
                scene(quote="أن المكان سيبقى مغلقا حتى مساء الغد"),
                scene(quote="أن الحي بقي بلا كهرباء"),
                scene(quote="أن رفع الأنقاض يحتاج إلى أيام"),
            ),
        },
    ),
    Contrast(
        "speaker before a bare quotation",
        "A quotation without a verb goes on with the words of an authority, or of somebody else.",
        Draft(_spoken("official", *_BARE), judged=2, label=OFFICIAL),
        Draft(_spoken("private", *_BARE), judged=2, label=CLAIM),
        crossed={
            "scene": _STANCES,
            "goes_on": (
                scene(quote="سنواصل العمل حتى النهاية"),
                scene(quote="الأيام المقبلة ستكون حاسمة"),
                scene(quote="لا نريد أن نعود إلى نقطة الصفر"),
            ),
        },
    ),
    Contrast(
        "speaker two sentences before",
        "«وتابع: …» goes on with the words of a speaker who was named two sentences earlier.",
        Draft(_spoken("private", *_FAR), judged=3, label=CLAIM),
        Draft(_spoken("official", *_FAR), judged=3, label=OFFICIAL),
        crossed={
            "scene": _STANCES,
            "goes_on": (
                scene(quote="لن نغير موقفنا"),
                scene(quote="الوقت ليس في صالحنا"),
                scene(quote="سنقول كل شيء في الوقت المناسب"),
            ),
        },
    ),
)
