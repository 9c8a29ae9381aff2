"""Measure what training costs on AraBERT's shape, and take it the whole way once.

    python scripts/build_base.py
    python scripts/measure_arabert.py

First, seconds of a training step and peak memory of encoders of AraBERT's shape (random weights, made by
scripts/make_arabert_shape.py) beside the built-in model's encoder: on random ids, each in a process of its
own, with the loss, the optimizer and the precision of training. Then scripts/train.py with
configs/arabert-base-v02.yaml on that shape: killed at a checkpoint, gone on with, exported to int8; and
`khabar annotate` with the model that comes out. --only chooses some of the steps, and
--skip-path leaves out what comes after them.
"""

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForTokenClassification

from khabar._memory import keep_freed_memory
from khabar.config import LoraOptions
from khabar.training import CODES, IGNORED, SentenceLoss, add_adapters

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "build"
BASE, LARGE = BUILD / "arabert-shape-base", BUILD / "arabert-shape-large"
LORA = LoraOptions(r=16, alpha=32, dropout=0.05, target_modules=("query", "key", "value", "dense"))
VARIANTS: dict[str, dict[str, Any]] = {
    "built-in encoder": {"encoder": BUILD / "base-encoder"},
    "AraBERT base": {"encoder": BASE},
    "AraBERT base, adapters": {"encoder": BASE, "lora": True},
    "AraBERT base, activations recomputed": {"encoder": BASE, "checkpointing": True},
    "AraBERT large": {"encoder": LARGE, "checkpointing": True},
    "AraBERT large, adapters": {
        "encoder": LARGE,
        "checkpointing": True,
        "lora": True,
    },
}


def main(options: argparse.Namespace) -> None:
    """Let the variants take turns, print what they took; then go the whole way."""
    if options.variant:
        print(" ".join(str(seconds) for seconds in steps(options)))
        return
    for size in ("base", "large"):
        folder = BUILD / f"arabert-shape-{size}"
        used = {VARIANTS[name]["encoder"] for name in options.only} | (set() if options.skip_path else {BASE})
        if folder in used and not folder.exists():
            run(
                [sys.executable, str(ROOT / "scripts" / "make_arabert_shape.py"), str(folder), "--size", size]
            )
    print(f"{options.windows} windows of {options.tokens} tokens, {torch.get_num_threads()} threads, bf16:")
    usual = 0.0
    for name in options.only:
        measured, memory = run([sys.executable, __file__, *sys.argv[1:], "--variant", name])
        seconds = statistics.median(map(float, measured.split()))
        usual = usual or seconds
        print(
            f"{name:38} {seconds:6.2f} s a step, ratio {seconds / usual:5.2f}, peak {memory:4.1f} GB",
            flush=True,
        )
    if not options.skip_path:
        go_the_whole_way(options.data)


def steps(options: argparse.Namespace) -> list[float]:
    """Return the seconds of each step of a variant, without the first, which warms up."""
    chosen = VARIANTS[options.variant]
    keep_freed_memory()
    model = AutoModelForTokenClassification.from_pretrained(
        chosen["encoder"], num_labels=4, attn_implementation="eager", attention_probs_dropout_prob=0.0
    )
    learner = add_adapters(model, LORA) if chosen.get("lora") else model
    if chosen.get("checkpointing"):
        model.activation_checkpointing_enable()
    learner.train()
    optimizer = torch.optim.AdamW([p for p in learner.parameters() if p.requires_grad], lr=1e-5)
    labels = torch.full((options.windows, options.tokens), IGNORED)
    labels[:, 39::40] = 40 * CODES + 1  # sentences of forty tokens
    loss_of = SentenceLoss()
    torch.manual_seed(0)
    seconds = []
    for _ in range(options.steps + 1):
        ids = torch.randint(5, 20_000, (options.windows, options.tokens))
        start = time.perf_counter()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            outputs = learner(input_ids=ids, attention_mask=torch.ones_like(ids))
        loss_of(outputs, labels).backward()  # type: ignore[no-untyped-call]  # torch has no types there
        optimizer.step()
        optimizer.zero_grad()
        seconds.append(time.perf_counter() - start)
    return seconds[1:]


def run(command: list[str], *, until: Path | None = None) -> tuple[str, float]:
    """Run a command, or kill it once a file is there; return what it wrote and its peak memory in GB."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
        process = subprocess.Popen(command, stdout=output)
        while until is not None and not until.exists() and process.poll() is None:
            time.sleep(0.05)
        if until is not None:
            process.send_signal(signal.SIGKILL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode and until is None:
            sys.exit(f"measure_arabert: {' '.join(command)} ended with {process.returncode}")
        output.seek(0)
        return output.read(), usage.ru_maxrss / 2**20


def go_the_whole_way(data: Path) -> None:
    """Train, kill, go on, export and annotate, and print what each took."""
    with tempfile.TemporaryDirectory() as scratch:
        output = Path(scratch) / "run"
        train = [
            *(
                sys.executable,
                str(ROOT / "scripts" / "train.py"),
                str(ROOT / "configs" / "arabert-base-v02.yaml"),
            ),
            *(f"output={output}", f"data.path={data}", f"encoder.path={BASE}"),
            *("data.max_train_articles=8", "training.use_cpu=true", "training.max_steps=4"),
            *("training.per_device_train_batch_size=2", "training.eval_steps=2", "training.save_steps=2"),
            *("training.logging_steps=1", "training.disable_tqdm=true", "encoder.attention=eager"),
        ]
        state = output / "checkpoints" / "checkpoint-2" / "trainer_state.json"
        start = time.perf_counter()
        _, memory = run(train, until=state)
        print(
            f"killed at its checkpoint after {time.perf_counter() - start:.0f} s, peak {memory:.1f} GB",
            flush=True,
        )
        start = time.perf_counter()
        _, memory = run(train)
        bundle = output / "bundle"
        print(f"went on, exported and scored in {time.perf_counter() - start:.0f} s, peak {memory:.1f} GB")
        for path in (bundle / "model.safetensors", bundle / "onnx" / "model.int8.onnx"):
            size = f"{path.stat().st_size / 2**20:.0f} MB" if path.exists() else "left out"
            print(f"{path.relative_to(bundle)}: {size}")
        start = time.perf_counter()
        article = ROOT / "examples" / "article.txt"
        annotated, memory = run(
            [sys.executable, "-m", "khabar", "annotate", "--model", str(bundle), str(article)]
        )
        assert annotated.strip()
        print(f"annotated an article in {time.perf_counter() - start:.1f} s, peak {memory:.1f} GB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--windows", type=int, default=4, help="of a batch")
    parser.add_argument("--tokens", type=int, default=512, help="of a window")
    parser.add_argument("--steps", type=int, default=2, help="of each process")
    parser.add_argument("--data", type=Path, default=ROOT / "data" / "sports-and-courts.jsonl")
    parser.add_argument("--skip-path", action="store_true", help="measure steps only")
    parser.add_argument(
        "--only", nargs="*", choices=VARIANTS, default=list(VARIANTS), help="ratios are to the first"
    )
    parser.add_argument("--variant", choices=VARIANTS, help=argparse.SUPPRESS)
    main(parser.parse_args())
