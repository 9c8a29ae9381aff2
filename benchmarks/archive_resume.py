"""Kill scripts/annotate_archive.py again and again, resume it, and compare it with an undisturbed run.

    python benchmarks/archive_resume.py
    python benchmarks/archive_resume.py --articles-from FOLDER --articles 2000 --kills 3

FOLDER holds .jsonl or .jsonl.gz files with an article a line; without it, the articles written for the
project are used over and over. They are written into an archive of all the kinds of files that there are,
with bad rows among them. The kills are SIGKILL, at moments drawn with a seed. Compared are
all rows, and of each shard that was finished before a kill whether its file is still the same. Exits with 1
when a row differs, is missing or there twice, or a shard was annotated twice. With --folder, what was done is
kept there, and the same command goes on with it.
"""

import argparse
import gzip
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from khabar.distributed import MANIFEST

ROOT = Path(__file__).parents[1]
OWN = ROOT / "data" / "sports-and-courts.jsonl"
SCRIPT = ROOT / "scripts" / "annotate_archive.py"
BAD_ROWS = ('{"text": ', "[]", "{}", '{"text": 7}', '{"text": null}')
FIELDS = ("id", "title", "text", "outlet")


def main(options: argparse.Namespace) -> int:
    """Write the archive, annotate it twice, compare; return the exit code."""
    draw = random.Random(options.seed)
    with ExitStack() as stack:
        place = tempfile.TemporaryDirectory(prefix="khabar-resume-") if options.folder is None else None
        folder = options.folder if place is None else Path(stack.enter_context(place))
        archive, undisturbed, killed = (folder / name for name in ("archive", "undisturbed", "killed"))
        if not archive.exists():
            write_archive(archive, read_articles(options.articles_from, options.articles, draw), draw)
        annotate(archive, undisturbed, options)
        shards = len(json.loads((undisturbed / MANIFEST).read_text(encoding="utf-8"))["shards"])

        # What was there when an earlier call of this command ended.
        finished, twice = shards_of(killed), 0
        for number in range(options.kills):
            room = (shards - 1 - len(finished)) // (options.kills - number)
            kill_after(archive, killed, len(finished) + draw.randint(1, max(1, room)), options)
            now = shards_of(killed)
            twice += sum(now.get(name) != found for name, found in finished.items())
            print(f"kill {number + 1}: {len(now)} of {shards} shards were finished", flush=True)
            finished = now
        annotate(archive, killed, options)
        now = shards_of(killed)
        twice += sum(now.get(name) != found for name, found in finished.items())

        expected, found = rows_of(undisturbed), rows_of(killed)
        alike, once = found == expected, len(set(map(key, found))) == len(found)
        print(f"{len({row[:2] for row in expected}):,} records of the archive, {len(expected):,} rows")
        print(f"the rows of both runs are the same: {'yes' if alike else 'NO'}")
        print(f"each row is there once: {'yes' if once else 'NO'}")
        print(f"shards annotated twice: {twice}")
        return 0 if alike and once and not twice else 1


def read_articles(folder: Path | None, count: int, draw: random.Random) -> list[dict[str, Any]]:
    """Draw articles, each with an id of its own."""
    files = [OWN] if folder is None else sorted([*folder.glob("*.jsonl"), *folder.glob("*.jsonl.gz")])
    articles: list[dict[str, Any]] = []
    for file in files:
        with gzip.open(file, "rt", encoding="utf-8") if file.suffix == ".gz" else file.open() as lines:
            articles += [{name: json.loads(line).get(name) for name in FIELDS} for line in lines]
    if not articles:
        sys.exit(f"archive_resume: {folder} holds no article in .jsonl or .jsonl.gz files")
    draw.shuffle(articles)
    return [articles[n % len(articles)] | {"id": f"article-{n}"} for n in range(count)]


def write_archive(archive: Path, articles: list[dict[str, Any]], draw: random.Random) -> None:
    """Write a quarter of the articles in each kind of file."""
    (archive / "texts").mkdir(parents=True)
    quarters = [articles[number::4] for number in range(4)]
    lines = [*map(json_line, quarters[0]), *(bad + "\n" for bad in BAD_ROWS)]
    draw.shuffle(lines)
    (archive / "plain.jsonl").write_text("".join(lines), encoding="utf-8")
    with gzip.open(archive / "packed.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(map(json_line, quarters[1]))
    pq.write_table(pa.Table.from_pylist(quarters[2]), archive / "table.parquet", row_group_size=97)
    for one in quarters[3]:
        text = f"{one['title'] or ''}\n\n{one['text']}"
        (archive / "texts" / f"{one['id']}.txt").write_text(text, encoding="utf-8")
    (archive / "texts" / "old.txt").write_bytes("خبر".encode("cp1256"))


def json_line(article: dict[str, Any]) -> str:
    """One article on its line."""
    return json.dumps(article, ensure_ascii=False) + "\n"


def command(archive: Path, output: Path, options: argparse.Namespace) -> list[str]:
    """The command that is killed."""
    found = [sys.executable, str(SCRIPT), str(archive), str(output), "--model", options.model]
    return [*found, "--shard-articles", str(options.shard_articles), "--workers", str(options.workers)]


def annotate(archive: Path, output: Path, options: argparse.Namespace) -> None:
    """Run it to the end."""
    done = subprocess.run(command(archive, output, options), stdout=subprocess.PIPE, text=True, check=True)
    print(f"{output.name}: {done.stdout.partition(': ')[2].strip()}".replace("\n", "; "), flush=True)


def kill_after(archive: Path, output: Path, shards: int, options: argparse.Namespace) -> None:
    """Run it until so many shards are finished, and kill it there."""
    process = subprocess.Popen(
        command(archive, output, options), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while len(shards_of(output)) < shards:
            if process.poll() is not None:
                sys.exit(f"archive_resume: the run ended with {process.returncode} before it could be killed")
            time.sleep(0.02)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    time.sleep(options.pause)


def shards_of(output: Path) -> dict[str, tuple[int, int]]:
    """The finished shards: file and time of each, by its name."""
    stats = {path.name: path.stat() for path in output.glob("part-*.parquet")}
    return {name: (stat.st_ino, stat.st_mtime_ns) for name, stat in stats.items()}


def rows_of(output: Path) -> list[tuple[Any, ...]]:
    """All rows, in the order of the archive."""
    return sorted(rows(output), key=lambda row: (row[0], row[1], row[3] or 0))


def rows(output: Path) -> Iterator[tuple[Any, ...]]:
    """All rows, as tuples."""
    for path in output.glob("part-*.parquet"):
        columns = pq.read_table(path).to_pydict()
        yield from zip(*columns.values(), strict=True)


def key(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """What tells rows apart: file, line and sentence."""
    return row[0], row[1], row[3]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--articles-from", type=Path, metavar="FOLDER", help="default: the project's own")
    parser.add_argument("--folder", type=Path, help="where to work (default: a temporary folder)")
    parser.add_argument("--articles", type=int, default=2000, metavar="N", help="default: %(default)s")
    parser.add_argument("--kills", type=int, default=3, metavar="N", help="default: %(default)s")
    parser.add_argument("--shard-articles", type=int, default=50, metavar="N", help="default: %(default)s")
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="default: %(default)s")
    parser.add_argument("--model", default="default", help="default: %(default)s")
    parser.add_argument("--pause", type=float, default=3, help="seconds after a kill, for Ray to end")
    parser.add_argument("--seed", type=int, default=1, help="of the articles and the moments of the kills")
    sys.exit(main(parser.parse_args()))
