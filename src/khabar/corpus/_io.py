"""Files of records, read with every problem noted and written whole or not at all."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from khabar._files import OutputFile, decode_article, reason
from khabar._json import json_text
from khabar.corpus._problems import Place, Problems
from khabar.errors import DataError, InputError

_ONE_A_LINE = "write one JSON object a line"


def read_bytes(path: Path) -> bytes:
    """Return what a file holds.

    Raises:
        DataError: It cannot be read.
    """
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise DataError(f"{path}: cannot be read as labelled data ({reason(error)}).") from error


def read_text(path: Path, way_out: str = "") -> str:
    """Return a UTF-8 file's text, without a byte order mark and with its line ends as they are.

    Args:
        path: The file.
        way_out: What else to suggest, after the command that converts a file of another encoding.

    Raises:
        DataError: It cannot be read, or is not UTF-8.
    """
    try:
        return decode_article(read_bytes(path), str(path))
    except InputError as error:
        raise DataError(f"{error}{way_out}.") from error


def read_json_lines(path: Path, problems: Problems) -> Iterator[tuple[Place, object]]:
    """Yield the value on each line that is not empty, and its place; complain of lines that are no JSON.

    Raises:
        DataError: The file cannot be read.
    """
    for number, raw in enumerate(read_bytes(path).split(b"\n"), start=1):
        if not raw.strip():
            continue
        place = Place(problems, f"line {number}")
        try:
            # A byte order mark can only stand at the start of the file, where some editors put one.
            value = json.loads(raw.decode("utf-8-sig" if number == 1 else "utf-8"))
        except UnicodeDecodeError as error:
            place.complain(f"byte {error.start + 1} of the line is not UTF-8; save the file as UTF-8")
        except json.JSONDecodeError as error:
            place.complain(f"is no JSON ({error.msg} at column {error.colno}); {_ONE_A_LINE}")
        except (ValueError, RecursionError) as error:
            # Numbers of thousands of digits, brackets nested thousands deep.
            place.complain(f"is beyond what can be read as JSON ({error}); {_ONE_A_LINE}")
        else:
            yield place, value


def read_json(path: Path) -> object:
    """Return the one value that a JSON file holds.

    Raises:
        DataError: The file cannot be read, or is no JSON.
    """
    try:
        return json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise DataError(
            f"{path}, line {error.lineno}: is no JSON ({error.msg} at column {error.colno}); "
            "export the file again."
        ) from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: is beyond what can be read as JSON ({error}).") from error


def write_json_lines(path: Path, records: Iterable[object]) -> None:
    """Write one record a line; the file appears whole or not at all.

    Raises:
        OSError: The folder is not there or cannot be written to.
    """
    with OutputFile(path) as output:
        for record in records:
            output.write(f"{json_text(record)}\n".encode())
        output.commit()


def write_json_list(path: Path, records: Iterable[object]) -> None:
    """Write one JSON array with a record on each line; the file appears whole or not at all.

    Raises:
        OSError: The folder is not there or cannot be written to.
    """
    with OutputFile(path) as output:
        separator = "[\n"
        for record in records:
            output.write(f"{separator}{json_text(record)}".encode())
            separator = ",\n"
        output.write(b"[]\n" if separator == "[\n" else b"\n]\n")
        output.commit()
