"""Whole articles in another spelling, and numbers written in another way: the label stays."""

from typing import Final

from khabar.checks._spelling import datelined, egyptian, quoted, stretched, vocalised, without_hamza
from khabar.checks._templates import Draft, Respelling, Swap, Template
from khabar.checks.sentences.fillers import NUMBERS
from khabar.labels import Label

CASUALTY, OFFICIAL = Label.CASUALTY_REPORT, Label.OFFICIAL_STATEMENT
CLAIM, BACKGROUND = Label.CLAIM, Label.BACKGROUND

ARTICLES: Final = (
    Draft(
        (
            "قتل خمسة أشخاص وأصيب تسعة آخرون في حريق شب في فندق «النخيل» وسط العاصمة مساء الأحد.",
            "وأخلت فرق الإطفاء الفندق من نزلائه.",
            "وقال أحد الشهود: «رأيت الدخان يخرج من الطابق الأخير».",
        ),
        judged=0,
        label=CASUALTY,
    ),
    Draft(
        (
            "لقي ثلاثة صيادين مصرعهم إثر غرق قاربهم قبالة الجزيرة الكبيرة في ساعة مبكرة من اليوم.",
            "وتوقفت أعمال البحث مساء بسبب ارتفاع الأمواج.",
            "وأعلنت وزارة النقل فتح تحقيق في الحادث.",
        ),
        judged=0,
        label=CASUALTY,
    ),
    Draft(
        (
            "أعلنت وزارة الصحة ارتفاع عدد المصابين بالحمى في الإقليم إلى أربعين شخصا بينهم أطفال.",
            "وأكدت الوزارة أن اللقاح متوافر في جميع المراكز.",
            "وظهر المرض في الإقليم أول مرة قبل عشرة أعوام.",
        ),
        judged=0,
        label=CASUALTY,
    ),
    Draft(
        (
            "اقتحم مسلحون قرية نائية في شرق الإقليم فجر الأربعاء.",
            "وأسفر الهجوم عن مقتل سبعة من أبناء القرية كانوا في بيوتهم.",
            "وانسحب المهاجمون إلى الجبال قبل وصول الجيش.",
        ),
        judged=1,
        label=CASUALTY,
    ),
    Draft(
        (
            "قال وزير الاقتصاد في مؤتمر صحافي إن أسعار الأدوية «لن ترتفع قبل نهاية العام».",
            "وأضاف أن أجهزة الوزارة ستراقب الأسواق.",
            "وأغلقت صيدليات عدة أبوابها احتجاجا على ما يجري في القطاع.",
        ),
        judged=0,
        label=OFFICIAL,
    ),
    Draft(
        (
            "أمرت المحكمة الإدارية بإلغاء نتائج الانتخابات في نقابة المهندسين.",
            "وأقيمت الدعوى قبل أربعة أشهر.",
            "وتضم النقابة آلاف الأعضاء.",
        ),
        judged=0,
        label=OFFICIAL,
    ),
    Draft(
        (
            "دعت الأمم المتحدة أطراف النزاع إلى احترام وقف إطلاق النار في الأحياء الشرقية.",
            "وأفاد سكان بأن القصف تجدد مساء.",
            "وأدى النزاع إلى نزوح آلاف الأسر منذ الربيع.",
        ),
        judged=0,
        label=OFFICIAL,
    ),
    Draft(
        (
            "أعلن رئيس البلدية إغلاق الشارع الرئيسي أسبوعا.",
            "وأوضح أن أعمال الصيانة تشمل شبكة المياه في الحي.",
            "وأكد قائلا: «سنعيد فتح الشارع في موعده قبل العيد».",
        ),
        judged=2,
        label=OFFICIAL,
    ),
    Draft(
        (
            "أفادت مصادر مطلعة بأن أعضاء الوفد سيغادرون في الليلة نفسها من دون اتفاق.",
            "وأمضى الوفد ثلاثة أيام في فندق قرب المطار.",
            "وتأتي المحادثات بعد أشهر من القطيعة.",
        ),
        judged=0,
        label=CLAIM,
    ),
    Draft(
        (
            "اتهم أهالي الحي شركة المقاولات بإهمال إجراءات السلامة في المبنى.",
            "وقالت إحدى الساكنات: «أبلغنا الشركة مرات ولم يأت أحد».",
            "وأنشئ المبنى قبل أربعة أعوام.",
        ),
        judged=0,
        label=CLAIM,
    ),
    Draft(
        (
            "فاز فريق «الساحل» على ضيفه بثلاثة أهداف مساء أمس في افتتاح الموسم.",
            "وأحرز القائد الهدف الأول في الدقيقة الأخيرة من الشوط الأول.",
            "وقال المدرب: «أظهر اللاعبون روحا عالية».",
        ),
        judged=0,
        label=CLAIM,
    ),
    Draft(
        (
            "أثار إغلاق المصنع استياء في المدينة.",
            "وقال رئيس نقابة العمال إن الإدارة «أخلفت وعدها» في شأن التعويضات.",
            "وأنشئ المصنع قبل نصف قرن.",
        ),
        judged=1,
        label=CLAIM,
    ),
    Draft(
        (
            "أعيد افتتاح المتحف الوطني أمس بعد أعمال ترميم.",
            "وأشاد زوار بالقاعات الجديدة.",
            "وأسس المتحف في ثلاثينيات القرن الماضي ويضم آلاف القطع الأثرية.",
        ),
        judged=2,
        label=BACKGROUND,
    ),
    Draft(
        (
            "أعلنت الحكومة تأجيل التعداد السكاني.",
            "ويجرى التعداد في البلاد مرة كل عشرة أعوام.",
            "وأرجعت الحكومة التأجيل إلى أسباب مالية.",
        ),
        judged=1,
        label=BACKGROUND,
    ),
    Draft(
        (
            "أبحرت سفينة الأبحاث من الميناء في صباح الاثنين.",
            "وعلى متنها أربعون عالما.",
            "وكانت السفينة قد أنجزت رحلة مماثلة في المحيط قبل ثلاثة أعوام.",
        ),
        judged=2,
        label=BACKGROUND,
    ),
    Draft(
        (
            "أسدل الستار على مهرجان «خشبة البحر» المسرحي مساء الجمعة.",
            "وحصدت فرق شابة ثلاث جوائز.",
            "ويعد «خشبة البحر» من أقدم مهرجانات المسرح في المنطقة.",
        ),
        judged=2,
        label=BACKGROUND,
    ),
)
"""Four articles for each label, in plain spelling and with guillemets."""

VOCALISED: Final = {
    "قتل": "قُتِلَ",
    "وأصيب": "وأُصيبَ",
    "شب": "شَبَّ",
    "العاصمة": "العاصِمة",
    "لقي": "لَقِيَ",
    "مصرعهم": "مَصرَعَهُم",
    "إثر": "إثرَ",
    "أعلنت": "أعلَنَتْ",
    "وأعلنت": "وأعلَنَتْ",
    "وزارة": "وِزارة",
    "الصحة": "الصِّحّة",
    "شخصا": "شخصاً",
    "وأكدت": "وأكَّدَت",
    "أن": "أنَّ",
    "إن": "إنَّ",
    "قبل": "قَبلَ",
    "مسلحون": "مُسَلَّحون",
    "مقتل": "مَقتَل",
    "المهاجمون": "المُهاجِمون",
    "الهجوم": "الهُجوم",
    "قال": "قالَ",
    "وقال": "وقالَ",
    "وزير": "وَزير",
    "الاقتصاد": "الاقتِصاد",
    "أمرت": "أمَرَت",
    "المحكمة": "المَحكَمة",
    "نقابة": "نِقابة",
    "دعت": "دَعَت",
    "الأمم": "الأُمَم",
    "المتحدة": "المُتَّحِدة",
    "النزاع": "النِّزاع",
    "أعلن": "أعلَنَ",
    "وأكد": "وأكَّدَ",
    "سنعيد": "سَنُعيد",
    "الشارع": "الشّارِع",
    "أسبوعا": "أُسبوعاً",
    "مصادر": "مَصادِر",
    "مطلعة": "مُطَّلِعة",
    "سيغادرون": "سَيُغادِرون",
    "اتهم": "اتَّهَمَ",
    "شركة": "شَرِكة",
    "السلامة": "السَّلامة",
    "فاز": "فازَ",
    "فريق": "فَريق",
    "المدرب": "المُدَرِّب",
    "العمال": "العُمّال",
    "وأسس": "وأُسِّسَ",
    "المتحف": "المُتحَف",
    "ويضم": "ويَضُمّ",
    "ويجرى": "ويُجرى",
    "مرة": "مَرّة",
    "كل": "كُلّ",
    "السفينة": "السَّفينة",
    "وكانت": "وكانَت",
    "مماثلة": "مُماثِلة",
    "ويعد": "ويُعَدّ",
    "المسرح": "المَسرَح",
}
"""Words of the articles as a newspaper vocalises them where it does, case endings mostly left out."""

_COUNTS: Final = (
    Draft(
        (
            "انهارت رافعة في ورشة للبناء جنوب المدينة صباح الأحد.",
            "ولقي {number} {number:عمال|عاملا} مصرعهم تحت الأنقاض.",
            "وتوقف العمل في الورشة.",
        ),
        judged=1,
        label=CASUALTY,
    ),
    Draft(
        (
            "غطى الدخان أحياء المدينة الصناعية للأسبوع الثاني.",
            "وقررت وزارة البيئة إغلاق {number.oblique} {number:مصانع|مصنعا} حتى إشعار آخر.",
            "ويعمل في المدينة الصناعية آلاف العمال.",
        ),
        judged=1,
        label=OFFICIAL,
    ),
    Draft(
        (
            "هدأت الأمواج قبالة الساحل فجر الاثنين.",
            "ووصل إلى المرفأ {number} {number:زوارق|زورقا} محملة بالبضائع.",
            "ويعود المرفأ إلى العهد العثماني.",
        ),
        judged=1,
        label=CLAIM,
    ),
    Draft(
        (
            "استأنف المتحف استقبال الزوار بعد عطلة الشتاء.",
            "ويضم المتحف منذ تأسيسه {number.oblique} {number:تماثيل|تمثالا} من العصر الروماني.",
            "واصطف عشرات السياح أمام المدخل.",
        ),
        judged=1,
        label=BACKGROUND,
    ),
)
"""An article for each label with a number in the judged sentence."""

_LEADS: Final = tuple(draft for draft in ARTICLES if draft.judged == 0)
"""Articles whose judged sentence is the one that a dateline opens."""

TEMPLATES: Final[tuple[Template, ...]] = (
    Swap(
        "number in Arabic-Indic digits",
        "A number is written in ٠-٩ in place of 0-9.",
        _COUNTS,
        slot="number",
        pairs=[(western, eastern) for western, eastern, _ in NUMBERS[::2]],
        crossed={},
    ),
    Swap(
        "number in words",
        "A number is written in words in place of 0-9.",
        _COUNTS,
        slot="number",
        pairs=[(western, words) for western, _, words in NUMBERS],
        crossed={},
    ),
    Respelling(
        "tashkeel",
        "Some words are vocalised, as newspapers do here and there.",
        ARTICLES,
        (vocalised(VOCALISED),),
    ),
    Respelling("tatweel", "Long words are stretched.", ARTICLES, (stretched,)),
    Respelling(
        "quote marks",
        "Guillemets give way to other quotation marks.",
        ARTICLES,
        (quoted('"', '"'), quoted("“", "”"), quoted("'", "'")),
    ),
    Respelling("alef without hamza", "Every alef loses its hamza.", ARTICLES, (without_hamza,)),
    Respelling("Egyptian spelling", "A yaa that ends a word loses its dots.", ARTICLES, (egyptian,)),
    Respelling(
        "agency prefix",
        "A dateline with a news agency opens the judged sentence.",
        _LEADS,
        (datelined("القاهرة (رويترز) - "), datelined("باريس - أ ف ب: "), datelined("عمان – وكالات - ")),
    ),
)
