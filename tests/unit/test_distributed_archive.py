"""Plans, manifests and shards of archives, without Ray."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tiny_models import SENTENCES

from khabar.distributed import (
    COLUMNS,
    MANIFEST,
    PLACE,
    BatchAnnotator,
    Columns,
    Counts,
    annotate_dataset,
    annotate_shard,
    counts_of,
    planned,
    total,
)
from khabar.distributed._ray import actor_pool
from khabar.errors import InputError, MissingExtraError

KEEP = Columns(keep=("outlet",))


def article(number):
    text = "\n".join(SENTENCES[(number + k) % 12] for k in range(3))
    return {"id": f"n{number}", "title": None, "text": text, "outlet": f"صحيفة {number % 3}"}


@pytest.fixture
def archive(tmp_path):
    """Ten articles and a broken line in one file, four in another, three texts."""
    folder = tmp_path / "archive"
    (folder / "texts").mkdir(parents=True)
    lines = [json.dumps(article(n)) for n in range(10)]
    (folder / "a.jsonl").write_text("\n".join([*lines[:5], '{"text": ', *lines[5:]]), encoding="utf-8")
    pq.write_table(pa.Table.from_pylist([article(n) for n in range(10, 14)]), folder / "b.parquet")
    for n in range(14, 17):
        (folder / "texts" / f"n{n}.txt").write_text(article(n)["text"], encoding="utf-8")
    return folder


@pytest.fixture
def plan_of(archive, tmp_path, tiny_bundle):
    """Plans the archive; options as for `planned`."""

    def run(output=tmp_path / "output", columns=KEEP, shard_articles=4, model=tiny_bundle, **options):
        annotator = BatchAnnotator(model=model, **options)
        return planned(archive, output, annotator, columns, shard_articles)

    return run


def annotate(plan, most=1000):
    for shard in plan.waiting[:most]:
        annotate_shard(shard, plan.archive, plan.output, plan.annotator, plan.manifest.settings.columns)


def rows_of(folder):
    rows = [row for path in sorted(folder.glob("part-*.parquet")) for row in pq.read_table(path).to_pylist()]
    return sorted(rows, key=lambda row: (row["source"], row["record"], row["sentence"] or 0))


def test_shards_hold_every_record_once_in_order(plan_of):
    with plan_of() as plan:
        pieces = [
            (p.source, p.first + k) for s in plan.manifest.shards for p in s.pieces for k in range(p.count)
        ]
        sizes = [sum(piece.count for piece in shard.pieces) for shard in plan.manifest.shards]
    expected = [("a.jsonl", n) for n in range(11)] + [("b.parquet", n) for n in range(4)]
    assert pieces == expected + [(f"texts/n{n}.txt", 0) for n in range(14, 17)]
    assert sizes == [4, 4, 4, 4, 2]


def test_an_annotated_archive_has_every_article_once(plan_of, archive, tmp_path):
    with plan_of() as plan:
        annotate(plan)
    with plan_of() as plan:
        assert plan.waiting == []
        assert total([*plan.finished.values()]) == Counts(articles=17, sentences=51, errors=1)
    rows = rows_of(tmp_path / "output")
    assert list(rows[0]) == [*PLACE, "outlet", *COLUMNS]
    found = {}
    for row in rows:
        found.setdefault((row["source"], row["record"]), []).append(row)
    assert len(found) == 18
    (bad,) = found.pop(("a.jsonl", 6))
    assert bad["error"].startswith("the line is no JSON")
    for number, sentences in enumerate(found.values()):
        assert {row["article_id"] for row in sentences} == {f"n{number}"}
        assert [row["text"] for row in sentences] == article(number)["text"].split("\n")
        assert {row["outlet"] for row in sentences} == {article(number)["outlet"] if number < 14 else None}


def test_types_are_the_same_in_every_shard(plan_of, archive, tmp_path):
    (archive / "c.jsonl").write_text("{}\n[]\n", encoding="utf-8")
    with plan_of(shard_articles=2) as plan:
        annotate(plan)
    schemas = [pq.read_schema(path) for path in (tmp_path / "output").glob("*.parquet")]
    assert len(schemas) > 5
    assert all(schema.equals(schemas[0]) for schema in schemas)
    assert str(schemas[0].field("sentence").type) == "int32"
    assert pq.read_table(tmp_path / "output").num_rows == len(rows_of(tmp_path / "output"))


def test_a_run_goes_on_with_what_is_not_finished(plan_of, tmp_path):
    with plan_of() as plan:
        annotate(plan, most=2)
    (tmp_path / "output" / ".khabar-0123.tmp").write_bytes(b"half a shard")
    finished = sorted((tmp_path / "output").glob("part-*"))
    with plan_of() as plan:
        assert sorted(plan.finished) == [path.name for path in finished]
        assert [shard.file for shard in plan.manifest.shards] == [
            *plan.finished,
            *(s.file for s in plan.waiting),
        ]
    assert not (tmp_path / "output" / ".khabar-0123.tmp").exists()


def test_a_damaged_shard_is_not_finished(plan_of, tmp_path):
    with plan_of() as plan:
        annotate(plan)
    first, second, *_ = sorted((tmp_path / "output").glob("part-*"))
    first.write_bytes(first.read_bytes()[:-20])
    pq.write_table(pa.table({"text": ["of somebody else"]}), second)
    assert (counts_of(first), counts_of(second), counts_of(tmp_path / "none")) == (None, None, None)
    with plan_of() as plan:
        assert [shard.file for shard in plan.waiting] == [first.name, second.name]


def test_files_that_are_added_become_shards_of_their_own(plan_of, archive):
    with plan_of() as plan:
        annotate(plan)
    (archive / "0.jsonl").write_text(json.dumps(article(20)), encoding="utf-8")
    with plan_of() as plan:
        (new,) = plan.waiting
        assert [piece.source for piece in new.pieces] == ["0.jsonl"]
        assert new.file.startswith("part-00005-")
        annotate(plan)
    with plan_of() as plan:
        assert plan.waiting == []


@pytest.mark.parametrize("change", ["changed", "gone"])
def test_files_that_change_are_refused(plan_of, archive, change):
    with plan_of():
        pass
    if change == "gone":
        (archive / "b.parquet").unlink()
    else:
        pq.write_table(pa.Table.from_pylist([article(1)]), archive / "b.parquet")
    with pytest.raises(InputError, match=r"b\.parquet (has changed|is gone) since it was planned"), plan_of():
        pass


def test_keys_depend_on_content_settings_and_model(plan_of, archive, tmp_path, tiny_bundle):
    model = shutil.copytree(tiny_bundle, tmp_path / "model")
    found = {}

    def keys(what, **options):
        with plan_of(tmp_path / what, **options) as plan:
            found[what] = [shard.key for shard in plan.manifest.shards]

    keys("first")
    keys("again")
    keys("model moved", model=model)
    keys("columns", columns=Columns(keep=("outlet", "title")))
    keys("backend", backend="torch")
    settings = (model / "khabar.json").read_text(encoding="utf-8")
    (model / "khabar.json").write_text(settings.replace('"temperature": 1.0', '"temperature": 2.0'))
    keys("model", model=model)
    (archive / "a.jsonl").write_text(json.dumps(article(3)), encoding="utf-8")
    keys("content")
    assert found["first"] == found["again"] == found["model moved"]
    others = [keys for what, keys in found.items() if what not in {"again", "model moved"}]
    everything = [key for keys in others for key in keys]
    assert len(set(everything)) == len(everything)


def test_another_model_or_other_settings_are_refused_all_at_once(plan_of, tmp_path, tiny_bundle):
    model = shutil.copytree(tiny_bundle, tmp_path / "model")
    settings = (model / "khabar.json").read_text(encoding="utf-8")
    (model / "khabar.json").write_text(settings.replace('"temperature": 1.0', '"temperature": 2.0'))
    with plan_of():
        pass
    before = (tmp_path / "output" / MANIFEST).read_bytes()
    with (
        pytest.raises(InputError) as caught,
        plan_of(model=model, columns=Columns(keep=("outlet", "title")), shard_articles=5),
    ):
        pass
    message = str(caught.value)
    assert "its sentences were made in another way (fingerprint was '" in message
    assert "shard_articles was 4 and is 5 now" in message
    assert "column of keep was ['outlet'] and is ['outlet', 'title'] now" in message
    assert (tmp_path / "output" / MANIFEST).read_bytes() == before


def test_another_version_of_the_library_is_refused(plan_of, tmp_path):
    with plan_of():
        pass
    path = tmp_path / "output" / MANIFEST
    content = json.loads(path.read_text(encoding="utf-8"))
    content["settings"]["khabar"] = "0.0.1"
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(InputError, match=r"khabar was '0\.0\.1' and is '"), plan_of():
        pass
    path.write_text(json.dumps(content | {"format": 99}), encoding="utf-8")
    with pytest.raises(InputError, match="is of format 99, expected 1"), plan_of():
        pass
    path.write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match="cannot be read as a manifest"), plan_of():
        pass


def test_two_runs_do_not_work_in_one_folder(plan_of):
    with (
        plan_of(),
        pytest.raises(InputError, match="another run is at work there; wait for it or end it"),
        plan_of(),
    ):
        pass
    with plan_of():
        pass


def test_what_cannot_be_planned_is_told(plan_of, archive, tmp_path):
    def message(**options):
        with pytest.raises(InputError) as caught, plan_of(**options):
            pass
        return str(caught.value)

    assert "no file has a column 'body'; there are 'id', 'outlet'" in message(columns=Columns(text="body"))
    assert "no file has a column 'date', 'section'" in message(columns=Columns(keep=("date", "section")))
    assert "label, source cannot be kept" in message(columns=Columns(keep=("source", "label")))
    assert "expected 1 or more" in message(shard_articles=0)
    assert "would be read as part of it" in message(output=archive / "output")
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    pq.write_table(pa.table({"x": [1]}), foreign / "other.parquet")
    assert "holds other.parquet and no _manifest.json" in message(output=foreign)
    file = tmp_path / "file"
    file.touch()
    assert "is a file; name a folder" in message(output=file)
    assert not (tmp_path / "output" / MANIFEST).exists()


def test_usual_columns_need_not_be_there(plan_of, archive):
    for path in [archive / "a.jsonl", archive / "b.parquet"]:
        path.unlink()
    (archive / "a.jsonl").write_text(json.dumps({"text": SENTENCES[0]}), encoding="utf-8")
    with plan_of(columns=Columns()) as plan:
        annotate(plan)
    assert len(rows_of(plan.output)) == 10


@pytest.mark.parametrize("concurrency", [0, (0, 2), (3, 2), -1])
def test_a_pool_of_no_actors_is_refused(concurrency):
    with pytest.raises(InputError, match="expected a number of actors from 1"):
        actor_pool(concurrency)


def test_a_missing_extra_is_named(plan_of, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(
        MissingExtraError, match=r"needs ray, which is not installed: pip install 'khabar\[ray\]'"
    ):
        annotate_dataset(None)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match="needs ray and pyarrow"), plan_of():
        pass


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none", "out"], "annotate_archive: none: does not exist; name a file or a folder of articles."),
        (["none", "out", "--model", "none"], "annotate_archive: none: no such folder"),
    ],
)
def test_the_script_says_what_is_wrong_in_one_line(arguments, message, tmp_path):
    script = Path(__file__).parents[2] / "scripts" / "annotate_archive.py"
    command = [sys.executable, str(script), *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(message)
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
