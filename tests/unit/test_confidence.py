import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pydantic import ValidationError
from scipy.special import softmax

from khabar.confidence import LabelSets, calibrated, label_set, relative_entropy
from khabar.labels import Label

TOLL, OFFICIAL, CLAIM, CONTEXT = Label

SETS = LabelSets(
    error_rates=(0.05, 0.1, 0.2),
    thresholds={TOLL: (0, 0.1, 0.3), OFFICIAL: (0.1, 0.2, 0.4), CLAIM: (0.1, 0.3, 0.5), CONTEXT: (0, 0, 0.2)},
    sentences={TOLL: 15, OFFICIAL: 90, CLAIM: 120, CONTEXT: 12},
)

logits = arrays(np.float64, (5, 4), elements=st.floats(-30, 30))


def test_without_a_slope_it_is_the_softmax_of_divided_logits():
    given_logits = np.random.default_rng(1).normal(0, 4, (20, 4))
    assert calibrated(given_logits, 1.7) == pytest.approx(softmax(given_logits / 1.7, axis=-1))


def test_temperature_changes_with_the_entropy():
    sure, unsure = np.array([9.0, 0, 0, 0]), np.array([0.2, 0, 0.1, 0])
    found = calibrated(np.stack([sure, unsure]), 2.0, -1.0)
    for row, one in zip(found, (sure, unsure), strict=True):
        probabilities = softmax(one)
        entropy = -(probabilities * np.log(probabilities)).sum() / np.log(4)
        assert row == pytest.approx(softmax(one / (2.0 * np.exp(-entropy))))


@given(logits, st.floats(0.05, 20), st.floats(-2, 2))
def test_probabilities_sum_to_one_and_keep_the_order_of_the_labels(given_logits, temperature, slope):
    found = calibrated(given_logits, temperature, slope)
    assert np.isfinite(found).all()
    assert found.sum(axis=-1) == pytest.approx(np.ones(5))
    best = given_logits.argmax(axis=-1)
    assert (found[np.arange(5), best] >= found.max(axis=-1) - 1e-12).all()


def test_entropy_runs_from_none_to_all():
    rows = np.array([[1000.0, 0, 0, 0], [3.0, 3, 3, 3], [0, 0, -1000, -1000]])
    assert relative_entropy(rows) == pytest.approx([0, 1, 0.5])


def test_an_article_without_sentences_has_no_probabilities():
    assert calibrated(np.empty((0, 4), dtype=np.float32), 1.5, -0.5).shape == (0, 4)


def test_thresholds_of_a_rate_between_two_are_those_of_the_lower_one():
    assert SETS.at(0.1) == {TOLL: 0.1, OFFICIAL: 0.2, CLAIM: 0.3, CONTEXT: 0}
    assert SETS.at(0.19) == SETS.at(0.1)
    assert SETS.at(0.05) == SETS.at(0.051) != SETS.at(0.2)
    assert SETS.at(0.3 - 0.2 + 1e-17) == SETS.at(0.1)


@pytest.mark.parametrize("rate", [0.0, 0.04, 0.21, 1.0])
def test_a_rate_without_thresholds_is_refused(rate):
    with pytest.raises(ValueError, match=rf"error_rate is {rate}, but .* label sets for 0.05 to 0.2"):
        SETS.at(rate)


def test_a_set_holds_what_is_probable_enough_the_most_probable_first():
    scores = {"casualty_report": 0.11, "official_statement": 0.3, "claim": 0.4, "background": 0.19}
    assert label_set(scores, SETS.at(0.1)) == (CLAIM, OFFICIAL, CONTEXT, TOLL)
    assert label_set(scores, SETS.at(0.2)) == ()
    assert label_set({**scores, "claim": 0.5}, SETS.at(0.2)) == (CLAIM,)


@given(st.lists(st.floats(0, 1), min_size=4, max_size=4))
def test_a_higher_error_rate_never_adds_a_label(values):
    scores = dict(zip(map(str, Label), values, strict=True))
    sets = [set(label_set(scores, SETS.at(rate))) for rate in SETS.error_rates]
    assert sets[2] <= sets[1] <= sets[0]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"error_rates": (0.1, 0.05, 0.2)}, "ascend"),
        ({"error_rates": (0.05, 0.1, 1.0)}, "between 0 and 1"),
        ({"error_rates": ()}, "at least 1 item"),
        ({"error_rates": (0.1,)}, "must have 1 thresholds"),
        ({"sentences": {TOLL: 3}}, "must have the labels casualty_report"),
        ({"extra": 1}, "Extra inputs"),
    ],
)
def test_a_table_that_does_not_fit_together_is_refused(change, complaint):
    with pytest.raises(ValidationError, match=complaint):
        LabelSets.model_validate({**SETS.model_dump(), **change})
