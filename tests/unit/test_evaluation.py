import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    classification_report,
    cohen_kappa_score,
    confusion_matrix,
    f1_score,
)

from khabar.corpus import read_jsonl
from khabar.errors import DataError, KhabarError
from khabar.evaluation import Bootstrap, agreement, judge, score, summarise
from khabar.evaluation._speech import carries_speech_over
from khabar.labels import Label
from khabar.metrics import MacroF1
from khabar.schema import AnnotatedSentence

ARTICLES = read_jsonl(Path(__file__).parents[1] / "data" / "articles.jsonl")
LABELS = list(Label)
NAMES = [label.value for label in LABELS]


POSITIONS = [
    "first body sentence",
    "body sentences 2 and 3",
    "body sentences 4 to 7",
    "body sentence 8 and later",
]
LENGTHS = ["up to 15 words", "16 to 30 words", "31 to 50 words", "over 50 words"]


def annotated(text, label):
    scores = {name: float(name == label) for name in NAMES}
    return AnnotatedSentence("body", 0, len(text), text, label, 1.0, scores, truncated=False)


class Oracle:
    """Knows the gold labels of our articles by their text, but is wrong on the texts it was told to be."""

    def __init__(self, wrong=None):
        gold = {unit.text: unit.label for article in ARTICLES for unit in article.sentences}
        self.labels = {text: label or Label.CLAIM for text, label in gold.items()} | (wrong or {})
        self.calls = []

    def annotate_sentences(self, sentences, /):
        self.calls.append(sentences)
        return [annotated(text, self.labels[text]) for text in sentences]


def sample(articles, seed, accuracy=0.7):
    """Gold and predicted labels of articles of 1 to 20 sentences, some articles harder than others."""
    rng = np.random.default_rng(seed)
    gold, predicted, groups = [], [], []
    for article in range(articles):
        right = np.clip(accuracy + rng.normal(0, 0.2), 0, 1)
        for _ in range(rng.integers(1, 21)):
            truth = LABELS[rng.choice(4, p=[0.1, 0.3, 0.5, 0.1])]
            gold.append(truth)
            predicted.append(truth if rng.random() < right else LABELS[rng.integers(4)])
            groups.append(f"article {article}")
    return gold, predicted, groups


# Scores


@pytest.mark.parametrize("seed", range(3))
def test_values_are_those_of_scikit_learn(seed):
    gold, predicted, groups = sample(30, seed)
    scores = score(gold, predicted, groups)

    assert scores.macro_f1.value == pytest.approx(f1_score(gold, predicted, average="macro"))
    assert scores.accuracy.value == pytest.approx(accuracy_score(gold, predicted))
    assert scores.kappa.value == pytest.approx(cohen_kappa_score(gold, predicted))
    assert np.array_equal(scores.confusion, confusion_matrix(gold, predicted, labels=NAMES))
    report = classification_report(gold, predicted, output_dict=True)
    for label, found in scores.labels.items():
        assert found.precision.value == pytest.approx(report[label]["precision"])
        assert found.recall.value == pytest.approx(report[label]["recall"])
        assert found.f1.value == pytest.approx(report[label]["f1-score"])
        assert found.support == report[label]["support"]
    assert (scores.sentences, scores.articles) == (len(gold), 30)


def test_values_are_those_of_the_metric_that_selects_a_model():
    gold, predicted, groups = sample(30, seed=9)
    scores = score(gold, predicted, groups)
    ids = {"predictions": map(LABELS.index, predicted), "references": map(LABELS.index, gold)}
    selected = MacroF1(NAMES).compute(**{name: list(values) for name, values in ids.items()})
    assert scores.macro_f1.value == pytest.approx(selected["macro_f1"])
    for label in Label:
        assert scores.labels[label].precision.value == pytest.approx(selected[f"precision_{label}"])


def test_what_has_nothing_on_the_other_side_counts_against_recall_or_precision():
    gold = [Label.CLAIM, Label.CLAIM, None, Label.BACKGROUND]
    predicted = [Label.CLAIM, None, Label.CLAIM, Label.BACKGROUND]
    scores = score(gold, predicted, ["a", "a", "b", "b"])
    claim = scores.labels[Label.CLAIM]
    assert (claim.precision.value, claim.recall.value, claim.support) == (0.5, 0.5, 2)
    assert (scores.sentences, scores.accuracy.value) == (3, pytest.approx(2 / 3))
    assert scores.labels[Label.BACKGROUND].f1.value == 1
    assert np.sum(scores.confusion) == 2


def test_kappa_of_one_label_alone_is_undefined():
    assert score([Label.CLAIM] * 2, [Label.CLAIM] * 2, ["a", "b"]).kappa.value is None


def test_interval_is_that_of_resampling_articles_one_by_one():
    gold, predicted, groups = sample(25, seed=1)
    bootstrap = Bootstrap(resamples=200, seed=5)
    scores = score(gold, predicted, groups, bootstrap)

    articles = {
        name: [row for row, group in enumerate(groups) if group == name] for name in dict.fromkeys(groups)
    }
    macro, casualties = [], []
    for weights in bootstrap.weights(len(articles)):
        rows = [
            row for times, part in zip(weights, articles.values(), strict=True) for row in part * int(times)
        ]
        drawn = [gold[row] for row in rows], [predicted[row] for row in rows]
        macro.append(f1_score(*drawn, average="macro"))
        casualties.append(
            f1_score(*drawn, labels=[Label.CASUALTY_REPORT], average="macro", zero_division=np.nan)
        )
    assert (scores.macro_f1.low, scores.macro_f1.high) == pytest.approx(
        tuple(np.quantile(macro, [0.025, 0.975]))
    )
    f1 = scores.labels[Label.CASUALTY_REPORT].f1
    assert (f1.low, f1.high) == pytest.approx(tuple(np.nanquantile(casualties, [0.025, 0.975])))


def test_interval_holds_the_truth_about_as_often_as_it_says():
    # Over many corpora drawn from one source the 95 % interval should hold the accuracy of the source about
    # 95 times in 100; resampling sentences in place of articles would hold it less often.
    truth = np.mean(
        [score(*sample(400, seed), Bootstrap(resamples=1)).accuracy.value for seed in range(1000, 1010)]
    )
    held = 0
    for seed in range(150):
        accuracy = score(*sample(60, seed), Bootstrap(resamples=300)).accuracy
        held += accuracy.low <= truth <= accuracy.high
    assert 0.88 <= held / 150 <= 0.99


def test_interval_is_repeatable_and_narrows_with_articles():
    few, many = sample(20, seed=3), sample(500, seed=3)
    assert score(*few) == score(*few)
    widths = [result.macro_f1.high - result.macro_f1.low for result in (score(*few), score(*many))]
    assert widths[1] < widths[0] / 2


def test_label_that_never_occurs_is_undefined_and_leaves_the_average_alone():
    scores = score([Label.CLAIM, Label.CLAIM], [Label.CLAIM, Label.CLAIM], ["a", "b"])
    assert scores.macro_f1.value == 1
    nothing = scores.labels[Label.BACKGROUND]
    assert (nothing.f1.value, nothing.f1.low, nothing.precision.value, nothing.support) == (
        None,
        None,
        None,
        0,
    )


def test_one_article_gives_no_interval():
    scores = score([Label.CLAIM, Label.BACKGROUND], [Label.CLAIM, Label.CLAIM], ["a", "a"])
    assert (scores.accuracy.value, scores.accuracy.low, scores.accuracy.high) == (0.5, None, None)


def test_unequal_or_empty_columns_are_refused():
    with pytest.raises(ValueError, match="2 gold labels, 1 predicted ones and 2 groups"):
        score([Label.CLAIM] * 2, [Label.CLAIM], ["a", "a"])
    with pytest.raises(ValueError, match="nothing to score"):
        score([], [], [])


@pytest.mark.parametrize("wrong", [{"resamples": 0}, {"confidence": 1.0}, {"confidence": 0.0}])
def test_bootstrap_refuses_senseless_options(wrong):
    with pytest.raises(ValueError, match="but"):
        Bootstrap(**wrong)


# Judging articles


def test_annotator_gets_every_unit_of_an_article_in_order():
    oracle = Oracle()
    judge(oracle, ARTICLES)
    assert oracle.calls == [[unit.text for unit in article.sentences] for article in ARTICLES]


def test_furniture_is_not_judged_and_perfect_is_perfect():
    judgements = judge(Oracle(), ARTICLES)
    units = [unit for article in ARTICLES for unit in article.sentences]
    assert len(judgements) == sum(unit.label is not None for unit in units) < len(units)
    result = summarise(judgements)
    assert result.strict.macro_f1.value == result.strict.accuracy.value == 1
    assert result.lenient.accuracy.value == 1


def test_missing_results_are_an_error_that_names_the_article():
    class Short:
        def annotate_sentences(self, sentences, /):
            return [annotated(text, Label.CLAIM) for text in sentences[1:]]

    with pytest.raises(KhabarError, match=r"'marfa-001': 10 sentences were given and 9 came back"):
        judge(Short(), ARTICLES)


def test_an_annotator_that_abstains_is_refused_with_the_way_out():
    class Unsure(Oracle):
        def annotate_sentences(self, sentences, /):
            return [replace(each, label=None) for each in super().annotate_sentences(sentences)]

    with pytest.raises(KhabarError, match="evaluate it without min_score"):
        judge(Unsure(), ARTICLES)


def test_positions_count_the_sentences_of_the_body():
    by_article = {}
    for item in judge(Oracle(), ARTICLES):
        by_article.setdefault(item.article, []).append(item)
    for items in by_article.values():
        body = [item.position for item in items if item.gold.part == "body"]
        assert body == list(range(1, len(body) + 1))
        assert all(item.position is None for item in items if item.gold.part == "title")


def test_lenient_counts_a_second_label_as_right():
    units = [unit for article in ARTICLES for unit in article.sentences if unit.label]
    doubtful = {unit.text: unit.also[0] for unit in units if unit.also}
    assert doubtful
    result = summarise(judge(Oracle(doubtful), ARTICLES))
    assert result.strict.accuracy.value == pytest.approx(1 - len(doubtful) / len(units))
    assert result.lenient.accuracy.value == 1


def test_slices_hold_the_sentences_they_name():
    result = summarise(judge(Oracle(), ARTICLES))
    titles = sum(unit.part == "title" for article in ARTICLES for unit in article.sentences)
    assert result.slices["title"].sentences == titles
    assert result.slices["title"].sentences + result.slices["body"].sentences == result.strict.sentences
    assert result.slices["first body sentence"].sentences == len(ARTICLES)
    assert result.slices["carried-over speech"].sentences == 11
    for names in (POSITIONS, LENGTHS):
        parts = [result.slices[name].sentences for name in names if name in result.slices]
        assert len(parts) > 1
        # A title has a length, but no position.
        total = result.strict.sentences
        assert sum(parts) == (total - titles if names == POSITIONS else total)
    assert {name: scores.articles for name, scores in result.outlets.items()} == {
        "Al-Marfa": 4,
        "Anba al-Sahil": 4,
        "Nabd al-Madina": 2,
        "Sada al-Wadi": 3,
    }


def test_further_slices_are_reported_beside_the_others():
    judgements = judge(Oracle(), ARTICLES)
    some = judgements[0].article
    evaluation = summarise(judgements, Bootstrap(20), {"one article": lambda judged: judged.article == some})
    assert evaluation.slices["one article"].sentences == sum(item.article == some for item in judgements)
    assert "title" in evaluation.slices


def test_error_shows_in_its_slice_alone():
    spoken = "وأضاف أن لجنة فنية ستحدد سبب الحريق خلال أسبوع."
    result = summarise(judge(Oracle({spoken: Label.CLAIM}), ARTICLES))
    assert result.slices["carried-over speech"].accuracy.value == pytest.approx(10 / 11)
    assert result.slices["title"].accuracy.value == result.slices["first body sentence"].accuracy.value == 1
    assert result.outlets["Al-Marfa"].accuracy.value < 1 == result.outlets["Sada al-Wadi"].accuracy.value


def test_first_sentence_is_the_first_that_is_no_furniture():
    first = [item for item in judge(Oracle(), ARTICLES) if item.first]
    assert first[0].gold.text.startswith("لقي 14 شخصا مصرعهم")


def test_slices_without_sentences_and_nameless_outlets_are_left_out():
    [article] = [article for article in ARTICLES if article.title is None]
    result = summarise(judge(Oracle(), [replace(article, outlet=None)]))
    assert "title" not in result.slices
    assert result.outlets == {}


def test_nothing_judged_is_an_error():
    with pytest.raises(DataError, match="no sentence has a gold label"):
        summarise([])


def test_evaluation_is_plain_json():
    result = summarise(judge(Oracle(), ARTICLES)).to_dict()
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert set(result["strict"]["labels"]) == set(NAMES)
    assert result["strict"]["confusion"]["labels"] == NAMES


# Agreement


def test_agreement_counts_equal_labels_and_signs_the_difference():
    spoken = "وأضاف أن لجنة فنية ستحدد سبب الحريق خلال أسبوع."
    better, worse = judge(Oracle(), ARTICLES), judge(Oracle({spoken: Label.CLAIM}), ARTICLES)
    result = agreement(better, worse)
    assert (result.sentences - result.same, result.share) == (1, 1 - 1 / len(better))
    expected = 1 - summarise(worse).strict.macro_f1.value
    assert result.macro_f1_difference.value == pytest.approx(expected)
    assert result.macro_f1_difference.low == 0 < result.macro_f1_difference.high
    assert json.loads(json.dumps(result.to_dict())) == result.to_dict()


def test_annotator_agrees_with_itself():
    judgements = judge(Oracle(), ARTICLES)
    result = agreement(judgements, judgements)
    assert result.share == 1
    difference = result.macro_f1_difference
    assert (difference.value, difference.low, difference.high) == (0, 0, 0)


def test_agreement_needs_the_same_sentences():
    judgements = judge(Oracle(), ARTICLES)
    with pytest.raises(ValueError, match="not judged on the same sentences"):
        agreement(judgements, judgements[1:])


# Carried-over speech


@pytest.mark.parametrize(
    "text",
    [
        "وأضاف أن القوات ستبقى في مواقعها.",
        "وأضافت أنّ القرار نهائي.",
        "وأَضَافَ أَنَّ القرار نهائي.",
        "واضاف ان القرار نهائي.",
        "وأضاف الوزير في تصريح للصحفيين أن القرار نهائي.",
        "وأضاف: «لن نتراجع».",
        'وأضاف الناطق: "لن نتراجع".',
        "وتابع «لن نتراجع».",
        "وتابع قائلا إن القرار نهائي.",
        "وأوضح أن الطريق مغلق.",
        "وأوضحت: الطريق مغلق.",
        "وأشار إلى أن الطريق مغلق.",
        "ولفتت الى ان الطريق مغلق.",
        "وشدد على أنه لن يستقيل.",
        "وقال إنه لن يستقيل.",
        "وقال “لن أستقيل”.",
        "وأكد، أن الطريق مغلق.",
        "كما أكد أن الطريق مغلق.",
        "وأكدوا أنهم سيعودون.",
        "ورأت أن الحل بعيد.",
        "• وأردف: لن نتراجع.",
    ],
)
def test_speech_is_carried_over(text):
    assert carries_speech_over(text)


@pytest.mark.parametrize(
    "text",
    [
        "وقال وزير الدفاع إن العملية مستمرة.",
        "وأكدت وزارة الصحة أن اللقاح متوافر.",
        'وأكد "حمدان" أن الطريق مغلق.',
        "وأضاف زميله عمر الهدف الثالث من ركلة جزاء.",
        "وتابع الفريق تدريباته استعدادا للمباراة.",
        "وزاد عدد السكان إلى مليونين.",
        "وبين القريتين طريق ترابي.",
        "وكان قد قال إن الطريق مغلق.",
        "أضاف المجلس مقعدين.",
        "وأكدار اسم قرية.",
        "",
    ],
)
def test_speech_is_not_carried_over(text):
    assert not carries_speech_over(text)
