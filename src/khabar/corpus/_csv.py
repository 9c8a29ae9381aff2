"""Comma-, semicolon- and tab-separated values with a header and a sentence in each row.

Read after RFC 4180 and what spreadsheets make of it: Excel writes a byte order mark and, where the comma is
the decimal sign, semicolons; a line ``sep=;`` before the header tells it so. Nobody else knows about this.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from khabar.corpus._io import read_text
from khabar.corpus._options import ReadOptions
from khabar.corpus._problems import Place, Problems
from khabar.corpus._rows import COLUMNS, Row, build_articles, check_columns
from khabar.errors import DataError
from khabar.schema import LabelledArticle

_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab"}
_EXCEL_HINT = re.compile(r"sep=.\r?\n")
_EXCEL = "; in Excel, save as «CSV UTF-8 (Comma delimited)»"


def read_csv(path: Path, options: ReadOptions) -> list[LabelledArticle]:
    """Read sentences in rows; the options are those of `khabar.corpus.read_labelled`.

    Raises:
        DataError: The file cannot be read or breaks the format anywhere.
    """
    options.allow("csv", "columns", "one_sentence_articles")
    names = options.names(COLUMNS)
    text = read_text(path, way_out=_EXCEL)
    hint = _EXCEL_HINT.match(text)
    if hint:
        # The header's line number is that of the file.
        text = "\n" + text[hint.end() :]
    delimiter = _delimiter(text, names)
    problems = Problems(path)
    records = _records(text, delimiter, problems)
    header_place, header = next(records, (None, []))
    problems.raise_if_any()
    if header_place is None:
        raise DataError(f"{path}: is empty; the first line names the columns.")
    columns = [cell.strip() for cell in header]
    check_columns(columns, names, options.columns or (), header_place, alone=options.one_sentence_articles)
    problems.raise_if_any()
    present = {field: columns.index(name) for field, name in names.items() if name in columns}
    return build_articles(
        _rows(records, len(columns), present, names, _DELIMITERS[delimiter]),
        problems,
        alone=options.one_sentence_articles,
    )


def _delimiter(text: str, names: Mapping[str, str]) -> str:
    """Return the delimiter under which the header has most of the columns looked for, and most columns."""

    def columns_under(delimiter: str) -> tuple[int, int]:
        # What is wrong with the header under this delimiter is told when it turns out to be the one.
        _, header = next(_records(text, delimiter, Problems(Path())), (None, []))
        return len({cell.strip() for cell in header} & set(names.values())), len(header)

    return max(_DELIMITERS, key=columns_under)


def _records(text: str, delimiter: str, problems: Problems) -> Iterator[tuple[Place, list[str]]]:
    """Yield the cells of each record that has any, and the line that it begins on."""
    # Strict, because a quotation mark out of place would otherwise be dropped, or swallow the lines after it.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    while True:
        place = Place(problems, f"line {line}")
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            place.complain(
                f"is no CSV ({error}); put quotation marks around a cell that holds one, and double those "
                "inside it"
            )
            return
        line = reader.line_num + 1
        if any(cell.strip() for cell in cells):
            yield place, cells


def _rows(
    records: Iterator[tuple[Place, list[str]]],
    width: int,
    present: Mapping[str, int],
    names: Mapping[str, str],
    delimiter: str,
) -> Iterator[Row]:
    for place, cells in records:
        if len(cells) != width:
            place.complain(
                f"has {len(cells)} cells, the header {width}; put quotation marks around a cell that holds a "
                f"{delimiter}"
            )
            continue
        yield Row(place, {field: cells[index] for field, index in present.items()}, names)
