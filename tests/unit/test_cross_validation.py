import json
import runpy
import sys
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from labelled_articles import FERRY, FERRY_REWORKED, article, corpus, made_up

from khabar import Label
from khabar.config import load_config
from khabar.corpus import read_jsonl, write_jsonl
from khabar.cross_validation import Plan, cross_validate, cut_folds, draw
from khabar.errors import ConfigError, DataError
from khabar.evaluation import Bootstrap, score
from khabar.predictions import read_predictions
from khabar.training import Splits

SCRIPT = Path(__file__).parents[2] / "scripts" / "cross_validate.py"
ORIGINAL = article("ferry", FERRY, split="train", outlet="Anba al-Sahil")
REWORKED = article("ferry-again", FERRY_REWORKED, split="train", outlet="Al-Marfa")
CHECKED = article("ferry-checked", FERRY_REWORKED, split="validation", outlet="صدى الوادي")


@pytest.fixture
def splits():
    others = corpus(24, seed=3)
    return Splits(
        [ORIGINAL, REWORKED, *(replace(one, split="train") for one in others[:18])],
        [CHECKED, *(replace(one, split="validation") for one in others[18:])],
    )


def ids(articles):
    return {one.id for one in articles}


def test_each_outlet_is_left_out_once_with_its_wire_copy(splits):
    folds = cut_folds(splits, Plan(), seed=1)
    outlets = sorted({one.outlet for one in splits.train})
    assert [fold.name for fold in folds] == outlets
    for fold in folds:
        assert ids(fold.held_out) == {one.id for one in splits.train if one.outlet == fold.name}
        assert fold.name not in {one.outlet for one in fold.train + fold.validation}
    (sahil,) = (fold for fold in folds if fold.name == "Anba al-Sahil")
    assert not {"ferry-again", "ferry-checked"} & ids(sahil.train + sahil.validation)
    assert sahil.near_duplicates == 2
    untouched = next(fold for fold in folds if fold.name == "الرصيف")
    assert untouched.near_duplicates == 0
    assert "ferry-again" in ids(untouched.train)
    assert "ferry-checked" in ids(untouched.validation)


def test_articles_dealt_out_are_held_out_once_each_and_copies_together(splits):
    folds = cut_folds(splits, Plan("article", 4, with_validation=True), seed=1)
    everything = ids(splits.train + splits.validation)
    held = [one.id for fold in folds for one in fold.held_out]
    assert len(held) == len(set(held)) == len(everything)
    for fold in folds:
        assert not fold.validation
        assert ids(fold.train) == everything - ids(fold.held_out)
        copies = {"ferry", "ferry-again", "ferry-checked"}
        assert len(copies & ids(fold.held_out)) in (0, 3)


def test_what_is_not_predicted_is_not_learnt_from_either(splits):
    few = cut_folds(splits, Plan(max_held_out=2), seed=1)
    whole = cut_folds(splits, Plan(), seed=1)
    assert [len(fold.held_out) for fold in few] == [2] * len(whole)
    assert [ids(fold.train) for fold in few] == [ids(fold.train) for fold in whole]
    assert ids(few[0].held_out) <= ids(whole[0].held_out)


def test_an_article_without_an_outlet_is_learnt_from_in_every_fold(splits):
    nameless = replace(made_up("nameless", Random(0), list(Label)), split="train")
    folds = cut_folds(Splits([*splits.train, nameless], splits.validation), Plan(), seed=1)
    assert all("nameless" in ids(fold.train) for fold in folds)
    with pytest.raises(DataError, match=r"the outlets named are none, .* deal them out by article"):
        cut_folds(Splits([nameless], []), Plan(), seed=1)


def test_one_text_in_two_outlets_leaves_nothing_to_learn_from():
    with pytest.raises(DataError, match=r"without fold 'Al-Marfa' .* no article is left"):
        cut_folds(Splits([ORIGINAL, REWORKED], []), Plan(), seed=1)


def test_a_draw_is_the_same_for_the_same_seed_and_keeps_the_order():
    articles = corpus(20)
    drawn = draw(articles, 5, seed=4)
    assert drawn == draw(articles, 5, seed=4) != draw(articles, 5, seed=5)
    assert [articles.index(one) for one in drawn] == sorted(articles.index(one) for one in drawn)
    assert draw(articles, None, 4) == draw(articles, 99, 4) == articles


@pytest.mark.parametrize(
    ("options", "said"),
    [({"by": "article", "folds": 2}, "folds is 2"), ({"max_held_out": 0}, "max_held_out is 0")],
)
def test_a_plan_that_cannot_be_is_refused(options, said):
    with pytest.raises(ValueError, match=said):
        Plan(**options)


@pytest.fixture
def make_config(tmp_path, tiny_encoder, splits):
    data = tmp_path / "labelled.jsonl"
    write_jsonl(splits.train + splits.validation, data)
    path = tmp_path / "run.yaml"
    path.write_text(
        f"output: {tmp_path / 'out'}\ndata: {{path: {data}, max_train_articles: 6}}\n"
        f"encoder: {{path: {tiny_encoder}}}\n"
        "window: {max_tokens: 96, max_sentence_tokens: 40}\n"
        "training: {use_cpu: true, report_to: none, disable_tqdm: true, max_steps: 2, save_strategy: steps,"
        " save_steps: 1, learning_rate: 0.001}\n",
        encoding="utf-8",
    )
    return lambda *overrides: load_config(path, list(overrides))


BOOTSTRAP = Bootstrap(resamples=50)


@pytest.mark.slow
def test_every_held_out_sentence_is_predicted_and_scored(make_config, tmp_path, splits):
    found = cross_validate(make_config(), Plan(), BOOTSTRAP)
    out = tmp_path / "out"
    predictions = read_predictions(out)
    labelled = {
        (one.id, unit.part, unit.start, unit.end): unit.label
        for one in splits.train
        for unit in one.sentences
        if unit.label is not None
    }
    assert {prediction.place: prediction.label for prediction in predictions} == labelled
    texts = "".join(path.read_text(encoding="utf-8") for path in out.rglob("*.json*"))
    assert FERRY[0][0][:20] not in texts

    assert all(fold.trained_on == 6 for fold in found.folds)
    for number, fold in enumerate(found.folds, start=1):
        own = read_predictions(out / f"fold-{number:02d}")
        assert {prediction.outlet for prediction in own} == {fold.name}
        again = score(
            [one.label for one in own],
            [one.predicted for one in own],
            [one.article for one in own],
            BOOTSTRAP,
        )
        assert again == fold.scores
    assert found.pooled.sentences == len(labelled)
    results = json.loads((out / "results.json").read_text(encoding="utf-8"))
    assert results == json.loads(json.dumps(found.to_dict()))
    assert str(tmp_path) not in json.dumps(results["configuration"])
    table = found.to_markdown()
    assert all(f"| {fold.name} | " in table for fold in found.folds)
    # Checkpoints are several times the model, so they go.
    assert not list(out.rglob("*.safetensors"))


@pytest.mark.slow
def test_a_finished_fold_is_not_trained_again_and_a_killed_one_goes_on(make_config, tmp_path, monkeypatch):
    import khabar.cross_validation as module

    trained = []
    fit_seeds = module.fit_seeds

    def killed_in_the_second(config, splits):
        trained.append(config.output.name)
        fitted = fit_seeds(config, splits)
        if len(trained) == 2:
            raise KeyboardInterrupt
        return fitted

    monkeypatch.setattr(module, "fit_seeds", killed_in_the_second)
    config, plan = make_config(), Plan(max_held_out=1)
    with pytest.raises(KeyboardInterrupt):
        cross_validate(config, plan, BOOTSTRAP)
    out = tmp_path / "out"
    assert [path.parent.name for path in out.rglob("probabilities.jsonl")] == ["fold-01"]
    state = out / "fold-02" / "checkpoints" / "checkpoint-2" / "trainer_state.json"
    assert state.is_file()
    # Were the fold trained anew, this would be lost.
    content = json.loads(state.read_text(encoding="utf-8"))
    content["log_history"].append({"step": 2, "mark": 1.0})
    state.write_text(json.dumps(content), encoding="utf-8")
    first = (out / "fold-01" / "probabilities.jsonl").read_bytes()

    histories = []
    monkeypatch.setattr(module, "write_predictions", remember(module.write_predictions, histories))
    cross_validate(config, plan, BOOTSTRAP)
    assert trained == ["fold-01", "fold-02", "fold-02", "fold-03", "fold-04"]
    assert (out / "fold-01" / "probabilities.jsonl").read_bytes() == first
    assert any(entry.get("mark") for entry in histories[0])

    trained.clear()
    cross_validate(config, plan, BOOTSTRAP)
    assert trained == []


def remember(write, histories):
    def written(path, predictions):
        state = path.parent / "checkpoints" / "trainer_state.json"
        histories.append(json.loads(state.read_text(encoding="utf-8"))["log_history"])
        write(path, predictions)

    return written


@pytest.mark.slow
def test_predictions_are_those_of_the_model_as_a_bundle(make_config, tmp_path, splits):
    from khabar import Annotator
    from khabar.bundle import Settings, save_settings
    from khabar.cross_validation import predict
    from khabar.training import fit

    config = make_config(f"output={tmp_path / 'single'}")
    fitted = fit(config, Splits(splits.train[:4], splits.validation))
    predictions = predict(fitted, config, splits.validation[:3])
    fitted.model.save_pretrained(tmp_path / "bundle")
    fitted.tokenizer.save_pretrained(tmp_path / "bundle")
    save_settings(tmp_path / "bundle", Settings(window=config.window))
    annotator = Annotator.from_pretrained(tmp_path / "bundle", backend="torch")
    expected = [
        found.scores
        for one in splits.validation[:3]
        for found, unit in zip(
            annotator.annotate_sentences([unit.text for unit in one.sentences]), one.sentences, strict=True
        )
        if unit.label is not None
    ]
    assert len(predictions) == len(expected)
    for prediction, scores in zip(predictions, expected, strict=True):
        assert prediction.probabilities == pytest.approx(scores, abs=1e-5)


def test_without_validation_articles_there_is_nothing_to_evaluate_on(make_config):
    with pytest.raises(ConfigError, match=r"eval_strategy is 'steps', .* set training\.eval_strategy=no"):
        cross_validate(make_config("training.eval_strategy=steps"), Plan(with_validation=True), BOOTSTRAP)


@pytest.mark.slow
def test_a_folder_of_another_cross_validation_is_refused(make_config, tmp_path):
    config = make_config()
    cross_validate(config, Plan(max_held_out=1), BOOTSTRAP)
    for other, plan in (
        (config, Plan(max_held_out=2)),
        (make_config("training.learning_rate=0.01"), Plan(max_held_out=1)),
    ):
        with pytest.raises(ConfigError, match=r"holds another cross-validation .* output=FOLDER"):
            cross_validate(other, plan, BOOTSTRAP)
    articles = read_jsonl(config.data.path)
    changed = replace(articles[0].sentences[0], label=Label.BACKGROUND)
    articles[0] = replace(articles[0], sentences=(changed, *articles[0].sentences[1:]))
    write_jsonl(articles, config.data.path)
    with pytest.raises(ConfigError, match="other articles"):
        cross_validate(config, Plan(max_held_out=1), BOOTSTRAP)


@pytest.fixture
def run_script(make_config, tmp_path, monkeypatch):
    """Runs the script on what `make_config` wrote; returns its exit code."""

    def run(*arguments):
        line = ["cross_validate.py", tmp_path / "run.yaml", *arguments]
        monkeypatch.setattr(sys, "argv", [*map(str, line)])
        try:
            runpy.run_path(str(SCRIPT), run_name="__main__")
        except SystemExit as exited:
            return exited.code
        return 0

    return run


@pytest.mark.slow
def test_the_script_prints_the_table_that_it_writes(run_script, tmp_path, capsys):
    table = tmp_path / "new folder" / "table.md"
    # Overrides may stand among the options.
    options = ("training.seed=4", "--by", "article", "--folds", 3, "--with-validation")
    assert run_script(*options, "--resamples", 20, "--markdown", table, "training.max_steps=1") == 0
    printed = capsys.readouterr().out
    assert table.read_text(encoding="utf-8") in printed
    assert "| 3 of 3 | " in printed
    results = json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))
    assert results["plan"] == {"by": "article", "folds": 3, "with_validation": True, "max_held_out": None}
    assert results["configuration"]["training"]["seed"] == 4


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["training.epochs=3"], "did you mean 'num_train_epochs'?"),
        (["--by", "article", "--folds", 2], "cross_validate: folds is 2, expected 3 or more."),
        (["data.path=none.jsonl"], "cross_validate: none.jsonl: no such file"),
        (["--by", "day"], "invalid choice: 'day'"),
    ],
)
def test_the_script_tells_bad_input(run_script, capsys, arguments, said):
    assert run_script(*arguments) == 2
    assert said in capsys.readouterr().err
