"""Whole training runs of a tiny encoder, as `scripts/train.py` in a process of its own."""

import json
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.numpy import load_file
from tiny_models import SENTENCES
from transformers import BertConfig, BertModel

from khabar import Annotator, Label
from khabar.config import load_config
from khabar.errors import ConfigError

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]

# What a label can be told by here, so that even a tiny encoder learns it.
OPENINGS = {
    Label.CASUALTY_REPORT: ["قتل ستة أشخاص", "وأصيب عشرون شخصا", "وارتفع عدد القتلى"],
    Label.OFFICIAL_STATEMENT: ["وقال وزير الخارجية", "وأعلنت وزارة الصحة", "وقالت الشرطة في بيان"],
    Label.CLAIM: ["وذكر شهود عيان", "وأفادت مصادر مطلعة", "ويرى محللون"],
    Label.BACKGROUND: ["ويعود النزاع", "وتأسست الشركة", "وكانت المدينة"],
}
CONFIG = {
    "data": {"path": "labelled.jsonl"},
    "window": {"max_tokens": 128, "max_sentence_tokens": 40, "context": 1},
    "recipe": {"head_learning_rate": 0.01, "probe_articles": 20},
    "training": {
        "seed": 5,
        "num_train_epochs": 4,
        "per_device_train_batch_size": 4,
        "learning_rate": 0.003,
        "warmup_steps": 10,
        "train_sampling_strategy": "group_by_length",
        "use_cpu": True,
        "eval_strategy": "steps",
        "eval_steps": 20,
        "save_strategy": "steps",
        "save_steps": 20,
        "save_total_limit": 2,
        "load_best_model_at_end": True,
        "logging_steps": 5,
        "report_to": "none",
        "disable_tqdm": True,
    },
}


def article(number, split, draw):
    """An article of a few labelled sentences, with a line of page furniture in the middle."""
    sentences, text = [], ""
    for index in range(draw.randint(4, 9)):
        label = draw.choice(list(Label)) if index != 2 else None
        ending = " ".join(draw.choice(SENTENCES).split()[-5:])
        unit = f"{draw.choice(OPENINGS[label])} {ending}" if label else "اقرأ أيضا"
        sentences.append({"part": "body", "start": len(text), "end": len(text) + len(unit), "label": label})
        text += unit + "\n"
    return {"id": f"{split}-{number}", "split": split, "title": None, "text": text, "sentences": sentences}


@pytest.fixture(scope="module")
def place(tmp_path_factory, tiny_encoder):
    """A folder with a configuration, its data and its encoder."""
    folder = tmp_path_factory.mktemp("runs")
    draw = random.Random(1)
    articles = [article(i, "train", draw) for i in range(120)]
    articles += [article(i, "validation", draw) for i in range(12)]
    lines = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in articles)
    (folder / "labelled.jsonl").write_text(lines, encoding="utf-8")
    shutil.copytree(tiny_encoder, folder / "encoder")
    # The weights of the other tests are too wild to learn from.
    config = BertConfig.from_pretrained(tiny_encoder, initializer_range=0.1)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        BertModel(config, add_pooling_layer=False).save_pretrained(folder / "encoder")
    content = CONFIG | {"output": "undisturbed", "encoder": {"path": "encoder"}}
    (folder / "run.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return folder


def command(*overrides):
    return [sys.executable, str(ROOT / "scripts" / "train.py"), "run.yaml", *overrides]


@pytest.fixture(scope="module")
def undisturbed(place):
    """The output folder of a run that nothing disturbed."""
    done = subprocess.run(command(), cwd=place, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "undisturbed/bundle: saved" in done.stdout
    return place / "undisturbed"


def test_a_run_leaves_a_whole_bundle(undisturbed):
    files = {
        str(path.relative_to(undisturbed / "bundle"))
        for path in (undisturbed / "bundle").rglob("*")
        if path.is_file()
    }
    assert files == {
        "README.md",
        "config.json",
        "confusion-validation.png",
        "khabar.json",
        "metrics.json",
        "model.safetensors",
        "onnx/model.int8.onnx",
        "tokenizer.json",
        "tokenizer_config.json",
        "training.yaml",
    }
    assert {path.name for path in undisturbed.iterdir()} == {
        "bundle",
        "checkpoints",
        "train.log",
        "training-curves.png",
        "training.yaml",
    }


def test_what_is_shared_names_no_folder_of_this_machine(undisturbed, place):
    for path in (undisturbed / "bundle").iterdir():
        if path.suffix in {".md", ".json", ".yaml"} and path.name != "tokenizer.json":
            text = path.read_text(encoding="utf-8")
            assert str(place) not in text
            assert str(ROOT) not in text


def test_the_bundle_annotates_what_it_never_saw(undisturbed):
    draw = random.Random(99)
    unseen = [article(number, "test", draw) for number in range(10)]
    annotator = Annotator.from_pretrained(undisturbed / "bundle", backend="onnx")
    right = []
    for one in unseen:
        units = [one["text"][s["start"] : s["end"]] for s in one["sentences"]]
        for found, sentence in zip(annotator.annotate_sentences(units), one["sentences"], strict=True):
            if sentence["label"] is not None:
                right.append(found.label == sentence["label"])
    assert sum(right) / len(right) > 0.9


def test_learning_happens(undisturbed):
    state = undisturbed / "checkpoints" / "trainer_state.json"
    history = json.loads(state.read_text(encoding="utf-8"))["log_history"]
    losses = [entry["loss"] for entry in history if "loss" in entry]
    assert losses[-1] < 0.5 * losses[0]
    scores = [entry["eval_macro_f1"] for entry in history if "eval_macro_f1" in entry]
    assert max(scores) > 0.9
    log = (undisturbed / "train.log").read_text(encoding="utf-8")
    assert "eval_macro_f1" in log


TWO_SEEDS = ("recipe.seeds=[1, 2]", "training.num_train_epochs=1")


@pytest.fixture(scope="module")
def seeds(place):
    """What a run with two seeds left."""
    go_on(place, "output=seeds", *TWO_SEEDS)
    return place / "seeds"


def kill_when(condition, place, *overrides):
    """Start a run, and kill it with SIGKILL as soon as a condition holds."""
    process = subprocess.Popen(
        command(*overrides), cwd=place, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        waited = time.monotonic() + 600
        while not condition():
            assert process.poll() is None
            assert time.monotonic() < waited
            time.sleep(0.005)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def go_on(place, *overrides):
    """Call the same command again, to its end."""
    done = subprocess.run(command(*overrides), cwd=place, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def assert_same_weights(one, other):
    expected, found = (load_file(output / "bundle" / "model.safetensors") for output in (one, other))
    assert found.keys() == expected.keys()
    assert all((found[name] == expected[name]).all() for name in expected)


def test_a_run_killed_before_its_first_checkpoint_begins_again(undisturbed, place):
    output = place / "killed-early"
    kill_when((output / "train.log").exists, place, "output=killed-early")
    assert not (output / "bundle").exists()
    go_on(place, "output=killed-early")
    assert_same_weights(undisturbed, output)


def test_a_run_killed_while_its_bundle_is_put_together_ends_with_a_whole_one(undisturbed, place):
    output = place / "killed-late"
    kill_when((output / "bundle.partial" / "model.safetensors").exists, place, "output=killed-late")
    assert not (output / "bundle").exists()
    go_on(place, "output=killed-late")
    assert_same_weights(undisturbed, output)
    assert not (output / "bundle.partial").exists()
    names = [{path.name for path in (each / "bundle").iterdir()} for each in (undisturbed, output)]
    assert names[0] == names[1]


def test_seeds_killed_in_the_second_end_as_if_they_had_not_been(place, seeds):
    output = place / "seeds-killed"
    second = output / "seed-2"
    kill_when(lambda: any(second.glob("checkpoints/checkpoint-*")), place, "output=seeds-killed", *TWO_SEEDS)
    assert not (output / "bundle").exists()
    go_on(place, "output=seeds-killed", *TWO_SEEDS)
    assert_same_weights(seeds, output)


def test_a_run_that_was_killed_ends_as_if_it_had_not_been(undisturbed, place):
    output = place / "killed"
    first = output / "checkpoints" / "checkpoint-20" / "trainer_state.json"
    kill_when(first.exists, place, "output=killed")
    reached = [int(path.name.split("-")[1]) for path in (output / "checkpoints").iterdir()]
    assert max(reached) < 160
    assert not (output / "bundle").exists()

    # A run killed while it saved leaves a checkpoint with weights and no, or half, a state.
    for name, state in (("checkpoint-170", None), ("checkpoint-171", '{"global_st')):
        broken = shutil.copytree(first.parent, output / "checkpoints" / name)
        (broken / "trainer_state.json").unlink()
        if state:
            (broken / "trainer_state.json").write_text(state, encoding="utf-8")

    go_on(place, "output=killed")
    assert_same_weights(undisturbed, output)


def test_several_seeds_end_as_one_model_of_their_mean(place, seeds):
    log = (place / "seeds" / "train.log").read_text(encoding="utf-8")
    scores = [float(found) for found in re.findall(r"seed \d: macro-F1 ([\d.]+)", log)]
    assert len(scores) == 2
    mean = re.search(r"2 seeds: macro-F1 ([\d.]+), deviation", log)
    assert mean
    assert float(mean[1]) == pytest.approx(sum(scores) / 2, abs=1e-4)
    weights = load_file(place / "seeds" / "bundle" / "model.safetensors")
    best = []
    for seed in (1, 2):
        folder = place / "seeds" / f"seed-{seed}" / "checkpoints"
        state = json.loads((folder / "trainer_state.json").read_text(encoding="utf-8"))
        best.append(load_file(place / state["best_model_checkpoint"] / "model.safetensors"))
    for name, found in weights.items():
        expected = (best[0][name] + best[1][name]) / 2
        assert abs(found - expected).max() <= 0.001 * max(1, abs(expected).max())
    assert any((best[0][name] != best[1][name]).any() for name in best[0])


def test_the_start_keeps_its_share(place, undisturbed):
    start = undisturbed / "bundle"
    found = {}
    for share in (0.0, 0.75):
        done = subprocess.run(
            command(
                f"output=share-{share}",
                f"encoder.path={start}",
                "recipe.probe_articles=null",
                f"recipe.start_share={share}",
                "training.num_train_epochs=1",
            ),
            cwd=place,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        found[share] = load_file(place / f"share-{share}" / "bundle" / "model.safetensors")
    before = load_file(start / "model.safetensors")
    for name, weights in found[0.75].items():
        expected = 0.25 * found[0.0][name].astype("float32") + 0.75 * before[name].astype("float32")
        assert abs(weights - expected).max() <= 0.002 * max(1, abs(expected).max())
    assert any(abs(found[0.0][name] - before[name]).max() > 0.01 for name in before)


def test_a_folder_of_another_configuration_is_refused(undisturbed, place, monkeypatch):
    from khabar.training import fit, read_splits

    monkeypatch.chdir(place)
    before = {path: path.stat().st_mtime_ns for path in undisturbed.rglob("*")}
    config = load_config(place / "run.yaml", ["training.seed=6"])
    with pytest.raises(ConfigError, match=r"holds a run of another configuration .* output=FOLDER"):
        fit(config, read_splits(config))
    assert {path: path.stat().st_mtime_ns for path in undisturbed.rglob("*")} == before


def test_a_mistake_is_told_in_a_sentence_and_without_a_traceback(place):
    done = subprocess.run(
        command("output=none", "training.epochs=3", "data.path=none.jsonl"),
        cwd=place,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith(
        "train: run.yaml: unknown key 'training.epochs'; did you mean 'num_train_epochs'?"
    )
    assert done.stderr.count("\n") == 1
    assert not (place / "none").exists()
