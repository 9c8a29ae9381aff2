import json

import pytest
from annotated_articles import sentence as annotated

from khabar.errors import DataError, KhabarError
from khabar.evaluation import align, end_to_end
from khabar.labels import Label
from khabar.schema import AnnotatedArticle, LabelledArticle, LabelledSentence

TOLL, OFFICIAL, CLAIM, CONTEXT = Label

FIRST = "أصيب عاملان في حريق مستودع للورق."
SECOND = "وقالت وزارة العمل إنها فتحت تحقيقا."
BYLINE = "المرسى - مكتب الجريدة"
THIRD = "وكان المستودع قد أغلق قبل عام."
TEXT = f"{FIRST} {SECOND}\n{BYLINE}\n{THIRD}"


def place(text, whole=TEXT):
    start = whole.index(text)
    return start, start + len(text)


def unit(text, label):
    return LabelledSentence("body", *place(text), text, label)


GOLD = LabelledArticle(
    "a", TEXT, None, (unit(FIRST, TOLL), unit(SECOND, OFFICIAL), unit(BYLINE, None), unit(THIRD, CONTEXT))
)


def read(*spans, title=None, text=TEXT):
    """An article in which an annotator found these stretches."""
    found = tuple(annotated(piece, label, start=place(piece, text)[0]) for piece, label in spans)
    return AnnotatedArticle(text, title, "a", found, ())


class Reads:
    def __init__(self, *articles):
        self.articles = articles
        self.given = []

    def annotate_many(self, articles, /):
        self.given += list(articles)
        yield from self.articles


def labels_of(alignment):
    return [None if found is None else found.label for _, found in alignment.found]


def test_same_sentences_are_found_and_nothing_else():
    alignment = align(GOLD, read((FIRST, TOLL), (SECOND, CLAIM), (THIRD, CONTEXT)))
    assert labels_of(alignment) == [TOLL, CLAIM, CONTEXT]
    assert alignment.spurious == ()


def test_furniture_taken_for_a_sentence_is_spurious_and_a_sentence_taken_for_furniture_missed():
    alignment = align(GOLD, read((FIRST, TOLL), (BYLINE, CLAIM), (THIRD, CONTEXT)))
    assert labels_of(alignment) == [TOLL, None, CONTEXT]
    assert [each.text for each in alignment.spurious] == [BYLINE]


def test_two_sentences_read_as_one_both_get_its_label():
    alignment = align(GOLD, read((f"{FIRST} {SECOND}", TOLL), (THIRD, CONTEXT)))
    assert labels_of(alignment) == [TOLL, TOLL, CONTEXT]
    assert alignment.spurious == ()


def test_a_sentence_cut_in_two_gets_the_label_of_the_longer_part():
    short, long = SECOND[:6].strip(), SECOND[6:]
    alignment = align(GOLD, read((FIRST, TOLL), (short, CLAIM), (long, OFFICIAL), (THIRD, CONTEXT)))
    assert labels_of(alignment) == [TOLL, OFFICIAL, CONTEXT]
    # The short part lies in a gold sentence: it is no furniture.
    assert alignment.spurious == ()


def test_less_than_half_of_a_sentence_does_not_find_it():
    alignment = align(GOLD, read((FIRST[:9], TOLL)))
    assert labels_of(alignment) == [None, None, None]
    assert alignment.spurious == ()


def test_white_space_does_not_count():
    text = f"{FIRST}{' ' * 90}ثم"
    gold = LabelledArticle("a", text, None, (LabelledSentence("body", 0, len(text), text, TOLL),))
    assert labels_of(align(gold, read((FIRST, TOLL), text=text))) == [TOLL]


def test_titles_are_compared_with_titles():
    title = FIRST
    gold = LabelledArticle(
        "a",
        SECOND,
        title,
        (
            LabelledSentence("title", 0, len(title), title, TOLL),
            LabelledSentence("body", 0, len(SECOND), SECOND, OFFICIAL),
        ),
    )
    sentences = (annotated(title, CLAIM, part="title"), annotated(SECOND, OFFICIAL))
    alignment = align(gold, AnnotatedArticle(SECOND, title, "a", sentences, ()))
    assert labels_of(alignment) == [CLAIM, OFFICIAL]


def test_a_headline_that_was_found_in_the_text_is_compared_in_the_text():
    headline = annotated(FIRST, TOLL, part="title")
    article = AnnotatedArticle(TEXT, None, "a", (headline,), ())
    assert labels_of(align(GOLD, article)) == [TOLL, None, None]


def test_missed_sentences_cost_recall_and_spurious_ones_precision():
    scores = end_to_end(Reads(read((FIRST, TOLL), (BYLINE, OFFICIAL), (THIRD, CONTEXT))), [GOLD])
    overlap = scores.overlap
    assert (overlap.sentences, overlap.accuracy.value) == (3, pytest.approx(2 / 3))
    assert overlap.labels[OFFICIAL].recall.value == overlap.labels[OFFICIAL].precision.value == 0
    assert overlap.labels[TOLL].f1.value == overlap.labels[CONTEXT].f1.value == 1
    assert overlap.macro_f1.value == pytest.approx(2 / 3)
    assert scores.missed == {TOLL: 0, OFFICIAL: 1, CLAIM: 0, CONTEXT: 0}
    assert scores.spurious == {TOLL: 0, OFFICIAL: 1, CLAIM: 0, CONTEXT: 0}
    assert overlap.confusion == ((1, 0, 0, 0), (0, 0, 0, 0), (0, 0, 0, 0), (0, 0, 0, 1))


def test_exact_spans_are_the_harsher_count():
    scores = end_to_end(Reads(read((FIRST, TOLL), (SECOND.rstrip("."), OFFICIAL), (THIRD, CONTEXT))), [GOLD])
    assert scores.overlap.macro_f1.value == scores.overlap.accuracy.value == 1
    assert scores.same_span == 2
    assert scores.exact.labels[OFFICIAL].f1.value == 0
    assert scores.exact.accuracy.value == pytest.approx(2 / 3)
    plain = scores.to_dict()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain


def test_the_annotator_gets_raw_text_and_title():
    reader = Reads(read((FIRST, TOLL)))
    end_to_end(reader, [GOLD])
    assert reader.given == [{"text": TEXT, "title": None, "id": "a"}]


def test_abstaining_and_missing_articles_are_refused():
    with pytest.raises(KhabarError, match="evaluate it without min_score"):
        end_to_end(Reads(read((FIRST, None))), [GOLD])
    with pytest.raises(KhabarError, match="1 articles were given and 0 came back"):
        end_to_end(Reads(), [GOLD])


def test_nothing_labelled_is_an_error():
    nothing = LabelledArticle("a", TEXT, None, (unit(BYLINE, None),))
    with pytest.raises(DataError, match="no sentence has a gold label"):
        end_to_end(Reads(read()), [nothing])
