import json

import pytest
from labelled_articles import FERRY, FERRY_REWORKED, article

from khabar import Label
from khabar.errors import DataError
from khabar.predictions import Prediction, read_predictions, write_predictions

EVEN = dict.fromkeys(Label, 0.25)
SURE = dict(zip(Label, (0.05, 0.8, 0.1, 0.05), strict=True))
FURNISHED = article("ferry", FERRY_REWORKED, outlet="Al-Marfa")
PREDICTIONS = [Prediction.of(FURNISHED, unit, SURE) for unit in FURNISHED.sentences if unit.label]


def test_what_is_written_reads_the_same_and_has_no_text(tmp_path):
    path = tmp_path / "probabilities.jsonl"
    write_predictions(path, PREDICTIONS)
    assert read_predictions(path) == read_predictions(tmp_path) == PREDICTIONS
    assert "غرقت" not in path.read_text(encoding="utf-8")
    assert [prediction.place for prediction in PREDICTIONS] == [
        ("ferry", "body", unit.start, unit.end) for unit in FURNISHED.sentences if unit.label
    ]


def test_a_folder_gives_the_predictions_of_all_folds(tmp_path):
    other = article("other", FERRY)
    second = [Prediction.of(other, other.sentences[0], EVEN)]
    for name, predictions in (("fold-01", PREDICTIONS), ("fold-02", second)):
        (tmp_path / name).mkdir()
        write_predictions(tmp_path / name / "probabilities.jsonl", predictions)
    assert read_predictions(tmp_path) == [*PREDICTIONS, *second]
    write_predictions(tmp_path / "fold-02" / "probabilities.jsonl", PREDICTIONS[:1])
    with pytest.raises(DataError, match=r"fold-02.*line 1: predicts a sentence of article 'ferry' again"):
        read_predictions(tmp_path)


def test_the_most_probable_label_is_the_predicted_one():
    assert PREDICTIONS[0].predicted is Label.OFFICIAL_STATEMENT
    assert Prediction.of(FURNISHED, FURNISHED.sentences[1], EVEN).predicted is next(iter(Label))


def test_furniture_has_no_prediction():
    with pytest.raises(ValueError, match="page furniture has no label"):
        Prediction.of(FURNISHED, FURNISHED.sentences[0], EVEN)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"part": "lead"}, "KeyError: 'lead'"),
        ({"label": "rumour"}, "'rumour' is not a valid Label"),
        ({"label": None}, "None is not a valid Label"),
        ({"start": -1}, "-1 is no offset"),
        ({"end": "9"}, "'9' is no offset"),
        ({"article": 7}, "7 is no string"),
        ({"probabilities": {"claim": 1.0}}, "KeyError: 'casualty_report'"),
        ({"probabilities": {label.value: 0.5 for label in Label}}, "the probabilities sum to 2"),
        (
            {"probabilities": {**{label.value: 1 for label in Label}, "claim": -2}},
            "the probabilities sum to 1",
        ),
    ],
)
def test_a_damaged_line_is_named(tmp_path, change, said):
    path = tmp_path / "probabilities.jsonl"
    lines = [prediction.to_dict() for prediction in PREDICTIONS]
    lines[1] |= change
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read_predictions(path)
    assert f"{path}, line 2: " in str(caught.value)
    assert said in str(caught.value)


def test_nothing_to_read_is_told(tmp_path):
    with pytest.raises(DataError, match=r"has no probabilities\.jsonl; scripts/cross_validate\.py writes"):
        read_predictions(tmp_path)
    with pytest.raises(DataError, match="cannot be read"):
        read_predictions(tmp_path / "none.jsonl")
    (tmp_path / "empty.jsonl").write_text("\n", encoding="utf-8")
    with pytest.raises(DataError, match="holds no prediction"):
        read_predictions(tmp_path / "empty.jsonl")
