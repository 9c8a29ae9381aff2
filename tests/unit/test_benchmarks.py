"""The benchmark on tiny inputs: that it measures what it says, not how fast anything is."""

import gzip
import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

import articles  # noqa: E402
import measure  # noqa: E402
import report  # noqa: E402
import run as command  # noqa: E402
from contenders import CONTENDERS  # noqa: E402

from khabar.errors import InputError  # noqa: E402

FOUND = {
    "contenders": {
        "khabar": {
            "title": "khabar",
            "articles": 10,
            "sentences": 100,
            "tokens": 4000,
            "multiply_adds": 5 * 10**9,
            "seconds": [0.5, 0.4, 0.8],
            "cpu_seconds": [1.0, 0.8, 1.6],
            "peak": 200 * 10**6,
        },
        "pipeline": {
            "title": "transformers pipeline, batched",
            "articles": 5,
            "sentences": 50,
            "tokens": 2000,
            "multiply_adds": 10**9,
            "seconds": [1.0, 1.25, 1.1],
            "cpu_seconds": [2.0, 2.0, 2.0],
            "peak": 900 * 10**6,
        },
    },
    "integer_product": {"multiply_adds_a_second": [50e9, 40e9, 60e9]},
    "padding": {"khabar": 0.0, "pipeline": 0.4},
    "first_label": {"khabar": [0.9, 1.0, 1.1]},
    "long_article": {"sentences": 300, "seconds": [2.0]},
    "soak": [
        {
            "articles": 20,
            "sentences": 200,
            "tokens": 8000,
            "seconds": 1.0,
            "resident": [100 * 10**6] * 20,
            "peak": 150 * 10**6,
        },
        {
            "articles": 40,
            "sentences": 400,
            "tokens": 16000,
            "seconds": 2.5,
            "resident": [100 * 10**6] * 20,
            "peak": 150 * 10**6,
        },
    ],
}


def test_articles_of_a_folder_are_read_packed_or_not_and_shuffled_the_same_way(tmp_path):
    lines = [json.dumps({"text": f"خبر {number}", "title": None}) for number in range(20)]
    (tmp_path / "a.jsonl").write_text("\n".join(lines[:10]), encoding="utf-8")
    with gzip.open(tmp_path / "b.jsonl.gz", "wt", encoding="utf-8") as file:
        file.write("\n".join(lines[10:]))
    found = articles.read_articles(tmp_path)
    assert sorted(article.text for article in found) == sorted(f"خبر {number}" for number in range(20))
    assert found == articles.read_articles(tmp_path)
    assert [article.text for article in found] != [f"خبر {number}" for number in range(20)]
    assert [*articles.cycle(found, 45)] == (found * 3)[:45]


def test_a_folder_without_articles_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match=r"holds no \.jsonl or \.jsonl\.gz file"):
        articles.read_articles(tmp_path)


def test_the_project_brings_its_own_articles():
    found = articles.read_articles(None)
    assert len(found) >= 60
    long = articles.long_article(found, 700)
    assert 690 <= len(long.sentences) <= 710


def test_multiply_adds_are_those_of_an_encoder(tmp_path):
    config = {"hidden_size": 384, "intermediate_size": 1536, "num_hidden_layers": 12}
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    per_token = 12 * (4 * 384**2 + 2 * 384 * 1536)
    assert measure.multiply_adds(tmp_path, 100) == 100 * per_token + 12 * 2 * 384 * 100**2


def test_padding_of_sentences_of_one_length_is_none(tiny_bundle):
    same = [articles.Text("وقال وزير الخارجية إن بلاده ترفض.", None)] * 5
    assert measure.padding(tiny_bundle, same)["pipeline"] == 0
    mixed = [*same, articles.Text("وقال وزير الخارجية إن بلاده ترفض " + "كل تغيير في الاتفاق " * 6, None)]
    assert 0.5 < measure.padding(tiny_bundle, mixed)["pipeline"] < 1


def test_a_product_of_matrices_has_a_rate():
    assert 1e8 < measure.IntegerProduct(1).rate(products=2) < 1e14


def test_figures_are_medians_and_ratios():
    assert report.rate(FOUND["contenders"]["khabar"]) == (200, 125, 250)
    text = report.tables(FOUND)
    # 100 sentences in 0.5 s against 50 in 1.1 s.
    assert "| khabar | 20.00 | 200.0 (125.0–250.0) | 8000 | 1.00 | 200 |" in text
    assert "| transformers pipeline, batched | 4.55 | 45.5 (40.0–50.0) | 1818 | 4.40 | 900 |" in text
    # 5 billion at 50 billion a second are 0.1 s of 0.5 s.
    assert "reached 50 billion" in text
    assert "take 0.10 s; khabar took 0.50 s" in text
    assert "reaches 20% of the floor" in text
    assert "| one article of 300 sentences, rate to the usual | 0.75 |" in text
    assert "| 40 | 160.0 | 0.800 | 100 | 100 | 150 |" in text


def test_pictures_are_drawn(tmp_path):
    assert [path.name for path in report.plots(FOUND, tmp_path)] == ["rates.png", "memory.png"]
    for name in ("rates.png", "memory.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


def test_figures_go_between_the_marks_of_a_page():
    page = f"before\n{report.START}old\n{report.END}after\n"
    assert report.put_into(page, "new") == f"before\n{report.START}\nnew\n{report.END}after\n"
    with pytest.raises(ValueError, match="lacks"):
        report.put_into("no marks", "new")


def test_peak_memory_is_not_that_of_the_process_before():
    ballast = bytearray(300 * 10**6)
    ballast[::4096] = b"x" * len(ballast[::4096])
    code = "import contenders; print(contenders.peak_bytes())"
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=BENCHMARKS, capture_output=True, text=True, check=True
    )
    assert 10**6 < int(found.stdout) < len(ballast)


def test_every_library_gets_the_same_number_of_threads():
    found = measure.environment(3)
    assert {found[name] for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS")} == {"3"}


@pytest.mark.slow
def test_the_whole_benchmark_on_tiny_inputs(tiny_bundle, tmp_path):
    small = [
        "--sample",
        "8",
        "--repeats",
        "2",
        "--threads",
        "1",
        "--long-sentences",
        "30",
        "--soak",
        "6",
        "12",
    ]
    places = ["--model", str(tiny_bundle), "--output", str(tmp_path / "out")]
    options = command.arguments([*small, *places])
    command.main(options)
    found = json.loads((tmp_path / "out" / "benchmark.json").read_text(encoding="utf-8"))
    assert list(found["contenders"]) == list(CONTENDERS)
    for name, contender in found["contenders"].items():
        assert len(contender["seconds"]) == 2
        assert all(0 < seconds < math.inf for seconds in contender["seconds"])
        assert contender["articles"] == math.ceil(8 / CONTENDERS[name].share)
        assert contender["peak"] > 10**7
    assert [run["articles"] for run in found["soak"]] == [6, 12]
    assert set(found["first_label"]) == {"khabar", "pipeline"}
    assert (tmp_path / "out" / "rates.png").exists()
