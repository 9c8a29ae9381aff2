"""Which format a file has, where the file itself says so, and the reader of each format."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from khabar.corpus._argilla import looks_like_argilla, read_argilla
from khabar.corpus._csv import read_csv
from khabar.corpus._datasets import columns_of_folder, read_folder
from khabar.corpus._doccano import looks_like_doccano, read_doccano
from khabar.corpus._io import read_text
from khabar.corpus._jsonl import looks_like_jsonl, read_jsonl
from khabar.corpus._label_studio import looks_like_json_min, looks_like_label_studio, read_label_studio
from khabar.corpus._options import ReadOptions
from khabar.corpus._parquet import read_parquet
from khabar.corpus._problems import listed, nearest
from khabar.errors import DataError
from khabar.schema import LabelledArticle


def _read_jsonl(path: Path, options: ReadOptions) -> list[LabelledArticle]:
    options.allow("jsonl")
    return read_jsonl(path)


READERS: Final[Mapping[str, Callable[[Path, ReadOptions], list[LabelledArticle]]]] = {
    "jsonl": _read_jsonl,
    "csv": read_csv,
    "parquet": read_parquet,
    "datasets": read_folder,
    "label-studio": read_label_studio,
    "doccano": read_doccano,
    "argilla": read_argilla,
}

_BY_SUFFIX: Final = {".csv": "csv", ".tsv": "csv", ".parquet": "parquet"}
_JSON: Final = (".json", ".jsonl", ".ndjson")
_WORKBOOKS: Final = (".xlsx", ".xls", ".ods")
_BY_KEYS: Final = {
    "jsonl": looks_like_jsonl,
    "label-studio": looks_like_label_studio,
    "doccano": looks_like_doccano,
}
_SAY_WHICH: Final = f"say which with format= (--format in scripts), one of {listed(READERS)}"


def reader_of(path: Path, format: str | None) -> Callable[[Path, ReadOptions], list[LabelledArticle]]:
    """Return the reader of a format, or of the format that a file has.

    Raises:
        DataError: No format was named, and the file does not say which one it has.
        ValueError: There is no format of that name.
    """
    if format is None:
        return READERS[_format_of(path)]
    if format not in READERS:
        raise ValueError(f"{format!r} is no format; use {listed(READERS)}{nearest(format, READERS)}")
    return READERS[format]


def _format_of(path: Path) -> str:
    suffix = path.suffix.lower()
    if path.is_dir():
        columns = columns_of_folder(path)
        if columns is None:
            raise DataError(
                f"{path}: is a folder, and none that `save_to_disk` of the library `datasets` leaves; "
                "name a file."
            )
        return "argilla" if looks_like_argilla(columns) else "datasets"
    if suffix in _BY_SUFFIX:
        return _BY_SUFFIX[suffix]
    if suffix in _WORKBOOKS:
        raise DataError(
            f"{path}: is a workbook, which is not read; save its sheet as «CSV UTF-8 (Comma delimited)»."
        )
    if suffix not in _JSON:
        raise DataError(f"{path}: the name does not tell the format of the labelled data; {_SAY_WHICH}.")
    record = _first_record(path)
    if looks_like_json_min(record):
        raise DataError(
            f"{path}: is Label Studio's JSON-MIN, which does not say which annotations were cancelled; "
            "export the project as JSON."
        )
    found = [name for name, matches in _BY_KEYS.items() if matches(record)]
    if len(found) != 1:
        raise DataError(
            f"{path}: its first object has the keys {listed(record)}, which tell no format; {_SAY_WHICH}."
        )
    return found[0]


def _first_record(path: Path) -> dict[str, object]:
    """Return the first object of a JSON or JSON Lines file, without reading what follows."""
    text = read_text(path)
    start = next(_places_of_content(text), None)
    if start is not None and text[start] == "[":
        start = next(_places_of_content(text, start + 1), None)
    try:
        record = None if start is None else json.JSONDecoder().raw_decode(text, start)[0]
    except (ValueError, RecursionError):
        record = None
    if not isinstance(record, dict):
        raise DataError(
            f"{path}: does not begin with a JSON object, so its format is not known; {_SAY_WHICH}."
        )
    return record


def _places_of_content(text: str, start: int = 0) -> Iterator[int]:
    return (index for index in range(start, len(text)) if not text[index].isspace())
