"""Calibration error, risk and coverage, coverage of label sets."""

import json

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, log_loss

from khabar.confidence import LabelSets
from khabar.evaluation import Bootstrap, calibration_error
from khabar.evaluation._calibration import calibration_scores
from khabar.evaluation._label_sets import set_coverage
from khabar.evaluation._scores import estimate_ratio
from khabar.evaluation._selective import risk_coverage
from khabar.labels import Label

LABELS = list(Label)
NAMES = [label.value for label in Label]
BOOTSTRAP = Bootstrap(resamples=100)


def sample(sentences, seed):
    """Probabilities, and labels drawn at them."""
    generator = np.random.default_rng(seed)
    rows = generator.dirichlet([0.4] * 4, sentences)
    gold = (rows.cumsum(axis=1) > generator.random((sentences, 1))).argmax(axis=1)
    return rows, gold


def as_scores(rows):
    return [dict(zip(NAMES, row.tolist(), strict=True)) for row in rows]


# --- calibration


@pytest.mark.parametrize("seed", range(3))
def test_values_are_those_of_scikit_learn(seed):
    rows, gold = sample(400, seed)
    found = calibration_scores(as_scores(rows), [LABELS[index] for index in gold])
    assert found.log_loss == pytest.approx(log_loss(gold, rows))
    for index, label in enumerate(Label):
        assert found.labels[label].brier == pytest.approx(brier_score_loss(gold == index, rows[:, index]))
        right, means = calibration_curve(gold == index, rows[:, index], n_bins=15)
        bins = [each for each in found.labels[label].bins if each.sentences]
        assert [each.right for each in bins] == pytest.approx(right)
        assert [each.mean for each in bins] == pytest.approx(means)
    assert found.top.brier == pytest.approx(sum(each.brier for each in found.labels.values()))


def test_calibration_error_is_the_weighted_distance_of_the_bins():
    probabilities = np.array([0.95, 0.97, 0.99, 0.61, 0.63, 0.3])
    right = np.array([True, True, False, True, False, False])
    # Bins of a fifteenth: the first three, the next two, the last one.
    expected = (3 * abs(2 / 3 - 0.97) + 2 * abs(0.5 - 0.62) + 1 * 0.3) / 6
    assert calibration_error(probabilities, right) == pytest.approx(expected)


def test_certainty_is_in_the_last_bin():
    assert calibration_error(np.array([1.0, 1.0]), np.array([True, False])) == 0.5


def test_error_of_probabilities_that_are_right_is_what_chance_gives():
    rows, gold = sample(600, 4)
    found = calibration_scores(as_scores(rows), [LABELS[index] for index in gold])
    assert 0.3 * found.by_chance < found.top.calibration_error < 2 * found.by_chance
    sharpened = rows**3 / (rows**3).sum(axis=1, keepdims=True)
    worse = calibration_scores(as_scores(sharpened), [LABELS[index] for index in gold])
    assert worse.top.calibration_error > 3 * worse.by_chance


def test_calibration_is_plain_json_with_fifteen_bins():
    rows, gold = sample(30, 5)
    found = calibration_scores(as_scores(rows), [LABELS[index] for index in gold]).to_dict()
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert len(found["top"]["bins"]) == found["bins"] == 15
    assert sum(each["sentences"] for each in found["top"]["bins"]) == 30


# --- shares with intervals


def test_a_share_has_the_interval_of_a_bootstrap_over_articles():
    above = np.array([True, False, True, True, False])
    below = np.array([True, True, True, True, False])
    groups = ["a", "a", "b", "c", "c"]
    found = estimate_ratio(above, below, groups, BOOTSTRAP)
    assert found.value == 0.75
    drawn = []
    for weights in BOOTSTRAP.weights(3):
        hits, all_ = np.array([1, 1, 1]) @ weights, np.array([2, 1, 1]) @ weights
        drawn.append(hits / all_)
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])))


def test_a_share_of_nothing_is_undefined_and_one_article_has_no_interval():
    one = np.array([True])
    assert estimate_ratio(~one, ~one, ["a"]).value is None
    alone = estimate_ratio(one, one, ["a"])
    assert (alone.value, alone.low, alone.high) == (1, None, None)


# --- abstaining


def test_risk_falls_as_the_surest_sentences_are_right():
    scores = [0.9, 0.8, 0.8, 0.7, 0.4]
    right = [True, True, False, True, False]
    found = risk_coverage(scores, right, ["a", "a", "b", "b", "b"], BOOTSTRAP)
    expected = [(0.2, 0, 0.9), (0.6, 1 / 3, 0.8), (0.8, 0.25, 0.7), (1.0, 0.4, 0.4)]
    assert np.array(found.curve) == pytest.approx(np.array(expected))
    assert found.area == pytest.approx(0.4 * (1 / 3) + 0.2 * 0.25 + 0.2 * 0.4)
    by_level = {each.min_score: each for each in found.thresholds}
    assert by_level[0.0].risk.value == 0.4
    assert (by_level[0.8].answered, by_level[0.8].coverage.value) == (3, 0.6)
    assert by_level[0.8].risk.value == pytest.approx(1 / 3)
    assert (by_level[0.95].answered, by_level[0.95].risk.value) == (0, None)
    plain = found.to_dict()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain


def test_a_long_curve_keeps_its_ends():
    generator = np.random.default_rng(3)
    scores, right = generator.random(5000), generator.random(5000) < 0.8
    found = risk_coverage(scores.tolist(), right.tolist(), ["a"] * 5000, BOOTSTRAP)
    assert len(found.curve) == 100
    assert found.curve[0][2] == scores.max()
    assert found.curve[-1][:2] == pytest.approx((1, 1 - right.mean()))


# --- label sets


def test_coverage_of_sets_is_counted_in_all_by_label_and_by_outlet():
    sets = LabelSets(
        error_rates=(0.1,),
        thresholds=dict.fromkeys(Label, (0.3,)),
        sentences=dict.fromkeys(Label, 9),
    )
    rows = np.array([[0.7, 0.1, 0.1, 0.1], [0.4, 0.4, 0.1, 0.1], [0.25, 0.25, 0.25, 0.25], [0, 0.3, 0.7, 0]])
    gold = [LABELS[0], LABELS[1], LABELS[0], LABELS[3]]
    (found,) = set_coverage(
        as_scores(rows), gold, ["a", "b", "b", "c"], ["x", "x", None, "y"], sets, BOOTSTRAP
    )
    assert found.error_rate == 0.1
    assert found.coverage.value == 0.5
    assert [found.labels[label].value for label in Label] == [0.5, 1, None, 0]
    assert {outlet: each.value for outlet, each in found.outlets.items()} == {"x": 1, "y": 0}
    assert found.sizes == (1, 1, 2, 0, 0)
    assert found.mean_size == 1.25
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False)) == found.to_dict()
