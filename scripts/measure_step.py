"""Measure what a training step costs with and without dropout of attention weights, side by side.

    python scripts/build_base.py
    python scripts/measure_step.py

Steps of both kinds alternate in one run, on random ids; prints the median seconds of each and their ratio.
"""

import argparse
import statistics
import time
from pathlib import Path

import torch
from transformers import AutoModelForTokenClassification


def main(options: argparse.Namespace) -> None:
    """Load two models that differ in their dropout, step them in turns, print."""
    models = {
        dropout: AutoModelForTokenClassification.from_pretrained(
            options.encoder, num_labels=4, attention_probs_dropout_prob=dropout
        ).train()
        for dropout in (0.0, 0.1)
    }
    torch.manual_seed(0)
    ids = torch.randint(5, 20_000, (options.windows, options.tokens))
    seconds: dict[float, list[float]] = {dropout: [] for dropout in models}
    for repeat in range(options.repeats + 1):
        for dropout, model in models.items():
            start = time.perf_counter()
            with torch.autocast("cpu", dtype=torch.bfloat16):
                loss = model(input_ids=ids, attention_mask=torch.ones_like(ids), labels=ids % 4).loss
            loss.backward()
            model.zero_grad()
            if repeat:  # the first one warms up
                seconds[dropout].append(time.perf_counter() - start)
    without, with_dropout = (statistics.median(seconds[dropout]) for dropout in (0.0, 0.1))
    print(f"{options.windows} windows of {options.tokens} tokens, {torch.get_num_threads()} threads:")
    print(f"without attention dropout {without:.2f} s, with it {with_dropout:.2f} s a step")
    print(f"ratio {with_dropout / without:.1f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--encoder", type=Path, default=Path("build/base-encoder"))
    parser.add_argument("--windows", type=int, default=4, help="of a batch")
    parser.add_argument("--tokens", type=int, default=512, help="of a window")
    parser.add_argument("--repeats", type=int, default=5)
    main(parser.parse_args())
