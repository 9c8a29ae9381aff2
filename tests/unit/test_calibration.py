import json
import runpy
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.special import softmax

from khabar import Annotator
from khabar.bundle import Settings, load_bundle
from khabar.calibration import ERROR_RATES, Scaling, calibrate, fit_label_sets, fit_scaling
from khabar.confidence import calibrated
from khabar.errors import DataError
from khabar.labels import Label
from khabar.schema import LabelledArticle, LabelledSentence

ROOT = Path(__file__).parents[2]
LABELS = list(Label)


def drawn(sentences, seed, temperature=1.0, slope=0.0):
    """Logits, and labels drawn at the probabilities that a scaling makes of them."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(0, 3, (sentences, 4))
    probabilities = calibrated(logits, temperature, slope)
    return logits, (probabilities.cumsum(axis=1) > generator.random((sentences, 1))).argmax(axis=1)


class Known:
    """Has given logits for the sentences that are called by their numbers, in another order of the labels."""

    ORDER = (2, 0, 3, 1)

    def __init__(self, logits):
        self.bundle = SimpleNamespace(labels=tuple(LABELS[index] for index in self.ORDER))
        self.rows = logits[:, self.ORDER].astype(np.float32)

    def logits(self, sentences, /):
        return self.rows[[int(sentence) for sentence in sentences]]


def articles(targets, size=10, outlets=None):
    """Labelled articles of sentences that are their own numbers; every seventh is furniture."""
    found = []
    for start in range(0, len(targets), size):
        units = tuple(
            LabelledSentence("body", 0, 1, str(n), None if n % 7 == 6 else LABELS[targets[n]])
            for n in range(start, min(start + size, len(targets)))
        )
        outlet = None if outlets is None else outlets[start // size % len(outlets)]
        found.append(LabelledArticle(f"a{start}", "", None, units, outlet=outlet))
    return found


# --- scaling


@pytest.mark.parametrize("temperature", [0.4, 1.0, 3.0])
def test_the_temperature_that_the_labels_were_drawn_at_is_found(temperature):
    assert fit_scaling(*drawn(4000, 1, temperature)).temperature == pytest.approx(temperature, rel=0.07)


def test_the_slope_that_the_labels_were_drawn_at_is_found():
    found = fit_scaling(*drawn(20_000, 2, 1.8, -0.9), by_entropy=True)
    assert found.temperature == pytest.approx(1.8, rel=0.05)
    assert found.slope == pytest.approx(-0.9, abs=0.1)


def test_a_scaling_is_that_of_the_annotator():
    logits = np.array([[1.0, 0, 2, -1]])
    assert Scaling(2.0)(logits) == pytest.approx(softmax(logits / 2, axis=-1))


# --- label sets


def test_thresholds_are_the_quantiles_of_split_conformal_prediction():
    logits, targets = drawn(300, 3)
    probabilities = softmax(logits, axis=-1)
    sets = fit_label_sets(probabilities, targets)
    assert sets.error_rates == ERROR_RATES
    for index, label in enumerate(Label):
        nonconformity = np.sort(1 - probabilities[targets == index, index])
        count = len(nonconformity)
        assert sets.sentences[label] == count
        for rate in (0.05, 0.1, 0.29, 0.5):
            rank = int(np.ceil(round((count + 1) * (1 - rate), 6)))
            # A finite sample cannot promise every rate.
            expected = 0.0 if rank > count else 1 - nonconformity[rank - 1]
            assert sets.at(rate)[label] == pytest.approx(expected, abs=1e-6)
            assert sets.at(rate)[label] <= expected + 1e-12


def test_a_label_with_too_few_sentences_is_in_every_set():
    probabilities = np.full((12, 4), 0.25)
    sets = fit_label_sets(probabilities, np.array([0] * 12))
    assert sets.at(0.05)[Label.CASUALTY_REPORT] == 0
    assert sets.at(0.1)[Label.CASUALTY_REPORT] == 0.25
    assert sets.at(0.5)[Label.CLAIM] == sets.sentences[Label.CLAIM] == 0


def test_sets_hold_the_right_label_as_often_as_they_promise():
    # Over many calibrations; with other shares of the labels in the second half, which is another outlet.
    held = {label: [] for label in Label}
    for seed in range(40):
        logits, targets = drawn(900, seed, temperature=0.7)
        shift = np.random.default_rng(seed).random(len(targets)) < np.array([0.9, 0.3, 0.6, 0.2])[targets]
        keep = shift | (np.arange(len(targets)) < 450)
        known, new = np.arange(len(targets)) < 450, (np.arange(len(targets)) >= 450) & keep
        probabilities = softmax(logits, axis=-1)
        least = fit_label_sets(probabilities[known], targets[known]).at(0.2)
        for index, label in enumerate(Label):
            rows = probabilities[new & (targets == index), index]
            held[label] += (rows >= least[label]).tolist()
    for found in held.values():
        assert 0.78 <= np.mean(found) <= 0.85


# --- both together


def test_outlets_that_are_left_out_decide_about_the_entropy():
    logits, targets = drawn(4000, 5, 1.8, -1.0)
    found = calibrate(Known(logits), articles(targets, outlets=["الرصيف", "Al-Marfa", None]))
    assert found.left_out == "outlets"
    assert found.by_entropy.log_loss < found.plain.log_loss
    assert found.by_entropy.calibration_error < found.plain.calibration_error
    assert found.scaling.slope == pytest.approx(-1.0, abs=0.2)
    labelled = [n for n in range(len(targets)) if n % 7 != 6]
    assert found.sentences == len(labelled)
    assert found.scaling == fit_scaling(
        logits[labelled].astype(np.float32).astype(float), targets[labelled], by_entropy=True
    )


def test_the_entropy_is_left_alone_where_it_does_not_help():
    # Few sentences, and labels that owe nothing to the logits' entropy.
    logits, targets = drawn(400, 8, 1.5)
    found = calibrate(Known(logits), articles(targets, outlets=["a", "b"]))
    assert found.plain.log_loss <= found.by_entropy.log_loss
    assert found.scaling.slope == 0


def test_articles_are_left_out_where_no_outlets_can_be_and_nothing_where_there_is_one_article():
    logits, targets = drawn(300, 6)
    assert calibrate(Known(logits), articles(targets)).left_out == "articles"
    alone = calibrate(Known(logits), articles(targets, size=300))
    assert (alone.left_out, alone.plain, alone.by_entropy, alone.scaling.slope) == ("nothing", None, None, 0)


def test_settings_get_what_was_fitted_and_keep_the_rest():
    logits, targets = drawn(300, 6, 2.0)
    found = calibrate(Known(logits), articles(targets))
    settings = found.apply(Settings(guidelines="7"))
    assert settings.guidelines == "7"
    assert (settings.temperature, settings.temperature_slope) == (
        found.scaling.temperature,
        found.scaling.slope,
    )
    assert settings.label_sets == found.label_sets


def test_nothing_labelled_is_refused():
    with pytest.raises(DataError, match="no sentence of these articles has a label"):
        calibrate(Known(np.zeros((1, 4))), [LabelledArticle("a", "", None, ())])


# --- the script


@pytest.fixture
def bundle(tiny_bundle, tmp_path):
    return shutil.copytree(tiny_bundle, tmp_path / "bundle")


def script(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["calibrate.py", *map(str, arguments)])
    runpy.run_path(str(ROOT / "scripts" / "calibrate.py"), run_name="__main__")


def test_script_writes_what_the_annotator_reads(bundle, labelled_file, monkeypatch, capsys):
    before = load_bundle(bundle).settings
    script(monkeypatch, bundle, labelled_file, "--split", "train")
    after = load_bundle(bundle).settings
    assert after.label_sets is not None
    assert after.temperature != before.temperature
    assert f"{after.temperature} now" in capsys.readouterr().out
    sentence = Annotator.from_pretrained(bundle, error_rate=0.3).annotate_sentences(["وصل الوزير."])[0]
    assert sentence.label_set is not None
    weights = [path.name for path in bundle.rglob("*") if path.is_file()]
    assert "README.md" not in weights


def test_dry_run_writes_nothing(bundle, labelled_file, monkeypatch, capsys):
    before = (bundle / "khabar.json").read_bytes()
    script(monkeypatch, bundle, labelled_file, "--dry-run")
    assert (bundle / "khabar.json").read_bytes() == before
    printed = capsys.readouterr().out
    assert "temperature by entropy" in printed
    assert "casualty_report" in printed


def test_numbers_of_a_table_stand_on_one_line(bundle, labelled_file, monkeypatch):
    script(monkeypatch, bundle, labelled_file)
    text = (bundle / "khabar.json").read_text(encoding="utf-8")
    assert '"error_rates": [0.01, 0.02, ' in text
    assert len(text.splitlines()) < 60
    assert len(json.loads(text)["label_sets"]["thresholds"]["claim"]) == len(ERROR_RATES)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--split", "dev"], "no article is in split 'dev'; there are train (9 articles)"),
        ([], "no such folder; a model from the hub has to be saved in a folder first"),
    ],
)
def test_script_says_in_one_line_what_is_wrong(
    arguments, complaint, bundle, labelled_file, monkeypatch, capsys
):
    model = bundle if arguments else "owner/model"
    with pytest.raises(SystemExit) as exit_:
        script(monkeypatch, model, labelled_file, *arguments)
    assert exit_.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("calibrate: ")
    assert complaint in error
    assert len(error.splitlines()) == 1
