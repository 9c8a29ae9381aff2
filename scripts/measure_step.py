"""Measure what the choices of configs/adapted.yaml are worth in seconds a training step, side by side.

    python scripts/build_base.py
    python scripts/measure_step.py

Every variant changes one thing. Each is measured in processes of its own, which take turns, on random ids of
articles of changing length, as training meets them; prints the median seconds of a step and its ratio to that
of the configuration. All take about ten minutes; --only chooses some.
"""

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForTokenClassification

from khabar._memory import keep_freed_memory
from khabar.training import freeze

CONFIGURED: dict[str, Any] = {
    "attention": "eager",
    "hidden_dropout": 0.1,
    "attention_dropout": 0.0,
    "frozen": 4,
    "keep": True,
}
VARIANTS: dict[str, dict[str, Any]] = {
    "as configured": {},
    "all layers trained": {"frozen": None},
    "attention by sdpa": {"attention": "sdpa"},
    "dropout of attention weights": {"attention_dropout": 0.1},
    "the same by sdpa": {"attention": "sdpa", "attention_dropout": 0.1},
    "no dropout at all": {"hidden_dropout": 0.0},
    "memory handed back": {"keep": False},
}


def main(options: argparse.Namespace) -> None:
    """Let the variants take turns, print their medians."""
    if options.variant:
        print(" ".join(str(seconds) for seconds in steps(options)))
        return
    found: dict[str, list[float]] = {name: [] for name in options.only}
    for _ in range(options.rounds):
        for name, seconds in found.items():
            command = [sys.executable, __file__, *sys.argv[1:], "--variant", name]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            seconds += map(float, done.stdout.split())
    print(f"{options.windows} windows of up to {options.tokens} tokens, {torch.get_num_threads()} threads:")
    usual = statistics.median(found[options.only[0]])
    for name, seconds in found.items():
        median = statistics.median(seconds)
        print(f"{name:30} {median:5.2f} s a step, ratio {median / usual:.2f}")


def steps(options: argparse.Namespace) -> list[float]:
    """Return the seconds of each step of a variant, without the first two, which warm up."""
    chosen = {**CONFIGURED, **VARIANTS[options.variant]}
    if chosen["keep"]:
        keep_freed_memory()
    model = AutoModelForTokenClassification.from_pretrained(
        options.encoder,
        num_labels=4,
        attn_implementation=chosen["attention"],
        hidden_dropout_prob=chosen["hidden_dropout"],
        attention_probs_dropout_prob=chosen["attention_dropout"],
    ).train()
    if chosen["frozen"] is not None:
        freeze(model, chosen["frozen"])
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-5)
    torch.manual_seed(0)
    seconds = []
    for step in range(options.steps + 2):
        ids = torch.randint(5, 20_000, (options.windows, options.tokens - 17 * (step % 8)))
        start = time.perf_counter()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = model(input_ids=ids, attention_mask=torch.ones_like(ids), labels=ids % 4).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        seconds.append(time.perf_counter() - start)
    return seconds[2:]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--encoder", type=Path, default=Path("build/base-encoder"))
    parser.add_argument("--windows", type=int, default=8, help="of a batch")
    parser.add_argument("--tokens", type=int, default=512, help="of the longest window")
    parser.add_argument("--steps", type=int, default=5, help="of each process")
    parser.add_argument("--rounds", type=int, default=2, help="processes of each variant")
    parser.add_argument(
        "--only",
        nargs="+",
        choices=VARIANTS,
        default=list(VARIANTS),
        help="variants; ratios are to the first",
    )
    parser.add_argument("--variant", choices=VARIANTS, help=argparse.SUPPRESS)
    main(parser.parse_args())
