"""An archive annotated shard by shard: killed at any moment, it goes on with what is not finished."""

import io
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from khabar._files import OutputFile, reason
from khabar.distributed._manifest import MANIFEST, Manifest, Piece, Settings, Shard, load_manifest
from khabar.distributed._ray import actor_pool, arrow_table, require_extra, running_ray
from khabar.distributed._sources import (
    Columns,
    Record,
    fields_of,
    find_files,
    look_at,
    name_of,
    read_records,
    sha256_of,
)
from khabar.distributed._table import COLUMNS, BatchAnnotator
from khabar.errors import InputError, KhabarError

if TYPE_CHECKING:
    import numpy as np

PLACE: Final = ("source", "record")
"""Columns that stand first in the results: a file of the archive, and the line or row of it, from 1."""

_LOCK = "_lock"
_ASIDE = ".khabar-*.tmp"
_COUNTS = b"khabar"
"""Key of the counts in the footer of a shard's file."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What a shard or an archive holds."""

    articles: int = 0
    sentences: int = 0
    errors: int = 0
    """Rows of the input that hold no article."""

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.articles + other.articles, self.sentences + other.sentences, self.errors + other.errors
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done, and what is done already."""

    archive: Path
    output: Path
    annotator: BatchAnnotator
    manifest: Manifest
    finished: Mapping[str, Counts]
    """Of earlier runs, by the file's name."""
    ignored: int
    """Files of the archive whose names end in nothing that is read."""

    @property
    def waiting(self) -> list[Shard]:
        """The shards that are not finished."""
        return [shard for shard in self.manifest.shards if shard.file not in self.finished]


@dataclass(frozen=True, slots=True)
class Finished:
    """What became of one shard."""

    file: str
    counts: Counts
    failure: str | None = None
    """Why there is no such file; the shard is done again by the next run."""


@contextmanager
def planned(
    archive: Path,
    output: Path,
    annotator: BatchAnnotator,
    columns: Columns,
    shard_articles: int = 1000,
) -> Iterator[Plan]:
    """Plan the annotation of an archive, or find the plan that was begun, and hold its folder.

    Args:
        archive: A file of articles, or a folder of them.
        output: A folder for the results, made where it is not there. One run at a time can hold it.
        annotator: The model.
        columns: What the fields of an article are called.
        shard_articles: Lines, rows or files that a shard has at most; what a kill can cost each worker.

    Yields:
        The plan, whose manifest is on disk.

    Raises:
        InputError: There are no articles, a column is in none of the files, ``output`` is not this archive's,
            or was made with another model or other settings, or another run holds it.
        MissingExtraError: Ray or pyarrow is not installed.
        OSError: ``output`` cannot be written to.
    """
    require_extra()
    _check(archive, output, columns, shard_articles)
    files, ignored = find_files(archive)
    paths = {name_of(path, archive): path for path in files}
    output.mkdir(parents=True, exist_ok=True)
    with _held(output):
        settings = Settings(
            annotator.model, annotator.fingerprint, annotator.backend, columns, shard_articles
        )
        manifest = load_manifest(output, settings)
        if manifest is None:
            _refuse_foreign(output)
            manifest = Manifest(settings)
        hashes = {name: sha256_of(path) for name, path in paths.items()}
        new = manifest.new(hashes, archive)
        if new:
            _check_fields([paths[name] for name in new], columns)
            manifest = manifest.with_sources([look_at(paths[name], name, hashes[name]) for name in new])
            manifest.save(output)
        for aside in output.glob(_ASIDE):
            aside.unlink(missing_ok=True)  # of a run that was killed while it wrote
        found = {shard.file: counts_of(output / shard.file) for shard in manifest.shards}
        finished = {name: counts for name, counts in found.items() if counts is not None}
        yield Plan(archive, output, annotator, manifest, finished, ignored)


def annotate_archive(
    plan: Plan,
    *,
    address: str | None = None,
    workers: int | None = None,
    num_cpus: float = 1,
    num_gpus: float | None = None,
) -> Iterator[Finished]:
    """Annotate what is not finished, a shard at a time, with a pool of Ray's actors.

    Args:
        plan: From `planned`, which must still hold the folder.
        address: Of a Ray cluster, whose machines see archive and output under the same paths; None runs Ray
            on this machine alone.
        workers: Number of actors; None takes as many as there is room for.
        num_cpus: CPUs that Ray reserves for each actor.
        num_gpus: GPUs that Ray reserves for each actor, for the backend ``"torch"``.

    Yields:
        Each shard as it is finished, in no order.

    Raises:
        InputError: There is no cluster at the address.
        KhabarError: Ray cannot run the actors.
        MissingExtraError: Ray is not installed.
    """
    waiting = plan.waiting
    if not waiting:
        return
    with running_ray(address, workers) as ray:
        ray.data.DataContext.get_current().enable_progress_bars = False
        shards = [{"file": shard.file, "pieces": [asdict(p) for p in shard.pieces]} for shard in waiting]
        rows = [{"shard": json.dumps(shard)} for shard in shards]
        size = min(len(rows), workers or _room(ray.cluster_resources(), num_cpus, num_gpus))
        dataset = ray.data.from_items(rows, override_num_blocks=len(rows)).map_batches(
            ShardActor,
            fn_constructor_args=(
                plan.archive.resolve(),
                plan.output.resolve(),
                plan.annotator,
                plan.manifest.settings.columns,
            ),
            batch_size=1,
            # One shard at a time each: the last ones are not to queue behind each other while others idle.
            compute=actor_pool(size, tasks_each=1),
            num_cpus=num_cpus,
            num_gpus=num_gpus,
        )
        try:
            for row in dataset.iter_rows():
                counts = Counts(int(row["articles"]), int(row["sentences"]), int(row["errors"]))
                yield Finished(row["file"], counts, row["failure"] or None)
        except ray.exceptions.RayError as error:
            said = str(error).strip().splitlines() or [type(error).__name__]
            raise KhabarError(
                f"Ray cannot go on ({said[-1].strip()}); run the same command again."
            ) from error


class ShardActor:
    """What an actor of the pool runs: names of shards in, counts out; articles and rows go past Ray."""

    def __init__(self, archive: Path, output: Path, annotator: BatchAnnotator, columns: Columns) -> None:
        annotator.load()
        self._annotate = (archive, output, annotator, columns)

    def __call__(self, batch: "dict[str, np.ndarray[Any, Any]]") -> dict[str, list[Any]]:
        """Annotate the shards of a batch."""
        archive, output, annotator, columns = self._annotate
        result: dict[str, list[Any]] = {"file": [], "failure": []}
        result |= {name: [] for name in asdict(Counts())}
        for described in batch["shard"]:
            content = json.loads(str(described))
            shard = Shard(content["file"], tuple(Piece(**piece) for piece in content["pieces"]))
            counts, failure = Counts(), ""
            try:
                counts = annotate_shard(shard, archive, output, annotator, columns)
            except Exception as error:  # the other shards of a long job are not to lose by this one
                failure = f"{type(error).__name__}: {reason(error)}"
            for name, value in ({"file": shard.file, "failure": failure} | asdict(counts)).items():
                result[name].append(value)
        return result


def annotate_shard(
    shard: Shard, archive: Path, output: Path, annotator: BatchAnnotator, columns: Columns
) -> Counts:
    """Annotate a shard and write its file, which appears whole or not at all.

    Raises:
        OSError: The file cannot be written.
        BundleError: The model is not there, or another one.
    """
    import pyarrow.parquet as pq

    places: list[str] = []
    records: list[Record] = []
    for piece in shard.pieces:
        path = archive if archive.is_file() else archive / piece.source
        for record in read_records(path, piece.first, piece.count, columns):
            places.append(piece.source)
            records.append(record)
    table, positions = annotator.annotate([record.row for record in records])
    first: dict[str, list[Any]] = {
        "source": [places[position] for position in positions],
        "record": [records[position].number for position in positions],
    }
    for index, name in enumerate(columns.keep):
        first[name] = [records[position].kept[index] for position in positions]
    errors = sum(error is not None for error in table["error"])
    sentences = sum(number is not None for number in table["sentence"])
    counts = Counts(len(records) - errors, sentences, errors)

    found = arrow_table(first | table, {"source": "string", "record": "int64"}, columns.keep)
    found = found.replace_schema_metadata({_COUNTS: json.dumps(asdict(counts)).encode()})
    memory = io.BytesIO()
    pq.write_table(found, memory, compression="zstd")
    with OutputFile(output / shard.file) as file:
        file.write(memory.getvalue())
        file.commit()
    return counts


def counts_of(path: Path) -> Counts | None:
    """Return what a shard's file holds, from its footer; None when there is no whole file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return Counts(**json.loads(pq.read_schema(path).metadata[_COUNTS]))
    except (OSError, pa.ArrowException, ValueError, KeyError, TypeError):
        return None


def total(counts: Sequence[Counts]) -> Counts:
    """Return the sum of counts."""
    return reduce(Counts.__add__, counts, Counts())


def _check(archive: Path, output: Path, columns: Columns, shard_articles: int) -> None:
    if shard_articles < 1:
        raise InputError(f"a shard is to have {shard_articles} articles, expected 1 or more.")
    taken = {*COLUMNS, *PLACE} & set(columns.keep)
    if taken:
        names = ", ".join(sorted(taken))
        raise InputError(f"{names} cannot be kept: the result has such a column of its own; leave it out.")
    if output.resolve().is_relative_to(archive.resolve()):
        raise InputError(
            f"{output}: lies in {archive} and would be read as part of it; choose another folder."
        )
    if output.exists() and not output.is_dir():
        raise InputError(f"{output}: is a file; name a folder for the results.")


def _check_fields(paths: Sequence[Path], columns: Columns) -> None:
    """Complain of a column that was asked for and is in no file, which is a slip in the command."""
    named = [found for found in map(fields_of, paths) if found is not None]
    if not named:
        return
    seen = set[str]().union(*named)
    usual = Columns()
    missing = [name for name in columns.names if name not in seen]
    missing = [name for name in missing if name == columns.text or name not in (usual.title, usual.id)]
    if missing:
        raise InputError(
            f"no file has a column {', '.join(map(repr, missing))}; there are "
            f"{', '.join(map(repr, sorted(seen))) or 'none'}."
        )


def _refuse_foreign(output: Path) -> None:
    """Complain of a folder that holds tables of somebody else."""
    foreign = sorted(output.glob("*.parquet"))
    if foreign:
        raise InputError(
            f"{output}: holds {foreign[0].name} and no {MANIFEST}, so it is no output of this command; "
            "choose another folder."
        )


def _room(resources: Mapping[str, float], num_cpus: float, num_gpus: float | None) -> int:
    """Return how many actors a cluster has room for."""
    room = [resources.get("CPU", 1) / num_cpus] if num_cpus else []
    room += [resources.get("GPU", 0) / num_gpus] if num_gpus else []
    return max(1, int(min(room, default=1)))


@contextmanager
def _held(output: Path) -> Iterator[None]:
    """Hold a folder, so that two runs do not do the same work; a kill lets go of it."""
    if sys.platform == "win32":  # which has no such locks
        yield
        return
    import fcntl

    with (output / _LOCK).open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(f"{output}: another run is at work there; wait for it or end it.") from None
        yield
