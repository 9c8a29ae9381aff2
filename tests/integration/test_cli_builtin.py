"""The command as installed, with the model that ships."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from khabar.labels import Label

ROOT = Path(__file__).parents[2]

ARTICLE = """الدفاع المدني: مقتل ستة أشخاص في انهيار مبنى بالعاصمة

أعلن المتحدث باسم الدفاع المدني مقتل ستة أشخاص وإصابة أحد عشر آخرين في انهيار مبنى من خمسة طوابق فجر الثلاثاء.
وقال وزير الداخلية في مؤتمر صحفي إن السلطات فتحت تحقيقا في أسباب الانهيار.
ورجحت مصادر مطلعة أن يكون سبب الانهيار أعمال ترميم جرت من دون ترخيص.
ويعود بناء العمارة إلى سبعينيات القرن الماضي، حين توسعت الأحياء الشرقية للمدينة.
"""


@pytest.fixture(scope="module")
def news(tmp_path_factory):
    folder = tmp_path_factory.mktemp("news")
    (folder / "1.txt").write_bytes(ARTICLE.encode())
    (folder / "2.txt").write_bytes(ARTICLE.replace("\n", "\r\n").encode())
    (folder / "empty.txt").touch()
    (folder / "latin.txt").write_text("Only Latin letters here. And a second sentence.", encoding="utf-8")
    (folder / "bad.txt").write_bytes("خبر".encode("windows-1256"))
    return folder


def run(folder, *args, stdin=b""):
    return subprocess.run(
        [sys.executable, "-m", "khabar", "annotate", *args],
        cwd=folder,
        input=stdin,
        capture_output=True,
        timeout=120,
        check=False,
    )


def test_jsonl(news):
    names = ["1.txt", "bad.txt", "2.txt", "empty.txt", "latin.txt"]
    done = run(news, *names, "--output", "out.jsonl")
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"bad.txt is not UTF-8: byte 0xCE at offset 0" in done.stderr
    schema = json.loads((ROOT / "docs/schemas/annotations.schema.json").read_text(encoding="utf-8"))
    validator = Draft202012Validator(schema)
    records = [json.loads(line) for line in (news / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [record["source"] for record in records] == ["1.txt", "2.txt", "empty.txt", "latin.txt"]
    for record in records:
        validator.validate(record)
        text = (news / record["source"]).read_bytes().decode()
        for piece in record["sentences"] + record["furniture"]:
            assert text[piece["start"] : piece["end"]] == piece["text"]
    assert [s["part"] for s in records[0]["sentences"]] == ["title"] + ["body"] * 4
    assert [s["label"] for s in records[0]["sentences"]] == [s["label"] for s in records[1]["sentences"]]
    assert records[2]["sentences"] == []


def test_csv_from_standard_input_with_a_title(news):
    body = ARTICLE.partition("\n\n")[2]
    done = run(news, "-", "--format", "csv", "--title", "انهيار مبنى بالعاصمة", stdin=body.encode())
    assert (done.returncode, done.stderr) == (0, b"")
    rows = list(csv.DictReader(io.StringIO(done.stdout.decode(), newline="")))
    assert [row["part"] for row in rows] == ["title"] + ["body"] * 4
    assert rows[0]["text"] == "انهيار مبنى بالعاصمة"
    for row in rows:
        scores = {label: float(row[f"score_{label}"]) for label in Label}
        assert max(scores, key=scores.__getitem__) == row["label"]
        assert sum(scores.values()) == pytest.approx(1, abs=2e-6)


def test_table_of_an_article_whose_labels_are_beyond_doubt(news):
    done = run(news, "1.txt")
    table = done.stdout.decode()
    assert (done.returncode, done.stderr) == (0, b"")
    assert "\x1b" not in table
    labels = [line.split()[1] for line in table.splitlines() if line.startswith(("title", "body"))]
    assert len(labels) == 5
    assert labels[1] == "casualty_report"
    assert labels[2] == "official_statement"
    assert labels[3] == "claim"
    assert labels[4] == "background"


@pytest.mark.parametrize("model", ["missing", "empty"])
def test_folder_that_is_no_model(news, model):
    (news / "empty").mkdir(exist_ok=True)
    done = run(news, "1.txt", "--model", f"./{model}", "--output", "none.jsonl")
    assert done.returncode == 2
    assert done.stderr.startswith(b"khabar: ")
    assert model.encode() in done.stderr
    assert b"Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (news / "none.jsonl").exists()


def test_any_saved_model(news, tiny_bundle):
    done = run(news, "1.txt", "--format", "jsonl", "--model", str(tiny_bundle))
    assert (done.returncode, done.stderr) == (0, b"")
    (record,) = [json.loads(line) for line in done.stdout.decode().splitlines()]
    assert len(record["sentences"]) == 5


def test_model_with_a_file_missing_is_one_sentence(news, tiny_bundle, tmp_path):
    broken = tmp_path / "broken"
    broken.mkdir()
    for path in Path(tiny_bundle).iterdir():
        if path.is_file() and path.name != "khabar.json":
            (broken / path.name).write_bytes(path.read_bytes())
    done = run(news, "1.txt", "--model", str(broken))
    assert done.returncode == 2
    assert b"khabar.json" in done.stderr
    assert len(done.stderr.splitlines()) == 1
