import csv

import optuna
import pytest
from transformers import TrainerCallback

from khabar.config import load_config, load_search
from khabar.errors import ConfigError, DataError
from khabar.tuning import TrialRecord, check_space, search, to_grid

SPACE = """
space:
  training.learning_rate: {type: float, low: 1.0e-5, high: 0.1, log: true}
  recipe.freeze_layers: {type: int, low: 0, high: 2}
  window.pooling: {type: categorical, choices: [mean, separator]}
"""


@pytest.fixture
def make_search(tmp_path, tiny_encoder, labelled_file):
    (tmp_path / "run.yaml").write_text(
        f"output: nowhere\ndata: {{path: {labelled_file}}}\nencoder: {{path: {tiny_encoder}}}\n"
        "window: {max_tokens: 96, max_sentence_tokens: 40}\n"
        "training: {use_cpu: true, report_to: none, disable_tqdm: true, max_steps: 4, eval_strategy: steps,"
        " eval_steps: 2, save_strategy: steps, save_steps: 2, load_best_model_at_end: true}\n",
        encoding="utf-8",
    )

    def made(space=SPACE, more="trials: 3\npruning: null\n"):
        path = tmp_path / "search.yaml"
        path.write_text(
            f"output: {tmp_path / 'out'}\nconfig: {tmp_path / 'run.yaml'}\n{space}{more}", encoding="utf-8"
        )
        return load_search(path)

    return made


class Kill(BaseException):
    """Stands for a signal: nothing that the library does catches it."""


@pytest.mark.slow
def test_a_killed_search_goes_on_and_leaves_a_configuration_that_trains(make_search, tmp_path, monkeypatch):
    options, out = make_search(), tmp_path / "out"
    (first,) = search(options.model_copy(update={"trials": 1}))
    assert first.whole

    # The second trial is killed after its first checkpoint.
    def kill(self, args, state, control, **_):
        if state.global_step == 2:
            raise Kill

    with monkeypatch.context() as patch:
        patch.setattr(TrainerCallback, "on_step_begin", kill)
        with pytest.raises(Kill):
            search(options)
    storage = f"sqlite:///{out / 'study.db'}"
    killed = optuna.load_study(study_name="khabar", storage=storage).trials[1]
    assert killed.state == optuna.trial.TrialState.RUNNING
    (folder,) = out.glob("trials/*/checkpoints")
    assert [path.name for path in folder.iterdir() if path.is_dir()] == ["checkpoint-2"]

    records = search(options)
    assert [record.number for record in records] == [0, 2, 3]
    assert records[0] == first
    again = records[1]
    assert again.parameters == killed.params
    # It went on in its folder, and Optuna knows both of its evaluations.
    assert len(list(out.glob("trials/*"))) == 3
    study = optuna.load_study(study_name="khabar", storage=storage)
    assert list(study.trials[2].intermediate_values) == [0, 1]
    assert not list(out.glob("trials/*/checkpoints"))
    assert len(list(out.glob("trials/*/training-curves.png"))) == 3
    # Each process draws anew.
    assert len({str(record.parameters) for record in records}) == 3

    best = max(records, key=lambda record: record.macro_f1)
    config = load_config(out / "best.yaml", [f"output={tmp_path / 'trained'}"])
    assert config.training["learning_rate"] == best.parameters["training.learning_rate"]
    assert config.window.pooling == best.parameters["window.pooling"]
    assert config.recipe.freeze_layers == best.parameters["recipe.freeze_layers"]
    from khabar.training import fit, read_splits

    assert fit(config, read_splits(config)).macro_f1 == pytest.approx(best.macro_f1)

    with (out / "trials.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert int(rows[0]["trial"]) == best.number
    assert {row["ran"] for row in rows} == {"whole"}
    assert set(options.space) < set(rows[0])
    assert len((out / "trials.md").read_text(encoding="utf-8").splitlines()) == 5
    assert (out / "history.png").read_bytes().startswith(b"\x89PNG")

    # Finished, it does nothing more; with more trials it goes on.
    assert search(options) == records
    assert len(search(options.model_copy(update={"trials": 4}))) == 4


@pytest.mark.slow
def test_a_hopeless_trial_is_stopped_at_an_evaluation(make_search, tmp_path, monkeypatch):
    options = make_search(more="trials: 2\npruning: {startup_trials: 1, warmup_evaluations: 0}\n")
    monkeypatch.setattr(optuna.trial.Trial, "should_prune", lambda trial: trial.number == 1)
    whole, stopped = search(options)
    assert (whole.whole, stopped.whole) == (True, False)
    study = optuna.load_study(study_name="khabar", storage=f"sqlite:///{tmp_path / 'out' / 'study.db'}")
    assert list(study.trials[1].intermediate_values) == [0]
    assert study.trials[1].intermediate_values[0] == pytest.approx(stopped.macro_f1)
    assert f"trial {whole.number}, the best of 2" in (tmp_path / "out" / "best.yaml").read_text(
        encoding="utf-8"
    )


@pytest.mark.slow
def test_a_folder_of_another_search_is_refused(make_search, tmp_path):
    search(make_search(more="trials: 1\n"))
    with pytest.raises(ConfigError, match=r"study\.db: holds a search in which the space was another"):
        search(
            make_search(
                "space: {training.learning_rate: {type: float, low: 0.1, high: 0.2}}\n", "trials: 2\n"
            )
        )
    with pytest.raises(ConfigError, match="in which the configuration was another"):
        search(make_search(more="trials: 2\n"), ["training.weight_decay=0.1"])
    # More trials, another patience or a cache are no other search.
    search(make_search(more="trials: 1\npruning: null\n"), [f"data.cache={tmp_path / 'cache'}"])


def test_a_file_that_is_no_study_is_told(make_search, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "study.db").write_text("nothing of the kind " * 100, encoding="utf-8")
    with pytest.raises(
        DataError, match=r"study\.db: cannot be opened as a study .* delete it to search anew"
    ):
        search(make_search())


@pytest.mark.slow
def test_a_run_that_is_not_evaluated_cannot_be_searched(make_search):
    with pytest.raises(ConfigError, match="a search compares scores; evaluate"):
        search(make_search(), ['training.eval_strategy="no"', "training.load_best_model_at_end=false"])


def test_all_that_is_wrong_with_a_space_is_told_at_once(make_search, tmp_path):
    options = make_search(
        "space:\n"
        "  training.learning_rte: {type: float, low: 0.1, high: 0.2}\n"
        "  recipe.freeze_layers: {type: int, low: -1, high: 2}\n"
        "  window.pooling: {type: categorical, choices: [mean, max]}\n"
        "  training.seed: {type: int, low: 1, high: 2}\n"
    )
    with pytest.raises(ConfigError) as caught:
        search(options)
    problems = str(caught.value).splitlines()
    assert [problem.split(": ")[0] for problem in problems] == [f"space.{key}" for key in options.space]
    assert "did you mean 'learning_rate'?" in problems[0]
    assert "is not for a search to choose" in problems[3]
    assert not (tmp_path / "out").exists()
    check_space(make_search())


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ("{type: float, low: 2, high: 1}", "the lower one comes first"),
        ("{type: float, low: 0, high: 1, log: true}", "on a logarithmic scale it lies above 0"),
        ("{type: float, low: 1, high: 2, log: true, step: 0.5}", "log and step exclude each other"),
        ("{type: int, low: 1, high: 9, log: true, step: 2}", "log and step exclude each other"),
        ("{type: int, low: 1.5, high: 2}", "integer"),
        ("{type: categorical, choices: []}", "at least 1"),
        ("{type: list, low: 1}", "'float', 'int', 'categorical'"),
        ("{low: 1, high: 2}", "type"),
        ("{type: float, low: 1, high: 2, lgo: true}", r"\.lgo'"),
    ],
)
def test_a_range_that_is_none_is_told_with_its_key(make_search, values, problem):
    with pytest.raises(ConfigError, match=rf"space\.training\.learning_rate.*{problem}"):
        make_search(f"space: {{training.learning_rate: {values}}}\n")


def test_the_table_has_the_best_first_and_what_was_stopped_last():
    records = [
        TrialRecord(0, {"a": 0.123456, "b": None}, 0.5, True, 12.4),
        TrialRecord(1, {"a": 1.0, "b": "x"}, 0.9, False, 1.0),
        TrialRecord(2, {"a": 2.0, "b": True}, 0.7, True, 3.0),
    ]
    grid = to_grid(records)
    assert grid.header == ("trial", "macro-F1", "ran", "seconds", "a", "b")
    assert [row[0] for row in grid.rows] == ["2", "0", "1"]
    assert grid.rows[1] == ("0", "50.00", "whole", "12", "0.1235", "None")
    assert grid.rows[2][2] == "stopped early"
