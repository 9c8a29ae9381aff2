"""Sentences that go on with the words of a speaker named earlier, as data.

«وأضاف أن القوات ستبقى» has no label of its own: it is an official statement after a minister and a claim
after a coach. Such sentences are scored apart, since they show whether a model reads more than the sentence.
"""

import re

from khabar.arabic import normalize

_CONTINUING = "أضاف تابع أردف استطرد استدرك واصل مضى زاد"
"""Verbs that go on with a speech; the speaker may be named again («وأضاف الوزير أن»)."""

_SPEAKING = (
    "قال ذكر أكد أوضح أشار لفت بين نوه شدد صرح أعلن اعتبر رأى كشف أفاد حذر دعا طالب نفى اتهم وصف "
    "أعرب عبر رحب توقع اعترف أقر أبدى جدد ختم اختتم تمنى طمأن ألمح أبرز نبه"
)
"""Verbs that report a speech; with the speaker's name behind them they open it, without one they go on."""

_FEMININE = {"رأى": "رأت", "دعا": "دعت", "نفى": "نفت", "مضى": "مضت", "أبدى": "أبدت", "تمنى": "تمنت"}
"""Feminine forms in which the last letter gives way; all others add a taa."""

_PREPOSITIONS = "إلى على عن من"
_SPEECH = "أن إن أنه إنه أنها إنها أنهم إنهم أننا إننا أنني إنني إني أني بأن بأنه بأنها قائلا قائلة"
"""Words that open the reported words, some with the subject attached."""

_NAMED_AGAIN = 4
"""How many words may stand between a continuing verb and the reported words."""

_FOLD = str.maketrans("أإآى", "اااي")
"""Newspapers print alef with and without its hamza, and yaa with and without its dots."""


def _forms(verbs: str) -> str:
    """An alternation of the masculine, feminine and plural forms of the verbs."""
    stems = verbs.split()
    return "|".join(
        [*stems, *(_FEMININE.get(stem, f"{stem}ت") for stem in stems), *(f"{stem}وا" for stem in stems)]
    )


# Some newspapers put a name in quotes («وأكد "حمدان" أن»): a quotation of one word opens no speech.
_CARRIED_OVER = re.compile(
    (
        r"[\s\-–—•«“\"]*(?:و|ف|كما )"
        rf"(?:(?:{_forms(_CONTINUING)})(?!\w)(?:\s+[^\s:«“\"]+){{0,{_NAMED_AGAIN}}}?"
        rf"|(?:{_forms(_SPEAKING)})(?!\w)(?:\s+(?:{'|'.join(_PREPOSITIONS.split())}))?)"
        rf"(?:[\s،,]+(?:{'|'.join(_SPEECH.split())})(?!\w)|[\s،,]*(?::|[«“\"](?!\w+[»”\"])))"
    ).translate(_FOLD)
)


def carries_speech_over(text: str) -> bool:
    """Whether a body sentence goes on with somebody's words («وأضاف أن», «وتابع:», «كما أكد أن»)."""
    return _CARRIED_OVER.match(normalize(text).translate(_FOLD)) is not None
