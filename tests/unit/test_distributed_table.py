"""Tables of articles to tables of sentences, without Ray, Spark or pandas."""

import pickle
import shutil

import pytest
from tiny_models import SENTENCES

from khabar import Annotator, Label
from khabar.bundle import BUILT_IN, built_in, fingerprint
from khabar.distributed import COLUMNS, BatchAnnotator, article_fingerprint, spark_schema
from khabar.errors import BundleError, InputError

TEXT = "\n".join(SENTENCES[:3])


@pytest.fixture(scope="module")
def annotator(tiny_bundle):
    return BatchAnnotator(title_column="title", id_column="id", keep_columns=["outlet"], model=tiny_bundle)


def batch(*rows):
    """Columns of rows of text, title and id."""
    texts, titles, ids = zip(*rows, strict=True) if rows else ((), (), ())
    outlets = [f"outlet {number}" for number in range(len(rows))]
    return {"text": list(texts), "title": list(titles), "id": list(ids), "outlet": outlets}


def rows_of(table):
    return [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]


def test_sentences_are_those_of_the_annotator(annotator, tiny_bundle):
    found = rows_of(annotator(batch((TEXT, "عنوان الخبر", 17), (SENTENCES[4], None, "b"))))
    plain = Annotator.from_pretrained(tiny_bundle)
    articles = [plain.annotate(TEXT, "عنوان الخبر"), plain.annotate(SENTENCES[4])]
    expected = [(article, sentence) for article in articles for sentence in article]
    assert len(found) == len(expected) == 5
    for row, (article, sentence) in zip(found, expected, strict=True):
        source = article.title if sentence.part == "title" and article.title else article.text
        assert row["text"] == sentence.text == source[row["start"] : row["end"]]
        assert row["label"] == str(sentence.label)
        assert row["score"] == round(sentence.score, 6) == max(row[f"score_{label}"] for label in Label)
        assert row["truncated"] is sentence.truncated
        assert row["error"] is None
    assert [row["article_id"] for row in found] == ["17"] * 4 + ["b"]
    assert [row["sentence"] for row in found] == [0, 1, 2, 3, 0]
    assert [row["part"] for row in found] == ["title", "body", "body", "body", "body"]
    assert [row["outlet"] for row in found] == ["outlet 0"] * 4 + ["outlet 1"]
    assert list(found[0]) == ["outlet", *COLUMNS]


@pytest.mark.parametrize(
    ("text", "title", "reason"),
    [
        (None, None, "text is missing, expected a string; fill it or drop the row"),
        (float("nan"), None, "text is missing"),
        (3, None, "text is int, expected a string"),
        (b"\xd9\x82", None, "text is bytes, expected a string"),
        (TEXT, ["a"], "title is list, expected a string or null"),
    ],
)
def test_a_bad_row_is_a_row_with_its_error(annotator, text, title, reason):
    found = rows_of(annotator(batch((TEXT, None, "a"), (text, title, "bad"), (TEXT, None, "c"))))
    assert [row["article_id"] for row in found] == ["a"] * 3 + ["bad"] + ["c"] * 3
    bad = found[3]
    assert bad["error"].startswith(reason)
    assert {name for name, value in bad.items() if value is not None} == {"article_id", "outlet", "error"}
    assert [row["error"] for row in found if row is not bad] == [None] * 6


@pytest.mark.parametrize("text", ["", " \n\t", "\u200f"])
def test_an_article_without_sentences_has_a_row_and_no_error(annotator, text):
    (row,) = rows_of(annotator(batch((text, None, "empty"))))
    assert {name for name, value in row.items() if value is not None} == {"article_id", "outlet"}


def test_an_article_that_the_model_fails_on_costs_only_itself(annotator, tiny_bundle, monkeypatch):
    sound = Annotator.annotate_many

    def failing(self, articles):
        articles = list(articles)
        if any("BROKEN" in article["text"] for article in articles):
            raise RuntimeError("no such operator")
        return sound(self, articles)

    monkeypatch.setattr(Annotator, "annotate_many", failing)
    found = rows_of(annotator(batch((TEXT, None, "a"), ("BROKEN", None, "b"), (TEXT, None, "c"))))
    assert [row["article_id"] for row in found] == ["a"] * 3 + ["b"] + ["c"] * 3
    assert found[3]["error"] == "cannot be annotated (RuntimeError: no such operator)"


def test_more_articles_than_are_annotated_at_once_stay_in_order(annotator):
    found = rows_of(annotator(batch(*((SENTENCES[n % 12], None, n) for n in range(70)))))
    assert [row["article_id"] for row in found] == [str(n) for n in range(70)]
    assert [row["text"] for row in found] == [SENTENCES[n % 12] for n in range(70)]


def test_an_empty_batch_gives_all_columns(annotator):
    assert annotator(batch()) == {name: [] for name in ("outlet", *COLUMNS)}


def test_text_that_no_utf8_can_hold_keeps_its_offsets(annotator):
    text = "وقال\ud83d\ude00 الوزير \ud800 إنه سيعود."
    (row,) = rows_of(annotator(batch((text, None, "\udcff"))))
    assert row["text"] == "وقال\ufffd\ufffd الوزير \ufffd إنه سيعود."
    assert len(row["text"]) == row["end"] - row["start"]
    assert row["article_id"] == "\ufffd"


def test_an_article_without_an_id_is_called_by_its_content(tiny_bundle):
    annotator = BatchAnnotator(model=tiny_bundle)
    first, second, again = rows_of(annotator({"text": [SENTENCES[0], SENTENCES[1], SENTENCES[0]]}))
    assert first["article_id"] == again["article_id"] == article_fingerprint(SENTENCES[0])
    assert len({first["article_id"], second["article_id"], article_fingerprint(SENTENCES[0], "عنوان")}) == 3


def test_a_column_that_is_not_there_is_told(annotator):
    with pytest.raises(InputError, match=r"title_column is 'title', but the columns are 'text', 'id'; name"):
        annotator({"text": [TEXT], "id": [1]})


@pytest.mark.parametrize(
    ("keep", "message"),
    [(["label"], "'label', which is a column of the result too"), (["a", "a"], "'a' twice")],
)
def test_a_column_cannot_be_kept_twice(tiny_bundle, keep, message):
    with pytest.raises(InputError, match=message):
        BatchAnnotator(keep_columns=keep, model=tiny_bundle)


def test_one_kept_column_may_be_a_string(tiny_bundle):
    assert BatchAnnotator(keep_columns="outlet", model=tiny_bundle).keep_columns == ("outlet",)


def test_it_travels_without_its_model(annotator):
    annotator(batch((TEXT, None, "a")))
    sent = pickle.dumps(annotator)
    assert len(sent) < 2000
    assert pickle.loads(sent)(batch((TEXT, None, "a"))) == annotator(batch((TEXT, None, "a")))


def test_a_model_of_other_contents_is_refused_where_the_work_is_done(tiny_bundle, tmp_path):
    folder = shutil.copytree(tiny_bundle, tmp_path / "model")
    annotator = pickle.loads(pickle.dumps(BatchAnnotator(model=folder)))
    settings = (folder / "khabar.json").read_text(encoding="utf-8")
    (folder / "khabar.json").write_text(settings.replace('"temperature": 1.0', '"temperature": 2.0'))
    with pytest.raises(BundleError, match=r"its fingerprint is \w{12}, but the work was begun with \w{12}"):
        annotator({"text": [TEXT]})


def test_a_model_that_is_not_there_is_told_before_any_work(tmp_path):
    with pytest.raises(BundleError, match="no such folder"):
        BatchAnnotator(model=tmp_path / "none")


def test_built_in_models_are_known_by_name():
    assert built_in("default") == BUILT_IN
    assert [built_in(name) for name in ("", ".", "..", "none", "../models/default")] == [None] * 5
    assert fingerprint(BUILT_IN) == BatchAnnotator().fingerprint
    assert BatchAnnotator().model == "default"


def test_the_schema_for_spark_has_every_column():
    schema = spark_schema(outlet="string")
    assert schema.startswith("`outlet` string, `article_id` string, `sentence` int, ")
    assert [column.split("`")[1] for column in schema.split(", ")] == ["outlet", *COLUMNS]
