"""Figures of agreement, against values that were worked out by hand."""

from datetime import UTC, datetime

import pytest
from served import OTHER, label

from khabar.serve.review._agreement import agreement
from khabar.serve.review._state import Change, Span
from khabar.serve.store import Logged

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def said(name, number, value, **more):
    change = Change("label", name, NOW, Span("body", number, number + 1), after=value, **more)
    return Logged(change, "a", "default", "0123456789ab")


def log(*columns, **more):
    """One column a person: the labels of units 0, 1, 2…, None for a unit that they did not label."""
    return [
        said(name, number, value, **more)
        for name, values in zip(("Huda", "Sami", "Rana"), columns, strict=False)
        for number, value in enumerate(values)
        if value is not None
    ]


def test_kappa_and_alpha_of_two_people():
    # 10 units, 7 agreed: claim/claim 4, background/background 3, claim/background 2, background/claim 1.
    one = ["claim"] * 4 + ["background"] * 3 + ["claim"] * 2 + ["background"]
    other = ["claim"] * 4 + ["background"] * 3 + ["background"] * 2 + ["claim"]
    figures = agreement(log(one, other), [])
    (pair,) = figures["pairs"]
    assert (pair["people"], pair["units"], pair["agreed"]) == (["Huda", "Sami"], 10, 7)
    # Chance: 0.6 * 0.5 + 0.4 * 0.5 = 0.5; kappa = (0.7 - 0.5) / (1 - 0.5).
    assert pair["kappa"] == pytest.approx(0.4)
    assert pair["table"]["claim"] == {"claim": 4, "background": 2}
    # Coincidences: 20 values, 11 claim, 9 background, 6 off the diagonal; alpha = 1 - 19 * 6 / (2 * 11 * 9).
    assert figures["alpha"] == pytest.approx(1 - 19 * 6 / (2 * 99))
    assert figures["units"] == 10


def test_furniture_is_a_category_and_gaps_are_none():
    figures = agreement(log(["claim", "furniture", None, "claim"], ["claim", "furniture", "claim", None]), [])
    assert figures["units"] == 2
    assert figures["alpha"] == pytest.approx(1.0)
    assert figures["pairs"][0]["kappa"] == pytest.approx(1.0)


def test_three_people_make_three_pairs():
    figures = agreement(log(["claim", "background"], ["claim", "claim"], [None, "claim"]), [])
    assert [pair["people"] for pair in figures["pairs"]] == [
        ["Huda", "Rana"],
        ["Huda", "Sami"],
        ["Rana", "Sami"],
    ]
    # Pairable values: 2 of unit 0, 3 of unit 1 (background, claim, claim). Coincidences off the diagonal:
    # 2 * (2 / 2) = 2; n = 5, claim 4, background 1; alpha = 1 - 4 * 2 / (2 * 4).
    assert figures["alpha"] == pytest.approx(0.0)


def test_where_nothing_varies_there_is_no_figure():
    figures = agreement(log(["claim"] * 3, ["claim"] * 3), [])
    assert figures["alpha"] is None
    assert figures["pairs"][0]["kappa"] is None
    assert figures["pairs"][0]["agreed"] == 3
    assert agreement([], [])["pairs"] == []


def test_the_last_label_of_a_person_counts_and_independent_ones_apart():
    rows = [
        said("Huda", 0, "claim"),
        said("Huda", 0, "background"),
        said("Sami", 0, "claim"),
        said("Sami", 0, "background", seen=True),
        said("Huda", 1, "claim"),
        said("Sami", 1, "claim", seen=True),
    ]
    figures = agreement(rows, [])
    assert (figures["units"], figures["pairs"][0]["agreed"]) == (2, 2)
    assert (figures["independent"]["units"], figures["independent"]["pairs"][0]["agreed"]) == (1, 0)


def test_who_did_how_much(client):
    identifier = client.add(OTHER)
    units = client.article(identifier)["units"]
    client.saved(identifier, label(units[0], "claim"), label(units[1], "claim"), name="Huda")
    client.saved(identifier, label(units[0], "background"), name="Sami")
    figures = client.get("/v1/review/agreement").json()
    assert figures["by_person"] == [
        {"name": "Huda", "labels": 2, "changed": 1, "articles": 1},
        {"name": "Sami", "labels": 1, "changed": 1, "articles": 1},
    ]
    (differing,) = figures["differing"]
    assert differing["text"] == units[0]["text"]
    assert differing["labels"] == {"Huda": "claim", "Sami": "background"}
