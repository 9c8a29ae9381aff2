"""Articles as they come, before anyone has labelled them: one JSON object a line, plain or compressed."""

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from khabar.errors import DataError

_ENDINGS = (".jsonl", ".jsonl.gz")


def text_files(path: Path, way_out: str = "name another folder") -> list[Path]:
    """Return the files of articles that a path stands for: itself, or those of a folder in order of name.

    Raises:
        DataError: A folder holds none; the message ends with the way out.
    """
    if not path.is_dir():
        return [path]
    files = sorted(file for file in path.glob("*") if file.name.endswith(_ENDINGS))
    if not files:
        raise DataError(f"{path}: holds no .jsonl or .jsonl.gz file of articles; {way_out}.")
    return files


def read_texts(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the articles of a file with the numbers of their lines.

    ``text`` is there and a string, ``title`` is a string, null or missing; other keys are as they stand.

    Raises:
        DataError: The file cannot be read, or a line is no article; the message names file and line.
    """
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read as articles ({error}).") from error
    for number, line in enumerate(content.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            text, title = record["text"], record.get("title")
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise DataError(
                f"{path}, line {number}: is no article ({error}); "
                "write one JSON object a line with the key 'text' and, if there is one, 'title'."
            ) from error
        if not isinstance(text, str) or not isinstance(title, str | None):
            raise DataError(
                f"{path}, line {number}: text and title must be strings, and the title may be null."
            )
        yield number, record
