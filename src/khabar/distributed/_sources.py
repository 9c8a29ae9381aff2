"""The files of an archive: which there are, how many records each holds, and any stretch of them."""

import gzip
import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

from khabar._files import decode_article, reason
from khabar.distributed._table import Row
from khabar.errors import InputError

ENDINGS: Final = (".jsonl", ".jsonl.gz", ".parquet", ".txt")
"""What the names of files of articles end in: one article a line, a row, a file."""

_SHOWN_CHARACTERS = 60
_SAMPLE = 100


@dataclass(frozen=True, slots=True)
class Columns:
    """What the fields of an article are called in its file."""

    text: str = "text"
    title: str | None = "title"
    id: str | None = "id"
    keep: tuple[str, ...] = ()
    """Repeated on each sentence, as strings."""

    @property
    def names(self) -> list[str]:
        """All of them, each once."""
        names = (self.text, self.title, self.id, *self.keep)
        return list(dict.fromkeys(name for name in names if name is not None))


@dataclass(frozen=True, slots=True)
class Source:
    """A file of articles, as it was when it was looked at."""

    name: str
    """Its path within the archive, with ``/`` between folders."""
    sha256: str
    records: int
    """Lines of JSON Lines, rows of Parquet, 1 of a text file; what cannot be read counts as one."""


@dataclass(frozen=True, slots=True)
class Record:
    """One article of a file, or what stands where one should be."""

    number: int
    """Line or row, counted from 1; 1 for a text file."""
    row: Row
    kept: tuple[str | None, ...] = ()
    """The kept columns, in order."""


def find_files(archive: Path) -> tuple[list[Path], int]:
    """Return the files of articles of an archive, in the order of their names, and how many others there are.

    Args:
        archive: A file, or a folder that is looked through with all its folders. What begins with ``.`` or
            ``_`` is no part of it, as for other readers of such folders.

    Raises:
        InputError: There is none.
    """
    known = ", ".join(ENDINGS)
    if archive.is_file():
        if not archive.name.lower().endswith(ENDINGS):
            raise InputError(f"{archive}: is no file of articles; its name must end in one of {known}.")
        return [archive], 0
    if not archive.is_dir():
        raise InputError(f"{archive}: does not exist; name a file or a folder of articles.")
    files, others = [], 0
    for path in sorted(archive.rglob("*")):
        if not path.is_file() or any(part[0] in "._" for part in path.relative_to(archive).parts):
            continue
        if path.name.lower().endswith(ENDINGS):
            files.append(path)
        else:
            others += 1
    if not files:
        raise InputError(f"{archive}: holds no file of articles; their names must end in one of {known}.")
    return files, others


def name_of(path: Path, archive: Path) -> str:
    """Return what a file of an archive is called in its results."""
    return path.name if path == archive else path.relative_to(archive).as_posix()


def look_at(path: Path, name: str, sha256: str) -> Source:
    """Count the records of a file.

    Raises:
        MissingExtraError: It is Parquet, and pyarrow is not installed.
    """
    match _ending(path):
        case ".txt":
            records = 1
        case ".parquet":
            records = _parquet_rows(path)
        case _:
            records = sum(1 for _ in _lines(path))
    return Source(name, sha256, records)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file.

    Raises:
        InputError: It cannot be read at all, as is a matter of permissions and not of articles.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({reason(error)}); mend that or take it away.") from error


def fields_of(path: Path) -> set[str] | None:
    """Return the names of the fields of a file's first articles, None where fields have no names."""
    match _ending(path):
        case ".txt":
            return None
        case ".parquet":
            import pyarrow as pa
            import pyarrow.parquet as pq

            try:
                return set(pq.read_schema(path).names)
            except (OSError, pa.ArrowException):
                return None
        case _:
            objects = [
                _object(line, number == 0) for number, line in enumerate(islice(_lines(path), _SAMPLE))
            ]
            found = [one for one in objects if isinstance(one, dict)]
            return set().union(*found) if found else None


def read_records(path: Path, first: int, count: int, columns: Columns) -> Iterator[Record]:
    """Read a stretch of a file, whatever state it is in.

    Args:
        path: The file.
        first: Record to begin with, counted from 0.
        count: How many lines, rows or files; an empty line holds no record.
        columns: What the fields are called.

    Yields:
        The records; one that cannot be read says so in ``row.error``.
    """
    match _ending(path):
        case ".txt":
            yield _read_text(path, columns)
        case ".parquet":
            yield from _read_parquet(path, first, count, columns)
        case _:
            for number, line in islice(enumerate(_lines(path)), first, first + count):
                if isinstance(line, bytes) and not line.strip():
                    continue
                found = _object(line, number == 0)
                yield (
                    Record(number + 1, _bad(found), _none(columns))
                    if isinstance(found, str)
                    else _record(number + 1, found, columns)
                )


def _ending(path: Path) -> str:
    return next(ending for ending in ENDINGS if path.name.lower().endswith(ending))


def _lines(path: Path) -> Iterator[bytes | str]:
    """Yield the lines of a file, and, where it cannot be read on, at the end a string that says why."""
    try:
        with gzip.open(path) if _ending(path) == ".jsonl.gz" else path.open("rb") as file:
            yield from file
    except (OSError, EOFError, zlib.error) as error:
        yield f"the file cannot be read from here on ({reason(error)}); mend it and annotate it anew"


def _object(line: bytes | str, first: bool) -> dict[str, Any] | str:
    """Return the JSON object of a line, or why there is none."""
    if isinstance(line, str):
        return line
    try:
        # A byte order mark can only stand at the start of the file, where some editors put one.
        value = json.loads(line.rstrip(b"\r\n").decode("utf-8-sig" if first else "utf-8"))
    except UnicodeDecodeError as error:
        return f"byte {error.start + 1} of the line is not UTF-8; save the file as UTF-8"
    except json.JSONDecodeError as error:
        return f"the line is no JSON ({error.msg} at column {error.colno}); write one object a line"
    except (ValueError, RecursionError) as error:
        # Numbers of thousands of digits, brackets nested thousands deep.
        return f"the line is beyond what can be read as JSON ({error}); write one object a line"
    if not isinstance(value, dict):
        shown = json.dumps(value, ensure_ascii=False)
        shown = shown if len(shown) <= _SHOWN_CHARACTERS else f"{shown[:_SHOWN_CHARACTERS]}…"
        return f"the line is {shown}, expected an object; write one object a line"
    return value


def _record(number: int, values: Mapping[str, Any], columns: Columns) -> Record:
    title = None if columns.title is None else values.get(columns.title)
    identifier = None if columns.id is None else values.get(columns.id)
    row = Row(values.get(columns.text), title, identifier)
    return Record(number, row, tuple(_string(values.get(name)) for name in columns.keep))


def _string(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)


def _bad(why: str) -> Row:
    return Row(None, error=why)


def _none(columns: Columns) -> tuple[None, ...]:
    return (None,) * len(columns.keep)


def _read_text(path: Path, columns: Columns) -> Record:
    try:
        row = Row(decode_article(path.read_bytes(), "the file"), id=path.stem)
    except InputError as error:
        row = _bad(str(error))
    except OSError as error:
        row = _bad(f"the file cannot be read ({reason(error)}); mend it and annotate it anew")
    return Record(1, row, _none(columns))


def _parquet_rows(path: Path) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return int(pq.read_metadata(path).num_rows)
    except (OSError, pa.ArrowException):
        return 1  # the row of the result that says so


def _read_parquet(path: Path, first: int, count: int, columns: Columns) -> Iterator[Record]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = first
    try:
        with pq.ParquetFile(path) as file:
            groups, start = _groups(file.metadata, first, count)
            names = [name for name in columns.names if name in file.schema_arrow.names]
            position = start
            for batch in file.iter_batches(row_groups=groups, columns=names):
                lowest, highest = max(first - position, 0), min(first + count - position, len(batch))
                position += len(batch)
                if lowest >= highest:
                    continue
                # A file may lack every column that is asked for, and still has its rows.
                rows = batch.slice(lowest, highest - lowest)
                for values in rows.to_pylist() if names else [{}] * len(rows):
                    number += 1
                    yield _record(number, values, columns)
    except (OSError, pa.ArrowException) as error:
        why = str(error).strip().splitlines()[0].rstrip(".")
        yield Record(
            number + 1,
            _bad(f"the rows from here to {first + count} cannot be read as Parquet ({why}); mend the file"),
            _none(columns),
        )


def _groups(metadata: Any, first: int, count: int) -> tuple[Sequence[int], int]:  # noqa: ANN401  # pyarrow's
    """Return the row groups that a stretch of rows lies in, and the number of their first row."""
    groups: list[int] = []
    begin = start = 0
    for group in range(metadata.num_row_groups):
        end = start + metadata.row_group(group).num_rows
        if start < first + count and end > first:
            begin = start if not groups else begin
            groups.append(group)
        start = end
    return groups, begin
