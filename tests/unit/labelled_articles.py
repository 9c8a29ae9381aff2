"""Labelled articles for tests of what looks at many of them: wire reports, and made-up ones by hundreds."""

from random import Random

from khabar.labels import Label
from khabar.schema import LabelledArticle, LabelledSentence

TOLL, OFFICIAL, CLAIM, CONTEXT = Label

FERRY = [
    ("غرقت عبّارة تقل 62 راكبا قبالة جزيرة المرجان فجر الأحد بعدما صدمت صخورا في ممر ضيق.", CLAIM),
    ("وقال خفر السواحل إن زوارقه انتشلت 48 ناجيا وإن البحث مستمر عن الباقين.", OFFICIAL),
    ("وأوضح قائد الدورية أن الأمواج بلغت أربعة أمتار وأن الرؤية كانت شبه معدومة.", OFFICIAL),
    ("وروى أحد الناجين أن الركاب لم يتسلموا سترات نجاة قبل الإبحار.", CLAIM),
    ("وأمرت النيابة بتوقيف قبطان العبّارة وصاحب الشركة المشغلة.", OFFICIAL),
    ("وتعمل العبّارة على هذا الخط منذ افتتاح الميناء الجديد قبل تسعة أعوام.", CONTEXT),
]
"""A report as an agency sends it."""

FERRY_REWORKED = [
    ("شاركها على فيسبوك", None),
    ("المرجان - وكالات: غرقت عبّارة تقل 62 راكبا قبالة جزيرة المرجان صباح الأحد بعدما صدمت صخورا.", CLAIM),
    ("وقال خفر السواحل في بيان إن زوارقه انتشلت 48 ناجيا وإن البحث مستمر عن بقية الركاب.", OFFICIAL),
    ("وأوضح قائد الدورية أن الأمواج بلغت أربعة أمتار وأن الرؤية كانت شبه معدومة.", OFFICIAL),
    ("وأمرت النيابة العامة بتوقيف قبطان العبّارة وصاحب الشركة المشغلة.", OFFICIAL),
]
"""The same report on the page of an outlet that wrote a dateline and changed some words."""

FERRY_FOLLOWED_UP = [
    ("انتشل غواصون سبع جثث من حطام العبّارة التي غرقت قبالة جزيرة المرجان.", TOLL),
    ("وقالت وزارة النقل إن لجنة من ثلاثة خبراء ستفحص الهيكل بعد رفعه.", OFFICIAL),
    ("وطالب أقارب الضحايا بنشر قائمة الركاب كاملة.", CLAIM),
    ("وكانت العبّارة قد خرجت من الحوض الجاف قبل شهر واحد.", CONTEXT),
]
"""Another report of the same event."""

BUDGET = [
    ("أقر مجلس الوزراء مشروع الموازنة وأحاله إلى البرلمان.", OFFICIAL),
    ("وقال وزير المالية في مؤتمر صحفي إن العجز سيتراجع إلى أربعة في المئة.", OFFICIAL),
    ("ويرى خبراء أن التوقعات تقوم على سعر للنفط يصعب بلوغه.", CLAIM),
    ("وهذه أول موازنة منذ تعويم العملة في الربيع الماضي.", CONTEXT),
]
ELECTION = [
    ("أغلقت مراكز الاقتراع أبوابها في المحافظات الجنوبية مساء الخميس.", CLAIM),
    ("وقال رئيس اللجنة في مؤتمر صحفي إن نسبة المشاركة تجاوزت النصف.", OFFICIAL),
    ("واتهم حزب معارض مراقبين بإدخال أوراق مختومة سلفا.", CLAIM),
]
"""Reports of other events, in the same formulas."""


def article(name, units, *, title=None, split=None, outlet=None, guidelines=None) -> LabelledArticle:
    """An article of (text, label) pairs, a sentence a line; a title is labelled as a claim."""
    sentences = [] if title is None else [LabelledSentence("title", 0, len(title), title, CLAIM)]
    start = 0
    for text, label in units:
        sentences.append(LabelledSentence("body", start, start + len(text), text, label))
        start += len(text) + 1
    text = "\n".join(text for text, _ in units)
    return LabelledArticle(name, text, title, tuple(sentences), split, outlet, guidelines)


def words(random: Random, count: int) -> list[str]:
    """Words that no other article has."""
    return ["".join(random.choices("ابتثجحخدذرزسشصضطعغفقكلمنهوي", k=7)) for _ in range(count)]


def made_up(name, random: Random, labels, **facts) -> LabelledArticle:
    """An article of sentences of four words with these labels."""
    return article(name, [(" ".join(words(random, 4)), label) for label in labels], **facts)


def corpus(count: int, seed: int = 0) -> list[LabelledArticle]:
    """Articles of three kinds, on disasters, politics and features, of 3 to 25 sentences; tolls are rare."""
    random = Random(seed)
    kinds = [(0.4, 0.2, 0.3, 0.1), (0, 0.6, 0.3, 0.1), (0, 0.05, 0.6, 0.35), (0, 0.05, 0.6, 0.35)]
    articles = []
    for number in range(count):
        mix = random.choice(kinds)
        labels = random.choices(list(Label), mix, k=random.randint(3, 25))
        outlet = random.choice(["الرصيف", "صدى الوادي", "Anba al-Sahil", "Al-Marfa"])
        articles.append(made_up(f"a{number}", random, labels, outlet=outlet))
    return articles
