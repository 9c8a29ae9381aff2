from dataclasses import replace
from pathlib import Path

import pytest

from khabar.baselines import TfidfBaseline, TfidfOptions
from khabar.corpus import read_jsonl
from khabar.errors import DataError
from khabar.evaluation import judge, summarise
from khabar.labels import Label

ARTICLES = read_jsonl(Path(__file__).parents[1] / "data" / "articles.jsonl")
TRAIN = [article for article in ARTICLES if article.split == "train"]
VALIDATION = [article for article in ARTICLES if article.split == "validation"]
SMALL = TfidfOptions(strengths=(1.0, 4.0), max_features=2000, min_sentences=1)


@pytest.fixture(scope="module")
def baseline():
    return TfidfBaseline.fit(TRAIN, VALIDATION, SMALL)


def test_baseline_fits_the_evaluation_and_has_learnt_its_training_data(baseline):
    result = summarise(judge(baseline, TRAIN)).strict
    assert result.sentences == 66
    assert result.accuracy.value > 0.9


def test_results_are_annotated_sentences(baseline):
    texts = ["أعلنت وزارة النقل فتح الطريق الساحلي.", "", "مقتل ثلاثة في حادث."]
    results = baseline.annotate_sentences(texts)
    assert [result.text for result in results] == texts
    for result in results:
        assert (result.start, result.end, result.truncated) == (0, len(result.text), False)
        assert set(result.scores) == set(Label)
        assert sum(result.scores.values()) == pytest.approx(1)
        assert result.score == result.scores[result.label] == max(result.scores.values())
        assert isinstance(result.label, Label)


def test_no_sentences_give_no_results(baseline):
    assert baseline.annotate_sentences([]) == []


def test_sentence_is_read_without_its_article(baseline):
    alone = baseline.annotate_sentences(["وأضاف أن القرار نهائي."])
    assert baseline.annotate_sentences(["قال مدرب الفريق ذلك.", "وأضاف أن القرار نهائي."])[1:] == alone


def test_print_variants_are_one_to_it(baseline):
    plain, vocalised = baseline.annotate_sentences(["سجلت الوزارة 12 وفاة.", "سجّلت الوزارةُ ١٢ وفـاة."])
    assert plain.scores == vocalised.scores


def test_fitting_twice_gives_the_same_baseline(baseline):
    again = TfidfBaseline.fit(TRAIN, VALIDATION, SMALL)
    texts = [sentence.text for sentence in VALIDATION[0].sentences]
    assert again.annotate_sentences(texts) == baseline.annotate_sentences(texts)


def test_strength_and_weights_are_chosen_on_validation(baseline):
    scores = {
        (strength, weight): summarise(
            judge(
                TfidfBaseline.fit(
                    TRAIN, VALIDATION, replace(SMALL, strengths=(strength,), class_weights=(weight,))
                ),
                VALIDATION,
            )
        ).strict.macro_f1.value
        for strength in SMALL.strengths
        for weight in SMALL.class_weights
    }
    assert scores[baseline.strength, baseline.class_weight] == max(scores.values())


def test_splits_without_labels_are_refused():
    with pytest.raises(DataError, match="the train split holds no labelled sentence"):
        TfidfBaseline.fit([], VALIDATION, SMALL)
    with pytest.raises(DataError, match="the validation split holds no labelled sentence"):
        TfidfBaseline.fit(TRAIN, [], SMALL)


def test_one_label_cannot_be_told_from_others():
    article = TRAIN[0]
    claims = tuple(replace(unit, label=Label.CLAIM) for unit in article.sentences)
    with pytest.raises(DataError, match="one label only"):
        TfidfBaseline.fit([replace(article, sentences=claims)], VALIDATION, SMALL)


def test_label_that_training_lacks_is_never_given():
    sentences = [
        replace(
            article, sentences=tuple(unit for unit in article.sentences if unit.label is not Label.BACKGROUND)
        )
        for article in TRAIN
    ]
    [result] = TfidfBaseline.fit(sentences, VALIDATION, SMALL).annotate_sentences(["ويقع الوادي بين جبلين."])
    assert result.scores[Label.BACKGROUND] == 0


def test_options_need_something_to_try():
    with pytest.raises(ValueError, match="at least one value"):
        TfidfOptions(strengths=())
