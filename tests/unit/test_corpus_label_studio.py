import json
import xml.etree.ElementTree as ET
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

from khabar.corpus import label_studio_template, read_labelled, write_label_studio
from khabar.errors import DataError
from khabar.labels import Label

TEXT = "أعلن الوزير موعد الانتخابات.\nورحب حزبان بالموعد."


def region(start=0, end=28, label="official_statement", text=None, **changes):
    value = {"start": start, "end": end, "text": TEXT[start:end] if text is None else text, "labels": [label]}
    result = {"value": value, "id": f"r{start}", "from_name": "label", "to_name": "text", "type": "labels"}
    return result | changes


def choice(label, control="label", **changes):
    value = {"choices": [label]}
    return {
        "value": value,
        "id": "c",
        "from_name": control,
        "to_name": "text",
        "type": "choices",
    } | changes


def task(*results, number=5, annotation=None, **data):
    annotations = [{"id": 1, "result": list(results), "was_cancelled": False} | (annotation or {})]
    return {"id": number, "data": {"text": TEXT} | data, "annotations": annotations, "predictions": []}


def write(tmp_path, *tasks):
    path = tmp_path / "export.json"
    path.write_text(json.dumps(tasks, ensure_ascii=False), encoding="utf-8")
    return path


def test_labelled_regions():
    fire, wheat = read_labelled(FORMATS / "label-studio-regions.json")
    assert (fire.id, fire.split, fire.outlet) == ("sohar-0411", "train", "وكالة الخليج")
    assert units(fire) == [TITLE, *FIRE]
    assert fire.sentences[2].also == (Label.OFFICIAL_STATEMENT, Label.CLAIM)
    # Of its two annotations one is marked as ground truth.
    assert (wheat.id, wheat.title, units(wheat)) == ("wheat-0412", None, WHEAT)


def test_choices_on_sentences_with_arabic_labels_under_a_control_of_the_users_own():
    [article] = read_labelled(FORMATS / "label-studio-choices.json")
    assert (article.id, units(article)) == ("wheat-0412", WHEAT)
    assert article.text == "\n".join(text for _, text, _ in WHEAT)


def test_tasks_are_named_by_their_number_where_they_have_no_id(tmp_path):
    [article] = read_labelled(write(tmp_path, task(region())))
    assert article.id == "5"


def test_a_single_task_may_stand_without_a_list(tmp_path):
    path = tmp_path / "5.json"
    path.write_text(json.dumps(task(region())), encoding="utf-8")
    assert len(read_labelled(path)) == 1


def test_choices_need_an_article_or_the_word_that_they_have_none(tmp_path):
    path = write(tmp_path, task(choice("claim")), task(choice("background"), number=6))
    message = complaint(path)
    assert "task 5, data.article_id: is missing or empty" in message
    assert "pass one_sentence_articles=True" in message
    articles = read_labelled(path, one_sentence_articles=True)
    assert [article.id for article in articles] == ["export-1", "export-2"]
    assert [article.sentences[0].label for article in articles] == [Label.CLAIM, Label.BACKGROUND]


def test_keys_and_controls_may_be_named(tmp_path):
    entry = task(
        region(from_name="نوع"), region(0, 4, "claim", from_name="كيان"), key="خبر-9", body=TEXT, text="غيره"
    )
    path = write(tmp_path, entry)
    message = complaint(path)
    assert 'no label was given under a control "label", but under "نوع", "كيان"' in message
    columns = {"label": "نوع", "text": "body", "article_id": "key"}
    [article] = read_labelled(path, columns=columns)
    assert (article.id, len(article.sentences)) == ("خبر-9", 1)
    assert 'under a control "قسم", but under "نوع", "كيان"' in complaint(path, columns={"label": "قسم"})


def test_offsets_of_before_2021_counted_code_units(tmp_path):
    text = "🌊 غرق القارب. ونجا الصيادون."
    shown = "ونجا الصيادون."
    start = text.index(shown)
    new = task(region(start, len(text), text=shown), text=text, number=1)
    old = task(region(start + 1, len(text) + 1, text=shown), text=text, number=2)
    silent = task(region(start, len(text)), text=text, number=3)
    del silent["annotations"][0]["result"][0]["value"]["text"]
    articles = read_labelled(write(tmp_path, new, old, silent))
    assert [article.sentences[0].text for article in articles] == [shown] * 3


def test_offsets_of_regions_without_a_text_count_what_the_caller_says(tmp_path):
    text = "🌊 غرق القارب. ونجا الصيادون."
    entry = task(region(15, 29), text=text)
    del entry["annotations"][0]["result"][0]["value"]["text"]
    [article] = read_labelled(write(tmp_path, entry), offset_unit="utf-16")
    assert article.sentences[0].text == "ونجا الصيادون."
    entry["annotations"][0]["result"][0]["value"]["start"] = 1
    assert "point into the middle of a character" in complaint(write(tmp_path, entry), offset_unit="utf-16")


def test_what_the_editor_makes_of_line_breaks_spaces_and_emoji_is_no_matter(tmp_path):
    text = "قال:\r\n«نعم  🚨 سنعود»."
    shown = "قال:\\n\\n«نعم \ufffd سنعود»."
    [article] = read_labelled(write(tmp_path, task(region(0, len(text), text=shown), text=text)))
    assert article.sentences[0].text == text


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (task(region(label="clam")), 'annotations[0].result[0]: "clam" is no label; use'),
        (task(region(label="clam")), 'did you mean "claim"?'),
        (task(region(0, 10), region(8, 28)), "offsets 8 to 28 reach back before 10"),
        (task(region(40, 60, text="")), f'offsets 40 to 60 give "{TEXT[40:]}", but'),
        (task(region(60, 70, text="")), "offsets 60 to 70 are not within the body"),
        (task(region(-2, 3)), "offsets -2 to 3 are not within the body"),
        (task(region(28, 29)), "hold only white space"),
        (task(region(0, 28, text="نص آخر")), 'but the region\'s own text is "نص آخر"'),
        (
            task(region(value={"start": "/div[1]/text()[1]", "end": "/p[1]", "labels": ["claim"]})),
            '"/div[1]/text()[1]" to "/p[1]" are no offsets into a text; label a Text, not a HyperText',
        ),
        (
            task(region(value={"start": 0, "end": 5, "labels": ["claim", "background"]})),
            'result[0].value.labels: ["claim", "background"] is not one label',
        ),
        (
            task(region(), region(29, 48, type="taxonomy", value={"start": 29, "end": 48})),
            'result[1].type: "taxonomy" is a result that cannot be read',
        ),
        (task(region(label="clam", id=["r", {}])), '"clam" is no label'),
        (task(region(), text=None), "data.text: null is no text"),
        (task(region(), title=3), "data.title: 3 is no string"),
        (task(region(), split=["a"]), 'data.split: ["a"] is no string'),
        (task(region(), choice("claim", "title_label")), "labels a title, but the task has none"),
        (task(region(), number=None, article_id=""), 'has neither "article_id" nor "id"'),
        (task(annotation={"result": None}), "annotations[0].result: null is no list of results"),
        (task(region()) | {"annotations": [12]}, "annotations: [12] is no list of annotations"),
        ({"text": TEXT}, 'is no task, which has "data" and "annotations"'),
        ("خبر", '"خبر" is no task'),
        (task(choice("claim"), choice("background"), article_id="a"), "labels the task 2 times"),
        (task(article_id="a"), "the annotation labels nothing; label it once, or skip it"),
    ],
)
def test_each_breach_is_named_with_its_place(tmp_path, entry, expected):
    path = write(tmp_path, task(region(29, 48, "claim"), number=4), entry)
    message = complaint(path, "label-studio")
    assert "export.json: " in message
    assert expected in message


def test_tasks_of_two_annotators_need_one_that_counts(tmp_path):
    entry = task(region())
    entry["annotations"].append({"id": 2, "result": [region(label="claim")], "was_cancelled": False})
    message = complaint(write(tmp_path, entry))
    assert "task 5, annotations: there are 2, of which 0 are marked as ground truth" in message


def test_sentences_and_articles_are_not_mixed(tmp_path):
    message = complaint(write(tmp_path, task(region()), task(choice("claim"), number=6, article_id="b")))
    assert "tasks: 1 are labelled as a whole and 1 by spans" in message
    assert "leave out one_sentence_articles" in complaint(
        write(tmp_path, task(region())), one_sentence_articles=True
    )


def test_ids_are_unique(tmp_path):
    path = write(tmp_path, task(region(), article_id="a"), task(region(), number=6, article_id="a"))
    assert 'task 6: "a" is the id of task 5 too' in complaint(path)


def test_files_without_annotations(tmp_path):
    path = tmp_path / "tasks.json"
    write_label_studio([annotated(PAGE)], path, model_version="khabar 1")
    assert "none of its 1 tasks is annotated, and predictions are no labels" in complaint(path)


def test_files_that_are_no_json(tmp_path):
    path = tmp_path / "export.json"
    path.write_text('[\n{"id": 1,', encoding="utf-8")
    assert "export.json, line 2: is no JSON (Expecting" in complaint(path, "label-studio")
    path.write_bytes("خبر".encode("cp1256"))
    assert "is not UTF-8" in complaint(path, "label-studio")
    assert "cannot be read as labelled data" in complaint(tmp_path / "none.json", "label-studio")


def exported(path):
    """What Label Studio exports when every prediction of the file that it imported is accepted as it is.

    A prediction becomes an annotation with the same results in another order; regions give their text with
    line breaks spelt out and without the emoji that the editor cannot select.
    """
    tasks = json.loads(path.read_text(encoding="utf-8"))
    for number, entry in enumerate(tasks, start=1):
        [prediction] = entry["predictions"]
        results = []
        for result in reversed(prediction["result"]):
            accepted = {key: value for key, value in result.items() if key != "score"}
            value = {key: item for key, item in result["value"].items() if key != "score"}
            if "text" in value:
                value["text"] = (
                    value["text"].replace("\r", "\\n").replace("\n", "\\n").replace("🚨", "\ufffd")
                )
            results.append(accepted | {"value": value, "origin": "prediction"})
        entry["id"] = number
        entry["predictions"] = [prediction | {"id": number, "task": number, "created_ago": "2 hours"}]
        entry["annotations"] = [
            {
                "id": number,
                "completed_by": {"id": 1, "email": "desk@example.org", "first_name": "", "last_name": ""},
                "result": results,
                "was_cancelled": False,
                "ground_truth": False,
                "lead_time": 12.5,
                "task": number,
                "parent_prediction": number,
            }
        ]
    path.write_text(json.dumps(tasks), encoding="utf-8")
    return path


def test_round_trip(tmp_path):
    articles = [annotated(PAGE, name="a"), annotated(PAGE, HEADLINE, "b"), annotated("خبر قصير.")]
    assert any(article.furniture for article in articles)
    path = tmp_path / "tasks.json"
    write_label_studio(iter(articles), path, model_version="khabar 1")
    read = read_labelled(exported(path))
    assert [article.id for article in read] == ["a", "b", "3"]
    assert [(article.text, article.title) for article in read] == [
        (article.text, article.title) for article in articles
    ]
    assert [spans(article) for article in read] == [expected_spans(article) for article in articles]


def test_what_is_written(tmp_path):
    article = annotated(PAGE, HEADLINE, "b")
    path = tmp_path / "tasks.json"
    write_label_studio([article, annotated("")], path, model_version="khabar 1")
    first, empty = json.loads(path.read_text(encoding="utf-8"))
    assert first["data"] == {"text": PAGE, "title": HEADLINE, "article_id": "b"}
    [prediction] = first["predictions"]
    assert prediction["model_version"] == "khabar 1"
    assert prediction["score"] == pytest.approx(min(sentence.score for sentence in article.sentences))
    title, *regions = prediction["result"]
    assert (title["from_name"], title["to_name"], title["type"]) == ("title_label", "title", "choices")
    assert title["value"] == {"choices": [article.sentences[0].label.value]}
    assert title["score"] == pytest.approx(article.sentences[0].score)
    for result in regions:
        value = result["value"]
        assert value["text"] == PAGE[value["start"] : value["end"]]
    furniture = regions[-len(article.furniture) :]
    for result, sentence in zip(regions[: -len(furniture)], article.sentences[1:], strict=True):
        assert result["value"]["score"] == pytest.approx(sentence.score)
    assert all("score" not in result["value"] for result in furniture)
    assert [result["value"]["labels"] for result in furniture] == [["furniture"]] * len(furniture)
    ids = [result["id"] for result in prediction["result"]]
    assert len(set(ids)) == len(ids)
    assert empty == {
        "data": {"text": "", "title": ""},
        "predictions": [{"model_version": "khabar 1", "result": []}],
    }


def test_no_articles_are_an_empty_list(tmp_path):
    write_label_studio([], tmp_path / "tasks.json", model_version="khabar 1")
    assert json.loads((tmp_path / "tasks.json").read_text(encoding="utf-8")) == []


def test_articles_of_one_id_are_refused_and_nothing_is_left(tmp_path):
    path = tmp_path / "tasks.json"
    path.write_text("before", encoding="utf-8")
    with pytest.raises(DataError, match='two articles have the id "a"'):
        write_label_studio([annotated("خبر.", name="a")] * 2, path, model_version="khabar 1")
    assert path.read_text(encoding="utf-8") == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_the_interface_has_the_controls_and_labels_that_are_written(tmp_path):
    root = ET.fromstring(label_studio_template())
    path = tmp_path / "tasks.json"
    write_label_studio([annotated(PAGE, HEADLINE)], path, model_version="khabar 1")
    [entry] = json.loads(path.read_text(encoding="utf-8"))
    texts = {text.get("name"): text.get("value") for text in root.iter("Text")}
    assert texts == {name: f"${name}" for name in ("title", "text")}
    assert {value.removeprefix("$") for value in texts.values()} <= set(entry["data"])
    controls = {control.get("name"): control for control in root.iter() if control.get("toName")}
    for result in entry["predictions"][0]["result"]:
        control = controls[result["from_name"]]
        assert control.get("toName") == result["to_name"]
        assert control.tag.lower() == result["type"]
        assert set(result["value"][result["type"]]) <= {child.get("value") for child in control}
    assert [child.get("value") for child in controls["label"]] == [*map(str, Label), "furniture"]
    assert [child.get("value") for child in controls["also"]] == [*map(str, Label)]


def test_the_interface_runs_from_right_to_left():
    root = ET.fromstring(label_studio_template())
    [box] = [view for view in root.iter("View") if "direction: rtl" in (view.get("style") or "")]
    assert len(list(box.iter("Text"))) == 2


def test_what_people_labelled_is_read_again_but_for_second_labels_of_titles(labelled_file, tmp_path):
    articles = read_labelled(labelled_file)
    assert any(sentence.also for article in articles for sentence in article.sentences)
    path = tmp_path / "labelled.json"
    write_label_studio(articles, path, model_version="khabar")
    expected = [
        replace(
            article,
            sentences=tuple(
                replace(sentence, also=()) if sentence.part == "title" else sentence
                for sentence in article.sentences
            ),
        )
        for article in articles
    ]
    assert read_labelled(path) == expected


def test_sentences_that_the_annotator_abstained_from_are_refused(tmp_path):
    article = annotated("خبر.", name="a")
    unsure = replace(article, sentences=(replace(article.sentences[0], label=None),))
    with pytest.raises(DataError, match=r'article "a": sentence 0 has no label.*annotate without min_score'):
        write_label_studio([unsure], tmp_path / "out", model_version="khabar 1")
    assert list(tmp_path.iterdir()) == []
