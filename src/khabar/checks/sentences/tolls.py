"""A human toll: the main thing that the sentence asserts, or not in it, or riding along."""

from typing import Final

from khabar.checks._templates import Contrast, Draft, Filler, Template, female, male, scene
from khabar.labels import Label

CASUALTY, OFFICIAL, CLAIM = Label.CASUALTY_REPORT, Label.OFFICIAL_STATEMENT, Label.CLAIM

_AFTER_ACCIDENT = ("وهرعت سيارات الإسعاف والإطفاء إلى المكان.", "ولم تعرف أسباب الحادث بعد.")
_AFTER_ATTACK = ("وأغلقت الشوارع المؤدية إلى المكان.", "ولم تتبن أي جهة العملية.")

TEMPLATES: Final[tuple[Template, ...]] = (
    Contrast(
        "toll added to an accident",
        "The article reports an accident, or how many died in it.",
        Draft(("{scene.report}", *_AFTER_ACCIDENT), judged=0, label=CLAIM),
        Draft(("قتل {toll} في {scene.accident}.", *_AFTER_ACCIDENT), judged=0, label=CASUALTY),
        crossed={
            "scene": (
                scene(
                    report="اندلع حريق في مصنع للدهانات جنوب العاصمة فجر اليوم.",
                    accident="حريق اندلع في مصنع للدهانات جنوب العاصمة فجر اليوم",
                ),
                scene(
                    report="انهار مبنى سكني قيد الإنشاء في حي المرفأ مساء السبت.",
                    accident="انهيار مبنى سكني قيد الإنشاء في حي المرفأ مساء السبت",
                ),
                scene(
                    report="اصطدمت حافلة بشاحنة على الطريق الصحراوي صباح الثلاثاء.",
                    accident="اصطدام حافلة بشاحنة على الطريق الصحراوي صباح الثلاثاء",
                ),
                scene(
                    report="انفجر خزان للوقود قرب سوق شعبي ظهر الخميس.",
                    accident="انفجار خزان للوقود قرب سوق شعبي ظهر الخميس",
                ),
                scene(
                    report="سقطت رافعة كبيرة على ورشة للبناء شرق المدينة صباح الأحد.",
                    accident="سقوط رافعة كبيرة على ورشة للبناء شرق المدينة صباح الأحد",
                ),
                scene(
                    report="خرج قطار ركاب عن سكته قرب محطة ريفية أمس.",
                    accident="خروج قطار ركاب عن سكته قرب محطة ريفية أمس",
                ),
            ),
            "toll": (male("أربعة أشخاص"), male("سبعة أشخاص بينهم امرأتان"), male("12 شخصا")),
        },
    ),
    Contrast(
        "relief to toll",
        "An authority announces what it does for victims, or how many they are.",
        Draft(
            ("{scene.lead}", "و{body:أعلن|أعلنت} {body} {scene.relief}.", "{scene.tail}"),
            judged=1,
            label=OFFICIAL,
        ),
        Draft(
            ("{scene.lead}", "و{body:أعلن|أعلنت} {body} {scene.toll}.", "{scene.tail}"),
            judged=1,
            label=CASUALTY,
        ),
        crossed={
            "scene": (
                scene(
                    lead="ضرب زلزال قوي الإقليم الغربي فجر الاثنين.",
                    relief="إرسال خمس شاحنات من الأغطية والأدوية إلى القرى المنكوبة",
                    toll="ارتفاع عدد قتلى الزلزال إلى 45 قتيلا",
                    tail="وشعر بالزلزال سكان ثلاث محافظات مجاورة.",
                ),
                scene(
                    lead="اجتاحت السيول بلدات الوادي بعد ليلة من الأمطار.",
                    relief="إرسال ثلاث فرق لمساعدة الأسر التي غمرت المياه بيوتها",
                    toll="مقتل تسعة أشخاص وفقدان أربعة آخرين",
                    tail="وجرفت المياه الجسر الذي يربط بين ضفتي الوادي.",
                ),
                scene(
                    lead="هز انفجار كبير منطقة المستودعات مساء الجمعة.",
                    relief="إقامة مستشفى ميداني قرب المنطقة",
                    toll="إصابة ثلاثين شخصا بجروح",
                    tail="وتحطم زجاج النوافذ في الأحياء القريبة.",
                ),
                scene(
                    lead="تفشى وباء الكوليرا في قرى الدلتا منذ الشهر الماضي.",
                    relief="توزيع أقراص لتنقية المياه على سكان القرى",
                    toll="وفاة 17 مصابا بالكوليرا خلال أسبوع",
                    tail="وينتقل المرض عن طريق المياه الملوثة.",
                ),
                scene(
                    lead="انقلبت عبارة في البحيرة الكبرى صباح اليوم.",
                    relief="تخصيص مركز لاستقبال أهالي الركاب",
                    toll="انتشال جثث ثمانية ركاب",
                    tail="وتنقل العبارات سكان الجزر إلى المدينة.",
                ),
            ),
            "body": (
                female("وزارة الصحة"),
                male("الدفاع المدني"),
                female("جمعية الهلال الأحمر"),
                female("محافظة الإقليم"),
            ),
        },
    ),
    Contrast(
        "toll moved into a clause",
        "Somebody in office announces a toll, or promises something and the toll rides along.",
        Draft(
            ("{office:أعلن|أعلنت} {office} مقتل {scene.toll} في {scene.attack}.", *_AFTER_ATTACK),
            judged=0,
            label=CASUALTY,
        ),
        Draft(
            (
                "{office:تعهد|تعهدت} {office} بملاحقة منفذي {scene.the_attack} الذي قتل فيه {scene.toll}.",
                *_AFTER_ATTACK,
            ),
            judged=0,
            label=OFFICIAL,
        ),
        crossed={
            "scene": (
                scene(toll="خمسة مدنيين", attack="تفجير استهدف سوقا شعبيا", the_attack="تفجير السوق الشعبي"),
                scene(
                    toll="أربعة رجال",
                    attack="هجوم بالسكاكين في محطة القطارات",
                    the_attack="هجوم محطة القطارات",
                ),
                scene(toll="12 شخصا", attack="هجوم مسلح على فندق", the_attack="الهجوم المسلح على الفندق"),
                scene(
                    toll="ستة متسوقين",
                    attack="إطلاق نار في مركز تجاري",
                    the_attack="إطلاق النار في المركز التجاري",
                ),
                scene(toll="تسعة ركاب", attack="تفجير حافلة للنقل العام", the_attack="تفجير الحافلة"),
            ),
            "office": (
                male("وزير الداخلية"),
                female("رئيسة الوزراء"),
                male("قائد الشرطة"),
                male("رئيس الجمهورية"),
            ),
        },
    ),
    Contrast(
        "toll of none",
        "The article reports an accident, or that nobody was hurt in it.",
        Draft(("{scene.report}", *_AFTER_ACCIDENT), judged=0, label=CLAIM),
        Draft(("{unhurt} في {scene.accident}.", *_AFTER_ACCIDENT), judged=0, label=CASUALTY),
        crossed={
            "scene": (
                scene(
                    report="انهار جزء من جسر قديم في البلدة ليل أمس.",
                    accident="انهيار جزء من جسر قديم في البلدة ليل أمس",
                ),
                scene(
                    report="اندلع حريق في سوق للأخشاب غرب المدينة ظهر السبت.",
                    accident="حريق اندلع في سوق للأخشاب غرب المدينة ظهر السبت",
                ),
                scene(
                    report="سقطت طائرة مسيرة في أرض زراعية قرب الحدود صباح الأحد.",
                    accident="سقوط طائرة مسيرة في أرض زراعية قرب الحدود صباح الأحد",
                ),
                scene(
                    report="انزلقت طائرة عن المدرج في مطار الجزيرة صباح اليوم.",
                    accident="انزلاق طائرة عن المدرج في مطار الجزيرة صباح اليوم",
                ),
                scene(
                    report="اصطدمت عبارة برصيف الميناء مساء الثلاثاء.",
                    accident="اصطدام عبارة برصيف الميناء مساء الثلاثاء",
                ),
                scene(
                    report="انفجر أنبوب للغاز قرب المنطقة الصناعية فجر الخميس.",
                    accident="انفجار أنبوب للغاز قرب المنطقة الصناعية فجر الخميس",
                ),
            ),
            "unhurt": (
                Filler("لم تسجل أي إصابات بشرية"),
                Filler("لم تقع إصابات"),
                Filler("لم يصب أحد بأذى"),
            ),
        },
    ),
)
