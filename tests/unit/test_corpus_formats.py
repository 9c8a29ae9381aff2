"""Which format a file has, what may be said of it, and our own format written."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from labelled_formats import FORMATS, complaint

from khabar.corpus import FORMATS as NAMES
from khabar.corpus import read_jsonl, read_labelled, write_jsonl
from khabar.labels import Label
from khabar.schema import LabelledArticle, LabelledSentence

ARTICLES = Path(__file__).parents[1] / "data" / "articles.jsonl"
DOCUMENT = (Path(__file__).parents[2] / "docs" / "data-formats.md").read_text(encoding="utf-8")
SAMPLES = sorted(path.name for path in FORMATS.iterdir() if not path.name.startswith("argilla"))


def test_there_are_samples():
    assert len(SAMPLES) == 8


@pytest.mark.parametrize("name", [name for name in SAMPLES if name != "sentences-excel.csv"])
def test_samples_tell_their_format(name):
    assert len(read_labelled(FORMATS / name)) in (1, 2)


def test_our_own_format_is_one_of_them():
    assert read_labelled(ARTICLES) == read_jsonl(ARTICLES)
    assert read_labelled(str(ARTICLES), "jsonl") == read_jsonl(ARTICLES)


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        (
            "a.txt",
            "خبر",
            'format of the labelled data; say which with format= (--format in scripts), one of "jsonl"',
        ),
        ("a.xlsx", "PK", "is a workbook, which is not read; save its sheet as «CSV UTF-8 (Comma delimited)»"),
        ("a.json", '[{"a": 1, "b": 2}]', 'its first object has the keys "a", "b", which tell no format'),
        ("a.json", '[{"text": "x", "label": 1}]', "which tell no format"),
        ("a.json", '[{"text": "x", "label": [], "sentences": []}]', "which tell no format"),
        ("a.jsonl", "", "does not begin with a JSON object"),
        ("a.json", "[]", "does not begin with a JSON object"),
        ("a.json", "[1]", "does not begin with a JSON object"),
        ("a.json", "[" * 100_000, "does not begin with a JSON object"),
        ("a.jsonl", "{", "does not begin with a JSON object"),
        (
            "a.json",
            '[{"text": "x", "label": [], "annotator": 1, "annotation_id": 2, "lead_time": 1.5}]',
            "is Label Studio's JSON-MIN",
        ),
    ],
)
def test_what_does_not_tell_its_format(tmp_path, name, content, expected):
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    message = complaint(path)
    assert message.startswith(str(path))
    assert expected in message


def test_paths_that_are_nothing(tmp_path):
    assert "is a folder, and none that `save_to_disk`" in complaint(tmp_path)
    assert "cannot be read as labelled data (No such file" in complaint(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"format": "csvv"}, '\'csvv\' is no format; use "jsonl", "csv"'),
        ({"format": "csvv"}, 'did you mean "csv"?'),
        (
            {"format": "csv", "columns": {"lable": "x"}},
            "columns names 'lable', which this format does not have",
        ),
        ({"format": "csv", "columns": {"lable": "x"}}, 'did you mean "label"?'),
        ({"format": "csv", "columns": {"label": ""}}, r"columns\['label'\] is empty"),
        ({"format": "csv", "columns": {"label": "sentence"}}, "columns has 'sentence' for 'label', where"),
        ({"format": "csv", "offset_unit": "utf-16"}, "offset_unit says nothing about the format 'csv'"),
        ({"format": "jsonl", "columns": {}}, "columns says nothing about the format 'jsonl'"),
        ({"format": "jsonl", "one_sentence_articles": True}, "one_sentence_articles says nothing about"),
        ({"offset_unit": "bytes"}, "offset_unit is 'bytes'"),
    ],
)
def test_options_that_do_not_fit(options, expected):
    with pytest.raises(ValueError, match=expected):
        read_labelled(FORMATS / "sentences.csv", **options)


def test_formats_are_documented():
    assert [name for name in NAMES if f'`"{name}"`' not in DOCUMENT] == []


def documented(section, language):
    """The one example in a language under a heading of the document on formats."""
    text = DOCUMENT.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    [example] = re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return example


@pytest.mark.parametrize(
    ("section", "language", "name", "labels"),
    [
        (
            "Sentences in rows: CSV and TSV",
            "csv",
            "a.csv",
            [Label.CLAIM, Label.CLAIM, Label.OFFICIAL_STATEMENT, None],
        ),
        ("Label Studio", "json", "a.json", [Label.CLAIM, Label.CLAIM, None]),
        ("doccano", "jsonl", "a.jsonl", [Label.CLAIM, Label.CLAIM]),
    ],
)
def test_documented_examples_read(tmp_path, section, language, name, labels):
    path = tmp_path / name
    path.write_text(documented(section, language), encoding="utf-8")
    [article] = read_labelled(path)
    assert (article.id, article.title) == ("cafe-17", "حريق في مقهى")
    assert [sentence.label for sentence in article.sentences] == labels
    assert article.sentences[0].text == article.title
    assert article.sentences[1].text == "اندلع حريق في مقهى وسط المدينة."


def test_documented_argilla_columns_read(tmp_path):
    datasets = pytest.importorskip("datasets")
    columns = json.loads(documented("Argilla", "json"))
    datasets.Dataset.from_dict(columns).save_to_disk(tmp_path / "argilla")
    [article] = read_labelled(tmp_path / "argilla")
    assert (article.id, article.sentences[0].label) == ("cafe-17", Label.CLAIM)


def test_written_articles_are_read_again(tmp_path):
    text = "خبر\u2028 أول \ud800.\nثان"
    sentences = (
        LabelledSentence("title", 0, 3, "عنو", Label.CLAIM),
        LabelledSentence("body", 0, 11, text[:11], None),
        LabelledSentence("body", 12, 15, text[12:], Label.BACKGROUND, (Label.CLAIM, Label.CASUALTY_REPORT)),
    )
    articles = [
        *read_jsonl(ARTICLES),
        LabelledArticle("b", text, "عنوان", sentences, "train", "صحيفة", "1.1"),
        LabelledArticle("c", text, None, sentences[1:]),
    ]
    path = tmp_path / "articles.jsonl"
    write_jsonl(iter(articles), path)
    assert read_jsonl(path) == articles
    lines = path.read_bytes().split(b"\n")
    assert (len(lines), lines[-1]) == (len(articles) + 1, b"")
    assert "split" not in json.loads(lines[-2])


def test_reading_text_formats_loads_no_heavy_package():
    code = f"""
import sys
from khabar.corpus import read_labelled
read_labelled({str(FORMATS / "sentences.csv")!r})
read_labelled({str(FORMATS / "label-studio-regions.json")!r})
print(sorted({{"datasets", "pyarrow", "pandas", "sklearn", "torch", "rich"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_folder_that_is_not_there_is_the_systems_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_jsonl([], tmp_path / "none" / "articles.jsonl")
