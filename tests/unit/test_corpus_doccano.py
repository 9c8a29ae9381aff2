import json
from dataclasses import replace

import pytest
from labelled_formats import (
    FIRE,
    FORMATS,
    HEADLINE,
    PAGE,
    TITLE,
    WHEAT,
    annotated,
    complaint,
    expected_spans,
    spans,
    units,
)

from khabar.corpus import read_labelled, write_doccano
from khabar.errors import DataError
from khabar.labels import Label

TEXT = "أعلن الوزير موعد الانتخابات.\nورحب حزبان بالموعد."
WAVE = "🌊 غرق القارب. ونجا الصيادون."


def example(*labels, text=TEXT, number=9, **more):
    return {"id": number, "text": text, "label": list(labels), "Comments": []} | more


def write(tmp_path, *examples):
    path = tmp_path / "all.jsonl"
    lines = [line if isinstance(line, str) else json.dumps(line, ensure_ascii=False) for line in examples]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_sequence_labelling_with_a_title_before_the_text():
    fire, wheat = read_labelled(FORMATS / "doccano-sequence.jsonl")
    assert (fire.id, fire.split, fire.outlet) == ("sohar-0411", "train", "وكالة الخليج")
    assert units(fire) == [TITLE, *FIRE]
    assert (wheat.id, wheat.split, wheat.outlet, wheat.title) == ("wheat-0412", "test", None, None)
    assert units(wheat) == WHEAT


def test_text_classification():
    [article] = read_labelled(FORMATS / "doccano-classification.jsonl")
    assert (article.id, units(article)) == ("wheat-0412", WHEAT)


def test_entities_of_projects_with_relations():
    [article] = read_labelled(FORMATS / "doccano-relations.jsonl")
    assert (article.id, units(article)) == ("wheat-0412", WHEAT)


def test_lists_and_the_labels_of_old_versions(tmp_path):
    old = {"id": 3, "text": TEXT, "labels": [[0, 28, "Official Statement"]]}
    path = tmp_path / "all.json"
    path.write_text(json.dumps([old]), encoding="utf-8")
    [article] = read_labelled(path)
    assert (article.id, article.sentences[0].label) == ("3", Label.OFFICIAL_STATEMENT)


def test_spans_may_stand_in_any_order(tmp_path):
    [article] = read_labelled(write(tmp_path, example([29, 48, "ادعاء"], [0, 28, "بيان رسمي"])))
    assert [unit.label for unit in article.sentences] == [Label.OFFICIAL_STATEMENT, Label.CLAIM]


def test_a_title_apart_from_the_text_is_a_title_without_a_label(tmp_path):
    [article] = read_labelled(write(tmp_path, example([0, 28, "claim"], title="موعد الانتخابات")))
    assert (article.title, article.text, len(article.sentences)) == ("موعد الانتخابات", TEXT, 1)


def test_sentences_with_an_order_and_a_second_label(tmp_path):
    path = write(
        tmp_path,
        example("claim", text="ب", article_id=4.0, order=2.0, also=["background"]),
        example(text="أ", article_id=4.0, order=1.0, label="background"),
    )
    [article] = read_labelled(path, "doccano")
    assert (article.id, article.text) == ("4", "أ\nب")
    assert article.sentences[1].also == (Label.BACKGROUND,)


def test_examples_alone_only_when_asked_for(tmp_path):
    path = write(tmp_path, example("claim"), example("background", number=10))
    assert "pass one_sentence_articles=True" in complaint(path)
    assert [article.id for article in read_labelled(path, one_sentence_articles=True)] == ["all-1", "all-2"]


def test_what_offsets_count_is_asked_where_it_matters(tmp_path):
    path = write(tmp_path, example([0, 14, "claim"], [15, 29, "claim"], text=WAVE))
    message = complaint(path)
    assert "2 problems" in message
    assert 'say what they count: offset_unit="utf-16" if doccano\'s editor or khabar wrote them' in message
    [article] = read_labelled(path, offset_unit="utf-16")
    assert [sentence.text for sentence in article.sentences] == ["🌊 غرق القارب.", "ونجا الصيادون."]
    path = write(tmp_path, example([0, 13, "claim"], [14, 28, "claim"], text=WAVE))
    [article] = read_labelled(path, offset_unit="character")
    assert [sentence.text for sentence in article.sentences] == ["🌊 غرق القارب.", "ونجا الصيادون."]


def test_a_complaint_shows_the_span_as_the_file_has_it(tmp_path):
    path = write(tmp_path, example([6, 99, "claim"], title="عاجل", text="عاجل\nخبر"))
    assert 'label[0] [6, 99, "claim"]: offsets 1 to 94 are not within the body' in complaint(path)


def test_an_emoji_behind_the_spans_does_not_matter(tmp_path):
    [article] = read_labelled(write(tmp_path, example([0, 28, "claim"], text=f"{TEXT} 🌊")))
    assert article.sentences[0].text == TEXT[:28]


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (example([0, 28, "clam"]), 'line 2, label[0]: "clam" is no label'),
        (example([0, 10, "claim"], [8, 28, "claim"]), "label[1]: offsets 8 to 28 reach back before 10"),
        (example([0, 99, "claim"]), "offsets 0 to 99 are not within the body, which has 48 characters"),
        (example([0, 28]), "label[0]: [0, 28] is no span; write [start, end, label]"),
        (example([0, 2.5, "claim"]), '[0, 2.5, "claim"] is no span'),
        (example(7), "label[0]: 7 is no span"),
        (example(), "label: is empty; label the example, page furniture too"),
        (example(label=None), "label: null is no list of labels"),
        (example("claim", "background"), 'label: ["claim", "background"] are 2 labels'),
        (example("رأي", article_id="b"), 'label: "رأي" is no label'),
        ({"id": 1, "text": TEXT}, 'has no key "label" or "labels" or "entities"'),
        ({"id": 1, "data": TEXT, "label": []}, "is no example with a text; name the key that holds it"),
        ([1], "[1] is no example with a text"),
        (example([0, 28, "claim"], id=None), 'has neither "article_id" nor "id"'),
        (example([0, 28, "claim"], outlet={"a": 1}), 'outlet: {"a": 1} is no string'),
        (example([0, 28, "claim"], title=4), "title: 4 is no string"),
        (
            example([0, 9, "claim"], title="أعلن", text="أعلن\nالوزير"),
            "offsets 0 to 9 reach from the title, which ends at 4, into the text",
        ),
        ("{", "line 2: is no JSON"),
    ],
)
def test_each_breach_is_named_with_its_place(tmp_path, entry, expected):
    first = example([0, 28, "claim"], number=8)
    message = complaint(write(tmp_path, first, entry), "doccano")
    assert "line 2" in message
    assert expected in message


def test_sentences_and_articles_are_not_mixed(tmp_path):
    path = write(tmp_path, example([0, 28, "claim"]), example("claim", article_id="b"))
    assert "examples: 1 are labelled as a whole and 1 by spans" in complaint(path)


def test_ids_are_unique(tmp_path):
    path = write(tmp_path, example([0, 28, "claim"]), example([0, 28, "claim"]))
    assert 'line 2: "9" is the id of line 1 too' in complaint(path)


def exported(path):
    """What doccano exports of a file that it imported: text and label by their keys, the rest as it was.

    It goes through a table, so that a key that only some examples have is null with the others.
    """
    examples = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    keys = dict.fromkeys(key for entry in examples for key in entry if key not in ("text", "label"))
    records = [
        {"id": 70 + number, "text": entry["text"]}
        | {key: entry.get(key) for key in keys}
        | {"label": sorted(entry["label"], reverse=True), "Comments": []}
        for number, entry in enumerate(examples)
    ]
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def test_round_trip(tmp_path):
    articles = [annotated(PAGE, name="a"), annotated(PAGE, HEADLINE, "b"), annotated("خبر قصير.")]
    path = tmp_path / "examples.jsonl"
    write_doccano(iter(articles), path, model_version="khabar 1")
    read = read_labelled(exported(path), offset_unit="utf-16")
    assert [article.id for article in read] == ["a", "b", "72"]
    assert [(article.text, article.title) for article in read] == [
        (article.text, article.title) for article in articles
    ]
    assert [spans(article) for article in read] == [expected_spans(article) for article in articles]


def test_what_is_written(tmp_path):
    path = tmp_path / "examples.jsonl"
    write_doccano([annotated("🌊 خبر قصير.", "عنوان", "a"), annotated("خبر.")], path)
    first, second = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert first == {
        "text": "عنوان\n🌊 خبر قصير.",
        "label": [[0, 5, "casualty_report"], [6, 18, "official_statement"]],
        "article_id": "a",
        "title": "عنوان",
    }
    assert second == {"text": "خبر.", "label": [[0, 4, "casualty_report"]]}


def test_articles_of_one_id_are_refused(tmp_path):
    with pytest.raises(DataError, match='two articles have the id "a"'):
        write_doccano([annotated("خبر.", name="a")] * 2, tmp_path / "examples.jsonl")
    assert list(tmp_path.iterdir()) == []


def test_what_people_labelled_is_read_again_but_for_second_labels(labelled_file, tmp_path):
    articles = read_labelled(labelled_file)
    path = tmp_path / "labelled.jsonl"
    write_doccano(articles, path)
    expected = [
        replace(article, sentences=tuple(replace(sentence, also=()) for sentence in article.sentences))
        for article in articles
    ]
    assert read_labelled(path, "doccano", offset_unit="utf-16") == expected


def test_sentences_that_the_annotator_abstained_from_are_refused(tmp_path):
    article = annotated("خبر.", name="a")
    unsure = replace(article, sentences=(replace(article.sentences[0], label=None),))
    with pytest.raises(DataError, match=r'article "a": sentence 0 has no label.*annotate without min_score'):
        write_doccano([unsure], tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
