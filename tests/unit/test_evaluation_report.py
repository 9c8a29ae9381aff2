import io
import json
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from khabar.corpus import read_jsonl
from khabar.evaluation import Bootstrap, DataSummary, Report, agreement, judge, summarise
from khabar.labels import Label
from khabar.schema import AnnotatedSentence

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data" / "articles.jsonl"
TEST = [article for article in read_jsonl(DATA) if article.split == "test"]
BOOTSTRAP = Bootstrap(resamples=50)


class Constant:
    """Gives every sentence the same label."""

    def __init__(self, label):
        self.label = label

    def annotate_sentences(self, sentences, /):
        scores = {label.value: float(label is self.label) for label in Label}
        return [
            AnnotatedSentence("body", 0, len(s), s, self.label, 1.0, scores, truncated=False)
            for s in sentences
        ]


@pytest.fixture(scope="module")
def report():
    judged = {
        "all | claims": judge(Constant(Label.CLAIM), TEST),
        "[red]official[/red]": judge(Constant(Label.OFFICIAL_STATEMENT), TEST),
    }
    return Report(
        data=DataSummary.of(TEST, "articles.jsonl", "test"),
        systems={name: summarise(judgements, BOOTSTRAP) for name, judgements in judged.items()},
        agreements={"one against the other": agreement(*judged.values(), BOOTSTRAP)},
        bootstrap=BOOTSTRAP,
    )


def test_data_is_counted(report):
    assert report.data.to_dict() == {
        "name": "articles.jsonl",
        "split": "test",
        "articles": 2,
        "outlets": 1,
        "sentences": 14,
        "support": {"casualty_report": 3, "official_statement": 4, "claim": 5, "background": 2},
        "furniture": 1,
    }


def test_report_is_plain_json(report):
    data = report.to_dict()
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    assert list(data["systems"]) == ["all | claims", "[red]official[/red]"]
    assert data["bootstrap"] == {
        "unit": "article",
        "resamples": 50,
        "confidence": 0.95,
        "seed": BOOTSTRAP.seed,
    }
    assert data["agreements"]["one against the other"]["share"] == 0


def test_markdown_has_every_table_with_equal_columns(report):
    text = report.to_markdown()
    assert text.startswith("# Evaluation on articles.jsonl, split test\n")
    assert "14 sentences of 2 articles" in text
    tables = [block for block in text.split("\n\n") if block.startswith("|")]
    assert len(tables) == 6
    for table in tables:
        assert len({line.replace("\\|", "").count("|") for line in table.splitlines()}) == 1
    # 5 of 14 are claims: precision 5/14, recall 1, and three labels with F1 0.
    assert "| all \\| claims | 13.2 [" in text
    assert "| 35.7 [" in text
    assert "| first body sentence | 2 |" in text
    assert "| outlet: Nabd al-Madina | 14 |" in text
    assert "| casualty_report | 0 | 0 | 3 | 0 |" in text


def test_undefined_scores_are_dashes_and_one_article_has_no_interval(report):
    [match] = [article for article in read_jsonl(DATA) if article.id == "sahil-001"]
    alone = summarise(judge(Constant(Label.CLAIM), [match]), BOOTSTRAP)
    text = Report(report.data, {"claims": alone}, {}, BOOTSTRAP).to_markdown()
    assert "| claims | 42.9 | 75.0 | – | – | 85.7 | 0.0 |" in text
    assert "Agreement" not in text


def test_terminal_tables_print_names_as_they_are(report):
    stream = io.StringIO()
    console = Console(file=stream, width=200)
    for table in report.to_tables():
        console.print(table)
    printed = stream.getvalue()
    assert "all | claims" in printed
    assert "[red]official[/red]" in printed
    assert "macro-F1, first minus second" in printed


def test_script_puts_models_baseline_and_agreement_in_one_report(tmp_path, monkeypatch, capsys):
    loaded = []

    class Model(Constant):
        def __init__(self, model="default", backend=None):
            loaded.append((model, backend))
            super().__init__(Label.CLAIM if backend == "onnx" else Label.OFFICIAL_STATEMENT)

        from_pretrained = classmethod(lambda cls, model, backend=None: cls(model, backend))

    monkeypatch.setattr("khabar.Annotator", Model, raising=False)
    output, markdown = tmp_path / "new" / "report.json", tmp_path / "report.md"
    compare = ["--compare", "single=runs/x", "owner/other"]
    arguments = ["default", DATA, "--tfidf", "--against-torch", *compare, "--resamples", 20]
    arguments += ["--output", output, "--markdown", markdown]
    monkeypatch.setattr(sys, "argv", ["evaluate.py", *map(str, arguments)])
    runpy.run_path(str(ROOT / "scripts" / "evaluate.py"), run_name="__main__")

    assert loaded == [("default", "onnx"), ("default", "torch"), ("runs/x", None), ("owner/other", None)]
    written = json.loads(output.read_text(encoding="utf-8"))
    names = ["default", "default, fp32", "single", "other", "TF-IDF + logistic regression"]
    assert list(written["systems"]) == names
    assert written["agreements"]["int8 against fp32"]["same"] == 0
    assert written["bootstrap"]["resamples"] == 20
    printed = capsys.readouterr().out
    for name in names:
        assert name in printed
        assert f"| {name} |" in markdown.read_text(encoding="utf-8")
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == {"report.json", "report.md"}


def test_script_reports_what_no_other_split_has_apart(tmp_path, monkeypatch):
    records = [json.loads(line) for line in DATA.read_text(encoding="utf-8").splitlines()]
    tests = [record for record in records if record["split"] == "test"]
    copy = {**tests[0], "id": "copy", "split": "train"}
    path = tmp_path / "articles.jsonl"
    lines = (json.dumps(record, ensure_ascii=False) for record in [*records, copy])
    path.write_text("\n".join(lines), encoding="utf-8")
    monkeypatch.setattr("khabar.Annotator", lambda backend=None: Constant(Label.CLAIM), raising=False)
    output = tmp_path / "report.json"
    arguments = ["default", path, "--apart", "--resamples", 20, "--output", output]
    monkeypatch.setattr(sys, "argv", ["evaluate.py", *map(str, arguments)])
    runpy.run_path(str(ROOT / "scripts" / "evaluate.py"), run_name="__main__")

    scores = json.loads(output.read_text(encoding="utf-8"))["systems"]["default"]
    labelled = [unit for record in tests[1:] for unit in record["sentences"] if unit["label"]]
    assert scores["slices"]["no near-duplicate in another split"]["sentences"] == len(labelled)
    assert scores["strict"]["sentences"] > len(labelled)


def test_script_does_not_let_two_models_share_a_name(monkeypatch):
    monkeypatch.setattr("khabar.Annotator", lambda **_: Constant(Label.CLAIM), raising=False)
    monkeypatch.setattr(sys, "argv", ["evaluate.py", "default", str(DATA), "--compare", "default"])
    with pytest.raises(SystemExit, match="two models are called 'default'; name one of them"):
        runpy.run_path(str(ROOT / "scripts" / "evaluate.py"), run_name="__main__")


def run(*arguments):
    command = [sys.executable, ROOT / "scripts" / "evaluate.py", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_script_refuses_a_split_that_is_empty_and_names_those_that_are_there(tmp_path):
    done = run("default", DATA, "--split", "dev", "--output", tmp_path / "report.json")
    assert done.returncode == 1
    there = "there are train (9 articles), validation (2 articles), test (2 articles)"
    assert done.stderr.endswith(f"no article is in split 'dev'; {there}.\n")
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "report.json").exists()


def test_script_names_a_model_that_is_not_there(tmp_path):
    done = run(tmp_path / "none", DATA)
    assert done.returncode == 1
    assert "no such folder" in done.stderr
    assert "Traceback" not in done.stderr
