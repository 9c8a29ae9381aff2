"""Context or news: what was before, what is always so, what is asked, against what is asserted."""

from typing import Final

from khabar.checks._templates import Contrast, Draft, Filler, Template, female, male, scene
from khabar.labels import Label

OFFICIAL, CLAIM, BACKGROUND = Label.OFFICIAL_STATEMENT, Label.CLAIM, Label.BACKGROUND

_FACTS: Final = (
    female(
        "وزارة السياحة والآثار",
        lead="رممت جدران القلعة المطلة على الميناء هذا الربيع.",
        fact="ويعود بناء القلعة إلى القرن الثاني عشر.",
        clause="بناء القلعة يعود إلى القرن الثاني عشر",
        tail="وبلغت كلفة الترميم مليوني دولار.",
    ),
    female(
        "وزارة الموارد المائية",
        lead="جفت أجزاء واسعة من البحيرة هذا الصيف.",
        fact="وتغذي البحيرة ثلاثة أنهار صغيرة.",
        clause="ثلاثة أنهار صغيرة تغذي البحيرة",
        tail="وغادر صيادون كثيرون قراهم بحثا عن عمل.",
    ),
    female(
        "بلدية المدينة",
        lead="أغلق السوق المسقوف أبوابه أسبوعا لأعمال الصيانة.",
        fact="ويضم السوق أكثر من مئتي متجر.",
        clause="السوق يضم أكثر من مئتي متجر",
        tail="ونقل بعض الباعة بضائعهم إلى الشوارع المجاورة.",
    ),
    female(
        "وكالة الفضاء الوطنية",
        lead="أطلق قمر صناعي صغير لمراقبة الصحراء ليل الثلاثاء.",
        fact="وتغطي الصحراء أربعة أخماس مساحة البلاد.",
        clause="الصحراء تغطي أربعة أخماس مساحة البلاد",
        tail="ووصلت أولى الصور إلى المحطة الأرضية صباح الأربعاء.",
    ),
    female(
        "وزارة البيئة",
        lead="زرع متطوعون أشجارا على ضفتي النهر السبت.",
        fact="وينبع النهر من الجبال الشرقية.",
        clause="النهر ينبع من الجبال الشرقية",
        tail="وشارك في الحملة طلاب من خمس مدارس.",
    ),
    female(
        "وزارة الثقافة",
        lead="عرضت في المتحف قطع نقدية عثر عليها الشهر الماضي.",
        fact="وتأسس المتحف قبل تسعين عاما.",
        clause="المتحف تأسس قبل تسعين عاما",
        tail="واصطف الزوار أمام المدخل منذ الصباح.",
    ),
)
"""A standing fact, alone and as a clause after «إن», with an authority who may state it."""

TEMPLATES: Final[tuple[Template, ...]] = (
    Contrast(
        "news to an earlier event",
        "The article reports what happened today, or what had happened years ago.",
        Draft(("{scene.lead}", "{scene.news}", "{scene.tail}"), judged=1, label=CLAIM),
        Draft(("{scene.lead}", "{scene.earlier} عام {year}.", "{scene.tail}"), judged=1, label=BACKGROUND),
        crossed={
            "scene": (
                scene(
                    lead="تستعد شركة الشحن البحري لتوسيع أسطولها.",
                    news="ووقعت الشركة صباح اليوم عقدا لشراء أربع سفن.",
                    earlier="وكانت الشركة قد اشترت سفينتين مماثلتين",
                    tail="ويعمل في الشركة ألف بحار.",
                ),
                scene(
                    lead="يستعد فريق الميناء لمباراته المقبلة على أرضه.",
                    news="وفاز الفريق مساء أمس بهدفين لهدف.",
                    earlier="وكان الفريق قد أحرز لقبه الوحيد",
                    tail="وتقام المباراة المقبلة يوم الأحد.",
                ),
                scene(
                    lead="تعود الأنشطة إلى المسرح البلدي هذا الأسبوع.",
                    news="وقدمت فرقة محلية عرضها الأول على خشبته مساء السبت.",
                    earlier="وكان المسرح قد أغلق للترميم",
                    tail="وبيعت التذاكر كلها في ساعات.",
                ),
                scene(
                    lead="يتوقع أن يستأنف عمال المصنع عملهم الأحد.",
                    news="وانتهى الإضراب ليل الخميس بعد اتفاق مع الإدارة.",
                    earlier="وكان المصنع قد شهد إضرابا مماثلا",
                    tail="وينتج المصنع قطع غيار للسيارات.",
                ),
                scene(
                    lead="تراقب مراكز الرصد نشاط البركان عن كثب.",
                    news="وقذف البركان فجر اليوم رمادا بلغ ارتفاعه كيلومترين.",
                    earlier="وكان البركان قد ثار آخر مرة",
                    tail="ويقع البركان في جزيرة غير مأهولة.",
                ),
                scene(
                    lead="يزداد الإقبال على المكتبة العامة في المدينة.",
                    news="وافتتحت المكتبة صباح اليوم قاعة جديدة للأطفال.",
                    earlier="وكانت المكتبة قد انتقلت إلى مبناها الحالي",
                    tail="وتضم المكتبة نصف مليون كتاب.",
                ),
            ),
            "year": (Filler("1998"), Filler("2007"), Filler("2015")),
        },
    ),
    Contrast(
        "standing fact put in an expert's mouth",
        "A standing fact in the article's own voice is said by somebody who is no authority.",
        Draft(("{scene.lead}", "{scene.fact}", "{scene.tail}"), judged=1, label=BACKGROUND),
        Draft(
            (
                "{scene.lead}",
                "و{expert:قال|قالت} {expert} إن {scene.clause}.",
                "{scene.tail}",
            ),
            judged=1,
            label=CLAIM,
        ),
        crossed={
            "scene": _FACTS,
            "expert": (
                male("باحث في جامعة خاصة"),
                female("خبيرة في التراث والبيئة"),
                male("مرشد سياحي من أهل المنطقة"),
            ),
        },
    ),
    Contrast(
        "standing fact put in an authority's mouth",
        "A standing fact in the article's own voice is said by an authority.",
        Draft(("{scene.lead}", "{scene.fact}", "{scene.tail}"), judged=1, label=BACKGROUND),
        Draft(
            ("{scene.lead}", "و{says} {scene} {says.that} {scene.clause}.", "{scene.tail}"),
            judged=1,
            label=OFFICIAL,
        ),
        crossed={
            "scene": _FACTS,
            "says": (Filler("قالت", forms={"that": "إن"}), Filler("أوضحت", forms={"that": "أن"})),
        },
    ),
    Contrast(
        "opinion to question",
        "Analysts hold an opinion, or the article asks.",
        Draft(("{scene.lead}", "ويرى {analysts} أن {scene.opinion}.", "{scene.tail}"), judged=1, label=CLAIM),
        Draft(("{scene.lead}", "{scene.question}", "{scene.tail}"), judged=1, label=BACKGROUND),
        crossed={
            "scene": (
                scene(
                    lead="دخلت الهدنة حيز التنفيذ منتصف الليل.",
                    opinion="الهدنة لن تصمد طويلا",
                    question="فهل تصمد الهدنة هذه المرة؟",
                    tail="وانهارت هدنتان سابقتان خلال ساعات.",
                ),
                scene(
                    lead="بلغ فريق الساحل الدور نصف النهائي مساء السبت.",
                    opinion="الفريق قادر على الفوز باللقب",
                    question="فهل يفوز الفريق باللقب؟",
                    tail="وتقام المباراة النهائية الشهر المقبل.",
                ),
                scene(
                    lead="هبطت أسعار النفط إلى أدنى مستوى في عامين.",
                    opinion="الأسعار ستواصل الهبوط",
                    question="فإلى أين تتجه الأسعار؟",
                    tail="ويشكل النفط معظم صادرات البلاد.",
                ),
                scene(
                    lead="فتحت صناديق الاقتراع صباح الأحد.",
                    opinion="نسبة المشاركة ستكون منخفضة",
                    question="فكيف ستكون نسبة المشاركة؟",
                    tail="ويحق لثمانية ملايين ناخب التصويت.",
                ),
                scene(
                    lead="تأخرت الأمطار هذا العام عن موعدها.",
                    opinion="الموسم الزراعي مهدد",
                    question="فماذا ينتظر الموسم الزراعي؟",
                    tail="وتعتمد معظم القرى على مياه الأمطار.",
                ),
                scene(
                    lead="عاد الوفدان إلى طاولة التفاوض.",
                    opinion="الخلاف لن يحل قريبا",
                    question="فهل اقترب الحل؟",
                    tail="وتوقفت المفاوضات أربعة أشهر.",
                ),
            ),
            "analysts": (Filler("محللون"), Filler("مراقبون")),
        },
    ),
)
