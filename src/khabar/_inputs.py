"""The articles that ``khabar annotate`` is given: files of text, standard input, files of JSON Lines."""

import json
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from khabar._files import check_readable, read_article_file, read_article_stdin
from khabar.errors import InputError

STDIN: Final = "-"

JSON_LINES: Final = (".jsonl", ".jsonl.gz")
"""What the names of files end in that hold one article a line."""

_OBJECT = re.compile(r'\s*(?:\[\s*)?\{\s*"')


@dataclass(frozen=True, slots=True)
class Input:
    """An article as it was found."""

    source: str
    """The file as it was named, ``-`` for standard input, ``FILE:LINE`` for a line of JSON Lines."""
    text: str
    title: str | None
    id: str | None = None
    """What its line calls it."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What stands where there should be an article."""

    source: str
    message: str
    """What is wrong, as the user is told it."""


def holds_many(name: str) -> bool:
    """Tell whether a file is one with an article on each line."""
    return name.lower().endswith(JSON_LINES)


def read_inputs(files: Iterable[str], title: str | None) -> Iterator[Input | Failure]:
    """Read articles one at a time.

    Args:
        files: Names of files; `STDIN` for standard input.
        title: Of those that are plain text.

    Yields:
        The articles in order, and a failure in the place of one that cannot be read.
    """
    for name in files:
        try:
            if holds_many(name):
                check_readable(Path(name))
                yield from _read_lines(name)
            else:
                yield _read_text(name, title)
        except InputError as error:
            yield Failure(name, str(error))


def _read_text(name: str, title: str | None) -> Input:
    text = read_article_stdin() if name == STDIN else read_article_file(Path(name))
    if _is_json(text):
        shown = "standard input" if name == STDIN else name
        raise InputError(
            f"{shown} holds JSON, not the text of an article; write articles in JSON one object a line, "
            f"with the key 'text', to a file whose name ends in {JSON_LINES[0]}"
        )
    return Input(name, text, title)


def _is_json(text: str) -> bool:
    """Tell whether a text begins like an object, or a list of them, or is one JSON list or object."""
    if _OBJECT.match(text):
        return True
    if not text.lstrip().startswith(("{", "[")):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _read_lines(name: str) -> Iterator[Input | Failure]:
    # Here, not above: it loads the annotator, for which --help should not wait.
    from khabar.distributed import Columns, read_records, read_row

    record = None
    for record in read_records(Path(name), 0, sys.maxsize, Columns()):
        source = f"{name}:{record.number}"
        found = read_row(record.row)
        yield Failure(source, f"{source}: {found}") if isinstance(found, str) else Input(source, *found)
    if record is None:
        raise InputError(f"{name} holds no article")
