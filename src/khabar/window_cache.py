"""Encoded articles on disk, memory-mapped, under a name that follows from their content.

Encoding fifty thousand sentences takes a minute, and every run on the same articles does it again. A cache
folder keeps the rows, each set of them in a subfolder that is called by the hash of everything they follow
from: texts, labels, tokenizer, normalisation, windows. Another text or option is another name, so what is in
the cache never has to be thrown away for being old.
"""

import hashlib
import json
import logging
import secrets
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from datasets import Dataset

from khabar._version import __version__
from khabar.encode import Encoder
from khabar.errors import DataError
from khabar.schema import LabelledArticle

log = logging.getLogger(__name__)

_RECORD: Final = "khabar-windows.json"


def cached_windows(
    articles: Sequence[LabelledArticle],
    encoder: Encoder,
    build: Callable[[Sequence[LabelledArticle], Encoder], Dataset],
    cache: Path,
    version: int,
) -> Dataset:
    """Return the rows of encoded articles, from the cache where they are in it, and memory-mapped.

    What is in the cache is used only if its files are, byte for byte, those that were written; otherwise it
    is made anew. The log says where the rows came from.

    Args:
        articles: What to encode.
        encoder: What encodes them.
        build: Makes the rows; it must be a function of the other two alone.
        cache: The folder; it is made where it is not there.
        version: Version of what ``build`` makes; another one is another name.

    Raises:
        DataError: Something that this library did not write stands where the rows would go.
        OSError: The folder cannot be written to.
    """
    key = windows_key(articles, encoder, version)
    place = cache / key
    if place.exists():
        if not (place / _RECORD).is_file():
            raise DataError(
                f"{place}: was not written by khabar and would be overwritten; "
                "name another folder with data.cache=FOLDER, or move this one away."
            )
        if _whole(place, key):
            log.info("encoded articles read from the cache, %s", place)
            return Dataset.load_from_disk(str(place))
        log.warning("%s: is damaged or of another version; the articles are encoded anew", place)
        shutil.rmtree(place)
    cache.mkdir(parents=True, exist_ok=True)
    aside = cache / f".{key}-{secrets.token_hex(4)}"
    try:
        build(articles, encoder).save_to_disk(str(aside))
        record = {"key": key, "files": _digests(aside)}
        (aside / _RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        try:
            aside.rename(place)
        except OSError:
            if not place.is_dir():  # else another process was quicker
                raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    log.info("encoded articles written to the cache, %s", place)
    return Dataset.load_from_disk(str(place))


def windows_key(articles: Sequence[LabelledArticle], encoder: Encoder, version: int) -> str:
    """Return the hash of everything that the rows of encoded articles follow from."""
    digest = hashlib.sha256()

    def add(value: object) -> None:
        digest.update(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\0")

    add([__version__, version])
    add(asdict(encoder.normalization))
    add(asdict(encoder.window))
    add(encoder.tokenizer_json)
    for article in articles:
        add([(unit.text, unit.label, list(unit.also)) for unit in article.sentences])
    return digest.hexdigest()[:32]


def _whole(place: Path, key: str) -> bool:
    try:
        record = json.loads((place / _RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return bool(record == {"key": key, "files": _digests(place)})


def _digests(folder: Path) -> dict[str, str]:
    found = {}
    for path in sorted(folder.iterdir()):
        if path.name != _RECORD:
            with path.open("rb") as file:
                found[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found
