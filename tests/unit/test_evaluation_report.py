import base64
import html
import io
import json
import runpy
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from rich.console import Console

from khabar.confidence import LabelSets
from khabar.corpus import read_jsonl
from khabar.errors import DataError
from khabar.evaluation import (
    CORPUS_AGREEMENT,
    AnnotatorAgreement,
    Bootstrap,
    DataSummary,
    Report,
    agreement,
    end_to_end,
    judge,
    summarise,
    write_markdown,
)
from khabar.evaluation.html import render_html
from khabar.labels import Label
from khabar.schema import AnnotatedArticle, AnnotatedSentence

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

    def annotate_many(self, articles, /):
        for article in articles:
            spans = [(article["text"].index(line), line) for line in article["text"].splitlines() if line]
            sentences = [
                replace(each, start=start, end=start + len(line))
                for (start, line), each in zip(
                    spans, self.annotate_sentences([line for _, line in spans]), strict=True
                )
            ]
            yield AnnotatedArticle(article["text"], article["title"], article["id"], tuple(sentences), ())


SETS = LabelSets(
    error_rates=(0.05, 0.1, 0.2),
    thresholds=dict.fromkeys(Label, (0.0, 0.5, 0.5)),
    sentences=dict.fromkeys(Label, 30),
)


@pytest.fixture(scope="module")
def full_report(report):
    """A report with everything that there can be in one."""
    name = next(iter(report.systems))
    judged = judge(Constant(Label.CLAIM), TEST)
    return replace(
        report,
        systems={**report.systems, name: summarise(judged, BOOTSTRAP, label_sets=SETS)},
        raw={name: end_to_end(Constant(Label.CLAIM), TEST, BOOTSTRAP)},
        annotators=CORPUS_AGREEMENT,
    )


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
    assert len(tables) == 11
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
    assert "## Agreement\n" not in text


def test_full_report_says_what_label_sets_raw_text_and_annotators_came_to(full_report):
    text = full_report.to_markdown()
    assert "| annotators among themselves | 98.2 | 0.97 |" in text
    assert "on 1,588 units: two language-model annotators" in text
    # All 14 sentences are called claims with certainty, and 5 are: all four labels, or the one.
    assert "| 95% | 100.0" in text
    assert "| 90% | 35.7" in text
    assert "| 95% | 4.00 | 0 (0%) | 0 (0%) | 0 (0%) | 0 (0%) | 14 (100%) |" in text
    assert "| all \\| claims: raw text, by overlap | " in text
    assert "| all \\| claims | 0.643 |" in text
    data = full_report.to_dict()
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    assert data["annotators"]["units"] == 1588
    assert data["raw_text"]["all | claims"]["overlap"]["sentences"] == 14
    assert [found["error_rate"] for found in data["systems"]["all | claims"]["label_sets"]] == [
        0.05,
        0.1,
        0.2,
    ]


def test_a_share_of_annotators_is_a_share():
    assert AnnotatorAgreement(0.9).kappa is None
    with pytest.raises(ValueError, match=r"share is 98\.2, but"):
        AnnotatorAgreement(98.2)


class Page(HTMLParser):
    """Collects what a page asks for and says, and sees that its elements close."""

    VOID = frozenset({"meta", "img", "br", "link"})

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.ids, self.sources, self.links, self.alts = [], set(), [], [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.tags.add(tag)
        self.ids += [found["id"]] if "id" in found else []
        self.sources += [found["src"]] if "src" in found else []
        self.links += [found["href"]] if "href" in found else []
        if tag == "img":
            self.alts.append(found["alt"])
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def pictures(page):
    opening = "data:image/svg+xml;base64,"
    return [base64.b64decode(source.removeprefix(opening)).decode() for source in page.sources]


def test_page_needs_nothing_else_and_runs_nothing(full_report):
    page = Page(render_html(full_report))
    assert page.tags.isdisjoint({"script", "link", "iframe", "object"})
    assert len(page.sources) == 8
    assert all(source.startswith("data:image/svg+xml;base64,") for source in page.sources)
    assert len(set(page.ids)) == len(page.ids)
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids)
    assert all(len(alt) > 30 for alt in page.alts)
    for picture in pictures(page):
        ElementTree.fromstring(picture)
        assert "<script" not in picture


def test_page_has_every_table_and_takes_names_for_text(full_report):
    name = "<b>$x^2$</b> «مرسى»"
    systems = dict(zip((name, "other"), full_report.systems.values(), strict=True))
    raw = {name: next(iter(full_report.raw.values()))}
    text = render_html(replace(full_report, systems=systems, raw=raw))
    assert "<b>" not in text
    assert "&lt;b&gt;$x^2$&lt;/b&gt; «مرسى»" in text
    for grid, _ in full_report.grids():
        assert all(html.escape(cell) in text for row in grid.rows for cell in row[1:])
    # In the pictures too, names are text: no mathematics, and letters that the browser draws.
    assert "$x^2$" in pictures(Page(text))[0]
    assert "«مرسى»" in pictures(Page(text))[0]


def test_page_of_a_small_report_leaves_out_what_there_is_not(report):
    page = Page(render_html(report))
    assert len(page.sources) == 6
    assert render_html(report) == render_html(report)


def test_a_page_with_a_place_for_the_report_keeps_the_rest(report, tmp_path):
    path = tmp_path / "page.md"
    path.write_text(
        "# Results\n\n<!-- report -->\nold\n<!-- end of report -->\n\nAnd more.\n", encoding="utf-8"
    )
    write_markdown(path, report)
    once = path.read_text(encoding="utf-8")
    write_markdown(path, report)
    assert path.read_text(encoding="utf-8") == once
    assert once.startswith("# Results\n\n<!-- report -->\n\n## Evaluation on articles.jsonl, split test\n")
    assert once.endswith("|\n\n<!-- end of report -->\n\nAnd more.\n")
    assert "\nold\n" not in once
    assert "\n### Systems, with the F1 of every label\n" in once


@pytest.mark.parametrize(
    "page",
    ["<!-- report -->\nold\n", "old <!-- end of report -->", "<!-- end of report --><!-- report -->\n"],
)
def test_a_page_with_half_a_place_is_left_alone(report, tmp_path, page):
    path = tmp_path / "page.md"
    path.write_text(page, encoding="utf-8")
    with pytest.raises(DataError, match="repair the two lines"):
        write_markdown(path, report)
    assert path.read_text(encoding="utf-8") == page


def test_another_page_is_replaced(report, tmp_path):
    path = tmp_path / "page.md"
    path.write_text("old", encoding="utf-8")
    write_markdown(path, report)
    assert path.read_text(encoding="utf-8") == report.to_markdown()


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


def test_script_leaves_data_text_and_page_in_a_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("khabar.Annotator", lambda backend=None: Constant(Label.CLAIM), raising=False)
    folder = tmp_path / "reports" / "claims"
    arguments = ["default", DATA, "--resamples", 20, "--agreement", 0.9, "--output", folder]
    monkeypatch.setattr(sys, "argv", ["evaluate.py", *map(str, arguments)])
    runpy.run_path(str(ROOT / "scripts" / "evaluate.py"), run_name="__main__")

    assert sorted(path.name for path in folder.iterdir()) == ["report.html", "report.json", "report.md"]
    data = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert data["annotators"] == {"share": 0.9, "kappa": None, "units": None, "source": "given by the user"}
    assert data["raw_text"]["default"]["overlap"]["sentences"] == 14
    assert "| annotators among themselves | 90.0 | – |" in (folder / "report.md").read_text(encoding="utf-8")
    assert "annotators among themselves" in capsys.readouterr().out
    Page((folder / "report.html").read_text(encoding="utf-8"))


@pytest.mark.parametrize("wrong", ["98.2", "much"])
def test_script_refuses_an_agreement_that_is_no_share(wrong, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["evaluate.py", "default", str(DATA), "--agreement", wrong])
    with pytest.raises(SystemExit) as exit_:
        runpy.run_path(str(ROOT / "scripts" / "evaluate.py"), run_name="__main__")
    assert exit_.value.code == 2
    assert f"{wrong!r} is no share of units from 0 to 1" in capsys.readouterr().err


def test_script_does_not_write_a_folder_over_a_file(tmp_path, monkeypatch):
    target = tmp_path / "report"
    target.write_text("mine")
    monkeypatch.setattr(sys, "argv", ["evaluate.py", "default", str(DATA), "--output", str(target)])
    with pytest.raises(SystemExit, match="is a file; name a folder"):
        runpy.run_path(str(ROOT / "scripts" / "evaluate.py"), run_name="__main__")


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
