"""`scripts/join_labels.py` and `scripts/measure_agreement.py` in processes of their own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from khabar.corpus import read_jsonl, write_jsonl, write_labels_apart

ROOT = Path(__file__).parents[2]
ARTICLES = ROOT / "tests" / "data" / "articles.jsonl"


def script(name, *arguments):
    return subprocess.run(
        [sys.executable, str(ROOT / "scripts" / name), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def parts(tmp_path):
    """Some labelled articles in a file, and the labels of the others without their text."""
    articles = read_jsonl(ARTICLES)
    write_jsonl(articles[:5], tmp_path / "labelled.jsonl")
    write_labels_apart(articles[5:], tmp_path / "apart.jsonl")
    return tmp_path, articles


def test_joined_labels_stand_behind_the_articles_given(parts):
    folder, articles = parts
    output = folder / "new" / "all.jsonl"
    done = script(
        "join_labels.py",
        folder / "apart.jsonl",
        ARTICLES,
        "--with",
        folder / "labelled.jsonl",
        "--output",
        output,
    )
    assert done.returncode == 0, done.stderr
    assert read_jsonl(output) == articles


def test_an_article_that_both_files_label_is_an_error_and_nothing_is_written(parts):
    folder, articles = parts
    write_labels_apart(articles[4:], folder / "apart.jsonl")
    output = folder / "all.jsonl"
    done = script(
        "join_labels.py",
        folder / "apart.jsonl",
        ARTICLES,
        "--with",
        folder / "labelled.jsonl",
        "--output",
        output,
    )
    assert done.returncode == 2
    assert f"has 1 articles that are in {folder / 'apart.jsonl'} too, '{articles[4].id}' first" in done.stderr
    assert not output.exists()


def test_agreement_counts_what_differs(parts):
    folder, articles = parts
    write_labels_apart(articles, folder / "second.jsonl")
    done = script("measure_agreement.py", ARTICLES, folder / "second.jsonl")
    assert done.returncode == 0, done.stderr
    labelled = sum(sentence.label is not None for each in articles for sentence in each.sentences)
    assert f"{labelled:,} sentences of {len(articles)} articles: the same label on 100.0" in done.stdout
    assert "0 more are page furniture to one of the two" in done.stdout

    records = [json.loads(line) for line in (folder / "second.jsonl").read_text("utf-8").splitlines()]
    changed = next(
        sentence for record in records for sentence in record["sentences"] if sentence["label"] == "claim"
    )
    changed["label"] = "background"
    (folder / "second.jsonl").write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
    done = script("measure_agreement.py", ARTICLES, folder / "second.jsonl")
    assert f"the same label on {100 * (labelled - 1) / labelled:.1f}" in done.stdout


def test_sentences_of_another_segmentation_cannot_be_compared(parts):
    folder, articles = parts
    write_labels_apart(articles[:1], folder / "second.jsonl")
    record = json.loads((folder / "second.jsonl").read_text("utf-8"))
    record["sentences"][-1]["end"] -= 1
    (folder / "second.jsonl").write_text(json.dumps(record), encoding="utf-8")
    done = script("measure_agreement.py", ARTICLES, folder / "second.jsonl")
    assert done.returncode == 2
    assert "both must label the same sentences" in done.stderr
