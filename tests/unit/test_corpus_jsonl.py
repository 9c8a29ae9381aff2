import json
from pathlib import Path

import pytest

from khabar.corpus import read_jsonl
from khabar.errors import DataError
from khabar.labels import Label

ARTICLES = Path(__file__).parents[1] / "data" / "articles.jsonl"


def record(**changes):
    """A good article of two sentences; ``sentence`` replaces the fields of the second one."""
    second = {"part": "body", "start": 0, "end": 14, "label": "claim", "also": []} | changes.pop(
        "sentence", {}
    )
    title = {"part": "title", "start": 0, "end": 9, "label": "background"}
    good = {"id": "a1", "title": "عين الماء", "text": "جف النبع أمس. ", "sentences": [title, second]}
    return {key: value for key, value in (good | changes).items() if value != "absent"}


def write(tmp_path, *lines):
    path = tmp_path / "labelled.jsonl"
    path.write_text(
        "\n".join(line if isinstance(line, str) else json.dumps(line, ensure_ascii=False) for line in lines),
        encoding="utf-8",
    )
    return path


def complaint(path):
    with pytest.raises(DataError) as caught:
        read_jsonl(path)
    return str(caught.value)


def test_own_articles_are_read_whole():
    articles = read_jsonl(ARTICLES)
    assert len(articles) == 13
    assert {article.split for article in articles} == {"train", "validation", "test"}
    labels = [sentence.label for article in articles for sentence in article.sentences]
    assert set(labels) == {*Label, None}
    for article in articles:
        for sentence in article.sentences:
            string = article.title if sentence.part == "title" else article.text
            assert string[sentence.start : sentence.end] == sentence.text


def test_fields_arrive_where_they_belong(tmp_path):
    path = write(
        tmp_path, record(split="train", outlet="النبع", guidelines="1.1", date=None, source_repo="x")
    )
    [article] = read_jsonl(path)
    assert (article.id, article.title, article.split) == ("a1", "عين الماء", "train")
    assert (article.outlet, article.guidelines) == ("النبع", "1.1")
    title, body = article.sentences
    assert (title.part, title.text, title.label, title.also) == ("title", "عين الماء", Label.BACKGROUND, ())
    assert (body.part, body.start, body.end, body.label) == ("body", 0, 14, Label.CLAIM)


def test_optional_fields_may_be_absent_or_null(tmp_path):
    sentence = {"part": "body", "start": 0, "end": 3, "label": None}
    path = write(tmp_path, {"id": "a", "text": "خبر", "title": None, "sentences": [sentence]})
    [article] = read_jsonl(path)
    assert (article.title, article.split, article.outlet, article.guidelines) == (None, None, None, None)
    assert article.sentences[0].label is None


def test_second_labels_are_kept_in_order(tmp_path):
    path = write(tmp_path, record(sentence={"also": ["background", "casualty_report"]}))
    [article] = read_jsonl(path)
    assert article.sentences[1].also == (Label.BACKGROUND, Label.CASUALTY_REPORT)


def test_empty_lines_windows_lines_and_a_byte_order_mark_are_no_matter(tmp_path):
    path = tmp_path / "labelled.jsonl"
    line = json.dumps(record(), ensure_ascii=False)
    path.write_bytes(b"\xef\xbb\xbf" + f"{line}\r\n\r\n".encode())
    assert len(read_jsonl(str(path))) == 1


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"id": "absent"}, 'key "id" is missing; add it'),
        ({"id": ""}, "id: is empty"),
        ({"id": 7}, "id: 7 is no string; write a string."),
        ({"text": None}, "text: null is no string"),
        ({"title": 3, "sentence": {}}, "title: 3 is no string; write a string or null"),
        ({"sentences": "absent"}, 'key "sentences" is missing'),
        ({"sentences": {}}, "sentences: {} is no list"),
        ({"sentences": []}, "sentences: is empty"),
        ({"sentences": ["x"]}, 'sentences[0]: "x" is no sentence; write an object with "part", "start"'),
        ({"splt": "train"}, 'unknown key "splt"; did you mean "split"?'),
        ({"sentence": {"label": "clam"}}, 'sentences[1].label: "clam" is no label'),
        ({"sentence": {"label": "clam"}}, 'did you mean "claim"?'),
        ({"sentence": {"label": "Official_Statment"}}, 'did you mean "official_statement"?'),
        ({"sentence": {"label": 2}}, "sentences[1].label: 2 is no label"),
        ({"sentence": {"also": "claim"}}, 'sentences[1].also: "claim" is no list'),
        ({"sentence": {"also": ["casualty"]}}, 'did you mean "casualty_report"?'),
        ({"sentence": {"also": ["claim"]}}, 'sentences[1].also: "claim" is there twice'),
        (
            {"sentence": {"alos": []}},
            'unknown key "alos"; a sentence has "part", "start", "end", "label", "also"',
        ),
        ({"sentence": {"part": "boddy"}}, 'sentences[1].part: "boddy" is no part; use "title", "body"'),
        ({"sentence": {"part": "lead"}}, 'sentences[1].part: "lead" is no part'),
        ({"title": None}, 'sentences[0].part: "title", but the article has no title'),
        ({"sentence": {"start": "0"}}, 'sentences[1].start: "0" is no offset'),
        ({"sentence": {"start": True}}, "sentences[1].start: true is no offset"),
        ({"sentence": {"end": 4.0}}, "sentences[1].end: 4.0 is no offset"),
        ({"sentence": {"end": 15}}, "offsets 0 to 15 are not within the body, which has 14 characters"),
        ({"sentence": {"start": -1}}, "offsets -1 to 14 are not within"),
        ({"sentence": {"start": 5, "end": 5}}, "offsets 5 to 5 are not within"),
        ({"sentence": {"start": 13, "end": 14}}, "hold only white space"),
    ],
)
def test_each_breach_is_named_with_its_place(tmp_path, changes, expected):
    message = complaint(write(tmp_path, record(id="good"), record(**changes)))
    assert "labelled.jsonl: 1 problem" in message
    assert "line 2" in message
    assert expected in message


def test_renamed_key_is_recognised(tmp_path):
    bad = record()
    bad["sentences"][0]["lable"] = bad["sentences"][0].pop("label")
    assert 'key "label" is missing; rename "lable"' in complaint(write(tmp_path, bad))


def test_overlapping_and_disordered_sentences_are_refused(tmp_path):
    def body(start, end):
        return {"part": "body", "start": start, "end": end, "label": "claim"}

    title = {"part": "title", "start": 0, "end": 3, "label": "claim"}
    message = complaint(write(tmp_path, record(sentences=[body(0, 8), body(5, 12), title])))
    assert "sentences[1]: offsets 5 to 12 reach back before 8" in message
    assert "sentences[2]: a title stands behind a body sentence" in message


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("{", "is no JSON (Expecting property name"),
        ("[1, 2]", "[1, 2] is no article"),
        ("[" * 100_000, "is beyond what can be read as JSON"),
        ('{"id": ' + "9" * 5000 + "}", "is beyond what can be read as JSON"),
    ],
)
def test_lines_that_are_no_article(tmp_path, line, expected):
    message = complaint(write(tmp_path, record(), line))
    assert f"line 2: {expected}" in message


def test_bytes_that_are_not_utf8_are_named_with_their_line(tmp_path):
    path = tmp_path / "labelled.jsonl"
    path.write_bytes(json.dumps(record()).encode() + '\n{"id": "خ"}'.encode("cp1256"))
    assert "line 2: byte 9 of the line is not UTF-8" in complaint(path)


def test_ids_are_unique(tmp_path):
    message = complaint(write(tmp_path, record(), record(id="a2"), record()))
    assert 'line 3, id: "a1" is the id of line 1 too' in message


def test_all_problems_come_at_once_and_the_list_is_capped(tmp_path):
    bad = [record(id=f"a{n}", sentence={"label": "clam", "end": 99}) for n in range(15)]
    message = complaint(write(tmp_path, *bad))
    assert "30 problems" in message
    assert len(message.splitlines()) == 1 + 20 + 1
    assert message.endswith("… and 10 more.")


def test_long_values_are_cut_in_messages(tmp_path):
    message = complaint(write(tmp_path, record(sentence={"label": "x" * 10_000})))
    assert len(message) < 400


def test_files_that_hold_nothing_or_are_not_there(tmp_path):
    empty = tmp_path / "empty.jsonl"
    empty.touch()
    assert "empty.jsonl: holds no article" in complaint(empty)
    assert "cannot be read as labelled data (No such file or directory)" in complaint(tmp_path / "none.jsonl")
    assert "cannot be read as labelled data (Is a directory)" in complaint(tmp_path)
