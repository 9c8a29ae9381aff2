"""Runs the contenders in turns and gathers their figures."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from argparse import Namespace
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import onnxruntime
from articles import Text, read_articles
from contenders import CONTENDERS, Contender
from onnx import TensorProto, helper, numpy_helper

from khabar.backends._onnx import session_options
from khabar.bundle import CONFIG, load_bundle
from khabar.encode import Window

HERE = Path(__file__).parent
MEGABYTE = 10**6

FIRST_LABEL = """
from khabar import Annotator
import sys
print(Annotator.from_pretrained(sys.argv[1]).annotate(sys.argv[2]).sentences[0].label)
"""
FIRST_LABEL_PIPELINE = """
import sys
from transformers import pipeline
print(pipeline("token-classification", model=sys.argv[1], device="cpu")(sys.argv[2])[0]["entity"])
"""


class Process:
    """A contender in a process of its own."""

    def __init__(self, contender: Contender, options: Namespace) -> None:
        self._process = subprocess.Popen(
            _command(contender.name, options),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(options.threads),
        )
        self._answer()

    def ask(self, command: str) -> dict[str, Any]:
        """Return its answer to one command: ``run``, ``long`` or ``peak``."""
        assert self._process.stdin is not None
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{' '.join(self._process.args)} ended with {self._process.wait()}")  # type: ignore[arg-type]  # a list, as it was started with
        answer: dict[str, Any] = json.loads(line)
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # Its input ends, so it does too; the pipes are closed and it is waited for.
        with self._process:
            pass


def environment(threads: int) -> dict[str, str]:
    """Return the environment in which every library computes with so many threads, and offline."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS")
    offline = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
    return os.environ | dict.fromkeys(names, str(threads)) | offline


def _command(name: str, options: Namespace, *more: str) -> list[str]:
    command = [sys.executable, str(HERE / "contenders.py"), name, "--model", str(options.model)]
    command += ["--sample", str(options.sample), "--threads", str(options.threads)]
    command += ["--long-sentences", str(options.long_sentences)]
    if options.articles is not None:
        command += ["--articles", str(options.articles)]
    if options.float_graph is not None:
        command += ["--float-graph", str(options.float_graph)]
    return [*command, *more]


def run(options: Namespace) -> dict[str, Any]:
    """Measure everything that the options name.

    Returns:
        What the report shows: plain dicts, lists and numbers, times in seconds, memory in bytes.
    """
    articles = read_articles(options.articles)
    sample = articles[: options.sample]
    chosen = [CONTENDERS[name] for name in options.only]
    with ExitStack() as stack:
        if "onnx-fp32" in options.only:
            options.float_graph = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "model.onnx"
            _export_float(options.model, options.float_graph)
        else:
            options.float_graph = None
        product = IntegerProduct(options.threads)
        processes = {contender.name: stack.enter_context(Process(contender, options)) for contender in chosen}
        times: dict[str, list[dict[str, Any]]] = {name: [] for name in processes}
        rates: list[float] = []
        for _ in range(options.repeats):
            rates.append(product.rate())
            for name, process in processes.items():
                times[name].append(process.ask("run"))
        found: dict[str, Any] = {
            "options": {"repeats": options.repeats, "sample": len(sample), "threads": options.threads},
            "contenders": {
                contender.name: {
                    "title": contender.title,
                    **_size(options.model, sample[:: contender.share]),
                    "seconds": [time["seconds"] for time in times[contender.name]],
                    "cpu_seconds": [time["cpu_seconds"] for time in times[contender.name]],
                    "peak": processes[contender.name].ask("peak")["peak"],
                }
                for contender in chosen
            },
            "integer_product": {"multiply_adds_a_second": rates},
            "padding": padding(options.model, sample),
        }
        if "khabar" in processes and options.long_sentences:
            long = [processes["khabar"].ask("long")["seconds"] for _ in range(min(2, options.repeats))]
            found["long_article"] = {"sentences": options.long_sentences, "seconds": long}
    found["first_label"] = first_labels(options, sample[0])
    found["soak"] = [_soak(options, count, articles) for count in options.soak]
    return found


def _export_float(model: Path, path: Path) -> None:
    import torch
    from transformers import AutoModelForTokenClassification

    from khabar.export import export_onnx

    weights = AutoModelForTokenClassification.from_pretrained(model, dtype=torch.float32)
    export_onnx(weights, path)


def _size(model: Path, articles: Sequence[Text]) -> dict[str, int]:
    windows = _windows(model, articles)
    return {
        "articles": len(articles),
        "sentences": sum(len(window.spans) for window in windows),
        "tokens": sum(len(window.input_ids) for window in windows),
        "multiply_adds": sum(multiply_adds(model, len(window.input_ids)) for window in windows),
    }


def _windows(model: Path, articles: Sequence[Text]) -> list[Window]:
    encoder = load_bundle(model).encoder()
    return [
        window
        for article in encoder.encode_many([article.sentences for article in articles])
        for window in article.windows
    ]


def multiply_adds(model: Path, tokens: int) -> int:
    """Return the multiply-adds of an encoder for one window: its matrices, and attention of all pairs."""
    config = json.loads((model / CONFIG).read_text(encoding="utf-8"))
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    matrices = 4 * hidden * hidden + 2 * hidden * inner
    layers: int = config["num_hidden_layers"]
    total: int = layers * (matrices * tokens + 2 * hidden * tokens * tokens)
    return total


def padding(model: Path, articles: Sequence[Text], *, batch: int = 32) -> dict[str, float]:
    """Return the share of padding among the tokens computed: the library's, and a batched pipeline's."""
    encoder = load_bundle(model).encoder()
    sentences = [sentence for article in articles for sentence in article.sentences]
    lengths = [
        len(encoder.encode([sentence]).windows[0].input_ids) for sentence in sentences
    ]  # each alone, with its special tokens
    batches = [lengths[start : start + batch] for start in range(0, len(lengths), batch)]
    computed = sum(len(one) * max(one) for one in batches)
    return {"khabar": 0.0, "pipeline": 1 - sum(lengths) / computed}


class IntegerProduct:
    """A plain product of int8 matrices, one on each thread at once: the rate that the machine can give."""

    rows, columns, inner = 512, 1536, 1536

    def __init__(self, threads: int) -> None:
        self._threads = threads
        generator = np.random.default_rng(0)
        weights = generator.integers(-127, 128, (self.inner, self.columns)).astype(np.int8)
        graph = helper.make_graph(
            [helper.make_node("MatMulInteger", ["a", "b", "zero"], ["c"])],
            "product",
            [helper.make_tensor_value_info("a", TensorProto.UINT8, [self.rows, self.inner])],
            [helper.make_tensor_value_info("c", TensorProto.INT32, [self.rows, self.columns])],
            [numpy_helper.from_array(weights, "b"), numpy_helper.from_array(np.array(128, np.uint8), "zero")],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
        # With the kernels that the engine has to take on this processor.
        self._session = onnxruntime.InferenceSession(
            model.SerializeToString(), session_options(), providers=["CPUExecutionProvider"]
        )
        self._values = generator.integers(0, 256, (self.rows, self.inner)).astype(np.uint8)

    def rate(self, products: int = 40) -> float:
        """Return multiply-adds a second of all threads together."""

        def work() -> None:
            for _ in range(products):
                self._session.run(None, {"a": self._values})

        threads = [threading.Thread(target=work) for _ in range(self._threads)]
        started = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.perf_counter() - started
        return self._threads * products * self.rows * self.columns * self.inner / seconds


def first_labels(options: Namespace, article: Text) -> dict[str, list[float]]:
    """Return seconds from the start of a process to its first label, in turns."""
    codes = {"khabar": FIRST_LABEL, "pipeline": FIRST_LABEL_PIPELINE}
    chosen = {name: code for name, code in codes.items() if name in options.only}
    seconds: dict[str, list[float]] = {name: [] for name in chosen}
    for _ in range(options.repeats):
        for name, code in chosen.items():
            started = time.perf_counter()
            subprocess.run(
                [sys.executable, "-c", code, str(options.model), article.text[:1500]],
                check=True,
                capture_output=True,
                env=environment(options.threads),
            )
            seconds[name].append(time.perf_counter() - started)
    return seconds


def _soak(options: Namespace, count: int, articles: Sequence[Text]) -> dict[str, Any]:
    done = subprocess.run(
        _command("khabar", options, "--soak", str(count)),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(options.threads),
    )
    found: dict[str, Any] = json.loads(done.stdout)
    whole, rest = divmod(count, len(articles))
    tokens = whole * _size(options.model, articles)["tokens"] if whole else 0
    found["tokens"] = tokens + _size(options.model, articles[:rest])["tokens"]
    return found


def spread(values: Sequence[float]) -> tuple[float, float, float]:
    """Return median, least and largest."""
    return statistics.median(values), min(values), max(values)
