import json

import pytest

from khabar import Annotator
from khabar.config import load_experiment
from khabar.corpus import read_jsonl
from khabar.errors import ConfigError, DataError
from khabar.evaluation import judge, summarise
from khabar.experiment import IN_TRAINING, Outcome, moved, plot, run, to_markdown


@pytest.fixture
def make_experiment(tmp_path, tiny_bundle, labelled_file):
    (tmp_path / "run.yaml").write_text(
        f"output: nowhere\ndata: {{path: {labelled_file}}}\nencoder: {{path: {tiny_bundle}}}\n"
        "window: {max_tokens: 96, max_sentence_tokens: 40}\n"
        "training: {use_cpu: true, report_to: none, disable_tqdm: true, max_steps: 2, eval_strategy: steps,"
        " eval_steps: 2, save_strategy: steps, save_steps: 2, load_best_model_at_end: true}\n",
        encoding="utf-8",
    )

    def made(variants='{whole: [], "one by one": [window.max_sentences=1, window.context=0]}', more=""):
        path = tmp_path / "experiment.yaml"
        path.write_text(
            f"output: {tmp_path / 'out'}\nconfig: {tmp_path / 'run.yaml'}\nseeds: [1, 2]\n"
            f"overrides: [training.learning_rate=0.001]\nvariants: {variants}\n{more}",
            encoding="utf-8",
        )
        return load_experiment(path)

    return made


@pytest.mark.slow
def test_every_variant_is_trained_with_every_seed_and_not_twice(make_experiment, tmp_path, monkeypatch):
    (on, outcomes), *others = run(make_experiment()).items()
    assert on == IN_TRAINING
    assert others == []
    assert [outcome.name for outcome in outcomes] == ["whole", "one by one"]
    assert all(set(outcome.scores) == {1, 2} for outcome in outcomes)
    assert all(0 <= score <= 1 for outcome in outcomes for score in outcome.scores.values())
    effective = (tmp_path / "out" / "one-by-one" / "seed-2" / "training.yaml").read_text(encoding="utf-8")
    assert "max_sentences: 1" in effective
    assert "learning_rate: 0.001" in effective

    # What stands in the results is not trained again; what does not is.
    place = tmp_path / "out" / "results.json"
    known = json.loads(place.read_text(encoding="utf-8"))
    assert len(known) == 4
    known["whole, seed 1"] = 0.125
    gone = known.pop("one by one, seed 2")
    place.write_text(json.dumps(known), encoding="utf-8")
    again = run(make_experiment())[IN_TRAINING]
    assert again[0].scores[1] == 0.125
    assert again[1].scores[2] == pytest.approx(gone)

    # A variant that is another one now is not given the scores of what it was.
    with pytest.raises(
        ConfigError, match=r"one-by-one.seed-1: was trained with another configuration .* delete"
    ):
        run(make_experiment('{whole: [], "one by one": [window.max_sentences=2, window.context=0]}'))
    with pytest.raises(ConfigError, match="was trained with another configuration"):
        run(make_experiment(), ["training.learning_rate=0.01"])


@pytest.mark.slow
def test_finished_models_and_their_start_are_scored_elsewhere(
    make_experiment, tmp_path, tiny_bundle, labelled_file
):
    splits = ", ".join(f"{{path: {labelled_file}, split: {split}}}" for split in ("train", "test"))
    judged = f"judge_start: true\njudge_on: [{splits}]\n"
    # A share of the start changes the weights after training: what was scored in training is no longer there.
    results = run(
        make_experiment("{mixed: [recipe.start_share=0.5], far: [training.learning_rate=0.1]}", judged)
    )
    assert list(results) == [IN_TRAINING, "articles.jsonl, train", "articles.jsonl, test"]
    assert [outcome.name for outcome in results[IN_TRAINING]] == ["far"]
    for split in ("train", "test"):
        start, mixed, far = results[f"articles.jsonl, {split}"]
        assert start.name.startswith("start: ")
        assert list(start.scores) == [None]
        assert list(mixed.scores) == list(far.scores) == [1, 2]
    assert not list((tmp_path / "out").rglob("judged"))

    # The start scores as it does when a user calls it.
    annotator = Annotator.from_pretrained(tiny_bundle)
    articles = [article for article in read_jsonl(labelled_file) if article.split == "train"]
    expected = summarise(judge(annotator, articles)).strict.macro_f1.value
    assert results["articles.jsonl, train"][0].mean == pytest.approx(expected)


def test_all_variants_are_checked_before_the_first_is_trained(make_experiment, tmp_path):
    with pytest.raises(ConfigError, match="did you mean 'num_train_epochs'"):
        run(make_experiment("{whole: [], other: [training.epochs=3]}"))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("path", "split", "problem"),
    [
        ("none.jsonl", "test", r"none\.jsonl: no such file"),
        (None, "dev", "no article of split 'dev' to score on"),
    ],
)
def test_articles_to_score_on_are_read_before_the_first_is_trained(
    make_experiment, tmp_path, labelled_file, path, split, problem
):
    with pytest.raises(DataError, match=problem):
        run(make_experiment(more=f"judge_on: [{{path: {path or labelled_file}, split: {split}}}]\n"))
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_without_any_score_there_is_nothing_to_compare(make_experiment):
    with pytest.raises(ConfigError, match="there is no score to compare; evaluate in training"):
        run(make_experiment("{mixed: [recipe.start_share=0.5]}"))


def test_an_output_on_the_command_line_moves_the_experiment(make_experiment, tmp_path):
    experiment, rest = moved(make_experiment(), [f"output={tmp_path / 'else'}", "training.max_steps=1"])
    assert experiment.output == tmp_path / "else"
    assert rest == ("training.max_steps=1",)
    # Its results are looked for there, before anything is trained.
    (tmp_path / "else").mkdir()
    (tmp_path / "else" / "results.json").write_text("[]", encoding="utf-8")
    with pytest.raises(DataError, match=r"else.results\.json: is no record of scores"):
        run(make_experiment(), [f"output={tmp_path / 'else'}"])


def test_an_experiment_needs_variants_and_known_keys(make_experiment):
    with pytest.raises(ConfigError, match="variants"):
        make_experiment("{}")
    with pytest.raises(ConfigError, match=r"unknown key 'seed'; did you mean 'seeds'\?"):
        make_experiment(more="seed: 3\n")


def test_damaged_results_are_told(make_experiment, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "results.json").write_text("[1", encoding="utf-8")
    with pytest.raises(DataError, match=r"results\.json: is no record of scores .* delete it"):
        run(make_experiment())


def test_the_table_has_mean_and_deviation():
    outcomes = [Outcome("a", {1: 0.80, 2: 0.82}), Outcome("b", {1: 0.5})]
    assert outcomes[0].deviation == pytest.approx(0.0002**0.5)
    table = to_markdown({"validation": outcomes}).splitlines()
    assert table[0] == "**Macro-F1 on validation**"
    assert table[4] == "| a | 81.0 | 1.41 | 80.0 (1), 82.0 (2) |"
    assert table[5] == "| b | 50.0 | – | 50.0 (1) |"


def test_the_table_has_the_gain_over_the_start():
    results = {
        "old": [Outcome("start: default", {None: 0.825}), Outcome("a", {1: 0.80, 2: 0.82})],
        "new": [Outcome("start: default", {None: 0.70}), Outcome("a", {1: 0.80, 2: 0.82})],
    }
    old, new = to_markdown(results).split("\n\n**")
    assert old.splitlines()[-2:] == [
        "| start: default | 82.5 | – | 82.5 | – |",
        "| a | 81.0 | 1.41 | 80.0 (1), 82.0 (2) | -1.5 |",
    ]
    assert new.splitlines()[-1].endswith("| +11.0 |")


def test_results_are_drawn_a_panel_each(tmp_path):
    outcomes = [Outcome("5 %", {1: 0.80, 2: 0.82}), Outcome("100 %", {1: 0.9})]
    plot({"validation": outcomes}, tmp_path / "one.png", "share")
    plot({"validation": outcomes, "test": outcomes}, tmp_path / "two.png")
    widths = [int.from_bytes((tmp_path / name).read_bytes()[16:20]) for name in ("one.png", "two.png")]
    assert widths[1] == 2 * widths[0]
