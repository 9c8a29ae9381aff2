"""Who works on a review: a name in a header, since everybody on a server is trusted with the same token."""

import unicodedata
from typing import Annotated, Final
from urllib.parse import unquote

from fastapi import Depends, Header

from khabar.serve._problems import ProblemError

HEADER: Final = "X-Khabar-Annotator"
MAX_NAME: Final = 80

_Given = Annotated[
    str | None,
    Header(alias=HEADER, description="who works here, in percent-encoding (encodeURIComponent)"),
]


def reader_name(given: _Given = None) -> str | None:
    """Return the name of who reads, None when it is not said."""
    if given is None or not given.strip():
        return None
    try:
        name = unicodedata.normalize("NFC", unquote(given, errors="strict")).strip()
    except UnicodeDecodeError:
        raise ProblemError(
            400, "annotator", f"{HEADER} is not UTF-8 in percent-encoding; use encodeURIComponent."
        ) from None
    if not 0 < len(name) <= MAX_NAME or any(unicodedata.category(letter)[0] == "C" for letter in name):
        raise ProblemError(
            400, "annotator", f"{HEADER} has to be 1 to {MAX_NAME} characters without control characters."
        )
    return name


def writer_name(given: _Given = None) -> str:
    """Return the name of who writes; every correction has one."""
    name = reader_name(given)
    if name is None:
        raise ProblemError(
            400, "annotator_missing", f"say who you are, in the header {HEADER}: corrections have a name."
        )
    return name


MaybePerson = Annotated[str | None, Depends(reader_name)]
Person = Annotated[str, Depends(writer_name)]
