"""`scripts/tune.py` and `scripts/experiment.py` in processes of their own, on the tiny model."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
OVERRIDES = [
    "training.max_steps=4",
    "training.eval_strategy=steps",
    "training.eval_steps=2",
    "training.save_strategy=steps",
    "training.save_steps=2",
]


def script(name, folder, *arguments):
    return subprocess.run(
        [sys.executable, str(ROOT / "scripts" / name), *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture
def place(tmp_path):
    smoke = yaml.safe_load((ROOT / "configs" / "smoke.yaml").read_text(encoding="utf-8"))
    smoke["data"]["path"] = str(ROOT / "data" / "sports-and-courts.jsonl")
    (tmp_path / "smoke.yaml").write_text(yaml.safe_dump(smoke), encoding="utf-8")
    return tmp_path


def test_a_search_is_printed_goes_on_and_ends_in_a_configuration_that_trains(place):
    space = {"training.learning_rate": {"type": "float", "low": 1e-4, "high": 1e-2, "log": True}}
    content = {
        "output": "search",
        "config": "smoke.yaml",
        "trials": 1,
        "space": space,
        "overrides": OVERRIDES,
    }
    (place / "search.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    done = script("tune.py", place, "search.yaml")
    assert done.returncode == 0, done.stderr
    assert "search/best.yaml: saved" in done.stdout
    done = script("tune.py", place, "search.yaml", "--trials", "2")
    assert done.returncode == 0, done.stderr
    assert len((place / "search" / "trials.csv").read_text(encoding="utf-8").splitlines()) == 3
    assert (place / "search" / "history.png").is_file()

    done = script("train.py", place, "search/best.yaml")
    assert done.returncode == 0, done.stderr
    assert (place / "search" / "best" / "bundle" / "README.md").is_file()

    # Wrong in two ways: both are told, in a line each, and nothing is trained.
    done = script("tune.py", place, "search.yaml", "training.learning_rte=1", "window.max_tokens=many")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "did you mean 'learning_rate'?" in done.stderr
    assert "tune: smoke.yaml: window.max_tokens is 'many'" in done.stderr


def test_an_experiment_is_printed_and_drawn(place):
    content = {"output": "rates", "config": "smoke.yaml", "seeds": [1, 2], "overrides": OVERRIDES}
    content["variants"] = {"slow": ["training.learning_rate=1.0e-5"], "quick": []}
    (place / "rates.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    arguments = ["rates.yaml", "--plot", "drawn/rates.png", "--markdown", "drawn/rates.md"]
    data = str(ROOT / "data" / "sports-and-courts.jsonl")
    done = script("experiment.py", place, *arguments, "--judge-on", data, "test")
    assert done.returncode == 0, done.stderr
    written = (place / "drawn" / "rates.md").read_text(encoding="utf-8")
    assert done.stdout.endswith(written)  # after what the Trainer prints
    assert "**Macro-F1 on sports-and-courts.jsonl, test**" in written
    assert written.count("| slow |") == written.count("| quick |") == 2
    assert (place / "drawn" / "rates.png").read_bytes().startswith(b"\x89PNG")
