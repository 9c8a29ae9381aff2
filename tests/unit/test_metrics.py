import json
import math
import subprocess
import sys

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, classification_report, f1_score

from khabar.labels import Label
from khabar.metrics import MacroF1

LABELS = [label.value for label in Label]


def random_ids(size: int, seed: int) -> tuple[list[int], list[int]]:
    """References, and predictions that are right about two times in three."""
    rng = np.random.default_rng(seed)
    references = rng.integers(0, len(LABELS), size)
    predictions = np.where(rng.random(size) < 0.66, references, rng.integers(0, len(LABELS), size))
    return references.tolist(), predictions.tolist()


@pytest.mark.parametrize("seed", range(5))
def test_values_are_those_of_scikit_learn(seed):
    references, predictions = random_ids(500, seed)
    scores = MacroF1(LABELS).compute(predictions=predictions, references=references)

    assert scores["macro_f1"] == pytest.approx(f1_score(references, predictions, average="macro"))
    assert scores["accuracy"] == pytest.approx(accuracy_score(references, predictions))
    report = classification_report(references, predictions, target_names=LABELS, output_dict=True)
    for label in LABELS:
        assert scores[f"precision_{label}"] == pytest.approx(report[label]["precision"])
        assert scores[f"recall_{label}"] == pytest.approx(report[label]["recall"])
        assert scores[f"f1_{label}"] == pytest.approx(report[label]["f1-score"])
        assert scores[f"support_{label}"] == report[label]["support"]


def test_ids_follow_the_order_of_the_labels_given():
    scores = MacroF1(["background", "claim"]).compute(predictions=[0, 0, 1], references=[0, 1, 1])
    assert scores["recall_background"] == 1
    assert scores["recall_claim"] == 0.5
    assert scores["support_claim"] == 2


def test_label_that_never_occurs_is_undefined_and_leaves_the_average_alone():
    scores = MacroF1(LABELS).compute(predictions=[0, 1, 1], references=[0, 1, 1])
    assert scores["macro_f1"] == 1
    assert math.isnan(scores["f1_claim"])
    assert scores["support_claim"] == 0


def test_label_that_is_never_predicted_counts_as_zero():
    scores = MacroF1(LABELS).compute(predictions=[0, 0], references=[0, 1])
    assert scores["f1_official_statement"] == 0
    assert math.isnan(scores["precision_official_statement"])
    assert scores["macro_f1"] == pytest.approx((2 / 3 + 0) / 2)


def test_arrays_are_taken_and_one_metric_computes_many_times():
    metric = MacroF1(LABELS)
    first = metric.compute(predictions=np.array([0, 1, 2, 3]), references=np.array([0, 1, 2, 3]))
    second = metric.compute(predictions=np.array([1, 0, 3, 2]), references=np.array([0, 1, 2, 3]))
    assert (first["macro_f1"], second["macro_f1"]) == (1, 0)
    assert json.loads(json.dumps(first)) == first


def test_batches_add_up():
    references, predictions = random_ids(40, seed=7)
    metric = MacroF1(LABELS)
    for start in range(0, 40, 8):
        metric.add_batch(predictions=predictions[start : start + 8], references=references[start : start + 8])
    whole = MacroF1(LABELS).compute(predictions=predictions, references=references)
    assert metric.compute() == whole


def test_metric_says_what_selects_a_model():
    metric = MacroF1(LABELS)
    assert metric.selects_on in metric.compute(predictions=[0], references=[0])
    assert metric.greater_is_better
    assert metric.name == "macro_f1"


def test_ids_without_a_label_are_refused():
    with pytest.raises(ValueError, match=r"ids \[-100, 4\] stand for no label"):
        MacroF1(LABELS).compute(predictions=[0, 4], references=[-100, 0])


def test_nothing_to_score_is_refused():
    with pytest.raises(ValueError, match="nothing to score"):
        MacroF1(LABELS).compute(predictions=[], references=[])


@pytest.mark.parametrize("labels", [[], ["claim", "claim"]])
def test_labels_must_be_some_and_distinct(labels):
    with pytest.raises(ValueError, match="each of them once"):
        MacroF1(labels)


def test_nothing_is_written_to_the_users_cache(tmp_path, monkeypatch):
    monkeypatch.setattr("evaluate.config.HF_METRICS_CACHE", tmp_path / "cache")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    MacroF1(LABELS).compute(predictions=[0, 1], references=[0, 1])
    assert not (tmp_path / "cache").exists()
    assert not any((tmp_path / "temporary").iterdir())


def test_script_called_evaluate_does_not_stand_in_for_the_library(tmp_path):
    (tmp_path / "evaluate.py").write_text("raise SystemExit('not the library')")
    script = tmp_path / "train.py"
    script.write_text(
        "import sys\n"
        "before = list(sys.path)\n"
        "from khabar.metrics import MacroF1\n"
        "assert sys.path == before\n"
        "print(MacroF1(['claim']).compute(predictions=[0], references=[0])['macro_f1'])\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("1.0\n", 0), done.stderr
