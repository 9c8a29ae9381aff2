"""Files of archives, in whatever state they are."""

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from khabar.distributed._sources import Columns, fields_of, find_files, look_at, read_records, sha256_of
from khabar.errors import InputError

COLUMNS = Columns(keep=("outlet",))
ROWS = [{"id": str(n), "text": f"نص {n}", "outlet": "صحيفة", "more": n} for n in range(10)]


def write(path, rows):
    lines = b"".join(row if isinstance(row, bytes) else json.dumps(row).encode() + b"\n" for row in rows)
    path.write_bytes(gzip.compress(lines) if path.suffix == ".gz" else lines)
    return path


def read(path, first=0, count=1000):
    return list(read_records(path, first, count, COLUMNS))


def records_of(path):
    return look_at(path, path.name, sha256_of(path)).records


@pytest.fixture(params=["a.jsonl", "a.jsonl.gz", "a.parquet", "A.JSONL"])
def archive(request, tmp_path):
    path = tmp_path / request.param
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(ROWS), path, row_group_size=4)
        return path
    return write(path, ROWS)


def test_stretches_of_a_file_are_the_whole_file(archive):
    assert records_of(archive) == 10
    assert "text" in fields_of(archive)
    found = [record for first in range(0, 10, 3) for record in read(archive, first, 3)]
    assert found == read(archive)
    assert [record.number for record in found] == list(range(1, 11))
    assert [record.row.text for record in found] == [row["text"] for row in ROWS]
    assert [record.row.id for record in found] == [row["id"] for row in ROWS]
    assert {record.kept for record in found} == {("صحيفة",)}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"text": \n', "the line is no JSON (Expecting value at column 10)"),
        (b'{"text": "\xe3"}\n', "byte 11 of the line is not UTF-8"),
        (b"[1, 2]\n", "the line is [1, 2], expected an object"),
        (b"[" * 100_000 + b"\n", "the line is beyond what can be read as JSON"),
    ],
)
def test_a_line_that_is_no_article_says_so_in_its_place(tmp_path, line, reason):
    path = write(tmp_path / "a.jsonl", [ROWS[0], line, ROWS[1]])
    first, bad, last = read(path)
    assert (first.row.text, last.row.text, last.number) == ("نص 0", "نص 1", 3)
    assert bad.number == 2
    assert bad.row.error.startswith(reason)
    assert bad.kept == (None,)


def test_empty_lines_are_counted_and_hold_no_record(tmp_path):
    path = write(tmp_path / "a.jsonl", [b"\n", ROWS[0], b"  \r\n", ROWS[1]])
    assert records_of(path) == 4
    assert [record.number for record in read(path)] == [2, 4]


def test_a_byte_order_mark_is_no_text(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(ROWS[0]).encode())
    assert read(path)[0].row.text == "نص 0"


def test_a_file_that_was_cut_off_gives_what_it_has_and_an_error(tmp_path):
    rows = [{"text": f"{n} " + "".join(chr(1570 + n * k * k % 40) for k in range(400))} for n in range(200)]
    path = write(tmp_path / "a.jsonl.gz", rows)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    records = records_of(path)
    assert 10 < records < 200
    found = [record for first in range(0, records, 7) for record in read(path, first, 7)]
    assert len(found) == records
    assert [record.row.text for record in found[:-1]] == [row["text"] for row in rows[: records - 1]]
    assert found[-1].row.error.startswith("the file cannot be read from here on (Compressed file ended")


def test_a_file_that_is_no_parquet_is_one_bad_record(tmp_path):
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1 and nothing else")
    assert records_of(path) == 1
    assert fields_of(path) is None
    (bad,) = read(path, 0, 1)
    assert bad.row.error.startswith("the rows from here to 1 cannot be read as Parquet (")


def test_a_parquet_without_the_columns_has_its_rows(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"body": ["x", "y"]}), path)
    assert [(record.number, record.row.text) for record in read(path)] == [(1, None), (2, None)]


def test_text_files_are_articles_called_by_their_names(tmp_path):
    (tmp_path / "خبر.txt").write_bytes("\ufeffنص\r\nآخر".encode())
    (record,) = read(tmp_path / "خبر.txt")
    assert (record.row.id, record.row.text) == ("خبر", "نص\r\nآخر")
    (tmp_path / "old.txt").write_bytes("نص".encode("cp1256"))
    (record,) = read(tmp_path / "old.txt")
    assert record.row.error.startswith("the file is not UTF-8: byte 0xE4 at offset 0")


def test_kept_values_are_strings(tmp_path):
    values = ["x", None, 3, {"a": ["ب"]}]
    path = write(tmp_path / "a.jsonl", [{"text": "نص", "outlet": value} for value in values] + [{"text": ""}])
    assert [record.kept for record in read(path)] == [("x",), (None,), ("3",), ('{"a": ["ب"]}',), (None,)]


def test_files_are_found_in_all_folders_but_hidden_ones(tmp_path):
    names = [
        "b/2.txt",
        "a.jsonl",
        "b/1.txt",
        "c.Parquet",
        ".hidden/a.txt",
        "_temporary/a.txt",
        "_SUCCESS",
        "d.csv",
    ]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    files, others = find_files(tmp_path)
    found = [path.relative_to(tmp_path).as_posix() for path in files]
    assert found == ["a.jsonl", "b/1.txt", "b/2.txt", "c.Parquet"]
    assert others == 1


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none", "does not exist; name a file or a folder"),
        ("a.csv", r"is no file of articles; its name must end in one of \.jsonl, \.jsonl\.gz"),
        ("", r"holds no file of articles; their names must end"),
    ],
)
def test_an_archive_without_articles_is_told(tmp_path, name, message):
    (tmp_path / "a.csv").touch()
    with pytest.raises(InputError, match=message):
        find_files(tmp_path / name)
