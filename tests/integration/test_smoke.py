"""The configuration that shows that an installation works, as its header says to run it."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from khabar import Annotator, Label
from khabar.corpus import read_jsonl

pytestmark = [pytest.mark.slow, pytest.mark.alone]

ROOT = Path(__file__).parents[2]
BUNDLE = {
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


def train(folder, *overrides):
    """Run the command of the header away from the checkout, with what it needs of it."""
    for name in ("configs", "data"):
        if not (folder / name).exists():
            shutil.copytree(ROOT / name, folder / name)
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "train.py"), "configs/smoke.yaml", *overrides],
        cwd=folder,
        env=os.environ | {"HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder / "runs" / "smoke"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clone")
    began = time.monotonic()
    output = train(folder, "training.report_to=tensorboard", f"data.cache={folder / 'cache'}")
    return output, time.monotonic() - began


def test_it_ends_within_a_minute_with_a_whole_bundle(run):
    output, took = run
    assert took < 60
    bundle = output / "bundle"
    files = {path.relative_to(bundle).as_posix() for path in bundle.rglob("*") if path.is_file()}
    assert files == BUNDLE
    assert sorted(path.name for path in output.iterdir()) == [
        "bundle",
        "checkpoints",
        "tiny-encoder",
        "train.log",
        "training-curves.png",
        "training.yaml",
    ]


def test_its_model_annotates_and_has_learnt_that_there_are_labels(run):
    articles = read_jsonl(ROOT / "data" / "sports-and-courts.jsonl")
    units = [unit for article in articles if article.split == "train" for unit in article.sentences]
    annotator = Annotator.from_pretrained(run[0] / "bundle")
    found = [sentence.label for sentence in annotator.annotate_sentences([unit.text for unit in units])]
    right = sum(unit.label is label for unit, label in zip(units, found, strict=True))
    commonest = sum(unit.label is Label.CLAIM for unit in units)
    assert right > commonest


def test_its_card_says_what_it_was(run):
    card = (run[0] / "bundle" / "README.md").read_text(encoding="utf-8")
    assert "](confusion-validation.png)" in card
    assert "Training took" in card
    assert "its labels are worth nothing" in card
    metrics = json.loads((run[0] / "bundle" / "metrics.json").read_text(encoding="utf-8"))
    assert 0 < metrics["training"]["seconds"] < 60
    assert metrics["training"]["steps"] > 100
    effective = (run[0] / "bundle" / "training.yaml").read_text(encoding="utf-8")
    assert "path: tiny" in effective
    assert str(run[0].parent) not in effective


def test_tensorboard_has_the_curves(run):
    (folder,) = (run[0] / "checkpoints" / "runs").iterdir()
    events = EventAccumulator(str(folder)).Reload()
    names = set(events.Tags()["scalars"])
    assert {"train/loss", "eval/loss", "eval/macro_f1"} <= names
    assert len(events.Scalars("train/loss")) > 10
    assert len(events.Scalars("eval/macro_f1")) == 12


def test_the_second_run_reads_the_cache_and_ends_the_same(run):
    folder = run[0].parents[1]
    first = (run[0] / "bundle" / "model.safetensors").read_bytes()
    shutil.move(run[0], folder / "first")
    output = train(folder, f"data.cache={folder / 'cache'}")
    log = (output / "train.log").read_text(encoding="utf-8")
    assert log.count("encoded articles read from the cache") == 2
    assert "written to the cache" not in log
    assert (output / "bundle" / "model.safetensors").read_bytes() == first


def test_a_hub_that_cannot_be_reached_is_told_before_training(tmp_path):
    done = subprocess.run(
        [
            sys.executable,
            str(ROOT / "scripts" / "train.py"),
            str(ROOT / "configs" / "smoke.yaml"),
            f"output={tmp_path / 'out'}",
            "--push-to-hub",
            "owner/name",
        ],
        cwd=tmp_path,
        env=os.environ | {"HF_HUB_OFFLINE": "1", "HF_TOKEN": "hf_none"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("train: --push-to-hub owner/name: the hub does not know who asks")
    assert not (tmp_path / "out").exists()
