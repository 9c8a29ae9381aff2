import json

import pytest
from labelled_formats import FIRE, FORMATS, WHEAT, complaint, units

from khabar.corpus import read_labelled
from khabar.labels import Label

datasets = pytest.importorskip("datasets")

TEXT = "🌊 غرق القارب. ونجا الصيادون."


def records(name):
    return json.loads((FORMATS / name).read_text(encoding="utf-8"))


@pytest.fixture
def save(tmp_path):
    """Saves the columns that `to_datasets` of Argilla 2 makes, as a folder or as Parquet."""

    def save(columns, name="argilla"):
        dataset = datasets.Dataset.from_dict(columns)
        path = tmp_path / name
        if path.suffix:
            dataset.to_parquet(path)
        else:
            dataset.save_to_disk(path)
        return path

    return save


def answers(*given, status="submitted", text="خبر عاجل", **more):
    return {
        "id": ["r1"],
        "text": [text],
        "label.responses": [list(given)],
        "label.responses.status": [[status] * len(given)],
    } | more


def test_label_questions(save):
    [article] = read_labelled(save(records("argilla-labels.json")))
    assert (article.id, units(article)) == ("wheat-0412", WHEAT)


def test_span_questions(save):
    [article] = read_labelled(save(records("argilla-spans.json")))
    assert (article.id, article.split, units(article)) == ("sohar-0411", "train", FIRE)


def test_parquet_is_read_when_the_format_is_named(save):
    path = save(records("argilla-labels.json"), "records.parquet")
    [article] = read_labelled(path, "argilla")
    assert units(article) == WHEAT


def test_splits_of_a_dictionary(tmp_path):
    dataset = datasets.Dataset.from_dict(records("argilla-labels.json"))
    datasets.DatasetDict({"validation": dataset}).save_to_disk(tmp_path / "argilla")
    [article] = read_labelled(tmp_path / "argilla")
    assert (article.split, units(article)) == ("validation", WHEAT)


def test_questions_of_several_labels_have_one_answer(save):
    path = save(answers(["background"], article_id=["a"]))
    [article] = read_labelled(path)
    assert article.sentences[0].label is Label.BACKGROUND
    path = save(answers(["background", "claim"], article_id=["a"]), "two")
    assert 'label.responses: ["background", "claim"] is not one label' in complaint(path)


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (answers("claim", "background", article_id=["a"]), "2 annotators answered differently"),
        (answers("clam", article_id=["a"]), 'row 1, label.responses: "clam" is no label'),
        (answers("claim"), "row 1, article_id: is missing or empty"),
        (answers("claim", status="draft"), "none of its 1 records has a submitted response"),
        (
            answers("claim", **{"topic.responses": [["a"]], "label.responses": [None]}),
            "none of its 1 records",
        ),
        (
            answers([{"start": 0, "end": 99, "label": "claim"}]),
            "offsets 0 to 99 are not within the body, which has 8 characters",
        ),
        (answers([{"start": 0, "label": "claim"}]), 'is no span; it has "start", "end", "label"'),
        (answers([{"start": 0, "end": 3, "label": "claim"}], text=None), "text: null is no text"),
        (
            answers([{"start": 2, "end": 14, "label": "claim"}], text=TEXT),
            'offset_unit="utf-16" if Argilla\'s editor wrote them',
        ),
        (answers([{"start": 0, "end": 3, "label": "claim"}], id=[None]), 'neither "article_id" nor "id"'),
    ],
)
def test_each_breach_is_named_with_its_place(save, columns, expected):
    assert expected in complaint(save(columns))


def test_questions_are_named_where_there_are_several(save):
    columns = {"id": ["r"], "text": ["خبر"], "article_id": ["a"], "kind.responses": [["claim"]]}
    path = save(columns | {"topic.responses": [["رياضة"]]})
    assert 'no question "label" has responses; there are "kind", "topic"' in complaint(path)
    [article] = read_labelled(path, columns={"label": "kind"})
    assert article.sentences[0].label is Label.CLAIM


def test_spans_count_what_the_caller_says(save):
    path = save(answers([{"start": 3, "end": 15, "label": "claim"}], text=TEXT))
    [article] = read_labelled(path, offset_unit="utf-16")
    assert article.sentences[0].text == TEXT[2:14]


def test_records_alone_only_when_asked_for(save):
    [article] = read_labelled(save(answers("claim")), one_sentence_articles=True)
    assert article.id == "argilla-1"
    path = save(answers([{"start": 0, "end": 3, "label": "claim"}]), "spans")
    assert "leave out one_sentence_articles" in complaint(path, one_sentence_articles=True)
