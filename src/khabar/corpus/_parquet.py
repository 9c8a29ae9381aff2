"""Parquet files with a sentence in each row, read by pyarrow."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from khabar._files import reason
from khabar.corpus._options import ReadOptions
from khabar.corpus._problems import Problems
from khabar.corpus._tables import Table, articles_of_tables, import_extra
from khabar.errors import DataError
from khabar.schema import LabelledArticle


def open_parquet(path: Path) -> Table:
    """Open a file without reading its rows.

    Raises:
        DataError: It cannot be read, or is no Parquet.
        MissingExtraError: pyarrow is not installed.
    """
    pyarrow = import_extra("pyarrow", "Reading Parquet")
    parquet = import_extra("pyarrow.parquet", "Reading Parquet")
    try:
        file = parquet.ParquetFile(path)
    except (OSError, pyarrow.ArrowException) as error:
        raise DataError(f"{path}: cannot be read as Parquet ({_said(error)}).") from error

    def read(columns: Sequence[str]) -> list[dict[str, Any]]:
        try:
            with file:
                rows: list[dict[str, Any]] = file.read(columns=list(columns)).to_pylist()
        except (OSError, pyarrow.ArrowException) as error:
            raise DataError(f"{path}: cannot be read as Parquet ({_said(error)}).") from error
        return rows

    return Table(None, file.schema_arrow.names, read)


def read_parquet(path: Path, options: ReadOptions) -> list[LabelledArticle]:
    """Read sentences in rows; the options are those of `khabar.corpus.read_labelled`.

    Raises:
        DataError: The file cannot be read or breaks the format anywhere.
        MissingExtraError: pyarrow is not installed.
    """
    options.allow("parquet", "columns", "one_sentence_articles")
    return articles_of_tables([open_parquet(path)], Problems(path), options)


def _said(error: Exception) -> str:
    return reason(error).splitlines()[0].rstrip(".")
