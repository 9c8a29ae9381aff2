"""What a log of corrections makes of an article."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter
from served import ARTICLE

from khabar.labels import Label
from khabar.serve.review._intake import NewArticle, read_record
from khabar.serve.review._operations import Operation
from khabar.serve.review._state import NotReadyError, Review, ReviewError, Span, Unit, conflicting

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ADAPTER = TypeAdapter(Operation)


def operation(kind, unit=None, **more):
    span = {} if unit is None else unit.span._asdict()
    return ADAPTER.validate_python({"op": kind, **span, **more})


def start():
    article = read_record({"text": ARTICLE, "title": "عنوان"}, "here", 10_000)
    assert isinstance(article, NewArticle)
    return article


def fresh(article=None):
    article = article or start()
    return Review(article.text, article.title, {unit.span: unit for unit in article.units})


def model_of(review):
    return {unit.span: Label.CLAIM for unit in review.ordered() if unit.kind is None}


def do(review, *operations, name="Huda", blind=False, model=None):
    rows = []
    for one in operations:
        for change in review.plan(one, name, NOW, model_of(review) if model is None else model, blind=blind):
            review.apply(change)
            rows.append(change)
    return rows


def test_units_stand_in_reading_order():
    units = fresh().ordered()
    assert [unit.span.part for unit in units] == ["title"] + ["body"] * (len(units) - 1)
    assert all(one.span.end <= other.span.start for one, other in pairwise(units[1:]))


def test_the_label_before_is_that_which_was_shown():
    review = fresh()
    unit = review.ordered()[2]
    (first,) = do(review, operation("label", unit, label="background"))
    (second,) = do(review, operation("label", unit, label=None))
    (third,) = do(review, operation("label", unit, label="claim"))
    assert [(row.before, row.after) for row in (first, second, third)] == [
        ("claim", "background"),
        ("background", "furniture"),
        ("furniture", "claim"),
    ]
    (unread,) = do(fresh(), operation("label", unit, label="claim"), model={})
    assert unread.before is None


def test_a_merge_keeps_the_label_of_a_person():
    review = fresh()
    units = review.ordered()
    do(review, operation("label", units[2], label="background"))
    do(review, merge(units[2], units[3]))
    whole = Span("body", units[2].span.start, units[3].span.end)
    assert review.units[whole].label is Label.BACKGROUND
    assert review.units[whole].by == "Huda"
    halves = review.halves(whole, units[2].span.end)
    do(review, operation("split", review.units[whole], at=units[2].span.end))
    assert [review.units[half].label for half in halves] == [Label.BACKGROUND] * 2


def merge(one, other, **more):
    return operation("merge", one, **{"with": {"start": other.span.start, "end": other.span.end}}, **more)


def test_a_merge_is_the_same_from_both_sides():
    spans = []
    for order in (1, -1):
        review = fresh()
        units = review.ordered()
        do(review, merge(*units[2:4][::order]))
        spans.append(set(review.units))
    assert spans[0] == spans[1]


def test_furniture_that_is_merged_with_a_sentence_becomes_part_of_it():
    review = fresh()
    units = review.ordered()
    index = next(index for index, unit in enumerate(units) if unit.kind)
    do(review, merge(units[index], units[index + 1]))
    whole = Span("body", units[index].span.start, units[index + 1].span.end)
    assert not review.units[whole].furniture
    assert review.units[whole].by is None


def test_a_merge_with_a_label_gives_it():
    review = fresh()
    units = review.ordered()
    rows = do(review, merge(units[2], units[3], label="background"))
    assert [row.op for row in rows] == ["merge", "label"]
    assert review.units[rows[0].span].label is Label.BACKGROUND


def test_what_cannot_be_done_is_refused():
    review = fresh()
    units = review.ordered()
    title, unit = units[0], units[2]
    cases = [
        (operation("label", Unit(Span("body", 1, 3)), label="claim"), "no_such_unit"),
        (merge(units[1], units[3]), "not_neighbours"),
        (merge(unit, unit), "not_neighbours"),
        (operation("split", unit, at=unit.span.start), "bad_split"),
        (operation("split", unit, at=unit.span.end), "bad_split"),
        (operation("split", unit, at=5000), "bad_split"),
        (operation("split", title, at=2), "bad_split"),
    ]
    for one, code in cases:
        with pytest.raises(ReviewError) as caught:
            do(review, one)
        assert caught.value.code == code
    with pytest.raises(ReviewError, match="second opinion"):
        do(review, operation("reopen"), blind=True)
    with pytest.raises(NotReadyError):
        do(review, operation("done"), model={})


def test_a_cut_in_white_space_leaves_none_of_it_to_either_half():
    review = fresh()
    unit = review.ordered()[2]
    text = review.text_of(unit.span)
    cut = unit.span.start + text.index(" ")
    for at in (cut, cut + 1):
        first, second = review.halves(unit.span, at)
        assert (first.end, second.start) == (cut, cut + 1)


def test_done_confirms_what_nobody_labelled():
    review = fresh()
    unit = review.ordered()[1]
    do(review, operation("label", unit, label="background"), name="Sami")
    rows = do(review, operation("done"))
    assert [row.op for row in rows] == ["label"] * (len(review.units) - 1) + ["done"]
    assert all(row.before == row.after for row in rows[:-1])
    assert review.done_by == "Huda"
    assert review.units[unit.span].by == "Sami"
    do(review, operation("reopen"))
    assert not review.done
    assert review.labelled() == len(review.units)


def test_a_second_opinion_is_a_disagreement_until_it_is_settled():
    review = fresh()
    unit = review.ordered()[1]
    do(review, operation("label", unit, label="claim"), name="Sami", blind=True)
    assert not review.disagreeing()  # nobody else has said anything yet
    do(review, operation("label", unit, label="background"), name="Huda")
    assert review.disagreeing() == {unit.span}
    # Whoever settles it may well say the same again.
    do(review, operation("label", unit, label="background"), name="Rana")
    assert not review.disagreeing()
    assert review.labels["Sami"][unit.span] is Label.CLAIM


def test_an_opinion_of_the_same_person_is_no_disagreement():
    review = fresh()
    unit = review.ordered()[1]
    do(review, operation("label", unit, label="background"))
    do(review, operation("label", unit, label="claim"), blind=True)
    assert not review.disagreeing()


def test_seen_is_said_of_labels_over_another_persons():
    review = fresh()
    unit = review.ordered()[1]
    rows = [
        *do(review, operation("label", unit, label="claim"), name="Huda"),
        *do(review, operation("label", unit, label="background"), name="Huda"),
        *do(review, operation("label", unit, label="claim"), name="Sami"),
        *do(review, operation("label", unit, label="claim"), name="Rana", blind=True),
    ]
    assert [row.seen for row in rows] == [False, False, True, False]


def test_conflicts_are_changes_of_the_same_characters():
    review = fresh()
    units = review.ordered()
    rows = do(review, operation("label", units[2], label="claim"), operation("reopen"))
    blind = do(review, operation("label", units[3], label="claim"), name="Sami", blind=True)
    assert conflicting([units[2].span], rows) == rows[:1]
    assert conflicting([units[3].span], rows + blind) == []
    assert conflicting([Span("title", units[2].span.start, units[2].span.end)], rows) == []
    assert conflicting(review.touched(merge(units[3], units[2]), "Sami", blind=False), rows) == rows[:1]


_LABELS = st.sampled_from([*map(str, Label), None])


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_log_gives_the_same_state_when_it_is_replayed(data):
    article = start()
    review = fresh(article)
    log = []
    for _ in range(data.draw(st.integers(0, 12))):
        units = review.ordered()
        index = data.draw(st.integers(0, len(units) - 1))
        unit = units[index]
        kind = data.draw(st.sampled_from(["label", "merge", "split", "done", "reopen"]))
        name = data.draw(st.sampled_from(["Huda", "Sami"]))
        match kind:
            case "label":
                one = operation("label", unit, label=data.draw(_LABELS))
            case "merge":
                one = merge(unit, units[(index + 1) % len(units)])
            case "split":
                one = operation("split", unit, at=data.draw(st.integers(unit.span.start, unit.span.end)))
            case _:
                one = operation(kind)
        try:
            log += do(review, one, name=name, blind=kind == "label" and data.draw(st.booleans()))
        except ReviewError:
            assert kind in ("merge", "split")
    again = Review.replay(article.text, article.title, article.units, log)
    assert again == review
    # Whatever was done: units do not overlap, hold text, and cover every visible character that they did.
    units = [unit for unit in again.ordered() if unit.span.part == "body"]
    assert all(one.span.end <= other.span.start for one, other in pairwise(units))
    assert all(again.text_of(unit.span).strip() == again.text_of(unit.span) != "" for unit in units)
    covered = {place for unit in units for place in range(unit.span.start, unit.span.end)}
    assert all(place in covered for place, letter in enumerate(article.text) if not letter.isspace())
