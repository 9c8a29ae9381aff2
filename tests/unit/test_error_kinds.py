from types import SimpleNamespace

import pytest

from khabar import Label
from khabar.evaluation import ERROR_KINDS
from khabar.evaluation._kinds import count_kinds
from khabar.evaluation._speech import carries_speech_over
from khabar.schema import LabelledSentence

CLAIM, OFFICIAL = Label.CLAIM, Label.OFFICIAL_STATEMENT
TOLL, CONTEXT = Label.CASUALTY_REPORT, Label.BACKGROUND


def kind_of(text, gold, got, part="body"):
    unit = LabelledSentence(part, 0, len(text), text, gold)
    counts = count_kinds(
        [(SimpleNamespace(gold=unit, carried_over=part == "body" and carries_speech_over(text)), gold, got)]
    )
    assert list(counts) == list(ERROR_KINDS)
    (found,) = (name for name, count in counts.items() if count)
    return found


@pytest.mark.parametrize(
    ("text", "gold", "got", "kind"),
    [
        ("انهار سقف المصنع، ما أسفر عن مقتل عاملين.", TOLL, CLAIM, "toll in a result clause"),
        (
            "اصطدمت حافلتان على الطريق الساحلي وأدى ذلك إلى إصابة تسعة.",
            CLAIM,
            TOLL,
            "toll in a result clause",
        ),
        ("نقل ستة جرحى إلى المستشفى.", TOLL, OFFICIAL, "toll, other"),
        ("تأسس المصنع عام 1962.", CONTEXT, CLAIM, "background against claim"),
        ("وكانت الوزارة قد أغلقت المصنع.", CONTEXT, OFFICIAL, "background against official statement"),
        ("وأضاف أن التحقيق مستمر.", OFFICIAL, CLAIM, "who speaks: carried over"),
        ("قال مسؤول في البلدية إن السقف قديم.", CLAIM, OFFICIAL, "who speaks: unnamed officials and sources"),
        ("وأفادت المصادر بأن المالك غادر.", CLAIM, OFFICIAL, "who speaks: unnamed officials and sources"),
        ("اتهمت حركة عمالية المالك بالإهمال.", CLAIM, OFFICIAL, "who speaks: movements and parties"),
        ("الوزير يعد بمحاسبة المقصرين", OFFICIAL, CLAIM, "who speaks: other"),
    ],
)
def test_an_error_has_its_kind(text, gold, got, kind):
    assert kind_of(text, gold, got) == kind
    assert kind_of(text, got, gold) == kind


def test_headlines_are_told_apart():
    assert kind_of("الوزير يعد بمحاسبة المقصرين", OFFICIAL, CLAIM, "title") == "who speaks: headline"


@pytest.mark.parametrize("gold", list(Label))
@pytest.mark.parametrize("got", list(Label))
def test_every_error_has_a_kind(gold, got):
    if gold is not got:
        assert kind_of("نص", gold, got) in ERROR_KINDS


def test_counts_sum_to_the_errors():
    unit = SimpleNamespace(gold=LabelledSentence("body", 0, 2, "نص", CLAIM), carried_over=False)
    assert sum(count_kinds([(unit, CLAIM, TOLL), (unit, CLAIM, OFFICIAL)]).values()) == 2
    assert sum(count_kinds([]).values()) == 0
