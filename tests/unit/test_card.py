import json
import shutil
from itertools import pairwise
from types import SimpleNamespace

import pytest
import yaml

from khabar import Annotator, Label
from khabar.bundle import load_bundle, save_settings
from khabar.card import add_behaviour, add_evaluation, write_card, write_metrics
from khabar.checks import CheckReport, Kind, all_cases, run_checks
from khabar.corpus import read_jsonl
from khabar.errors import BundleError
from khabar.evaluation import Bootstrap, DataSummary, judge, summarise
from khabar.schema import AnnotatedSentence

TRAINING = {
    "encoder": {"path": "base-encoder"},
    "card": {
        "name": "نموذج التجربة",
        "license": "apache-2.0",
        "labelling": "Two editors labelled every article; $5 each & a coffee.",
        "limits": ["Written for the tests of khabar."],
    },
}


@pytest.fixture(scope="module")
def evaluations(tiny_bundle, labelled_file):
    """For each split, the summary of its data and the scores of a model on it."""
    annotator = Annotator.from_pretrained(tiny_bundle)
    found = {}
    for split in ("train", "validation", "test"):
        articles = [article for article in read_jsonl(labelled_file) if article.split == split]
        scores = summarise(judge(annotator, articles), Bootstrap(resamples=50))
        found[split] = DataSummary.of(articles, "articles.jsonl", split).to_dict(), scores.to_dict()
    return found


@pytest.fixture
def bundle(tiny_bundle, evaluations, tmp_path):
    folder = shutil.copytree(tiny_bundle, tmp_path / "model")
    (folder / "training.yaml").write_text(yaml.safe_dump(TRAINING, allow_unicode=True), encoding="utf-8")
    data, scores = evaluations["validation"]
    check = {"sentences": 14, "same_label": 0.9951, "mean_difference": 0.0213, "largest_difference": 0.2}
    metrics = {
        "data": {"train": evaluations["train"][0], "validation": data},
        "export": check,
        "evaluations": {"validation": {"data": data, "scores": scores}},
    }
    write_metrics(folder, metrics)
    return folder


def card_of(folder):
    return (folder / "README.md").read_text(encoding="utf-8")


def test_a_card_says_what_the_bundle_says(bundle, evaluations):
    write_card(bundle)
    card = card_of(bundle)
    head = yaml.safe_load(card.split("---\n")[1])
    assert (head["language"], head["license"]) == ("ar", "apache-2.0")
    assert "# نموذج التجربة\n" in card
    assert "Two editors labelled every article; $5 each & a coffee." in card
    assert "- Written for the tests of khabar." in card
    assert "`base-encoder`" in card
    assert "up to 128 tokens" in card
    assert "99.51%" in card
    assert "### validation" in card
    assert "### test" not in card
    assert f"{100 * evaluations['validation'][1]['strict']['macro_f1']['value']:.1f}" in card
    for label in Label:
        assert f"| `{label}` | " in card
    assert "![Gold and predicted labels of validation](confusion-validation.png)" in card
    assert (bundle / "confusion-validation.png").read_bytes().startswith(b"\x89PNG")
    # No placeholder was forgotten.
    assert "None" not in card
    assert "$" not in card.replace("$5", "")


def test_a_card_says_how_long_was_trained_and_on_what(bundle):
    metrics = json.loads((bundle / "metrics.json").read_text(encoding="utf-8"))
    record = {"runs": 3, "steps": 2361, "seconds": 3481, "hardware": "a laptop, 2 threads"}
    record |= {"precision": "bf16", "torch": "2.13.0", "transformers": "5.23.0"}
    write_metrics(bundle, metrics | {"training": record})
    write_card(bundle)
    assert "took 58 min 1 s for 2,361 steps in 3 runs, " in card_of(bundle)
    assert "in bf16 on a laptop, 2 threads\n  (torch 2.13.0, transformers 5.23.0)." in card_of(bundle)
    write_metrics(bundle, metrics | {"training": record | {"runs": 1, "seconds": 59}})
    write_card(bundle)
    assert "took 59 s for 2,361 steps, " in card_of(bundle)


@pytest.mark.parametrize(
    ("split", "picture"), [("test", "confusion-test.png"), ("fold 1/3: x", "confusion-fold-1-3-x.png")]
)
def test_each_split_has_a_picture_beside_the_card(bundle, evaluations, split, picture):
    add_evaluation(bundle, split, *evaluations["test"])
    assert f"]({picture})" in card_of(bundle)
    assert (bundle / picture).is_file()
    load_bundle(bundle)


def test_tables_have_as_many_cells_as_columns(bundle):
    write_card(bundle)
    lines = card_of(bundle).splitlines()
    tables = [line for line in lines if line.startswith("|")]
    assert len(tables) > 10
    for before, line in pairwise(lines):
        if before.startswith("|") and line.startswith("|"):
            assert before.count("|") == line.count("|")


def test_scores_on_another_split_are_added(bundle, evaluations):
    data, scores = evaluations["test"]
    add_evaluation(bundle, "test", data, scores)
    card = card_of(bundle)
    assert "### validation" in card
    assert "### test" in card
    assert "| articles and sentences | train | validation | test |" in card
    metrics = json.loads((bundle / "metrics.json").read_text(encoding="utf-8"))
    assert set(metrics["evaluations"]) == {"validation", "test"}


def test_a_card_says_how_far_probabilities_and_label_sets_hold(bundle, evaluations):
    data, scores = evaluations["test"]
    error = scores["calibration"]["top"]["calibration_error"]
    coverage = {"value": 0.9, "low": 0.85, "high": 0.95}
    sets = [{"error_rate": 0.1, "coverage": coverage, "mean_size": 1.236}]
    add_evaluation(bundle, "test", data, {**scores, "label_sets": sets})
    card = card_of(bundle)
    assert f"Expected calibration error of the most probable label, 15 bins: {error:.3f}." in card
    said = "0.1 hold the gold label in 90.0 [85.0, 95.0] % of the sentences, 1.24 labels in a set."
    assert said in card


def test_scores_from_before_calibration_was_measured_make_a_card(bundle):
    metrics = json.loads((bundle / "metrics.json").read_text(encoding="utf-8"))
    for key in ("calibration", "abstaining", "label_sets"):
        del metrics["evaluations"]["validation"]["scores"][key]
    write_metrics(bundle, metrics)
    write_card(bundle)
    assert "calibration error" not in card_of(bundle)


def test_a_card_says_when_the_temperature_changes_with_the_entropy(bundle):
    settings = load_bundle(bundle).settings.model_copy(update={"temperature": 1.5, "temperature_slope": -0.7})
    save_settings(bundle, settings)
    write_card(bundle)
    assert "a temperature of 1.5 · exp(-0.7 · relative entropy)." in card_of(bundle)


def test_pass_rates_of_behaviour_tests_are_added(bundle, evaluations):
    def official(sentences):
        label = Label.OFFICIAL_STATEMENT
        scores = {each.value: float(each is label) for each in Label}
        return [AnnotatedSentence("body", 0, len(s), s, label, 1.0, scores, False) for s in sentences]

    always_official = SimpleNamespace(annotate_sentences=official)
    write_card(bundle)
    assert "## Behaviour" not in card_of(bundle)
    before = json.loads((bundle / "metrics.json").read_text(encoding="utf-8"))
    report = CheckReport.of("always official", run_checks(always_official, all_cases()))
    add_behaviour(bundle, report.to_dict())
    metrics = json.loads((bundle / "metrics.json").read_text(encoding="utf-8"))
    assert {key: value for key, value in metrics.items() if key != "behaviour"} == before
    found = metrics["behaviour"]
    assert found["kinds"] == report.to_dict()["kinds"]
    assert "results" not in found
    assert "failures" not in found

    card = card_of(bundle)
    rates = report.kinds[Kind.DIRECTIONAL]
    assert f"| directional | {rates.cases} | {rates.passed} | 0.0 " in card
    assert "| invariant | " in card
    weak = card.partition("Templates below 90%: ")[2].partition("\n")[0]
    directional = {one.case.template for one in report.results if one.case.kind is Kind.DIRECTIONAL}
    # It passes nothing that must turn, and all that must stay.
    assert {entry.rpartition(" 0 of ")[0] for entry in weak.rstrip(".").split(", ")} == directional
    assert "; by " in card
    assert "names) from " in card
    # Scores that are added later leave it there.
    data, scores = evaluations["test"]
    add_evaluation(bundle, "test", data, scores)
    assert "## Behaviour\n\nTemplates of version" in card_of(bundle)
    assert card_of(bundle).index("## Behaviour") < card_of(bundle).index("## Limits")


def test_a_model_without_a_graph_has_a_card_too(bundle):
    metrics = json.loads((bundle / "metrics.json").read_text(encoding="utf-8"))
    write_metrics(bundle, metrics | {"export": None})
    (bundle / "training.yaml").write_text("encoder: {path: owner/encoder}\n", encoding="utf-8")
    write_card(bundle)
    card = card_of(bundle)
    assert "int8 graph gives" not in card
    assert "`owner/encoder`" in card
    assert "How the labels were given was not said." in card


@pytest.mark.parametrize("name", ["training.yaml", "metrics.json"])
@pytest.mark.parametrize("content", [None, "{", "- [", b"\xff"])
def test_a_file_that_the_card_needs_is_named(bundle, name, content):
    if content is None:
        (bundle / name).unlink()
    else:
        (bundle / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(BundleError, match=rf"{name}: cannot be read"):
        write_card(bundle)
    assert not (bundle / "README.md").exists()
