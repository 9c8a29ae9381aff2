"""What is measured: each contender is loaded in a process of its own and annotates the same articles.

A process of this module (``python contenders.py NAME OPTIONS``) reads commands on standard input, one a line,
and answers each with one line of JSON; between commands it waits and computes nothing.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from articles import Text, cycle, long_article, read_articles

PIPELINE_BATCH = 32
"""Sentences of a batch of the batched pipelines."""


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to label sentences."""

    name: str
    title: str
    """As the tables name it."""
    load: Callable[[argparse.Namespace], "Annotate"]
    share: int = 1
    """It annotates every so-manieth of the articles: slow ones need fewer for a steady rate."""


Annotate = Callable[[Sequence[Text], Sequence[list[str]]], int]
"""Takes articles, and the sentences of each; returns how many sentences it labelled."""


def _khabar(options: argparse.Namespace, *, workers: int = 1) -> Annotate:
    from khabar import Annotator

    annotator = Annotator.from_pretrained(options.model, threads=options.threads if workers == 1 else 1)

    def run(articles: Sequence[Text], _: Sequence[list[str]]) -> int:
        rows = ({"text": article.text, "title": article.title} for article in articles)
        return sum(map(len, annotator.annotate_many(rows, workers=workers)))

    return run


def _khabar_workers(options: argparse.Namespace) -> Annotate:
    return _khabar(options, workers=options.threads)


def _onnx_float(options: argparse.Namespace) -> Annotate:
    """Run the same windows through the 32-bit graph as ONNX Runtime takes it by default."""
    import numpy as np
    import onnxruntime

    from khabar.bundle import load_bundle
    from khabar.encode import pool

    encoder = load_bundle(options.model).encoder()
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = options.threads
    session = onnxruntime.InferenceSession(
        str(options.float_graph), settings, providers=["CPUExecutionProvider"]
    )

    def run(_: Sequence[Text], sentences: Sequence[list[str]]) -> int:
        done = 0
        for article in encoder.encode_many(sentences):
            for window in article.windows:
                (logits,) = session.run(["logits"], {"input_ids": np.array([window.input_ids])})
                done += len(pool(logits[0], window).argmax(-1))
        return done

    return run


def _pipeline(options: argparse.Namespace, *, batch: int, base: bool = False) -> Annotate:
    """Run transformers' pipeline over sentences, as its documentation shows it."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer, BertConfig, pipeline
    from transformers.utils.logging import disable_progress_bar, set_verbosity_error

    set_verbosity_error()
    disable_progress_bar()
    torch.set_num_threads(options.threads)
    tokenizer = AutoTokenizer.from_pretrained(options.model)
    if base:
        torch.manual_seed(1)
        # The shape of aubmindlab/bert-base-arabertv02; the tokenizer stays ours, so all read the same tokens.
        model = AutoModelForSequenceClassification.from_config(BertConfig(vocab_size=64_000))
    else:
        # What is above the encoder has another form here and is new; it does not count in a measure of time.
        model = AutoModelForSequenceClassification.from_pretrained(options.model, dtype=torch.float32)
    classify = pipeline(
        "text-classification", model=model, tokenizer=tokenizer, device="cpu", truncation=True, max_length=512
    )

    def run(_: Sequence[Text], sentences: Sequence[list[str]]) -> int:
        flat = [sentence for article in sentences for sentence in article]
        if batch == 1:
            return sum(len(classify(sentence)) for sentence in flat)
        return len(classify(flat, batch_size=batch))

    return run


def _pipeline_single(options: argparse.Namespace) -> Annotate:
    return _pipeline(options, batch=1)


def _pipeline_batched(options: argparse.Namespace) -> Annotate:
    return _pipeline(options, batch=PIPELINE_BATCH)


def _base_single(options: argparse.Namespace) -> Annotate:
    return _pipeline(options, batch=1, base=True)


def _base_batched(options: argparse.Namespace) -> Annotate:
    return _pipeline(options, batch=PIPELINE_BATCH, base=True)


def _tfidf(options: argparse.Namespace) -> Annotate:
    from articles import OWN

    from khabar.baselines import TfidfBaseline, TfidfOptions
    from khabar.corpus import read_labelled

    labelled = read_labelled(OWN)
    train = [article for article in labelled if article.split == "train"]
    held = [article for article in labelled if article.split == "validation"]
    small = TfidfOptions(strengths=(1.0,), class_weights=(None,))
    baseline = TfidfBaseline.fit(train, held, small)

    def run(_: Sequence[Text], sentences: Sequence[list[str]]) -> int:
        return sum(len(baseline.annotate_sentences(article)) for article in sentences)

    return run


CONTENDERS = {
    contender.name: contender
    for contender in (
        Contender("khabar", "khabar", _khabar),
        Contender("khabar-workers", "khabar, a process for each thread", _khabar_workers),
        Contender("onnx-fp32", "ONNX Runtime, fp32 graph, same windows", _onnx_float, share=2),
        Contender("pipeline-1", "transformers pipeline, one by one", _pipeline_single, share=4),
        Contender("pipeline", "transformers pipeline, batched", _pipeline_batched, share=4),
        Contender("base-1", "pipeline, AraBERT-base shape, one by one", _base_single, share=8),
        Contender("base", "pipeline, AraBERT-base shape, batched", _base_batched, share=8),
        Contender("tfidf", "TF-IDF + logistic regression", _tfidf),
    )
}


def peak_bytes() -> int:
    """Return the most memory that this process ever held; Linux only.

    Not from getrusage, whose figure a process inherits from the larger one that started it.
    """
    status = Path("/proc/self/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def resident_bytes() -> int:
    """Return how much memory this process holds now; Linux only."""
    with Path("/proc/self/statm").open(encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _measure(annotate: Annotate, articles: Sequence[Text]) -> dict[str, Any]:
    sentences = [article.sentences for article in articles]
    started, used = time.perf_counter(), time.process_time()
    found = annotate(articles, sentences)
    seconds = time.perf_counter() - started
    assert found == sum(map(len, sentences)), f"{found} sentences were labelled of {sum(map(len, sentences))}"
    return {"seconds": seconds, "cpu_seconds": time.process_time() - used}


def soak(options: argparse.Namespace, articles: list[Text], count: int) -> dict[str, Any]:
    """Annotate a stream of articles and note the memory held on the way."""
    from khabar import Annotator

    annotator = Annotator.from_pretrained(options.model, threads=options.threads)
    next(annotator.annotate_many([articles[0].text]))  # what is loaded once is no part of a rate
    rows = ({"text": article.text, "title": article.title} for article in cycle(articles, count))
    memory = []
    started = time.perf_counter()
    done = sentences = 0
    for article in annotator.annotate_many(rows):
        done += 1
        sentences += len(article)
        if done % max(1, count // 20) == 0:
            memory.append(resident_bytes())
    seconds = time.perf_counter() - started
    return {
        "articles": done,
        "sentences": sentences,
        "seconds": seconds,
        "resident": memory,
        "peak": peak_bytes(),
    }


def main(options: argparse.Namespace) -> None:
    """Answer commands until standard input ends."""
    articles = read_articles(options.articles)
    if options.soak:
        _answer(soak(options, articles, options.soak))
        return
    contender = CONTENDERS[options.name]
    annotate = contender.load(options)
    chosen = articles[: options.sample : contender.share]
    _measure(annotate, chosen[:4])  # warms up
    _answer({"loaded": contender.name})
    for line in sys.stdin:
        command = line.strip()
        if command == "run":
            _answer(_measure(annotate, chosen))
        elif command == "long":
            _answer(_measure(annotate, [long_article(articles, options.long_sentences)]))
        else:
            _answer({"peak": peak_bytes()})


def _answer(answer: dict[str, Any]) -> None:
    print(json.dumps(answer), flush=True)  # it is the protocol


def arguments(argv: Iterable[str] | None = None) -> argparse.Namespace:
    """Read the options of a contender's process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=CONTENDERS)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--float-graph", type=Path)
    parser.add_argument("--articles", type=Path)
    parser.add_argument("--sample", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--long-sentences", type=int, default=2000)
    parser.add_argument("--soak", type=int, default=0)
    return parser.parse_args(None if argv is None else list(argv))


if __name__ == "__main__":
    main(arguments())
