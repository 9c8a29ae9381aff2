import json

import pytest

from khabar.config import load_experiment
from khabar.errors import ConfigError, DataError
from khabar.experiment import Outcome, run, to_markdown


@pytest.fixture
def make_experiment(tmp_path, tiny_encoder, labelled_file):
    (tmp_path / "run.yaml").write_text(
        f"output: nowhere\ndata: {{path: {labelled_file}}}\nencoder: {{path: {tiny_encoder}}}\n"
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
    outcomes = run(make_experiment())
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
    again = run(make_experiment())
    assert again[0].scores[1] == 0.125
    assert again[1].scores[2] == pytest.approx(gone)


def test_all_variants_are_checked_before_the_first_is_trained(make_experiment, tmp_path):
    with pytest.raises(ConfigError, match="did you mean 'num_train_epochs'"):
        run(make_experiment("{whole: [], other: [training.epochs=3]}"))
    assert not (tmp_path / "out").exists()


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
    table = to_markdown(outcomes).splitlines()
    assert table[2] == "| a | 81.0 | 1.41 | 80.0 (1), 82.0 (2) |"
    assert table[3] == "| b | 50.0 | – | 50.0 (1) |"
