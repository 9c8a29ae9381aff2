"""Tables that a library reads for us: columns by name, rows as dicts."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from khabar.corpus._options import ReadOptions
from khabar.corpus._problems import Place, Problems
from khabar.corpus._rows import COLUMNS, Row, build_articles, check_columns
from khabar.errors import MissingExtraError
from khabar.schema import LabelledArticle


@dataclass(frozen=True, slots=True)
class Table:
    """One table of a file or folder."""

    split: str | None
    """The split that its folder is named after; None when it stands alone."""
    columns: Sequence[str]
    read: Callable[[Sequence[str]], list[dict[str, Any]]]
    """Returns the rows, in order, with the columns asked for."""

    def at(self, number: int) -> str:
        """Return what a message calls the row of a number that counts from 1."""
        return f"row {number}" if self.split is None else f"{self.split} row {number}"

    @property
    def header(self) -> str:
        """What a message calls the columns."""
        return "columns" if self.split is None else f"columns of {self.split}"


def import_extra(module: str, what: str) -> Any:  # noqa: ANN401  # a module without types
    """Import what only an extra installs, when it is needed.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingExtraError(
            f"{what} needs the package {module.partition('.')[0]!r}, which comes with "
            "`pip install 'khabar[train]'`."
        ) from error


def articles_of_tables(
    tables: Sequence[Table], problems: Problems, options: ReadOptions
) -> list[LabelledArticle]:
    """Read tables that have a sentence in each row.

    Raises:
        DataError: A table breaks the format anywhere.
        ValueError: The options do not fit.
    """
    names = options.names(COLUMNS)
    alone = options.one_sentence_articles
    for table in tables:
        place = Place(problems, table.header)
        check_columns(table.columns, names, options.columns or (), place, alone=alone)
    problems.raise_if_any()
    return build_articles(_rows(tables, names, problems), problems, alone=alone)


def _rows(tables: Sequence[Table], names: Mapping[str, str], problems: Problems) -> Iterator[Row]:
    for table in tables:
        present = {field: name for field, name in names.items() if name in table.columns}
        for number, record in enumerate(table.read(list(present.values())), start=1):
            values = {field: record[name] for field, name in present.items()}
            if table.split is not None and "split" not in present:
                values["split"] = table.split
            yield Row(Place(problems, table.at(number)), values, names)
