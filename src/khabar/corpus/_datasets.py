"""Folders that ``save_to_disk`` of the library `datasets` leaves, with a sentence in each row.

The library reads them, but for two files that tell what a folder is and which columns it has:
``dataset_info.json`` of a `Dataset` and ``dataset_dict.json`` of a `DatasetDict`, as the library's modules
`arrow_dataset` and `dataset_dict` write them (datasets 3 to 5).
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from khabar._files import reason
from khabar.corpus._options import ReadOptions
from khabar.corpus._problems import Problems
from khabar.corpus._tables import Table, articles_of_tables, import_extra
from khabar.errors import DataError
from khabar.schema import LabelledArticle

_INFO = "dataset_info.json"
_DICT = "dataset_dict.json"


def columns_of_folder(path: Path) -> list[str] | None:
    """Return the columns of a folder of this format without loading it; None when it is no such folder."""
    try:
        if (path / _DICT).is_file():
            splits = json.loads((path / _DICT).read_text(encoding="utf-8"))["splits"]
            path = path / splits[0]
        info = json.loads((path / _INFO).read_text(encoding="utf-8"))
        return list(info["features"])
    except (OSError, ValueError, LookupError, TypeError):
        return None


def open_folder(path: Path) -> list[Table]:
    """Open the tables of a folder, one for each split.

    Raises:
        DataError: It is no such folder, or damaged.
        MissingExtraError: The library is not installed.
    """
    datasets = import_extra("datasets", "Reading a folder of a `datasets` dataset")
    try:
        loaded = datasets.load_from_disk(str(path))
    # Damaged files end in errors of pyarrow, json and the library itself, all of them of these classes.
    except (OSError, ValueError, LookupError, TypeError) as error:
        said = (reason(error).splitlines() or [""])[0].rstrip(".")
        raise DataError(
            f"{path}: cannot be read as a dataset that `save_to_disk` left ({said}); save it again."
        ) from error
    if isinstance(loaded, Mapping):
        return [_table(split, dataset) for split, dataset in loaded.items()]
    return [_table(None, loaded)]


def read_folder(path: Path, options: ReadOptions) -> list[LabelledArticle]:
    """Read sentences in rows; the options are those of `khabar.corpus.read_labelled`.

    Raises:
        DataError: The folder cannot be read or breaks the format anywhere.
        MissingExtraError: The library is not installed.
    """
    options.allow("datasets", "columns", "one_sentence_articles")
    return articles_of_tables(open_folder(path), Problems(path), options)


def _table(split: str | None, dataset: Any) -> Table:  # noqa: ANN401  # the library ships no types
    def read(columns: Sequence[str]) -> list[dict[str, Any]]:
        classes = {name: _class_names(dataset.features[name]) for name in columns}
        rows: list[dict[str, Any]] = dataset.with_format(None).select_columns(list(columns)).to_list()
        for name, names in classes.items():
            if names is not None:
                for row in rows:
                    row[name] = _named(row[name], names)
        return rows

    return Table(split, dataset.column_names, read)


def _class_names(feature: Any) -> Sequence[str] | None:  # noqa: ANN401  # as above
    """The names that the numbers of a column stand for, be it of classes or of lists of classes."""
    names: Sequence[str] | None = getattr(getattr(feature, "feature", feature), "names", None)
    return names


def _named(value: object, names: Sequence[str]) -> object:
    if isinstance(value, list):
        return [_named(item, names) for item in value]
    # A number without a name is left as it is, and complained of as no label.
    return names[value] if isinstance(value, int) and 0 <= value < len(names) else value
