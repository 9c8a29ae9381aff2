import gzip
import json

import pytest
from labelled_articles import BUDGET, ELECTION, FERRY, article

from khabar.corpus import join_labels, write_labels_apart
from khabar.errors import DataError

FERRY_LABELLED = article("w-1", FERRY, title="غرق عبّارة", split="train", outlet="المرسى", guidelines="1.1")
BUDGET_LABELLED = article("w-2", BUDGET)


def write_texts(path, *articles):
    lines = [
        json.dumps({"id": each.id, "title": each.title, "text": each.text, "date": None}, ensure_ascii=False)
        for each in articles
    ]
    content = ("\n".join(lines) + "\n").encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


@pytest.fixture
def labels(tmp_path):
    path = tmp_path / "labels.jsonl"
    write_labels_apart([FERRY_LABELLED, BUDGET_LABELLED], path)
    return path


def test_labels_apart_hold_no_text_and_give_the_same_articles_again(tmp_path, labels):
    for line in labels.read_text(encoding="utf-8").splitlines():
        assert not {"text", "title"} & set(json.loads(line))
    written = labels.read_text(encoding="utf-8")
    assert not any(sentence in written for sentence, _ in FERRY + BUDGET)

    folder = tmp_path / "texts"
    folder.mkdir()
    write_texts(folder / "a.jsonl.gz", article("other", ELECTION), BUDGET_LABELLED)
    write_texts(folder / "b.jsonl", FERRY_LABELLED)
    assert join_labels(labels, folder) == [FERRY_LABELLED, BUDGET_LABELLED]


def test_a_text_that_has_changed_is_not_given_labels_of_another(tmp_path, labels):
    other = article("w-1", [*FERRY[1:], FERRY[0]], title="غرق عبّارة")
    texts = write_texts(tmp_path / "texts.jsonl", other, BUDGET_LABELLED)
    with pytest.raises(DataError, match=r'line 1, fingerprint: .* is not that of the text of "w-1"'):
        join_labels(labels, texts)


def test_a_title_that_has_changed_is_noticed_too(tmp_path, labels):
    other = article("w-1", FERRY, title="غرق سفينة")
    texts = write_texts(tmp_path / "texts.jsonl", other, BUDGET_LABELLED)
    with pytest.raises(DataError, match="line 1, fingerprint"):
        join_labels(labels, texts)


def test_articles_that_are_not_there_are_all_reported(tmp_path, labels):
    texts = write_texts(tmp_path / "texts.jsonl", article("other", ELECTION))
    with pytest.raises(DataError, match="2 problems") as caught:
        join_labels(labels, texts)
    assert 'line 2, id: "w-2" is not among the articles of' in str(caught.value)


def test_an_article_is_labelled_once(tmp_path, labels):
    labels.write_text(labels.read_text(encoding="utf-8") * 2, encoding="utf-8")
    texts = write_texts(tmp_path / "texts.jsonl", FERRY_LABELLED, BUDGET_LABELLED)
    with pytest.raises(DataError, match='"w-1" is the id of line 1 too'):
        join_labels(labels, texts)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"id": "w-1", "title": null}', "line 1: is no article"),
        ('{"id": "w-1", "text": 7}', "line 1: text and title must be strings"),
        ("[]", "line 1: is no article"),
    ],
)
def test_texts_that_are_none_are_refused(tmp_path, labels, content, said):
    (tmp_path / "texts.jsonl").write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=said):
        join_labels(labels, tmp_path / "texts.jsonl")


def test_a_text_whose_id_is_no_string_is_passed_over(tmp_path, labels):
    texts = write_texts(tmp_path / "texts.jsonl", FERRY_LABELLED, BUDGET_LABELLED)
    other = json.dumps({"id": ["w-1"], "text": "نص آخر"}, ensure_ascii=False)
    texts.write_text(f"{other}\n{texts.read_text(encoding='utf-8')}", encoding="utf-8")
    assert join_labels(labels, texts) == [FERRY_LABELLED, BUDGET_LABELLED]


def test_a_folder_without_articles_is_refused(tmp_path, labels):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"holds no \.jsonl"):
        join_labels(labels, tmp_path / "empty")


def test_labels_that_break_the_format_are_reported_with_their_line(tmp_path, labels):
    records = [json.loads(line) for line in labels.read_text(encoding="utf-8").splitlines()]
    records[1]["sentences"][0]["label"] = "clam"
    labels.write_text("\n".join(json.dumps(record) for record in records), encoding="utf-8")
    texts = write_texts(tmp_path / "texts.jsonl", FERRY_LABELLED, BUDGET_LABELLED)
    with pytest.raises(DataError, match=r'line 2, sentences\[0\]\.label: "clam" is no label'):
        join_labels(labels, texts)


def test_lines_that_are_no_article_are_reported_not_passed_over(tmp_path, labels):
    labels.write_text(labels.read_text(encoding="utf-8") + '"w-3"\n', encoding="utf-8")
    texts = write_texts(tmp_path / "texts.jsonl", FERRY_LABELLED, BUDGET_LABELLED)
    with pytest.raises(DataError, match='line 3: "w-3" is no article'):
        join_labels(labels, texts)
