import csv
import io
import json
import re
from pathlib import Path

import pytest
from annotated_articles import article, sentence
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, ValidationError

from khabar.arabic import FURNITURE_KINDS
from khabar.labels import Label
from khabar.render import CSV_COLUMNS, article_record, csv_header, csv_rows, jsonl_line
from khabar.schema import Furniture

DOCS = Path(__file__).parents[2] / "docs"
SCHEMA = json.loads((DOCS / "schemas" / "annotations.schema.json").read_text(encoding="utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)

ARTICLE = article(
    sentence("إصابة خمسة ركاب بانزلاق حافلة", Label.CASUALTY_REPORT, part="title", score=0.9123456789),
    sentence("وقال شهود إن السائق كان مسرعا.", Label.CLAIM, start=31, truncated=True),
    title="إصابة خمسة ركاب بانزلاق حافلة",
    furniture=(Furniture(62, 71, "اقرأ أيضا", "related"),),
)

UNSURE = article(
    sentence("وتحدث شهود عن حريق ثان.", None, score=0.4, label_set=(Label.CLAIM, Label.BACKGROUND)),
    sentence("ولم يصدر تعليق.", None, score=0.3, label_set=()),
)
"""An annotator abstained from both sentences, and gave label sets."""

any_text = st.text(
    st.characters(codec=None, exclude_categories=())
    | st.sampled_from('\x00\x1b\x85\u2028\ud800\udfff"\\,\r\n='),
    min_size=1,
)


def test_record_holds_what_the_article_holds():
    record = article_record(ARTICLE, "news/1.txt")
    assert list(record) == ["source", "title", "sentences", "furniture"]
    assert record["sentences"][1] == {
        "part": "body",
        "start": 31,
        "end": 61,
        "text": "وقال شهود إن السائق كان مسرعا.",
        "label": "claim",
        "score": 0.7,
        "scores": {
            "casualty_report": 0.1,
            "official_statement": 0.1,
            "claim": 0.7,
            "background": 0.1,
        },
        "truncated": True,
    }
    assert record["furniture"] == [{"start": 62, "end": 71, "text": "اقرأ أيضا", "kind": "related"}]


def test_probabilities_are_rounded_and_labels_stand_in_the_order_of_the_guidelines():
    first = article_record(ARTICLE, "-")["sentences"][0]
    assert first["score"] == first["scores"]["casualty_report"] == 0.912346
    assert list(first["scores"]) == [str(label) for label in Label]


def test_abstaining_is_null_and_label_sets_stand_beside_the_scores():
    first, second = article_record(UNSURE, "-")["sentences"]
    assert (first["label"], first["score"], first["scores"]["claim"]) == (None, 0.4, 0.4)
    assert (first["label_set"], second["label_set"]) == (["claim", "background"], [])
    assert all("label_set" not in found for found in article_record(ARTICLE, "-")["sentences"])


def test_abstaining_is_an_empty_cell():
    rows = csv.DictReader(io.StringIO(csv_header() + csv_rows(UNSURE, "1.txt")))
    assert [(row["label"], row["score"]) for row in rows] == [("", "0.4"), ("", "0.3")]


def test_schema_is_a_schema():
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("annotated", [ARTICLE, article(), UNSURE], ids=["full", "empty", "unsure"])
def test_output_follows_the_schema(annotated):
    VALIDATOR.validate(json.loads(jsonl_line(annotated, "news/1.txt")))


def test_schema_names_every_label():
    assert SCHEMA["$defs"]["label"]["enum"] == [str(label) for label in Label]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda record: record.update(extra=1),
        lambda record: record.pop("title"),
        lambda record: record["sentences"][0].update(extra=1),
        lambda record: record["sentences"][0].update(label="opinion"),
        lambda record: record["sentences"][0].update(part="lead"),
        lambda record: record["sentences"][0].update(score=1.5),
        lambda record: record["sentences"][0]["scores"].pop("claim"),
        lambda record: record["sentences"][0].update(label_set=["claim", "claim"]),
        lambda record: record["sentences"][0].update(label_set=None),
        lambda record: record["furniture"][0].update(start=-1),
    ],
)
def test_schema_refuses_what_breaks_it(spoil):
    record = article_record(ARTICLE, "news/1.txt")
    spoil(record)
    with pytest.raises(ValidationError):
        VALIDATOR.validate(record)


def test_examples_in_the_docs_follow_the_schema_and_their_own_offsets():
    examples = re.findall(
        r"```json\n(.*?)```", (DOCS / "output-formats.md").read_text(encoding="utf-8"), re.S
    )
    assert examples
    for example in map(json.loads, examples):
        VALIDATOR.validate(example)
        for piece in example["sentences"] + example["furniture"]:
            assert piece["end"] - piece["start"] == len(piece["text"])
        assert {piece["kind"] for piece in example["furniture"]} <= set(FURNITURE_KINDS)
        for labelled in example["sentences"]:
            assert (
                labelled["score"] == labelled["scores"][labelled["label"]] == max(labelled["scores"].values())
            )
            assert sum(labelled["scores"].values()) == pytest.approx(1, abs=2e-6)


def test_docs_name_every_column():
    text = (DOCS / "output-formats.md").read_text(encoding="utf-8")
    assert [column for column in CSV_COLUMNS if f"`{column}`" not in text] == []


def test_arabic_is_not_escaped():
    line = jsonl_line(ARTICLE, "أخبار/1.txt")
    assert "وقال شهود إن السائق كان مسرعا." in line
    assert "أخبار/1.txt" in line


def test_lone_surrogate_is_escaped_and_comes_back():
    line = jsonl_line(article(sentence("قبل\ud800بعد")), "ملف\udcff.txt")
    assert "قبل\\ud800بعد" in line
    record = json.loads(line.encode("utf-8"))
    assert record["sentences"][0]["text"] == "قبل\ud800بعد"
    assert record["source"] == "ملف\udcff.txt"


@given(text=any_text, source=st.text())
def test_every_article_is_one_line_of_utf8_that_reads_back(text, source):
    line = jsonl_line(article(sentence(text), title=text), source)
    assert line.endswith("\n")
    assert len(line.splitlines()) == 1
    record = json.loads(line.encode("utf-8"))
    # json joins an adjacent pair of surrogates into the character that they stand for; so does UTF-16.
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    assert record["sentences"][0]["text"] == record["title"] == whole


@given(text=any_text)
def test_every_csv_reads_back_exactly_but_for_lone_surrogates(text):
    written = (csv_header() + csv_rows(article(sentence(text), sentence("تم.")), "أ,ب.txt")).encode("utf-8")
    header, first, second = csv.reader(io.StringIO(written.decode("utf-8"), newline=""))
    assert tuple(header) == CSV_COLUMNS
    assert first[-1] == re.sub("[\ud800-\udfff]", "\ufffd", text)
    assert first[0] == "أ,ب.txt"
    assert second[-1] == "تم."


def test_csv_row():
    (row,) = csv.DictReader(io.StringIO(csv_header() + csv_rows(article(ARTICLE.sentences[1]), "1.txt")))
    assert row == {
        "source": "1.txt",
        "part": "body",
        "start": "31",
        "end": "61",
        "label": "claim",
        "score": "0.7",
        "score_casualty_report": "0.1",
        "score_official_statement": "0.1",
        "score_claim": "0.7",
        "score_background": "0.1",
        "truncated": "true",
        "text": "وقال شهود إن السائق كان مسرعا.",
    }


def test_csv_does_not_mangle_what_a_spreadsheet_would_take_for_a_formula():
    rows = csv_rows(article(sentence('=HYPERLINK("http://example.org")')), "1.txt")
    assert next(csv.reader([rows]))[-1] == '=HYPERLINK("http://example.org")'


def test_csv_of_an_article_without_sentences_is_empty():
    assert csv_rows(article(), "1.txt") == ""
