"""Words that several templates share, each with its gender and the inflections that are asked of it."""

from typing import Final

from khabar.checks._templates import Filler


def _country(name: str, feminine: str, unnamed: str, people: str) -> Filler:
    forms = {"feminine": feminine, "unnamed": unnamed, "people": people}
    return Filler(name, forms=forms, group=("country", name))


COUNTRIES: Final = (
    _country("مصر", "المصرية", "مصري", "مصريون"),
    _country("السعودية", "السعودية", "سعودي", "سعوديون"),
    _country("الأردن", "الأردنية", "أردني", "أردنيون"),
    _country("العراق", "العراقية", "عراقي", "عراقيون"),
    _country("سوريا", "السورية", "سوري", "سوريون"),
    _country("لبنان", "اللبنانية", "لبناني", "لبنانيون"),
    _country("المغرب", "المغربية", "مغربي", "مغاربة"),
    _country("تونس", "التونسية", "تونسي", "تونسيون"),
    _country("السودان", "السودانية", "سوداني", "سودانيون"),
    _country("اليمن", "اليمنية", "يمني", "يمنيون"),
    _country("إيران", "الإيرانية", "إيراني", "إيرانيون"),
    _country("تركيا", "التركية", "تركي", "أتراك"),
    _country("إسرائيل", "الإسرائيلية", "إسرائيلي", "إسرائيليون"),
    _country("روسيا", "الروسية", "روسي", "روس"),
    _country("الولايات المتحدة", "الأميركية", "أميركي", "أميركيون"),
    _country("الصين", "الصينية", "صيني", "صينيون"),
)
"""Countries: the name; ``feminine``, the adjective after a ministry; ``unnamed``, the one after an official
without a name; ``people``, a plural adjective without the article."""


def _party(name: str, *, feminine: bool) -> Filler:
    return Filler(name, second=feminine, group=("party", name))


PARTIES: Final = (
    _party("حركة حماس", feminine=True),
    _party("حركة فتح", feminine=True),
    _party("حركة الجهاد الإسلامي", feminine=True),
    _party("حزب الله", feminine=False),
    _party("حركة أمل", feminine=True),
    _party("جماعة الحوثي", feminine=True),
    _party("جماعة الإخوان المسلمين", feminine=True),
    _party("حركة النهضة", feminine=True),
    _party("حزب العدالة والتنمية", feminine=False),
    _party("الحزب الديمقراطي الكردستاني", feminine=False),
    _party("التيار الصدري", feminine=False),
    _party("حزب الليكود", feminine=False),
)
"""Parties and movements, none of which is a public authority, even where it governs."""


def _faith(people: str, unnamed: str, feminine: str, house: str) -> Filler:
    forms = {"unnamed": unnamed, "feminine": feminine, "house": house}
    return Filler(people, forms=forms, group=("faith", people))


FAITHS: Final = (
    _faith("السنة", "سني", "السنية", "مسجد للسنة"),
    _faith("الشيعة", "شيعي", "الشيعية", "حسينية للشيعة"),
    _faith("الدروز", "درزي", "الدرزية", "خلوة للدروز"),
    _faith("الأقباط", "قبطي", "القبطية", "كنيسة للأقباط"),
    _faith("الموارنة", "ماروني", "المارونية", "كنيسة للموارنة"),
    _faith("اليهود", "يهودي", "اليهودية", "كنيس لليهود"),
    _faith("الإيزيديون", "إيزيدي", "الإيزيدية", "معبد للإيزيديين"),
    _faith("الهندوس", "هندوسي", "الهندوسية", "معبد للهندوس"),
    _faith("السيخ", "سيخي", "السيخية", "معبد للسيخ"),
    _faith("البوذيون", "بوذي", "البوذية", "معبد للبوذيين"),
)
"""Faith communities: the people; ``unnamed``, the adjective of one of their clerics; ``feminine``, that of
the community; ``house``, where they pray, in the genitive."""


def _number(figures: str, nominative: str, oblique: str, *, above_ten: bool) -> tuple[Filler, ...]:
    eastern = figures.translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"))
    return (
        Filler(figures, second=above_ten, forms={"oblique": figures}),
        Filler(eastern, second=above_ten, forms={"oblique": eastern}),
        Filler(nominative, second=above_ten, forms={"oblique": oblique}),
    )


NUMBERS: Final = (
    _number("4", "أربعة", "أربعة", above_ten=False),
    _number("6", "ستة", "ستة", above_ten=False),
    _number("9", "تسعة", "تسعة", above_ten=False),
    _number("11", "أحد عشر", "أحد عشر", above_ten=True),
    _number("12", "اثنا عشر", "اثني عشر", above_ten=True),
    _number("15", "خمسة عشر", "خمسة عشر", above_ten=True),
    _number("20", "عشرون", "عشرين", above_ten=True),
    _number("30", "ثلاثون", "ثلاثين", above_ten=True),
)
"""Numbers in 0-9, in ٠-٩ and in words, as they count masculine nouns."""
