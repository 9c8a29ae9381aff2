import json
import runpy
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from labelled_articles import FERRY_REWORKED, article, corpus

from khabar import Label
from khabar.corpus import read_labelled, write_jsonl
from khabar.errors import DataError, MissingExtraError
from khabar.evaluation import judge
from khabar.label_errors import (
    Doubt,
    as_predictions,
    find_suspects,
    for_review,
    suspect_records,
    suspects_to_html,
)
from khabar.predictions import Prediction, write_predictions
from khabar.schema import AnnotatedSentence

TOLL, OFFICIAL, CLAIM, CONTEXT = Label
SCRIPT = Path(__file__).parents[2] / "scripts" / "find_label_errors.py"


def probabilities(label, share, other=None, second=None):
    """``share`` for a label, ``second`` for another one, the rest for all others evenly."""
    given = {label: share} | ({} if other is None else {other: second})
    rest = (1 - sum(given.values())) / (len(Label) - len(given))
    return {each: given.get(each, rest) for each in Label}


@pytest.fixture(scope="module")
def planted():
    """Labelled articles with 20 wrong labels, and predictions of a model that knows the right ones."""
    random = Random(8)
    articles = corpus(60, seed=6)
    places = [(a, s) for a, one in enumerate(articles) for s in range(len(one.sentences))]
    wrong = set(random.sample(places, 20))
    labelled, predictions = [], []
    for a, one in enumerate(articles):
        units = []
        for s, unit in enumerate(one.sentences):
            right = unit.label
            given = random.choice([each for each in Label if each is not right]) if (a, s) in wrong else right
            units.append(replace(unit, label=given))
            share = 0.7 + 0.25 * random.random()
            predictions.append(Prediction.of(one, units[-1], probabilities(right, share)))
        labelled.append(replace(one, sentences=tuple(units)))
    planted = {
        (articles[a].id, "body", articles[a].sentences[s].start, articles[a].sentences[s].end)
        for a, s in wrong
    }
    return labelled, predictions, planted


def test_planted_label_errors_are_found(planted):
    _, predictions, wrong = planted
    suspects = find_suspects(predictions, most=30)
    doubted = {each.prediction.place for each in suspects if Doubt.LABEL in each.doubts}
    assert len(doubted & wrong) >= 15
    assert len(doubted - wrong) <= 2
    assert {each.prediction.place for each in suspects if Doubt.MISTAKE in each.doubts} == wrong
    qualities = [each.quality for each in suspects]
    assert qualities == sorted(qualities)
    assert {each.prediction.place for each in suspects[:20]} == wrong
    assert len({each.prediction.place for each in suspects}) == len(suspects)


def test_mistakes_are_the_surest_and_unsure_ones_have_the_least_margin():
    one = article("a", [(f"جملة رقم {n}", CLAIM) for n in range(40)])
    mistaken = [probabilities(OFFICIAL, 0.5 + n / 100) for n in range(10)]
    close = [probabilities(CLAIM, 0.45, CONTEXT, 0.44 - n / 100) for n in range(10)]
    sure = [probabilities(CLAIM, 0.9)] * 20
    predictions = [
        Prediction.of(one, unit, each)
        for unit, each in zip(one.sentences, [*mistaken, *close, *sure], strict=True)
    ]
    suspects = find_suspects(predictions, most=3)
    numbers = {
        doubt: {predictions.index(each.prediction) for each in suspects if doubt in each.doubts}
        for doubt in Doubt
    }
    assert numbers[Doubt.MISTAKE] == {7, 8, 9}
    assert numbers[Doubt.UNSURE] == {10, 11, 12}
    everything = find_suspects(predictions)
    assert sum(Doubt.MISTAKE in each.doubts for each in everything) == 10
    assert sum(Doubt.UNSURE in each.doubts for each in everything) == 10


def test_a_second_label_of_the_annotator_is_no_mistake(planted):
    _, predictions, wrong = planted
    allowed = [replace(each, also=(each.predicted,)) if each.place in wrong else each for each in predictions]
    suspects = find_suspects(allowed, most=10)
    assert not any({Doubt.LABEL, Doubt.MISTAKE} & set(each.doubts) for each in suspects)
    assert len(suspects) == 10


def test_what_an_annotator_says_can_be_searched_without_cross_validation():
    class Official:
        def annotate_sentences(self, sentences):
            scores = {label.value: share for label, share in probabilities(OFFICIAL, 0.7).items()}
            return [AnnotatedSentence("body", 0, len(s), s, OFFICIAL, 0.7, scores, False) for s in sentences]

    ferry = article("ferry", FERRY_REWORKED, outlet="Al-Marfa")
    predictions = as_predictions(judge(Official(), [ferry]))
    assert [each.place[2:] for each in predictions] == [(u.start, u.end) for u in ferry.sentences[1:]]
    mistakes = [each for each in find_suspects(predictions) if Doubt.MISTAKE in each.doubts]
    assert [each.prediction.label for each in mistakes] == [CLAIM]


def test_records_have_the_text_and_all_that_is_known(planted):
    labelled, predictions, _ = planted
    suspects = find_suspects(predictions, most=5)
    records = [json.loads(json.dumps(each)) for each in suspect_records(suspects, labelled)]
    assert len(records) == len(suspects)
    by_id = {one.id: one for one in labelled}
    for record in records:
        source = by_id[record["article"]]
        assert source.text[record["start"] : record["end"]] == record["text"]
        assert source.sentences[record["index"]].text == record["text"]
        assert source.sentences[record["index"]].label == record["label"]
        assert set(record["doubts"]) <= set(Doubt)
    assert records[0]["label"] != records[0]["predicted"]


@pytest.mark.parametrize("write", ["label_studio", "doccano"])
def test_what_labelling_tools_are_given_has_the_present_labels(planted, tmp_path, write):
    from khabar.corpus import write_doccano, write_label_studio

    labelled, predictions, _ = planted
    labelled = [
        replace(
            labelled[0], sentences=(replace(labelled[0].sentences[0], label=None), *labelled[0].sentences[1:])
        ),
        *labelled[1:],
    ]
    predictions = [each for each in predictions if each.place[:3] != (labelled[0].id, "body", 0)]
    suspects = find_suspects(predictions, most=200)
    review = for_review(suspects, predictions, labelled)
    worst = list(dict.fromkeys(each.prediction.article for each in suspects))
    assert [each.id for each in review] == worst
    by_id = {one.id: one for one in labelled}
    for each in review:
        gold = by_id[each.id]
        assert [s.label for s in each.sentences] == [u.label for u in gold.sentences if u.label]
        assert len(each.furniture) == sum(u.label is None for u in gold.sentences)
    quality = {each.prediction.place: each.quality for each in suspects}
    scores = Counter(sentence.score for each in review for sentence in each.sentences)
    assert scores[1.0] == sum(len(each.sentences) for each in review) - len(suspects)
    assert min(scores) == min(quality.values())

    path = tmp_path / "tasks.json"
    if write == "label_studio":
        write_label_studio(review, path, model_version="to be checked")
        tasks = json.loads(path.read_text(encoding="utf-8"))
        assert [task["data"]["article_id"] for task in tasks] == worst
        marks = [task["predictions"][0]["score"] for task in tasks]
        assert marks == sorted(marks)
    else:
        write_doccano(review, path)
        again = read_labelled(path, "doccano")
        assert [[u.label for u in one.sentences] for one in again] == [
            [u.label for u in by_id[one.id].sentences] for one in again
        ]


def test_other_articles_than_those_predicted_are_told(planted):
    labelled, predictions, _ = planted
    suspects = find_suspects(predictions, most=5)
    with pytest.raises(DataError, match="is predicted and not among the labelled ones"):
        list(suspect_records(suspects, []))
    first = suspects[0].prediction
    changed = [
        replace(
            one,
            sentences=tuple(
                replace(unit, label=first.predicted) if unit.start == first.start else unit
                for unit in one.sentences
            ),
        )
        for one in labelled
    ]
    with pytest.raises(
        DataError, match=rf"has the label '{first.label.value}' any more; cross-validate again"
    ):
        for_review(suspects, predictions, changed)


def test_the_page_escapes_and_shows_the_sentence_before():
    units = [("قال <الوزير> في بيان", OFFICIAL), ("وأضاف أن & لم", CLAIM), ("وختم", CLAIM)]
    one = article("<id>", units)
    predictions = [Prediction.of(one, unit, probabilities(OFFICIAL, 0.9)) for unit in one.sentences]
    suspects = [each for each in find_suspects(predictions, most=1) if Doubt.MISTAKE in each.doubts]
    html = suspects_to_html(suspects, [one])
    assert html.startswith("<!DOCTYPE html>")
    assert "قال &lt;الوزير&gt; في بيان</span><br>" in html
    assert "وأضاف أن &amp; لم</blockquote>" in html
    assert "&lt;id&gt;, body 21–34" in html
    assert 'dir="rtl"' in html
    fragment = suspects_to_html(suspects, [one], whole_page=False)
    assert fragment.startswith('<div class="khabar-suspects"')
    assert fragment.strip() in html


def test_nothing_to_find_is_told(planted):
    with pytest.raises(DataError, match="there are no predictions"):
        find_suspects([])
    with pytest.raises(ValueError, match="most is 0"):
        find_suspects(planted[1], most=0)


def test_without_cleanlab_there_is_one_clear_error(monkeypatch):
    for name in [name for name in sys.modules if name.startswith("khabar.label_errors")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "cleanlab.filter", None)
    with pytest.raises(MissingExtraError, match=r"needs cleanlab\.filter, .* 'khabar\[train\]'"):
        import khabar.label_errors  # noqa: F401


@pytest.fixture
def run_script(planted, tmp_path, monkeypatch):
    labelled, predictions, _ = planted
    write_jsonl(labelled, tmp_path / "data.jsonl")
    (tmp_path / "folds" / "fold-01").mkdir(parents=True)
    write_predictions(tmp_path / "folds" / "fold-01" / "probabilities.jsonl", predictions)

    def run(*arguments, data="data.jsonl"):
        line = ["find_label_errors.py", tmp_path / data, tmp_path / "folds", *arguments]
        monkeypatch.setattr(sys, "argv", [*map(str, line)])
        try:
            runpy.run_path(str(SCRIPT), run_name="__main__")
        except SystemExit as exited:
            return exited.code
        return 0

    return run


def test_the_script_writes_all_that_is_asked_for(run_script, tmp_path, capsys):
    out = tmp_path / "new folder"
    files = {
        "--output": out / "suspects.jsonl",
        "--html": out / "suspects.html",
        "--label-studio": out / "tasks.json",
        "--doccano": out / "examples.jsonl",
    }
    assert run_script("--most", 7, *(each for pair in files.items() for each in pair)) == 0
    assert all(path.stat().st_size for path in files.values())
    records = [json.loads(line) for line in files["--output"].read_text(encoding="utf-8").splitlines()]
    unsure = [each for each in records if Doubt.UNSURE in each["doubts"]]
    assert len(unsure) == 7
    assert f"{len(records)} of " in capsys.readouterr().out

    assert run_script("--doubt", "label in doubt", "--output", files["--output"]) == 0
    lines = files["--output"].read_text(encoding="utf-8").splitlines()
    assert all(Doubt.LABEL in json.loads(line)["doubts"] for line in lines)
    assert 15 <= len(lines) <= 22


def test_the_script_tells_bad_input(run_script, capsys):
    assert run_script(data="none.jsonl") == 2
    assert capsys.readouterr().err.startswith("find_label_errors: ")
    assert run_script("--most", 0) == 2
    assert "most is 0" in capsys.readouterr().err
