"""Ray: a dataset annotated by a pool of actors that load the model once."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from khabar.backends import BackendName
from khabar.distributed._table import COLUMNS, BatchAnnotator
from khabar.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    import pyarrow as pa
    from ray.data import ActorPoolStrategy, Dataset

_OBJECT_STORE_BYTES = 256 * 2**20
"""Of a local Ray: it passes names of shards and counts of rows, not articles."""


def annotate_dataset(
    dataset: "Dataset",
    *,
    text_column: str = "text",
    title_column: str | None = None,
    id_column: str | None = None,
    keep_columns: Sequence[str] = (),
    model: str | Path = "default",
    backend: BackendName | None = None,
    concurrency: int | tuple[int, int] | None = None,
    batch_size: int = 64,
    threads: int = 1,
    num_cpus: float | None = None,
    num_gpus: float | None = None,
) -> "Dataset":
    """Annotate a Ray Data dataset with a pool of actors.

    Args:
        dataset: Articles in rows, read by Ray Data from whatever it reads: Parquet, JSON Lines, folders,
            object stores.
        text_column: As for `BatchAnnotator`, like the three below.
        title_column: See there.
        id_column: See there.
        keep_columns: See there. They keep their types.
        model: A model that every machine has under the same name; its contents are compared.
        backend: As for `khabar.Annotator`.
        concurrency: Number of actors, or the smallest and the largest number for a pool that grows with the
            work. None takes one to as many as the cluster has CPUs.
        batch_size: Articles of one call.
        threads: Threads of each actor.
        num_cpus: CPUs that Ray reserves for each actor. None takes a little less than one, so that an actor a
            core leaves one CPU of a machine to Ray's readers: actors that hold all of them would wait for
            readers that never start.
        num_gpus: GPUs that Ray reserves for each actor, for the backend ``"torch"``.

    Returns:
        A dataset, computed when it is asked for, with one row a sentence: ``keep_columns``, then the columns
        that docs/archives.md describes. A row that holds no article has one row, with the reason in
        ``error``; it never ends the job. Ray Data does not promise the order of rows, unless
        ``DataContext.execution_options.preserve_order`` asks for it; within an article it is kept.

    Raises:
        InputError: A column is not there, or ``keep_columns`` has one that the result has too.
        BundleError: There is no such model.
        MissingExtraError: Ray is not installed.
    """
    ray = import_ray()
    annotator = BatchAnnotator(
        text_column=text_column,
        title_column=title_column,
        id_column=id_column,
        keep_columns=keep_columns,
        model=model,
        backend=backend,
        threads=threads,
    )
    columns = dataset.columns()
    if columns is not None:  # an empty dataset has none
        annotator.check_columns(columns)
    if concurrency is None:
        concurrency = (1, max(1, int(ray.cluster_resources().get("CPU", 1))))
    return dataset.map_batches(
        DatasetActor,
        fn_constructor_args=(annotator,),
        batch_format="pyarrow",
        batch_size=batch_size,
        compute=actor_pool(concurrency),
        num_cpus=_share_of_a_cpu(ray.nodes()) if num_cpus is None else num_cpus,
        num_gpus=num_gpus,
    )


def _share_of_a_cpu(nodes: Sequence[Mapping[str, Any]]) -> float:
    """Return what an actor may reserve, so that an actor for each CPU leaves one of the largest machine."""
    cpus = max((node["Resources"].get("CPU", 1) for node in nodes if node["Alive"]), default=1)
    return float(max(cpus - 1, 0) / max(cpus, 1))


class DatasetActor:
    """What an actor of the pool runs: tables in Arrow's memory in, tables out."""

    def __init__(self, annotator: BatchAnnotator) -> None:
        annotator.load()
        self._annotator = annotator

    def __call__(self, batch: "pa.Table") -> "pa.Table":
        """Annotate a batch."""
        import pyarrow as pa

        # The rows of a JSON file are not bound to have the keys of the file before.
        for name in self._annotator.columns:
            if name not in batch.column_names:
                batch = batch.append_column(name, pa.nulls(len(batch), "string"))
        read = {name: batch.column(name).to_pylist() for name in self._annotator.columns}
        table, positions = self._annotator.annotate(self._annotator.rows_of(read))
        # Kept columns stay in Arrow, so that they come out in the type in which they went in.
        kept = batch.select(list(self._annotator.keep_columns)).take(positions)
        found = arrow_table(table)
        for name in reversed(kept.column_names):
            found = found.add_column(0, kept.schema.field(name), kept.column(name))
        return found


def arrow_table(
    table: Mapping[str, list[Any]], first: Mapping[str, str] | None = None, strings: Sequence[str] = ()
) -> "pa.Table":
    """Return a table of sentences in Arrow, each column in its own type even where all of it is null.

    Args:
        table: The columns, by name.
        first: Types of columns that stand before all others, by name.
        strings: Columns of strings that stand between these and those of `COLUMNS`.
    """
    import pyarrow as pa

    types = {**(first or {}), **dict.fromkeys(strings, "string"), **COLUMNS}
    fields = [(name, pa.type_for_alias(kind)) for name, kind in types.items()]
    return pa.table(dict(table), schema=pa.schema(fields))


def actor_pool(
    concurrency: int | tuple[int, int] | None, tasks_each: int | None = None
) -> "ActorPoolStrategy":
    """Return Ray's description of a pool of actors.

    Args:
        concurrency: As for `annotate_dataset`.
        tasks_each: How many tasks wait at an actor; None leaves it to Ray.

    Raises:
        InputError: It is no number of actors.
    """
    from ray.data import ActorPoolStrategy

    least, most = concurrency if isinstance(concurrency, tuple) else (concurrency, concurrency)
    if least is not None and most is not None and not 1 <= least <= most:
        raise InputError(
            f"concurrency is {concurrency!r}, expected a number of actors from 1, "
            "or the smallest and the largest."
        )
    return ActorPoolStrategy(min_size=least or 1, max_size=most, max_tasks_in_flight_per_actor=tasks_each)


def import_ray() -> Any:  # noqa: ANN401  # a module
    """Import Ray Data, when it is needed.

    Raises:
        MissingExtraError: It is not installed.
    """
    require_extra()
    # An archive may be confidential; Ray reports its use over the network unless told not to.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray
    import ray.data

    return ray


def require_extra() -> None:
    """Check that what the extra ``ray`` installs is there, without importing it.

    Raises:
        MissingExtraError: It is not.
    """
    missing = [name for name in ("ray", "pyarrow") if find_spec(name) is None]
    if missing:
        raise MissingExtraError(
            f"Annotating an archive needs {' and '.join(missing)}, which is not installed: "
            "pip install 'khabar[ray]'."
        )


@contextmanager
def running_ray(address: str | None, workers: int | None) -> Iterator[Any]:
    """Run or join Ray, and leave it at the end.

    Args:
        address: Of a cluster, as `ray.init` takes it; None runs Ray on this machine alone, reachable from
            nowhere else.
        workers: CPUs of a local Ray; None takes all of the machine.

    Yields:
        The module ``ray``.

    Raises:
        InputError: There is no cluster at the address.
        MissingExtraError: Ray is not installed.
    """
    # What it has to say of itself stands in its own log; errors come back as exceptions.
    os.environ.setdefault("RAY_DATA_LOG_LEVEL", "ERROR")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    ray = import_ray()
    options: dict[str, Any] = {"logging_level": "error", "log_to_driver": False}
    if address is None:
        options |= {
            "address": "local",
            "num_cpus": workers,
            "include_dashboard": False,
            "object_store_memory": _OBJECT_STORE_BYTES,
            "_node_ip_address": "127.0.0.1",
        }
    else:
        options["address"] = address
    try:
        ray.init(**options)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise InputError(
            f"address is {address!r}, where no Ray answers ({error}); see `ray status`."
        ) from error
    try:
        yield ray
    finally:
        ray.shutdown()
