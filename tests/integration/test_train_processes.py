"""A run in two processes on the CPU, as `accelerate launch` starts it, beside the same run in one.

The sockets are those of the processes that it starts; this one opens none.
"""

import json
import os
import random
import subprocess
import sys

import pytest
import torch
import yaml
from safetensors.torch import load_file
from test_train_script import CONFIG, ROOT, article
from transformers import BertConfig, BertModel

from khabar.labels import Label

pytestmark = pytest.mark.slow

LAUNCH = ROOT / "configs" / "accelerate" / "cpu-two-processes.yaml"


@pytest.fixture(scope="module")
def place(tmp_path_factory, tiny_encoder):
    """A folder with a configuration, more articles than it trains on, and an encoder without dropout."""
    folder = tmp_path_factory.mktemp("distributed")
    draw = random.Random(6)
    articles = [article(number, "train", draw) for number in range(90)]
    articles += [article(number, "validation", draw) for number in range(7)]
    lines = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in articles)
    (folder / "labelled.jsonl").write_text(lines, encoding="utf-8")
    config = BertConfig.from_pretrained(
        tiny_encoder, initializer_range=0.1, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0
    )
    with torch.random.fork_rng():
        torch.manual_seed(3)
        BertModel(config, add_pooling_layer=False).save_pretrained(folder / "encoder")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / "encoder" / name).write_bytes((tiny_encoder / name).read_bytes())
    training = CONFIG["training"] | {
        "max_steps": 20,
        "eval_steps": 5,
        "save_steps": 10,
        "logging_steps": 1,
        "train_sampling_strategy": "random",
    }
    content = CONFIG | {"output": "one", "encoder": {"path": "encoder"}, "training": training}
    (folder / "run.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return folder


def run(place, *command):
    # One thread each: two processes of two threads would wait for each other on two cores.
    done = subprocess.run(
        [sys.executable, *command],
        cwd=place,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def one(place):
    """What a run in one process left, four windows a step."""
    script = str(ROOT / "scripts" / "train.py")
    run(place, script, "run.yaml")
    return place / "one"


@pytest.fixture(scope="module")
def two(place):
    """What the same run left in two processes of two windows a step each."""
    launch = ("-m", "accelerate.commands.launch", "--config_file", str(LAUNCH), "--main_process_port", "0")
    script = str(ROOT / "scripts" / "train.py")
    smaller = "training.per_device_train_batch_size=2"
    said = run(place, *launch, script, "run.yaml", "output=two", smaller)
    assert said.count("two/bundle: saved") == 1  # the other process has nothing to say
    return place / "two"


def history(output):
    state = json.loads((output / "checkpoints" / "trainer_state.json").read_text(encoding="utf-8"))
    return state["log_history"]


def figures(output, name):
    return [entry[name] for entry in history(output) if name in entry]


def test_two_processes_were_at_work(two):
    log = (two / "train.log").read_text(encoding="utf-8")
    assert log.count("step 1 of 20") == 1
    assert len(list((two / "checkpoints" / "checkpoint-20").glob("rng_state_*.pth"))) == 2


def test_two_processes_go_the_way_of_one(one, two):
    # Sums in another order are all that differs: in the sixth digit at first, and more with each step.
    assert figures(one, "loss") == pytest.approx(figures(two, "loss"), rel=1e-3)
    assert figures(one, "grad_norm") == pytest.approx(figures(two, "grad_norm"), rel=1e-2)
    assert figures(one, "loss")[-1] < 0.8 * figures(one, "loss")[0]


def test_two_processes_evaluate_as_one(one, two):
    scores = figures(one, "eval_macro_f1")
    assert len(scores) == 4
    # A window that fills up a batch for both processes must not count twice.
    for label in Label:
        support = figures(one, f"eval_support_{label}")
        assert len(support) == 4
        assert figures(two, f"eval_support_{label}") == support
    # One sentence of about forty may have fallen on the other side.
    assert figures(two, "eval_macro_f1") == pytest.approx(scores, abs=0.03)

    def shipped(output):
        metrics = json.loads((output / "bundle" / "metrics.json").read_text(encoding="utf-8"))
        return metrics["evaluations"]["validation"]["scores"]["strict"]["macro_f1"]["value"]

    assert shipped(two) == pytest.approx(shipped(one), abs=0.03)
    first, second = (load_file(output / "bundle" / "model.safetensors") for output in (one, two))
    for name, weights in first.items():
        if name.endswith("key.bias"):  # the softmax takes it out again, so its gradient is but rounding
            continue
        assert (weights.float() - second[name].float()).abs().max() < 0.02, name


def test_only_one_process_writes_files(one, two):
    def files(output):
        found = {str(path.relative_to(output)) for path in output.rglob("*") if path.is_file()}
        return {name for name in found if "rng_state" not in name}  # each process has its own

    assert files(two) == files(one)
