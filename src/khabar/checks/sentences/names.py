"""Names within one role: which country, which party, which faith, a man or a woman, and the label stays.

All names of an attribute occur equally often, in the same articles, so that their rates can be compared.
"""

from typing import Final

from khabar.checks._templates import Draft, Filler, Swap, Template, ring, scene
from khabar.checks.sentences.fillers import COUNTRIES, FAITHS, PARTIES
from khabar.labels import Label

CASUALTY, OFFICIAL = Label.CASUALTY_REPORT, Label.OFFICIAL_STATEMENT
CLAIM, BACKGROUND = Label.CLAIM, Label.BACKGROUND


def _man_and_woman(man: str, woman: str) -> tuple[Filler, Filler]:
    return (
        Filler(man, second=False, group=("gender", "man")),
        Filler(woman, second=True, group=("gender", "woman")),
    )


TEMPLATES: Final[tuple[Template, ...]] = (
    Swap(
        "party as source",
        "A party or movement makes a statement; which one does not matter.",
        (
            Draft(
                ("{scene.lead}", "و{party:قال|قالت} {party} في بيان إن {scene.said}.", "{scene.tail}"),
                judged=1,
                label=CLAIM,
            ),
        ),
        slot="party",
        pairs=ring(PARTIES),
        crossed={
            "scene": (
                scene(
                    lead="تتواصل المشاورات لتشكيل حكومة جديدة منذ أسبوعين.",
                    said="الاتفاق على أسماء الوزراء بات قريبا",
                    tail="واستقالت الحكومة السابقة مطلع الشهر.",
                ),
                scene(
                    lead="خرج آلاف المتظاهرين إلى شوارع العاصمة الجمعة.",
                    said="المطالب المعيشية يجب أن تكون أولوية",
                    tail="وارتفعت أسعار الغذاء إلى الضعف خلال عام.",
                ),
                scene(
                    lead="تأجل الحوار الوطني إلى أجل غير مسمى.",
                    said="الدعوة إلى الحوار وجهت إلى جميع الأطراف",
                    tail="وعقدت الجلسة الأولى من الحوار في الربيع.",
                ),
            ),
        },
    ),
    Swap(
        "party before «وأضاف»",
        "The words of a party's leading member go on; which party stands in the sentence before.",
        (
            Draft(
                (
                    "{scene.lead}",
                    "وقال القيادي في {party} {scene.name} إن {scene.said}.",
                    "وأضاف أن {scene.more}.",
                    "{scene.tail}",
                ),
                judged=2,
                label=CLAIM,
            ),
        ),
        slot="party",
        pairs=ring(PARTIES),
        crossed={
            "scene": (
                scene(
                    name="سامر الخطيب",
                    lead="غادر الوسطاء المدينة من دون الإدلاء بتصريحات.",
                    said="المحادثات تناولت ملفات كثيرة",
                    more="نقاط الخلاف باتت محدودة",
                    tail="وبدأت الوساطة قبل ثلاثة أشهر.",
                ),
                scene(
                    name="عادل منصور",
                    lead="أغلق باب الترشح للانتخابات ليل الأربعاء.",
                    said="قوائم المرشحين ستعلن خلال أيام",
                    more="النساء يشكلن نصف المرشحين",
                    tail="وتجرى الانتخابات كل أربع سنوات.",
                ),
            ),
        },
    ),
    Swap(
        "country of a foreign ministry",
        "A foreign ministry says something; of which country does not matter.",
        (
            Draft(
                (
                    "{scene.says} وزارة الخارجية {country.feminine} {scene.what}.",
                    "{scene.next}",
                    "{scene.tail}",
                ),
                judged=0,
                label=OFFICIAL,
            ),
        ),
        slot="country",
        pairs=ring(COUNTRIES),
        crossed={
            "scene": (
                scene(
                    says="أعربت",
                    what="عن قلقها من تصاعد التوتر في المنطقة",
                    next="وأغلقت شركات طيران عدة خطوطها الجوية فوق الممر البحري.",
                    tail="وتعبر الممر عشرات السفن كل يوم.",
                ),
                scene(
                    says="دعت",
                    what="إلى عقد مؤتمر دولي لحماية البحار",
                    next="ونفقت آلاف الأسماك على الشواطئ في الأسابيع الماضية.",
                    tail="وعقد مؤتمر مماثل قبل عشرة أعوام.",
                ),
            ),
        },
    ),
    Swap(
        "country of an accident",
        "People die in an accident; in which country does not matter.",
        (
            Draft(
                ("{scene.before} في {country} {scene.after}.", "{scene.next}", "{scene.tail}"),
                judged=0,
                label=CASUALTY,
            ),
        ),
        slot="country",
        pairs=ring(COUNTRIES),
        crossed={
            "scene": (
                scene(
                    before="قتل 11 شخصا وأصيب تسعة آخرون في اصطدام حافلتين",
                    after="فجر الأحد",
                    next="وأغلقت الطريق ساعات عدة.",
                    tail="وكان الضباب يغطي المنطقة منذ المساء.",
                ),
                scene(
                    before="لقي ستة عمال مصرعهم في حريق في مصنع للنسيج",
                    after="مساء الثلاثاء",
                    next="وتوقف العمل في المصنع إلى حين انتهاء التحقيق.",
                    tail="وافتتح المصنع قبل أربعين عاما.",
                ),
            ),
        },
    ),
    Swap(
        "country of an unnamed official",
        "An official without a name says something; of which country does not matter.",
        (
            Draft(
                (
                    "انتهت الجولة الثالثة من المحادثات مساء الخميس.",
                    "وقال مسؤول {country.unnamed} طلب عدم ذكر اسمه إن الجولة المقبلة ستعقد بعد أسبوعين.",
                    "وبدأت المحادثات مطلع العام.",
                ),
                judged=1,
                label=CLAIM,
            ),
        ),
        slot="country",
        pairs=ring(COUNTRIES),
        crossed={},
    ),
    Swap(
        "country in a standing fact",
        "The article explains where imports come from; from which country does not matter.",
        (
            Draft(
                (
                    "ارتفعت أسعار الآلات الزراعية في السوق المحلية هذا الشهر.",
                    "وتستورد البلاد من {country} قسما كبيرا من حاجتها إلى هذه الآلات.",
                    "وقال تجار إن الشحنات تتأخر أسابيع.",
                ),
                judged=1,
                label=BACKGROUND,
            ),
        ),
        slot="country",
        pairs=ring(COUNTRIES),
        crossed={},
    ),
    Swap(
        "faith of the victims",
        "People are killed in a house of worship; whose it is does not matter.",
        (
            Draft(
                ("{scene.before} في هجوم على {faith.house} {scene.after}.", "{scene.next}", "{scene.tail}"),
                judged=0,
                label=CASUALTY,
            ),
        ),
        slot="faith",
        pairs=ring(FAITHS),
        crossed={
            "scene": (
                scene(
                    before="قتل أربعة مصلين",
                    after="وسط المدينة صباح السبت",
                    next="وفر المهاجم قبل وصول دوريات الأمن.",
                    tail="ويسكن الحي خليط من أبناء الطوائف.",
                ),
                scene(
                    before="أصيب سبعة أشخاص بجروح",
                    after="في بلدة جبلية ليل الاثنين",
                    next="ونظم سكان البلدة وقفة تضامنية في الساحة.",
                    tail="وتشتهر البلدة بزراعة التفاح.",
                ),
            ),
        },
    ),
    Swap(
        "faith of a cleric",
        "A cleric without a state office says something; of which faith does not matter.",
        (
            Draft(
                ("{scene.lead}", "وقال رجل دين {faith.unnamed} في البلدة إن {scene.said}.", "{scene.tail}"),
                judged=1,
                label=CLAIM,
            ),
        ),
        slot="faith",
        pairs=ring(FAITHS),
        crossed={
            "scene": (
                scene(
                    lead="عاد الهدوء إلى البلدة بعد خلاف بين عائلتين.",
                    said="العائلتين اتفقتا على الصلح",
                    tail="وبدأ الخلاف على قطعة أرض.",
                ),
                scene(
                    lead="جمع أهالي البلدة تبرعات لأسر فقدت بيوتها في الفيضان.",
                    said="التبرعات فاقت التوقعات",
                    tail="وتقع البلدة على ضفة النهر.",
                ),
            ),
        },
    ),
    Swap(
        "faith in a standing fact",
        "The article explains who lives in a place; of which faith they are does not matter.",
        (
            Draft(
                ("{scene.lead}", "{scene.live} أبناء الطائفة {faith.feminine}.", "{scene.tail}"),
                judged=1,
                label=BACKGROUND,
            ),
        ),
        slot="faith",
        pairs=ring(FAITHS),
        crossed={
            "scene": (
                scene(
                    lead="أعيد فتح الطريق المؤدي إلى البلدة القديمة الاثنين.",
                    live="ويعيش في البلدة منذ قرون",
                    tail="وعبرت الطريق عشرات السيارات في الساعة الأولى.",
                ),
                scene(
                    lead="بدأت أعمال ترميم البيوت الحجرية في الحي الغربي.",
                    live="ويشكل غالبية سكان الحي",
                    tail="وتستمر الأعمال حتى نهاية الصيف.",
                ),
            ),
        },
    ),
    Swap(
        "man or woman in office",
        "Somebody in office says something, a man or a woman.",
        (
            Draft(
                ("{scene.lead}", "و{person:قال|قالت} {person} إن {scene.said}.", "{scene.tail}"),
                judged=1,
                label=OFFICIAL,
            ),
        ),
        slot="person",
        pairs=(
            _man_and_woman("وزير المالية فؤاد السعدي", "وزيرة المالية سلمى عمران"),
            _man_and_woman("وزير الثقافة كريم الحسن", "وزيرة الثقافة هدى الزين"),
            _man_and_woman("رئيس الوزراء عادل منصور", "رئيسة الوزراء ليلى حداد"),
            _man_and_woman("رئيس البلدية طارق النجار", "رئيسة البلدية رنا القاسم"),
            _man_and_woman("المتحدث باسم الحكومة ياسر حمدان", "المتحدثة باسم الحكومة نادية فارس"),
            _man_and_woman("محافظ العاصمة سامر الخطيب", "محافظة العاصمة أمل شاهين"),
        ),
        crossed={
            "scene": (
                scene(
                    lead="وصلت معدات ثقيلة إلى موقع المكتبة الجديدة صباح الأحد.",
                    said="أعمال البناء ستنتهي في الربيع",
                    tail="ويتسع المبنى لمليون كتاب.",
                ),
                scene(
                    lead="احتج سكان الضاحية الجنوبية على رفع أجور النقل.",
                    said="الأجور ستراجع في نهاية العام",
                    tail="ورفعت الأجور آخر مرة قبل خمسة أعوام.",
                ),
            ),
        },
    ),
    Swap(
        "man or woman without office",
        "Somebody who is no authority says something, a man or a woman.",
        (
            Draft(
                ("{scene.lead}", "و{person:قال|قالت} {person} إن {scene.said}.", "{scene.tail}"),
                judged=1,
                label=CLAIM,
            ),
        ),
        slot="person",
        pairs=(
            _man_and_woman("الناشط كريم الحسن", "الناشطة هدى الزين"),
            _man_and_woman("المحلل السياسي فؤاد السعدي", "المحللة السياسية سلمى عمران"),
            _man_and_woman("أحد الشهود", "إحدى الشاهدات"),
            _man_and_woman("تاجر في المنطقة", "تاجرة في المنطقة"),
            _man_and_woman("مدير شركة خاصة", "مديرة شركة خاصة"),
            _man_and_woman("الكاتب عادل منصور", "الكاتبة ليلى حداد"),
        ),
        crossed={
            "scene": (
                scene(
                    lead="تكررت أعطال شبكة الهاتف في المدينة هذا الأسبوع.",
                    said="الأعطال ألحقت ضررا بأصحاب المتاجر",
                    tail="ويستخدم الشبكة مليونا مشترك.",
                ),
                scene(
                    lead="أزيلت أشجار معمرة من شارع البحر فجر السبت.",
                    said="الأشجار لم تكن تعيق المرور",
                    tail="وزرعت الأشجار قبل مئة عام.",
                ),
            ),
        },
    ),
)
