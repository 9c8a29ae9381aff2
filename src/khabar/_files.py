"""A user's files: articles read byte for byte, results written so that no half-written file is ever left."""

import codecs
import os
import secrets
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

from khabar.errors import InputError

_DOCUMENTS: Final = {
    "a PDF": b"%PDF-",
    "a Word, Excel or other zipped document": b"PK\x03\x04",
    "an older Word or Excel document": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    "a document in Rich Text Format": b"{\\rtf",
    "a gzip archive": b"\x1f\x8b",
}
"""What is given for text by mistake, and the bytes that it begins with; of text none does."""


def decode_article(data: bytes, name: str) -> str:
    """Decode the bytes of an article as UTF-8, its line ends untouched.

    A byte order mark at the very beginning is an encoding's signature, not text: it is dropped, and offset 0
    is the character after it.

    Args:
        data: Everything the file holds.
        name: How to call the file in an error.

    Raises:
        InputError: If the bytes are not UTF-8, or those of a document.
    """
    for kind, beginning in _DOCUMENTS.items():
        if data.startswith(beginning):
            raise InputError(f"{name} is {kind}, not plain text; save its text as plain text in UTF-8")
    body = data.removeprefix(codecs.BOM_UTF8)
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        offset = error.start + len(data) - len(body)
        utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        encoding = "UTF-16" if utf16 else "WINDOWS-1256"
        guess = "it looks like UTF-16" if utf16 else "if it is an older Arabic file"
        raise InputError(
            f"{name} is not UTF-8: byte 0x{data[offset]:02X} at offset {offset}; {guess}, "
            f"convert it: iconv -f {encoding} -t UTF-8 FILE > NEW_FILE"
        ) from error


def read_article_file(path: Path) -> str:
    """Read an article from a file.

    Raises:
        InputError: If the file is missing, a folder, unreadable, or not UTF-8.
    """
    with _reading(path):
        data = path.read_bytes()
    return decode_article(data, str(path))


def check_readable(path: Path) -> None:
    """Find out whether a file can be read, for a reader that says less about it.

    Raises:
        InputError: If the file is missing, a folder or unreadable.
    """
    if path.is_fifo():  # what is written to it could be read once
        return
    with _reading(path), path.open("rb"):
        pass


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except IsADirectoryError:
        raise InputError(f"{path} is a folder; name the files in it: {path / '*.txt'}") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise InputError(f"{path} cannot be read: {reason(error)}") from error


def read_article_stdin() -> str:
    """Read an article from standard input.

    Raises:
        InputError: If it is closed, cannot be read, or is not UTF-8.
    """
    try:
        # None when the caller closed it: `khabar annotate - <&-`.
        data = sys.stdin.buffer.read() if sys.stdin is not None else b""
    except OSError as error:
        raise InputError(f"standard input cannot be read: {reason(error)}") from error
    return decode_article(data, "standard input")


def reason(error: Exception) -> str:
    """Return the system's words for an error, without number and path: «No space left on device»."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__


class OutputFile:
    """A file that appears whole or not at all.

    What is written goes to a hidden file in the same folder, which takes the target's place when `commit` is
    called and disappears when it is not. A link is followed, an existing file's permissions are kept, a new
    file's are those of the umask. A target that is no regular file (``/dev/null``, a FIFO) is written to
    directly, since it cannot be replaced.

    Use it as a context manager: leaving without `commit`, by an exception or not, leaves the target as it
    was.

    Args:
        target: The file to write. Its folder must exist.

    Raises:
        OSError: If the folder cannot be written to, and from `write` and `commit`.
    """

    def __init__(self, target: Path) -> None:
        self._target = Path(os.path.realpath(target))
        self._aside: Path | None = None
        # By its own name: resolving that of a shell's >(command) ends at a pipe without a path.
        mode = target.stat().st_mode if target.exists() else None
        if mode is not None and not stat.S_ISREG(mode):
            self._file: BinaryIO = target.open("wb")
            return
        aside = self._target.with_name(f".khabar-{secrets.token_hex(8)}.tmp")
        self._file = aside.open("xb")
        self._aside = aside
        if mode is not None:
            aside.chmod(stat.S_IMODE(mode))

    def write(self, data: bytes) -> None:
        """Write the next bytes."""
        self._file.write(data)

    def commit(self) -> None:
        """Put the file in its place, safely on disk."""
        self._file.flush()
        if self._aside is not None:
            os.fsync(self._file.fileno())
        self._file.close()
        if self._aside is not None:
            self._aside.replace(self._target)
            self._aside = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self._file.close()
        except OSError:
            # Closing flushes; on a full disk that fails again. Without an error of its own it must be heard.
            if error is None:
                raise
        finally:
            if self._aside is not None:
                self._aside.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 file that appears whole or not at all.

    Raises:
        OSError: The folder is not there or cannot be written to.
    """
    with OutputFile(path) as file:
        file.write(text.encode())
        file.commit()
