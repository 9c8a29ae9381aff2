import csv
import errno
import gzip
import io
import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from annotated_articles import REFUSED, FakeAnnotator
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

import khabar
from khabar import _files, cli
from khabar.errors import BundleError, InputError

TEXT = "أعلن وزير النقل افتتاح الجسر.\nوقال سكان الحي إن العمل تأخر عامين.\nاقرأ أيضا: أزمة المرور\n"

SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"

POSIX = pytest.mark.skipif(os.name != "posix", reason="permissions, signals and devices are POSIX")


@pytest.fixture
def fake(monkeypatch):
    fake = FakeAnnotator()
    monkeypatch.setattr(cli, "load_annotator", lambda model: fake)
    return fake


@pytest.fixture
def news(tmp_path, monkeypatch):
    """A folder of three articles to work in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLUMNS", raising=False)
    for number in (1, 2, 3):
        Path(f"{number}.txt").write_bytes(f"{TEXT}خبر {number}.".encode())
    return tmp_path


def run(*args, stdin=None):
    return CliRunner().invoke(cli.app, ["annotate", *args], input=stdin)


def records(text):
    return [json.loads(line) for line in text.splitlines()]


def leftovers(folder):
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("."))


# --- what it writes


def test_version():
    result = CliRunner().invoke(cli.app, ["--version"])
    assert (result.exit_code, result.stdout) == (0, f"khabar {khabar.__version__}\n")


@pytest.mark.parametrize("args", [["--help"], ["annotate", "--help"], ["annotate", "-h"]])
def test_help(args):
    result = CliRunner().invoke(cli.app, args)
    assert result.exit_code == 0
    assert "annotate" in result.stdout


@pytest.mark.usefixtures("fake", "news")
def test_html_is_one_page_of_all_articles():
    result = run("1.txt", "2.txt", "--format", "html")
    assert result.exit_code == 0
    assert result.stdout.startswith("<!DOCTYPE html>")
    assert result.stdout.endswith("</html>\n")
    assert result.stdout.count("<html") == 1
    assert result.stdout.count("<article") == 2
    assert '<h2 class="khabar-source"><bdi>2.txt</bdi></h2>' in result.stdout


@pytest.mark.usefixtures("fake", "news")
def test_html_by_the_name_of_the_output_in_english():
    assert run("1.txt", "-o", "page.html", "--language", "en").exit_code == 0
    page = Path("page.html").read_text(encoding="utf-8")
    assert '<html lang="en" dir="ltr">' in page
    assert "official statement" in page


@pytest.mark.usefixtures("fake", "news")
def test_table_is_the_default():
    result = run("1.txt")
    assert result.exit_code == 0
    assert "official_statement   0.70  أعلن وزير النقل افتتاح الجسر.\n" in result.stdout
    assert "3 sentences: 1 official_statement, 1 claim, 1 background\n" in result.stdout
    assert "page furniture left out: 1 related\n" in result.stdout
    assert result.stderr == ""


@pytest.mark.usefixtures("fake", "news")
def test_tables_of_several_files_are_apart():
    result = run("1.txt", "2.txt")
    assert result.stdout.count("\n\n") == 1
    assert result.stdout.index("1.txt\n") < result.stdout.index("2.txt\n")


@pytest.mark.usefixtures("fake", "news")
def test_jsonl_on_standard_output():
    result = run("1.txt", "2.txt", "--format", "jsonl")
    assert [record["source"] for record in records(result.stdout)] == ["1.txt", "2.txt"]
    assert "أعلن وزير النقل" in result.stdout


@pytest.mark.usefixtures("fake", "news")
def test_csv_on_standard_output_has_one_header():
    rows = list(csv.DictReader(io.StringIO(run("1.txt", "2.txt", "--format", "csv").stdout)))
    assert [row["source"] for row in rows] == ["1.txt"] * 3 + ["2.txt"] * 3
    assert rows[1]["label"] == "claim"


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize(
    ("options", "first"),
    [
        (["--output", "out.jsonl"], b"{"),
        (["--output", "out.csv"], b'"source"'),
        (["--output", "OUT.CSV"], b'"source"'),
        (["--output", "out.txt"], b"1.txt\n"),
        (["--output", "out.txt", "--format", "jsonl"], b"{"),
        (["--output", "out.csv", "-f", "table"], b"1.txt\n"),
    ],
)
def test_format_follows_the_name_of_the_output_unless_given(news, options, first):
    result = run("1.txt", *options)
    assert (result.exit_code, result.stdout) == (0, "")
    assert (news / options[1]).read_bytes().startswith(first)


@pytest.mark.usefixtures("fake", "news")
def test_standard_input():
    result = run("-", "--format", "jsonl", stdin=TEXT.encode())
    (record,) = records(result.stdout)
    assert record["source"] == "-"
    assert len(record["sentences"]) == 2


@pytest.mark.usefixtures("fake", "news")
def test_dash_as_output_is_standard_output():
    assert records(run("1.txt", "-f", "jsonl", "--output", "-").stdout)
    assert not Path("-").exists()


@pytest.mark.usefixtures("fake", "news")
def test_title():
    (record,) = records(run("1.txt", "-f", "jsonl", "--title", "افتتاح جسر جديد").stdout)
    assert record["title"] == "افتتاح جسر جديد"
    assert record["sentences"][0]["part"] == "title"


@pytest.mark.usefixtures("fake", "news")
def test_no_title_is_null():
    (record,) = records(run("1.txt", "-f", "jsonl").stdout)
    assert record["title"] is None


def test_model_is_passed_on(news, monkeypatch):
    asked = []
    monkeypatch.setattr(cli, "load_annotator", lambda model: asked.append(model) or FakeAnnotator())
    run("1.txt")
    run("1.txt", "--model", "./mine")
    assert asked == [None, "./mine"]


def test_min_score_and_error_rate_are_passed_on(news, monkeypatch):
    asked = []
    monkeypatch.setattr(cli, "load_annotator", lambda model, **trust: asked.append(trust) or FakeAnnotator())
    run("1.txt", "--min-score", "0.8")
    run("1.txt", "--error-rate", "0.1", "-f", "jsonl", "--min-score", "0.5")
    run("1.txt")
    assert asked == [{"min_score": 0.8}, {"min_score": 0.5, "error_rate": 0.1}, {}]


@pytest.mark.usefixtures("fake", "news")
@pytest.mark.parametrize("chosen", ["table", "csv"])
def test_label_sets_go_with_json_lines_only(chosen):
    result = run("1.txt", "--error-rate", "0.1", "-f", chosen)
    assert result.exit_code == cli.EXIT_USAGE
    assert result.stderr == (
        f"khabar: --error-rate adds label sets, which {chosen} does not hold; use --format jsonl with it\n"
    )


@pytest.mark.usefixtures("news")
@pytest.mark.parametrize("option", ["--min-score", "--error-rate"])
@pytest.mark.parametrize("value", ["7", "-0.1", "nan"])
def test_a_probability_that_is_none_is_a_wrong_command(option, value):
    result = run("1.txt", "-f", "jsonl", option, value)
    assert result.exit_code == cli.EXIT_USAGE
    assert option in result.stderr
    assert "should be" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.usefixtures("news")
def test_an_option_that_the_model_refuses_is_a_wrong_command():
    result = run("1.txt", "-f", "jsonl", "--error-rate", "0.9")
    assert result.exit_code == cli.EXIT_USAGE
    assert result.stderr.startswith("khabar: error_rate is 0.9, but this model has label sets for")
    assert result.stderr.count("\n") == 1


def test_threads_are_passed_on(news, monkeypatch):
    asked = []
    monkeypatch.setattr(
        cli, "load_annotator", lambda model, **chosen: asked.append(chosen) or FakeAnnotator()
    )
    run("1.txt", "--threads", "1")
    assert asked == [{"threads": 1}]
    assert run("1.txt", "--threads", "0").exit_code == cli.EXIT_USAGE


def test_articles_are_written_while_later_ones_are_still_unread(news, fake, monkeypatch):
    handed_over_at_write = []
    write = cli._Stdout.write

    def watch(sink, data):
        handed_over_at_write.append(len(fake.handed_over))
        write(sink, data)

    monkeypatch.setattr(cli._Stdout, "write", watch)
    run(*["1.txt"] * 6, "-f", "jsonl")
    assert handed_over_at_write == [2, 2, 4, 4, 6, 6]


# --- offsets and bytes


@pytest.mark.usefixtures("fake")
def test_line_ends_are_not_translated(news):
    Path("crlf.txt").write_bytes("أعلن وزير.\r\nوقال سكان.\r\n".encode())
    (record,) = records(run("crlf.txt", "-f", "jsonl").stdout)
    assert [piece["start"] for piece in record["sentences"]] == [0, 12]


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize("name", ["bom.txt", "-"])
def test_byte_order_mark_is_not_part_of_the_text(news, name):
    data = b"\xef\xbb\xbf" + TEXT.encode()
    Path("bom.txt").write_bytes(data)
    (record,) = records(run(name, "-f", "jsonl", stdin=data).stdout)
    assert record["sentences"][0]["start"] == 0
    assert record["sentences"][0]["text"] == "أعلن وزير النقل افتتاح الجسر."


@pytest.mark.usefixtures("fake")
def test_empty_file_is_an_article_without_sentences(news):
    Path("empty.txt").touch()
    result = run("empty.txt", "-f", "jsonl")
    assert result.exit_code == 0
    assert records(result.stdout) == [
        {"source": "empty.txt", "title": None, "sentences": [], "furniture": []}
    ]
    assert run("empty.txt", "-f", "csv").stdout.startswith('"source"')
    assert "0 sentences" in run("empty.txt").stdout


# --- JSON Lines


def lines(*values):
    return b"".join(
        (value if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False).encode()) + b"\n"
        for value in values
    )


@pytest.mark.usefixtures("fake", "news")
@pytest.mark.parametrize(("name", "pack"), [("a.jsonl", bytes), ("a.JSONL.GZ", gzip.compress)])
def test_each_line_of_json_lines_is_an_article(name, pack):
    articles = lines(
        {"text": "خبر أول.", "title": "عنوان", "id": "x-1", "outlet": "صحيفة"}, b"", {"text": "خبر ثان."}
    )
    Path(name).write_bytes(pack(articles))
    result = run("1.txt", name, "-f", "jsonl")
    assert result.exit_code == 0
    text, first, second = records(result.stdout)
    assert (text["source"], "id" in text) == ("1.txt", False)
    assert (first["source"], first["id"], first["title"]) == (f"{name}:1", "x-1", "عنوان")
    assert [sentence["part"] for sentence in first["sentences"]] == ["title", "body"]
    assert (second["source"], "id" in second) == (f"{name}:3", False)
    schema = json.loads((SCHEMAS / "annotations.schema.json").read_text())
    for record in (text, first, second):
        Draft202012Validator(schema).validate(record)


@pytest.mark.usefixtures("fake", "news")
def test_a_line_that_holds_no_article_costs_only_itself():
    bad = [b"{bad", ["x"], {"id": 5}, {"text": 5}, {"text": "x", "title": 1}, b'{"text": "\xff"}']
    Path("a.jsonl").write_bytes(lines({"text": "خبر."}, *bad, {"text": REFUSED}, {"text": "خبر."}))
    result = run("a.jsonl", "-f", "jsonl", "--errors", "record")
    assert result.exit_code == 1
    assert [record["source"] for record in records(result.stdout)] == [f"a.jsonl:{n}" for n in range(1, 10)]
    assert ["error" in record for record in records(result.stdout)] == [False, *[True] * 7, False]
    said = result.stderr.splitlines()
    assert said[0].startswith("khabar: a.jsonl:2: the line is no JSON (")
    assert said[1] == 'khabar: a.jsonl:3: the line is ["x"], expected an object; write one object a line'
    assert said[2].startswith("khabar: a.jsonl:4: text is missing, expected a string")
    assert said[-1] == "khabar: 7 of 9 inputs could not be annotated"


@pytest.mark.usefixtures("fake", "news")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none.jsonl", "none.jsonl does not exist"),
        ("sub.jsonl", "sub.jsonl is a folder; name the files in it"),
    ],
)
def test_json_lines_that_are_not_there(name, message):
    Path("sub.jsonl").mkdir()
    result = run(name, "1.txt", "-f", "jsonl")
    assert result.exit_code == 1
    assert f"khabar: {message}" in result.stderr
    assert len(records(result.stdout)) == 1


@POSIX
@pytest.mark.usefixtures("fake", "news")
def test_json_lines_can_come_through_a_named_pipe():
    os.mkfifo("a.jsonl")
    writer = threading.Thread(target=lambda: Path("a.jsonl").write_bytes(lines({"text": "خبر."})))
    writer.start()
    result = run("a.jsonl", "-f", "jsonl")
    writer.join(timeout=10)
    assert result.exit_code == 0
    assert len(records(result.stdout)) == 1


@pytest.mark.usefixtures("fake", "news")
@pytest.mark.parametrize("format_", ["table", "csv", "html"])
def test_every_format_takes_json_lines_with_what_editors_add(format_):
    Path("a.jsonl").write_bytes(
        b"\xef\xbb\xbf" + lines({"text": "خبر."}, {"text": "خبر."}).replace(b"\n", b"\r\n")
    )
    result = run("a.jsonl", "-f", format_, "--workers", "2")
    assert result.exit_code == 0
    assert "a.jsonl:2" in result.stdout


@pytest.mark.usefixtures("fake", "news")
def test_json_lines_that_break_off_keep_what_was_whole():
    whole = gzip.compress(lines(*[{"text": f"خبر {n}."} for n in range(2000)]))
    Path("a.jsonl.gz").write_bytes(whole[: len(whole) * 3 // 4])
    result = run("a.jsonl.gz", "-f", "jsonl")
    assert result.exit_code == 1
    assert len(records(result.stdout)) > 100
    assert "the file cannot be read from here on" in result.stderr


@pytest.mark.usefixtures("fake", "news")
@pytest.mark.parametrize(("given", "found"), [(7, "7"), ({"a": [True, None]}, '{"a": [true, null]}')])
def test_an_id_that_is_no_string_becomes_one(given, found):
    Path("a.jsonl").write_bytes(lines({"text": "خبر.", "id": given}))
    assert records(run("a.jsonl", "-f", "jsonl").stdout)[0]["id"] == found


def test_an_unknown_ending_is_a_table_and_a_bare_one_is_a_format(news, fake):
    run("1.txt", "-o", "out.Xa81")
    assert Path("out.Xa81").read_text(encoding="utf-8").startswith("1.txt")
    run("1.txt", "-o", ".jsonl")
    assert len(records(Path(".jsonl").read_text(encoding="utf-8"))) == 1


@pytest.mark.usefixtures("fake", "news")
@pytest.mark.parametrize("content", [b"", b"\n \n"])
def test_json_lines_without_an_article_are_told(content):
    Path("a.jsonl").write_bytes(content)
    result = run("a.jsonl", "-o", "out.jsonl")
    assert result.exit_code == 1
    assert result.stderr == (
        "khabar: a.jsonl holds no article\n"
        "khabar: 1 of 1 inputs could not be annotated; out.jsonl was not written\n"
    )


@pytest.mark.usefixtures("fake", "news")
@pytest.mark.parametrize(
    "content",
    [
        '{"text": "خبر."}\n{"text": "خبر."}',
        ' [{"text": "خبر."}]',
        "{}",
        '["خبر.", "خبر."]',
        '{"text": "خبر',
        '[{"text": "خبر',
    ],
)
def test_json_is_not_read_as_the_text_of_an_article(content):
    Path("a.json").write_text(content, encoding="utf-8")
    result = run("a.json", "-", "1.txt", "-f", "jsonl", stdin=content.encode())
    assert result.exit_code == 1
    assert "khabar: a.json holds JSON, not the text of an article; write articles in JSON" in result.stderr
    assert "khabar: standard input holds JSON" in result.stderr
    assert [record["source"] for record in records(result.stdout)] == ["1.txt"]


@pytest.mark.usefixtures("fake", "news")
@pytest.mark.parametrize(
    "content", ["[1] قال الوزير.", "{خبر} قال الوزير.", "{} خبر", "[] خبر", "[صور] خبر", '"خبر."']
)
def test_brackets_at_the_beginning_are_text(content):
    Path("a.txt").write_text(content, encoding="utf-8")
    assert run("a.txt").exit_code == 0


# --- bad input: named, left out, the others annotated


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize(
    ("data", "offset", "hint"),
    [
        ("خبر".encode() + b"\xc7\xe1", "byte 0xC7 at offset 6", "WINDOWS-1256"),
        (b"\xef\xbb\xbf\xff", "byte 0xFF at offset 3", "WINDOWS-1256"),
        ("خبر".encode("utf-16"), "byte 0xFF at offset 0", "UTF-16"),
        ("خبر".encode()[:-1], "at offset 4", "iconv"),
        (b"\xed\xa0\x80", "byte 0xED at offset 0", "iconv"),
    ],
)
def test_bytes_that_are_not_utf8(news, data, offset, hint):
    Path("bad.txt").write_bytes(data)
    result = run("1.txt", "bad.txt", "2.txt", "-f", "jsonl", "-o", "out.jsonl")
    assert result.exit_code == 1
    assert "bad.txt is not UTF-8" in result.stderr
    assert offset in result.stderr
    assert hint in result.stderr
    assert "1 of 3 inputs could not be annotated" in result.stderr
    assert [record["source"] for record in records(Path("out.jsonl").read_text())] == ["1.txt", "2.txt"]


@pytest.mark.usefixtures("fake", "news")
@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"%PDF-1.7\n", "a PDF"),
        (b"PK\x03\x04\x14\0", "a Word, Excel or other zipped document"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0", "an older Word or Excel document"),
        (b"{\\rtf1\\ansi", "a document in Rich Text Format"),
        (gzip.compress(b""), "a gzip archive"),
    ],
)
def test_a_document_is_not_taken_for_text(data, kind):
    Path("bad.txt").write_bytes(data)
    result = run("bad.txt")
    assert result.exit_code == 1
    assert result.stderr == (
        f"khabar: bad.txt is {kind}, not plain text; save its text as plain text in UTF-8\n"
    )


@pytest.mark.usefixtures("fake", "news")
def test_standard_input_that_is_not_utf8():
    result = run("-", stdin=b"\xc7\xe1\xce\xc8\xd1")
    assert result.exit_code == 1
    assert "standard input is not UTF-8: byte 0xC7 at offset 0" in result.stderr


@pytest.mark.usefixtures("fake")
def test_folder_in_place_of_a_file(news):
    Path("folder").mkdir()
    result = run("folder", "1.txt", "-f", "jsonl")
    assert result.exit_code == 1
    assert "folder is a folder; name the files in it: folder/*.txt" in result.stderr
    assert len(records(result.stdout)) == 1


@pytest.mark.usefixtures("fake", "news")
def test_missing_file():
    result = run("missing.txt", "1.txt", "-f", "jsonl")
    assert result.exit_code == 1
    assert "khabar: missing.txt does not exist\n" in result.stderr
    assert len(records(result.stdout)) == 1


@pytest.mark.usefixtures("fake", "news")
def test_unreadable_file(monkeypatch):
    def refuse(path):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(_files.Path, "read_bytes", refuse)
    result = run("1.txt")
    assert result.exit_code == 1
    assert result.stderr == "khabar: 1.txt cannot be read: Permission denied\n"


@pytest.mark.usefixtures("fake", "news")
def test_name_with_a_nul_is_an_error_of_that_file():
    result = run("a\0b.txt", "1.txt", "-f", "jsonl")
    assert result.exit_code == 1
    assert "a␀b.txt cannot be read" in result.stderr
    assert len(records(result.stdout)) == 1


@pytest.mark.usefixtures("fake", "news")
def test_file_name_cannot_repaint_the_terminal():
    assert "\x1b" not in run("\x1b[31m.txt").stderr


@pytest.mark.usefixtures("fake")
def test_article_that_the_model_refuses_costs_only_itself(news):
    Path("bad.txt").write_text(REFUSED, encoding="utf-8")
    names = ["1.txt", "bad.txt", "2.txt", "3.txt", "bad.txt", "1.txt"]
    result = run(*names, "-f", "jsonl")
    assert result.exit_code == 1
    assert [r["source"] for r in records(result.stdout)] == ["1.txt", "2.txt", "3.txt", "1.txt"]
    assert result.stderr.count("bad.txt: the text was refused") == 2
    assert "2 of 6 inputs" in result.stderr


@pytest.mark.usefixtures("fake")
def test_errors_can_be_recorded_in_their_places(news):
    Path("bad.txt").write_text(REFUSED, encoding="utf-8")
    names = ["none.txt", "1.txt", "bad.txt", "missing.txt", "2.txt", "3.txt", "gone.txt"]
    result = run(*names, "-o", "out.jsonl", "--errors", "record")
    assert result.exit_code == 1
    found = records(Path("out.jsonl").read_text(encoding="utf-8"))
    assert [record["source"] for record in found] == names
    schema = json.loads((SCHEMAS / "annotation-error.schema.json").read_text(encoding="utf-8"))
    failed = [record for record in found if "error" in record]
    for record in failed:
        Draft202012Validator(schema).validate(record)
    assert [record["error"] for record in failed] == [
        "none.txt does not exist",
        "bad.txt: the text was refused",
        "missing.txt does not exist",
        "gone.txt does not exist",
    ]
    assert result.stderr.splitlines()[:-1] == [f"khabar: {r['error']}" for r in failed]
    assert result.stderr.endswith("khabar: 4 of 7 inputs could not be annotated\n")


@pytest.mark.usefixtures("fake", "news")
def test_nothing_but_errors_is_an_output_too():
    result = run("missing.txt", "-o", "out.jsonl", "--errors", "record")
    assert result.exit_code == 1
    assert records(Path("out.jsonl").read_text()) == [
        {"source": "missing.txt", "error": "missing.txt does not exist"}
    ]


@pytest.mark.usefixtures("fake", "news")
@pytest.mark.parametrize("format_", ["table", "csv"])
def test_errors_cannot_be_recorded_in_another_format(format_):
    result = run("1.txt", "-f", format_, "--errors", "record")
    assert result.exit_code == 2
    assert f"--errors record adds lines of JSON, which {format_} cannot hold" in result.stderr


@pytest.mark.usefixtures("news")
def test_workers_are_passed_on(fake):
    run("1.txt", "2.txt", "--workers", "3")
    assert fake.workers == 3
    run("1.txt")
    assert fake.workers == 1
    assert run("1.txt", "--workers", "0").exit_code == 2


@pytest.mark.usefixtures("news")
def test_error_that_belongs_to_no_article_ends_the_run(monkeypatch):
    class Broken(FakeAnnotator):
        def annotate_many(self, items, **options):
            raise InputError("nothing works")

    monkeypatch.setattr(cli, "load_annotator", lambda model: Broken())
    result = run("1.txt", "-o", "out.jsonl")
    assert (result.exit_code, result.stderr) == (1, "khabar: nothing works\n")


@pytest.mark.usefixtures("fake")
def test_output_is_not_touched_when_no_input_could_be_annotated(news):
    Path("out.jsonl").write_text("kept")
    result = run("missing.txt", "-o", "out.jsonl")
    assert result.exit_code == 1
    assert "out.jsonl was not written" in result.stderr
    assert Path("out.jsonl").read_text() == "kept"
    assert leftovers(news) == []


# --- wrong commands


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["1.txt", "2.txt", "--title", "عنوان"], "--title goes with a single article"),
        (["-", "-"], "standard input (-) was given more than once"),
        (["1.txt", "-o", "none/out.jsonl"], "the folder none does not exist"),
        (["a.jsonl", "--title", "عنوان"], "a.jsonl has titles of its own"),
        (["1.txt", "-o", "out.XLSX"], "no format goes with the ending .XLSX; use one of .jsonl, .csv, .html"),
        (["1.txt", "-o", "out.jsonl.gz"], "no format goes with the ending .gz"),
        (["1.txt", "-o", "."], "is a folder; name a file in it"),
        (["1.txt", "2.txt", "-o", "2.txt"], "is the input 2.txt, which it would overwrite"),
        (["1.txt", "-o", "./sub/../1.txt"], "is the input 1.txt"),
        (["1.txt", "-o", "link.txt"], "is the input 1.txt"),
        (["1.txt", "--format", "xml"], "xml"),
        (["1.txt", "--formt", "csv"], "No such option"),
        ([], "Missing argument"),
    ],
)
def test_usage_error(news, args, message):
    Path("sub").mkdir()
    Path("link.txt").symlink_to("1.txt")
    result = run(*args)
    assert result.exit_code == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert Path("1.txt").read_text(encoding="utf-8").startswith(TEXT)


@pytest.mark.usefixtures("news")
@pytest.mark.parametrize("error", [BundleError("models/x is no khabar model: khabar.json is missing")])
def test_folder_that_is_no_model(monkeypatch, error):
    def refuse(model):
        raise error

    monkeypatch.setattr(cli, "load_annotator", refuse)
    result = run("1.txt", "--model", "models/x", "-o", "out.jsonl")
    assert (result.exit_code, result.stderr) == (2, f"khabar: {error}\n")
    assert not Path("out.jsonl").exists()
    assert leftovers(Path()) == []


# --- writing


@pytest.mark.usefixtures("fake")
@POSIX
def test_new_output_has_the_permissions_of_the_umask(news):
    before = os.umask(0o027)
    try:
        run("1.txt", "-o", "out.jsonl")
    finally:
        os.umask(before)
    assert stat.S_IMODE(Path("out.jsonl").stat().st_mode) == 0o640
    assert leftovers(news) == []


@pytest.mark.usefixtures("fake", "news")
@POSIX
def test_replaced_output_keeps_its_permissions():
    Path("out.jsonl").write_text("old")
    Path("out.jsonl").chmod(0o600)
    run("1.txt", "-o", "out.jsonl")
    assert records(Path("out.jsonl").read_text())
    assert stat.S_IMODE(Path("out.jsonl").stat().st_mode) == 0o600


@pytest.mark.usefixtures("fake", "news")
def test_link_is_followed():
    Path("real.jsonl").write_text("old")
    Path("link.jsonl").symlink_to("real.jsonl")
    run("1.txt", "-o", "link.jsonl")
    assert Path("link.jsonl").is_symlink()
    assert records(Path("real.jsonl").read_text())


class FullDisk(io.BytesIO):
    """A file that takes some bytes and then no more."""

    def __init__(self, room):
        super().__init__()
        self.room = room

    def write(self, data):
        self.room -= len(data)
        if self.room < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(data)


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize("old", [None, "old"])
@pytest.mark.parametrize("room", [0, 2000])
def test_full_disk_while_writing(news, monkeypatch, old, room):
    if old:
        Path("out.jsonl").write_text(old)
    opened = _files.Path.open

    def open_on_full_disk(path, mode="r", **kwargs):
        file = opened(path, mode, **kwargs)
        if mode != "xb":
            return file
        file.close()
        return FullDisk(room)

    monkeypatch.setattr(_files.Path, "open", open_on_full_disk)
    result = run("1.txt", "2.txt", "3.txt", "-o", "out.jsonl")
    monkeypatch.undo()
    assert result.exit_code == 1
    assert result.stderr == (
        "khabar: cannot write to out.jsonl, and nothing was left there: No space left on device\n"
    )
    assert (news / "out.jsonl").exists() is bool(old)
    assert not old or (news / "out.jsonl").read_text() == old
    assert leftovers(news) == []


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_disk_that_fails_at_the_last_moment(news, monkeypatch, step):
    def fail(*args):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(
        *{"fsync": (_files.os, "fsync", fail), "replace": (_files.Path, "replace", fail)}[step]
    )
    result = run("1.txt", "-o", "out.jsonl")
    assert result.exit_code == 1
    assert "Input/output error" in result.stderr
    assert list(news.glob("*.jsonl")) == leftovers(news) == []


@pytest.mark.usefixtures("fake", "news")
def test_folder_that_cannot_be_written_to(monkeypatch):
    def refuse(path, mode="r", **kwargs):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(_files.Path, "open", refuse)
    result = run("1.txt", "-o", "out.jsonl")
    assert result.exit_code == 1
    assert "cannot write to out.jsonl, and nothing was left there: Permission denied" in result.stderr


def test_interruption_leaves_nothing_behind(news, monkeypatch):
    class Interrupted(FakeAnnotator):
        def annotate_many(self, items, **options):
            yield next(super().annotate_many(items, **options))
            raise KeyboardInterrupt

    monkeypatch.setattr(cli, "load_annotator", lambda model: Interrupted())
    result = run("1.txt", "2.txt", "-o", "out.jsonl")
    assert result.exit_code == 130
    assert result.stderr == "khabar: interrupted; out.jsonl was not written\n"
    assert list(news.glob("*.jsonl")) == leftovers(news) == []


@pytest.mark.usefixtures("fake", "news")
def test_progress_bar_is_for_terminals_and_many_files(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    def progress(total, errors, output):
        console = cli.Console(file=errors, _environ={"TERM": "xterm"}, width=80)
        with cli._progress(total, console, output) as step:
            step()
        return errors.getvalue()

    assert "1/3" in progress(3, Terminal(), Path("out.jsonl"))
    assert progress(1, Terminal(), Path("out.jsonl")) == ""
    assert progress(3, io.StringIO(), Path("out.jsonl")) == ""
    monkeypatch.setattr(cli.sys, "stdout", Terminal())
    assert progress(3, Terminal(), None) == ""


def test_terminal_that_does_not_know_arabic_gets_question_marks(monkeypatch):
    class Ascii(io.TextIOWrapper):
        def isatty(self):
            return True

    stream = Ascii(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(cli.sys, "stdout", stream)
    cli._Stdout().write("claim خبر\n".encode())
    assert stream.buffer.getvalue() == b"claim ???\n"


def test_an_unbuffered_stream_takes_everything_or_fails(monkeypatch):
    """It may write a part and say how much: so does standard output under PYTHONUNBUFFERED."""

    class Raw:
        def __init__(self, room):
            self.taken, self.room = b"", room

        def write(self, data):
            if not self.room:
                raise OSError(errno.ENOSPC, "No space left on device")
            part = bytes(data[: min(5, self.room)])
            self.taken += part
            self.room -= len(part)
            return len(part)

    class Stream:
        def __init__(self, room):
            self.buffer = Raw(room)

        def isatty(self):
            return False

        def flush(self):
            pass

    whole = Stream(100)
    monkeypatch.setattr(cli.sys, "stdout", whole)
    cli._Stdout().write("claim خبر\n".encode())
    assert whole.buffer.taken == "claim خبر\n".encode()
    monkeypatch.setattr(cli.sys, "stdout", Stream(7))
    with pytest.raises(OSError, match="No space left"):
        cli._Stdout().write("claim خبر\n".encode())


# --- in a process of its own: pipes, devices, signals

WITH_FAKE = """
import sys
from annotated_articles import FakeAnnotator
from khabar import cli
cli.load_annotator = lambda model: FakeAnnotator()
cli.main()
"""


def start(*args, **kwargs):
    environ = os.environ | {"PYTHONPATH": str(Path(__file__).parent), "PYTHONUTF8": "0"}
    options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | kwargs
    return subprocess.Popen([sys.executable, "-c", WITH_FAKE, "annotate", *args], env=environ, **options)


def test_output_is_utf8_whatever_the_locale(news, monkeypatch):
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    for format_ in cli.Format:
        out, err = start("1.txt", "-f", format_).communicate(timeout=60)
        assert (err, "أعلن وزير النقل" in out.decode("utf-8")) == (b"", True)


@POSIX
@pytest.mark.parametrize("format_", list(cli.Format))
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_closed_pipe_is_a_quiet_end(news, format_, unbuffered, monkeypatch):
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    process = start(*["1.txt"] * 2000, "-f", format_)
    process.stdout.read(10)
    process.stdout.close()
    assert process.wait(timeout=60) == 141
    assert process.stderr.read() == b""
    process.stderr.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("option", [[], ["-o", "/dev/full"], ["-f", "table"]])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_full_device(news, option, unbuffered, monkeypatch):
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    with Path("/dev/full").open("wb") as full:
        process = start("1.txt", "-f", "csv", *option, stdout=full)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert err.decode().startswith("khabar: cannot write to")
    assert err.decode().endswith(": No space left on device\n")
    assert len(err.splitlines()) == 1


@POSIX
@pytest.mark.parametrize("device", ["/dev/stdout", "/dev/null", "pipe"])
def test_special_target_is_written_to_directly(news, device):
    if device == "pipe":
        os.mkfifo("pipe")
        reader = subprocess.Popen(["cat", "pipe"], stdout=subprocess.PIPE)
    process = start("1.txt", "-f", "jsonl", "-o", device)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, b"")
    if device == "pipe":
        out = reader.communicate(timeout=60)[0]
        assert stat.S_ISFIFO(Path("pipe").stat().st_mode)
    assert len(records(out.decode())) == (device != "/dev/null")
    assert leftovers(news) == []


@POSIX
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signal_leaves_nothing_behind(news, number, code):
    os.mkfifo("endless")
    # Where the tests run in the background of a shell, Ctrl-C is ignored, and a child would inherit that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = start("1.txt", "2.txt", "endless", "-o", "out.jsonl")
    finally:
        signal.signal(signal.SIGINT, before)
    # Opening returns when the process reads the third input; two articles are written aside by then.
    with Path("endless").open("wb"):
        time.sleep(0.2)
        assert len(leftovers(news)) == 1
        process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert b"Traceback" not in err
    assert not Path("out.jsonl").exists()
    assert leftovers(news) == []


@POSIX
@pytest.mark.skipif(not Path("/dev/stdout").exists(), reason="needs /dev/stdout")
def test_standard_output_by_its_device_name_can_be_appended_to_a_file(news):
    Path("log").write_text("before\n")
    with Path("log").open("ab") as log:
        process = start("1.txt", "-f", "jsonl", "-o", "/dev/stdout", stdout=log)
        process.communicate(timeout=60)
    assert process.returncode == 0
    first, second = Path("log").read_text(encoding="utf-8").splitlines()
    assert first == "before"
    assert json.loads(second)["source"] == "1.txt"


def test_module_runs_as_the_command():
    command = [sys.executable, "-m", "khabar", "--version"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == (
        f"khabar {khabar.__version__}\n"
    )


def test_help_loads_neither_model_nor_runtime():
    code = (
        "import sys; sys.argv[1:] = ['--help']\n"
        "from khabar.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'onnxruntime', 'numpy', 'tokenizers', 'torch', 'transformers', 'khabar.annotator'}\n"
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
