"""Annotate an archive into Parquet, one sentence a row, on all cores of a machine or on a Ray cluster.

    python scripts/annotate_archive.py news/ annotations/ --keep outlet date
    python scripts/annotate_archive.py /shared/news /shared/annotations --address auto --workers 64

INPUT is a file or a folder of .jsonl, .jsonl.gz, .parquet and .txt. Killed at any moment, the same command
goes on with the shards that are not finished; files added to INPUT are annotated by running it again. OUTPUT
never mixes models, settings or versions of khabar. Rows that hold no article become rows with an error.

Exit code 0: all shards are there; 1: some could not be written, run it again; 2: the command, the input or
the model is wrong; 130: interrupted. docs/archives.md has the columns and the cluster's lines.
"""

import argparse
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.progress import track

from khabar import KhabarError
from khabar.backends import BackendName
from khabar.distributed import BatchAnnotator, Columns, Finished, Plan, annotate_archive, planned, total

BACKENDS: tuple[BackendName, ...] = ("onnx", "torch")


def main(options: argparse.Namespace) -> int:
    """Plan, annotate, count; return the exit code."""
    console = Console(stderr=True, highlight=False)
    annotator = BatchAnnotator(model=options.model, backend=options.backend)
    columns = Columns(options.text_column, options.title_column, options.id_column, tuple(options.keep))
    with planned(options.input, options.output, annotator, columns, options.shard_articles) as plan:
        say_what_is_planned(plan, console)
        started, done = time.monotonic(), list[Finished]()
        shards = annotate_archive(
            plan,
            address=options.address,
            workers=options.workers,
            num_cpus=options.cpus_each,
            num_gpus=options.gpus_each,
        )
        waiting = len(plan.waiting)
        bar = track(shards, "shards", waiting, console=console, disable=not console.is_terminal)
        for shard in bar:
            done.append(shard)
            if shard.failure:
                console.print(
                    f"annotate_archive: {shard.file} was not written: {shard.failure}", markup=False
                )
        seconds = time.monotonic() - started

        failed = sum(shard.failure is not None for shard in done)
        now = total([shard.counts for shard in done])
        everything = total([*plan.finished.values(), now])
    print(
        f"{options.output}: {len(plan.manifest.shards) - failed:,} of {len(plan.manifest.shards):,} shards, "
        f"{everything.articles:,} articles, {everything.sentences:,} sentences, {everything.errors:,} errors"
    )
    if now.articles:
        print(f"{now.articles:,} articles in {seconds:.0f} s, {now.articles / seconds:.1f} a second")
    if failed:
        print(f"{failed} shards are missing; the same command tries them again.", file=sys.stderr)
    return 1 if failed else 0


def say_what_is_planned(plan: Plan, console: Console) -> None:
    """Tell the size of the work, and what is left out of it."""
    if plan.ignored:
        console.print(f"{plan.ignored:,} files of other kinds are left out.")
    if plan.finished:
        console.print(f"{len(plan.finished):,} of {len(plan.manifest.shards):,} shards were finished before.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("input", type=Path, metavar="INPUT", help="a file or a folder of articles")
    parser.add_argument("output", type=Path, metavar="OUTPUT", help="folder of the results")
    parser.add_argument("--text-column", default="text", metavar="NAME", help="default: %(default)s")
    parser.add_argument("--title-column", default="title", metavar="NAME", help="default: %(default)s")
    parser.add_argument("--id-column", default="id", metavar="NAME", help="default: %(default)s")
    parser.add_argument(
        "--keep", nargs="+", default=[], metavar="NAME", help="columns to repeat on each sentence, as text"
    )
    parser.add_argument(
        "--model", default="default", help="a built-in model, a folder or a hub id (default: %(default)s)"
    )
    parser.add_argument("--backend", choices=BACKENDS, help="default: onnx where the model has it")
    parser.add_argument(
        "--shard-articles", type=int, default=1000, metavar="N", help="of a shard (default: %(default)s)"
    )
    parser.add_argument("--address", help="of a Ray cluster (default: Ray on this machine alone)")
    parser.add_argument("--workers", type=int, metavar="N", help="default: as many as there is room for")
    parser.add_argument("--cpus-each", type=float, default=1, metavar="N", help="CPUs of a worker")
    parser.add_argument("--gpus-each", type=float, metavar="N", help="GPUs of a worker, for --backend torch")
    try:
        code = main(parser.parse_args())
    except (KhabarError, OSError) as error:
        print(f"annotate_archive: {error}", file=sys.stderr)
        code = 2
    except KeyboardInterrupt:
        print("annotate_archive: interrupted; the same command goes on from here", file=sys.stderr)
        code = 130
    sys.exit(code)
