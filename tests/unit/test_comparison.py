import json
import runpy
import sys
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest
from labelled_articles import article, corpus
from scipy.stats import binomtest
from sklearn.metrics import f1_score

from khabar import Annotator, Label
from khabar.comparison import MACRO, Direction, Gate, Outcome, compare
from khabar.corpus import write_jsonl
from khabar.errors import BundleError, DataError
from khabar.evaluation import Bootstrap, DataSummary, judge
from khabar.schema import AnnotatedSentence

TOLL, OFFICIAL, CLAIM, CONTEXT = Label
ARTICLES = corpus(60, seed=2)
SCRIPT = Path(__file__).parents[2] / "scripts" / "compare.py"
BOOTSTRAP = Bootstrap(resamples=300)


class Noisy:
    """Knows the gold labels and gets some of them wrong."""

    def __init__(self, error_rate, seed, articles=ARTICLES, *, wrong_on=tuple(Label)):
        self.gold = {unit.text: unit.label for one in articles for unit in one.sentences}
        self.random, self.error_rate, self.wrong_on = Random(seed), error_rate, wrong_on

    def annotate_sentences(self, sentences):
        return [self.annotate(sentence) for sentence in sentences]

    def annotate(self, text):
        label = self.gold[text] or CONTEXT
        if label in self.wrong_on and self.random.random() < self.error_rate:
            label = self.random.choice([other for other in Label if other is not label])
        score = 0.4 + self.random.random() / 2
        scores = {each.value: (1 - score) / 3 for each in Label} | {label.value: score}
        return AnnotatedSentence("body", 0, len(text), text, label, score, scores, False)


def judged(*arguments, **options):
    return judge(Noisy(*arguments, **options), ARTICLES)


def test_a_better_model_is_told_from_a_worse_one_whichever_comes_first():
    poor, good = judged(0.3, 1), judged(0.1, 2)
    found = compare(poor, good, names=("poor", "good"), bootstrap=BOOTSTRAP)
    assert found.outcome is Outcome.BETTER
    assert found.verdict.startswith("good is better than poor: macro-F1 differs by +")
    back = compare(good, poor, bootstrap=BOOTSTRAP)
    assert back.outcome is Outcome.WORSE
    assert back.macro_f1.difference.value == pytest.approx(-found.macro_f1.difference.value)
    assert back.macro_f1.difference.low == pytest.approx(-found.macro_f1.difference.high)


def test_models_of_one_quality_are_not_told_apart():
    found = compare(judged(0.2, 1), judged(0.2, 2), names=("old", "new"), bootstrap=BOOTSTRAP)
    assert found.outcome is Outcome.UNDECIDED
    assert found.verdict.startswith("new and old are not told apart")
    assert found.macro_f1.difference.low < 0 < found.macro_f1.difference.high


def test_a_model_equals_itself():
    one = judged(0.2, 1)
    found = compare(one, one, bootstrap=BOOTSTRAP)
    difference = found.macro_f1.difference
    assert (difference.value, difference.low, difference.high) == (0, 0, 0)
    assert found.outcome is Outcome.UNDECIDED
    assert found.mcnemar.p_value == 1
    assert found.flips == ()
    assert all(result.passed for result in found.check([Gate(0)], "interval"))


def test_scores_are_those_of_scikit_learn_and_the_interval_is_that_of_paired_resamples():
    first, second = judged(0.3, 1), judged(0.2, 2)
    bootstrap = Bootstrap(resamples=40)
    found = compare(first, second, bootstrap=bootstrap)
    gold = [item.label for item in first]
    for items, attribute in ((first, "first"), (second, "second")):
        predicted = [item.predicted.label for item in items]
        assert getattr(found.macro_f1, attribute) == pytest.approx(f1_score(gold, predicted, average="macro"))
        by_label = f1_score(gold, predicted, average=None, labels=list(Label))
        assert [getattr(found.labels[label], attribute) for label in Label] == pytest.approx(by_label)

    rows = {}
    for index, item in enumerate(first):
        rows.setdefault(item.article, []).append(index)
    rows = list(rows.values())
    drawn = []
    for weights in bootstrap.weights(len(rows)).astype(int):
        chosen = [i for own, times in zip(rows, weights, strict=True) for i in own * times]
        f1 = [
            f1_score([gold[i] for i in chosen], [items[i].predicted.label for i in chosen], average="macro")
            for items in (first, second)
        ]
        drawn.append(f1[1] - f1[0])
    low, high = np.quantile(drawn, [0.025, 0.975])
    difference = found.macro_f1.difference
    assert (difference.low, difference.high) == pytest.approx((low, high))
    # The same articles in both: the interval is narrower than that of two independent draws.
    assert difference.high - difference.low < 0.2


def test_flips_are_sentences_labelled_differently_by_what_became_of_them():
    first, second = judged(0.3, 1), judged(0.2, 2)
    found = compare(first, second, bootstrap=BOOTSTRAP)
    expected = {direction: set() for direction in Direction}
    for one, other in zip(first, second, strict=True):
        before, after = one.predicted.label, other.predicted.label
        if before is after:
            continue
        kind = Direction.BROKEN if before is one.label else Direction.MOVED
        kind = Direction.MENDED if after is one.label else kind
        expected[kind].add((one.article, one.gold.start))
    assert all(expected.values())
    for direction, places in expected.items():
        flips = [flip for flip in found.flips if flip.direction is direction]
        assert {(flip.first.article, flip.first.gold.start) for flip in flips} == places
        assert found.count(direction) == len(places)
        assert sum(found.count(direction, label) for label in Label) == len(places)
        sure = [flip.second.predicted.score for flip in flips]
        assert sure == sorted(sure, reverse=True)
    record = found.flips[0].to_dict()
    source = next(one for one in ARTICLES if one.id == record["article"])
    assert source.text[record["start"] : record["end"]] == record["text"]
    assert record["first"]["label"] != record["second"]["label"]


def test_mcnemar_counts_the_sentences_that_only_one_gets_right():
    first, second = judged(0.3, 1), judged(0.2, 2)
    test = compare(first, second, bootstrap=BOOTSTRAP).mcnemar
    right = [[item.predicted.label is item.label for item in items] for items in (first, second)]
    only_first = sum(one and not other for one, other in zip(*right, strict=True))
    only_second = sum(other and not one for one, other in zip(*right, strict=True))
    assert (test.only_first_right, test.only_second_right) == (only_first, only_second)
    assert test.p_value == binomtest(only_first, only_first + only_second).pvalue


def test_a_gate_holds_the_estimate_or_the_lower_end_of_the_interval_to_its_points():
    found = compare(judged(0.1, 1), judged(0.1, 5, wrong_on=(TOLL, CLAIM, CONTEXT)), bootstrap=BOOTSTRAP)
    macro = found.macro_f1.difference
    gate = Gate(points=max(0.0, -100 * macro.value) + 0.01)
    (by_estimate,) = found.check([gate])
    assert by_estimate.passed
    assert by_estimate.measured == pytest.approx(100 * macro.value)
    (by_interval,) = found.check([gate], "interval")
    assert by_interval.measured == pytest.approx(100 * macro.low)
    assert by_interval.passed is (macro.low * 100 >= -gate.points)
    assert not found.check([Gate(0.0)], "interval")[0].passed
    assert found.check([Gate(100)], "interval")[0].passed

    worse = compare(judged(0.05, 1), judged(0.4, 5, wrong_on=(TOLL,)), bootstrap=BOOTSTRAP)
    toll, other = worse.check([Gate(2, "casualty_report"), Gate(2, "background")])
    assert (toll.passed, other.passed) == (False, True)
    assert str(toll).startswith("FAILED: F1 of casualty_report differs by -")
    assert str(toll).endswith("points; it may lose 2")


def test_a_gate_is_met_to_the_point():
    found = compare(judged(0.2, 1), judged(0.2, 2), bootstrap=BOOTSTRAP)
    exact = replace(
        found,
        macro_f1=replace(found.macro_f1, difference=replace(found.macro_f1.difference, value=0.29 - 0.3)),
    )
    assert exact.check([Gate(1.0)])[0].passed
    assert not exact.check([Gate(0.99)])[0].passed


def test_what_the_articles_cannot_tell_is_said():
    articles = [
        article(f"a{n}", [("وقال الوزير ذلك.", OFFICIAL), ("ويرى محللون غيره.", CLAIM)]) for n in range(3)
    ]
    judgements = judge(Noisy(0, 1, articles), articles)
    found = compare(judgements, judgements, bootstrap=BOOTSTRAP)
    assert found.labels[TOLL].difference.value is None
    with pytest.raises(DataError, match=r"gate on casualty_report cannot be checked .* has no value"):
        found.check([Gate(1, "casualty_report")])
    alone = compare(judgements[:2], judgements[:2], bootstrap=BOOTSTRAP)
    assert alone.check([Gate(1)])[0].passed
    with pytest.raises(DataError, match="has no interval"):
        alone.check([Gate(1)], "interval")
    assert "| F1 casualty_report | – | – | – |" in found.to_markdown()


def test_gates_that_mean_nothing_are_refused():
    with pytest.raises(ValueError, match="'rumour' is no label"):
        Gate(1, "rumour")
    for points in (-0.5, 101, float("nan")):
        with pytest.raises(ValueError, match="points of F1 from 0 to 100"):
            Gate(points)
    assert Gate(0.5).on == MACRO


def test_other_sentences_cannot_be_compared():
    first = judged(0.2, 1)
    with pytest.raises(ValueError, match="not judged on the same sentences"):
        compare(first, first[:-1])
    with pytest.raises(DataError, match="nothing to compare"):
        compare([], [])


def test_a_model_that_abstains_is_taken_at_its_most_probable_label():
    first, second = judged(0.3, 1), judged(0.2, 2)
    silent = [replace(item, predicted=replace(item.predicted, label=None)) for item in second]
    found = compare(first, silent, bootstrap=BOOTSTRAP)
    assert found.macro_f1 == compare(first, second, bootstrap=BOOTSTRAP).macro_f1


def test_the_report_has_figures_and_no_text():
    found = compare(judged(0.3, 1), judged(0.2, 2), names=("old", "new"), bootstrap=BOOTSTRAP)
    results = found.check([Gate(0.5), Gate(0.5, "claim")])
    data = DataSummary.of(ARTICLES, "data.jsonl", "test")
    report = json.loads(json.dumps(found.to_dict(data, results), allow_nan=False))
    assert report["flips"] == {direction.value: found.count(direction) for direction in Direction}
    assert [gate["on"] for gate in report["gates"]] == ["macro", "claim"]
    assert found.flips[0].first.gold.text not in json.dumps(report, ensure_ascii=False)
    page = found.to_markdown(results)
    assert page.startswith("# new against old\n\nnew is better than old")
    assert f"| right to wrong | {found.count(Direction.BROKEN)} | " in page
    assert page.rstrip().endswith(str(results[1]))


@pytest.fixture
def run_script(monkeypatch, tmp_path):
    """Runs the script on two noisy models called «old» and «new»; returns its exit code."""
    data = tmp_path / "data.jsonl"
    write_jsonl([replace(one, split="test") for one in ARTICLES], data)
    models = {"old": lambda: Noisy(0.1, 1), "new": lambda: Noisy(0.3, 2)}

    def load(model, backend=None):
        if model not in models:
            raise BundleError(f"{model}: is no model.")
        return models[model]()

    monkeypatch.setattr(Annotator, "from_pretrained", load)

    def run(*arguments, models=("old", "new")):
        line = ["compare.py", *models, data, "--resamples", 50, *arguments]
        monkeypatch.setattr(sys, "argv", [*map(str, line)])
        try:
            runpy.run_path(str(SCRIPT), run_name="__main__")
        except SystemExit as exited:
            return exited.code
        return 0

    return run


def test_the_script_writes_reports_and_flips(run_script, tmp_path, capsys):
    out = tmp_path / "new folder"
    options = (
        "--output",
        out / "report.json",
        "--markdown",
        out / "report.md",
        "--flips",
        out / "flips.jsonl",
    )
    assert run_script(*options) == 0
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    flips = [json.loads(line) for line in (out / "flips.jsonl").read_text(encoding="utf-8").splitlines()]
    assert report["outcome"] == "worse"
    assert report["data"]["split"] == "test"
    assert sum(report["flips"].values()) == len(flips) > 0
    assert flips[0]["direction"] == "right to wrong"
    printed = capsys.readouterr().out
    assert "new is worse than old: macro-F1 differs by -" in printed
    assert (out / "report.md").read_text(encoding="utf-8").startswith("# new against old")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--no-worse-than", 100], 0, ""),
        (["--no-worse-than", 0.5], 1, "compare: gate FAILED: macro-F1 differs by -"),
        (["--no-worse-than", 100, "--class", "claim", "--class", "background"], 0, ""),
        (
            ["--no-worse-than", 100, "--no-worse-than", 1, "--class", "claim"],
            1,
            "FAILED: F1 of claim differs",
        ),
        (["--no-worse-than", 90, "--gate-on", "interval"], 0, ""),
        (["--no-worse-than", 1, "--gate-on", "interval"], 1, "macro-F1 differs at worst by -"),
        (["--class", "claim", "--no-worse-than", 1], 2, "--class claim: say first how much may be lost"),
        (["--no-worse-than", 1, "--class", "rumour"], 2, "invalid choice: 'rumour'"),
        (["--no-worse-than", "-1"], 2, "compare: a gate of -1.0 points is none"),
        (["--split", "dev"], 2, "no article of split 'dev'; the splits are test."),
    ],
)
def test_exit_codes_are_for_a_pipeline(run_script, capsys, arguments, code, said):
    assert run_script(*arguments) == code
    assert said in capsys.readouterr().err


def test_models_that_are_missing_or_called_the_same_are_bad_input(run_script, capsys):
    assert run_script(models=("old", "none")) == 2
    assert capsys.readouterr().err == "compare: none: is no model.\n"
    assert run_script(models=("old", "old")) == 2
    assert "both models are called 'old'; name one of them: NAME=old." in capsys.readouterr().err
    assert run_script(models=("old", "again=old")) == 0
