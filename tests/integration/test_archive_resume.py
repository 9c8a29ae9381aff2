"""Archives and datasets on a local Ray of two workers, in processes of their own; one is killed."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tiny_models import SENTENCES

from khabar.distributed import COLUMNS, BatchAnnotator

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parents[2] / "scripts" / "annotate_archive.py"
ARTICLES = 600

DATASET = """
import json
import sys

import ray

from khabar.distributed import annotate_dataset

folder, model = sys.argv[1:]
ray.init(
    address="local", num_cpus=2, include_dashboard=False, object_store_memory=100 * 2**20,
    _node_ip_address="127.0.0.1", log_to_driver=False,
)
ray.data.DataContext.get_current().enable_progress_bars = False
options = {"title_column": "title", "id_column": "id", "keep_columns": ["date"], "model": model}
for name, read in (("parquet", ray.data.read_parquet), ("json", ray.data.read_json)):
    dataset = read(f"{folder}/{name}")
    for concurrency in (2, None):
        found = annotate_dataset(dataset, concurrency=concurrency, batch_size=7, **options)
        found.write_parquet(f"{folder}/{name}-{concurrency}")
try:
    annotate_dataset(dataset, text_column="body", model=model)
except ValueError as error:
    print(error)
"""


@pytest.fixture(scope="module")
def environment():
    """Ray keeps its sockets in a folder whose name must be short, which that of a test is not."""
    folder = tempfile.mkdtemp(prefix="khabar-")
    yield os.environ | {"RAY_TMPDIR": folder, "RAY_USAGE_STATS_ENABLED": "0", "OMP_NUM_THREADS": "1"}
    shutil.rmtree(folder, ignore_errors=True)


def article(number, draw):
    text = "\n".join(draw.choices(SENTENCES, k=draw.randint(1, 8)))
    return {"id": f"n{number}", "title": draw.choice([None, *SENTENCES]), "text": text, "date": number}


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    folder = tmp_path_factory.mktemp("archive")
    draw = random.Random(1)
    articles = [article(number, draw) for number in range(ARTICLES)]
    half = ARTICLES // 2
    lines = [json.dumps(one) for one in articles[:half]] + ["{", '{"id": "no text"}', '{"text": ""}']
    draw.shuffle(lines)
    (folder / "first.jsonl").write_text("\n".join(lines), encoding="utf-8")
    pq.write_table(pa.Table.from_pylist(articles[half:]), folder / "second.parquet", row_group_size=100)
    return folder


def rows_of(folder):
    rows = [row for path in folder.glob("part-*.parquet") for row in pq.read_table(path).to_pylist()]
    return sorted(rows, key=lambda row: (row["source"], row["record"], row["sentence"] or 0))


def command(archive, output, model):
    options = ["--model", model, "--shard-articles", "5", "--workers", "2", "--keep", "date"]
    return [sys.executable, *map(str, [SCRIPT, archive, output, *options])]


def run(command, environment):
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stderr
    return done.stdout


def wait_for(condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_a_killed_run_ends_as_if_it_had_not_been(archive, tiny_bundle, environment, tmp_path):
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    said = run(command(archive, undisturbed, tiny_bundle), environment)
    assert f"121 of 121 shards, {ARTICLES + 1} articles" in said
    assert "2 errors" in said
    expected = rows_of(undisturbed)
    places = [(row["source"], row["record"]) for row in expected if not row["sentence"]]
    assert len(places) == len(set(places)) == ARTICLES + 3

    finished = {}
    for most in (3, 40):
        process = subprocess.Popen(
            command(archive, killed, tiny_bundle),
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            enough = len(finished) + most
            wait_for(lambda enough=enough: len(list(killed.glob("part-*"))) >= enough)
            family = psutil.Process(process.pid).children(recursive=True)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
        assert len(family) > 3
        # Ray's processes notice, and do not work on beside the next run.
        wait_for(lambda family=family: not any(one.is_running() for one in family))
        now = {path.name: path.stat() for path in killed.glob("part-*")}
        assert len(finished) < len(now) < 121
        assert all((now[name].st_ino, now[name].st_mtime_ns) == found for name, found in finished.items())
        finished = {name: (stat.st_ino, stat.st_mtime_ns) for name, stat in now.items()}

    run(command(archive, killed, tiny_bundle), environment)
    now = {path.name: path.stat() for path in killed.glob("part-*")}
    assert all((now[name].st_ino, now[name].st_mtime_ns) == found for name, found in finished.items())
    assert sorted(now) == sorted(path.name for path in undisturbed.glob("part-*"))
    assert rows_of(killed) == expected
    assert {path.name for path in killed.iterdir()} - set(now) == {"_lock", "_manifest.json"}


def test_a_dataset_gives_the_rows_of_the_plain_function(tiny_bundle, environment, tmp_path):
    draw = random.Random(2)
    articles = [article(number, draw) for number in range(60)]
    articles[17]["text"] = None
    articles[30]["text"] = ""
    for name in ("parquet", "json"):
        (tmp_path / name).mkdir()
    for number in range(3):
        part = articles[20 * number :][:20]
        pq.write_table(pa.Table.from_pylist(part), tmp_path / "parquet" / f"{number}.parquet")
        lines = "".join(json.dumps(one) + "\n" for one in part)
        (tmp_path / "json" / f"{number}.json").write_text(lines, encoding="utf-8")
    said = run([sys.executable, "-c", DATASET, str(tmp_path), str(tiny_bundle)], environment)
    assert "text_column is 'body', but the columns are 'id', 'title', 'text', 'date'; name one" in said

    plain = BatchAnnotator(title_column="title", id_column="id", keep_columns=["date"], model=tiny_bundle)(
        {name: [one[name] for one in articles] for name in articles[0]}
    )
    expected = [dict(zip(plain, row, strict=True)) for row in zip(*plain.values(), strict=True)]
    assert len([row for row in expected if row["error"]]) == 1
    for folder in ("parquet-2", "parquet-None", "json-2", "json-None"):
        table = pq.read_table(tmp_path / folder)
        assert table.column_names == ["date", *COLUMNS]
        assert str(table.schema.field("date").type) == "int64"
        found = sorted(table.to_pylist(), key=lambda row: (row["date"], row["sentence"] or 0))
        assert found == expected
