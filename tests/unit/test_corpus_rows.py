"""Formats with a sentence in each row: CSV, Parquet and `datasets` folders."""

import sys

import pytest
from labelled_formats import FIRE, FORMATS, TITLE, WHEAT, complaint, units

from khabar.corpus import read_labelled
from khabar.errors import MissingExtraError
from khabar.labels import Label

ARABIC_COLUMNS = {"article_id": "المقال", "sentence": "الجملة", "label": "التصنيف"}
HEADER = "article_id,sentence,label"


def csv(tmp_path, *lines, name="rows.csv", encoding="utf-8"):
    path = tmp_path / name
    path.write_text("\n".join(lines) + "\n", encoding=encoding, newline="")
    return path


def test_comma_separated():
    fire, wheat = read_labelled(FORMATS / "sentences.csv")
    assert (fire.id, fire.title, fire.split, fire.outlet) == (
        "sohar-0411",
        TITLE[1],
        "train",
        "وكالة الخليج",
    )
    assert units(fire) == [TITLE, *FIRE]
    assert fire.text == "\n".join(text for _, text, _ in FIRE)
    assert fire.sentences[2].also == (Label.OFFICIAL_STATEMENT, Label.CLAIM)
    assert (wheat.id, wheat.title, wheat.split, wheat.outlet) == ("wheat-0412", None, "test", None)
    assert units(wheat) == WHEAT


def test_as_excel_exports_it_with_columns_of_the_users_own():
    fire, wheat = read_labelled(FORMATS / "sentences-excel.csv", columns=ARABIC_COLUMNS)
    assert units(fire) == FIRE
    assert units(wheat) == WHEAT


def test_tab_separated_and_shuffled_with_a_column_for_the_order():
    wheat, fire = read_labelled(FORMATS / "sentences-shuffled.tsv")
    assert units(wheat) == WHEAT
    assert units(fire) == [TITLE, *FIRE]


def test_excels_hint_at_the_separator_is_no_header(tmp_path):
    path = csv(tmp_path, "sep=;", "article_id;sentence;label", "1;خبر;claim", "1;خبر ثان;clam")
    assert "line 4, label" in complaint(path)
    path = csv(tmp_path, "sep=;", "article_id;sentence;label", "1;خبر;claim")
    assert len(read_labelled(path)) == 1


def test_cells_may_hold_line_breaks_quotes_and_outer_space(tmp_path):
    path = csv(tmp_path, HEADER, '7,"  قال: ""نعم"".\nوسكت. ",claim', '7,"خبر، ثان",claim', "7,x,clam")
    assert "line 5, label" in complaint(path)
    path = csv(tmp_path, HEADER, '7,"  قال: ""نعم"".\nوسكت. ",claim', '7,"خبر، ثان",claim')
    [article] = read_labelled(path)
    assert units(article) == [
        ("body", 'قال: "نعم".\nوسكت.', Label.CLAIM),
        ("body", "خبر، ثان", Label.CLAIM),
    ]


def test_orders_and_ids_may_be_numbers_that_pandas_made_floats(tmp_path):
    path = csv(
        tmp_path,
        "article_id,order,sentence,label",
        "3,2.0,ب,claim",
        "3,1.0,أ,claim",
        "3,٣,ج,claim",
    )
    [article] = read_labelled(path)
    assert article.text == "أ\nب\nج"


def test_sentences_alone_only_when_asked_for(tmp_path):
    path = csv(tmp_path, "sentence,label", "خبر,claim", "خبر ثان,background")
    message = complaint(path)
    assert 'column "article_id" is missing; there are "sentence", "label"' in message
    assert "pass one_sentence_articles=True" in message
    articles = read_labelled(path, one_sentence_articles=True)
    assert [article.id for article in articles] == ["rows-1", "rows-2"]
    assert [article.text for article in articles] == ["خبر", "خبر ثان"]


def test_sentences_alone_keep_ids_that_they_have(tmp_path):
    path = csv(tmp_path, HEADER, "a,خبر,claim", "a,خبر ثان,background")
    message = complaint(path, one_sentence_articles=True)
    assert 'line 3, article_id: "a" is the id of line 2 too' in message


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("article_id,sentense,label", 'column "sentence" is missing'),
        ("article_id,sentense,label", 'columns={"sentence": …}; did you mean "sentense"?'),
        ("article_id,sentence,label,splits", 'no column "split", but one with nearly that name'),
        ("article_id,sentence,label,label", 'column "label" is there twice'),
        ("a,b,c", 'column "article_id" is missing; there are "a", "b", "c"'),
    ],
)
def test_columns_that_are_not_there(tmp_path, header, expected):
    message = complaint(csv(tmp_path, header, ",".join("x" * len(header.split(",")))))
    assert "line 1: " in message
    assert expected in message


def test_a_column_that_was_named_has_to_be_there(tmp_path):
    path = csv(tmp_path, HEADER, "a,خبر,claim")
    assert 'column "fold" is missing' in complaint(path, columns={"split": "fold"})


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (",خبر,claim,,,", "article_id: is missing or empty; name the article"),
        ("a, ,claim,,,", "sentence: is empty"),
        ("a,\u200e\u200f,claim,,,", "shows nothing"),
        ("a,خبر,clam,,,", 'label: "clam" is no label'),
        ("a,خبر,claim,,,lead", 'part: "lead" is no part; use "title", "body" or leave it empty'),
        ("a,خبر,claim,,,titel", 'did you mean "title"?'),
        ("a,خبر,claim,,claim,", 'also: "claim" is there twice'),
        ("a,خبر,claim,,background|opinion,", 'also: "opinion" is no label'),
        ("a,خبر,claim,test,,", 'split: "test", but line 2 of the same article says "train"'),
        ("a,خبر,claim", "has 3 cells, the header 6; put quotation marks around a cell that holds a comma"),
        ('a,"خبر" عاجل,claim,,,', "is no CSV (',' expected after '\"')"),
        ('a,"خبر,claim,,,', "is no CSV (unexpected end of data)"),
    ],
)
def test_each_breach_of_a_row_is_named_with_its_place(tmp_path, cells, expected):
    path = csv(tmp_path, f"{HEADER},split,also,part", "a,خبر أول,background,train,,", cells)
    message = complaint(path)
    assert "rows.csv: 1 problem" in message
    assert "line 3" in message
    assert expected in message


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("", "line 3, order: is empty; number the sentences"),
        ("ثاني", 'line 3, order: "ثاني" is no place in an order'),
        ("1.5", 'line 3, order: "1.5" is no place in an order'),
        ("1", "line 3, order: 1 is the place of line 2 too"),
    ],
)
def test_orders_that_are_none(tmp_path, order, expected):
    path = csv(tmp_path, f"{HEADER},order", "a,خبر,claim,1", f"a,خبر ثان,claim,{order}")
    assert expected in complaint(path)


def test_torn_articles_need_an_order(tmp_path):
    path = csv(tmp_path, HEADER, "a,أ,claim", "b,ب,claim", "a,ت,claim", "b,ث,claim", "a,ج,claim")
    message = complaint(path)
    assert 'line 4, article_id: "a" stood before, with rows of other articles between' in message
    assert 'add a column "order"' in message
    assert "2 problems" in message


def test_all_problems_come_at_once_and_the_list_is_capped(tmp_path):
    path = csv(tmp_path, HEADER, *(f"a{n},,clam" for n in range(30)))
    message = complaint(path)
    assert "60 problems" in message
    assert len(message.splitlines()) == 1 + 20 + 1


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ((), "is empty; the first line names the columns"),
        ((HEADER,), "holds no sentence"),
        (
            (HEADER, ",,", "a,خبر,", "a,خبر ثان,"),
            "no row has a label, and an empty label means page furniture",
        ),
    ],
)
def test_files_without_labels(tmp_path, lines, expected):
    assert expected in complaint(csv(tmp_path, *lines))


@pytest.mark.parametrize(("encoding", "looks"), [("cp1256", "WINDOWS-1256"), ("utf-16", "UTF-16")])
def test_other_encodings_are_refused_with_a_way_out(tmp_path, encoding, looks):
    path = csv(tmp_path, HEADER, "a,خبر,claim", encoding=encoding)
    message = complaint(path)
    assert f"iconv -f {looks} -t UTF-8" in message
    assert "in Excel, save as «CSV UTF-8 (Comma delimited)»" in message


def test_files_that_are_not_there(tmp_path):
    assert "cannot be read as labelled data (No such file" in complaint(tmp_path / "none.csv")


RECORDS = [
    {"article_id": 7, "sentence": text, "label": label, "also": ["claim"] if label == "background" else []}
    for _, text, label in WHEAT
]


@pytest.fixture
def parquet(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    def write(records, name="rows.parquet"):
        path = tmp_path / name
        pq.write_table(pyarrow.Table.from_pylist(records), path)
        return path

    return write


def test_parquet(parquet):
    [article] = read_labelled(parquet(RECORDS))
    assert (article.id, units(article)) == ("7", WHEAT)
    assert article.sentences[2].also == (Label.CLAIM,)


def test_parquet_problems_name_the_row(parquet):
    numbered = [record | {"label": number} for number, record in enumerate(RECORDS)]
    message = complaint(parquet([*numbered[:2], numbered[2] | {"sentence": None}]))
    assert "row 2, label: 1 is no label" in message
    assert "row 3, sentence: is empty" in message


def test_parquet_columns_are_checked_and_may_be_named(parquet):
    renamed = [
        {"doc": record["article_id"], "text": record["sentence"], "label": record["label"]}
        for record in RECORDS
    ]
    path = parquet(renamed)
    assert 'columns: column "sentence" is missing; there are "doc", "text", "label"' in complaint(path)
    [article] = read_labelled(path, columns={"article_id": "doc", "sentence": "text"})
    assert units(article) == WHEAT


def test_a_file_that_is_no_parquet(tmp_path):
    pytest.importorskip("pyarrow")
    path = tmp_path / "rows.parquet"
    assert "cannot be read as Parquet" in complaint(path)
    path.write_bytes(b"PAR1 and then nothing of the kind")
    assert "cannot be read as Parquet" in complaint(path)


@pytest.mark.parametrize(("absent", "name"), [("pyarrow", "rows.parquet"), ("datasets", "folder")])
def test_without_the_extra_one_error_names_it(tmp_path, monkeypatch, absent, name):
    monkeypatch.setitem(sys.modules, absent, None)
    path = tmp_path / name
    with pytest.raises(
        MissingExtraError, match=r"which comes with `pip install 'khabar\[train\]'`"
    ) as caught:
        read_labelled(path, "parquet" if absent == "pyarrow" else "datasets")
    assert f"needs the package '{absent}'" in str(caught.value)


def test_folder_of_one_dataset(tmp_path):
    datasets = pytest.importorskip("datasets")
    datasets.Dataset.from_list(RECORDS).save_to_disk(tmp_path / "folder")
    [article] = read_labelled(tmp_path / "folder")
    assert (article.split, units(article)) == (None, WHEAT)


def test_folder_of_splits_with_labels_by_number(tmp_path):
    datasets = pytest.importorskip("datasets")
    names = [label.value for label in Label]
    features = datasets.Features(
        {
            "article_id": datasets.Value("string"),
            "sentence": datasets.Value("string"),
            "label": datasets.ClassLabel(names=names),
        }
    )

    def table(name, rows):
        records = [{"article_id": name, "sentence": text, "label": label} for _, text, label in rows]
        return datasets.Dataset.from_list(records, features=features)

    folder = tmp_path / "folder"
    datasets.DatasetDict({"train": table("a", WHEAT), "test": table("b", WHEAT[:1])}).save_to_disk(folder)
    first, second = read_labelled(folder)
    assert (first.split, units(first)) == ("train", WHEAT)
    assert (second.split, units(second)) == ("test", WHEAT[:1])


def test_folder_problems_name_split_and_row(tmp_path):
    datasets = pytest.importorskip("datasets")
    bad = datasets.Dataset.from_list([RECORDS[0] | {"label": "clam"}])
    datasets.DatasetDict({"train": bad}).save_to_disk(tmp_path / "folder")
    assert 'train row 1, label: "clam" is no label' in complaint(tmp_path / "folder")


def test_folders_that_are_damaged_or_something_else(tmp_path):
    datasets = pytest.importorskip("datasets")
    folder = tmp_path / "folder"
    datasets.Dataset.from_list(RECORDS).save_to_disk(folder)
    for shard in folder.glob("*.arrow"):
        shard.write_bytes(b"no arrow")
    assert "cannot be read as a dataset that `save_to_disk` left" in complaint(folder)
    assert "cannot be read as a dataset that `save_to_disk` left" in complaint(tmp_path, "datasets")
