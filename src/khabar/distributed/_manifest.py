"""The manifest of an annotated archive: what it is made of, so that nothing else is ever mixed in.

It stands in the folder of results, is written whole before the first shard is annotated, and grows when files
are added to the archive. It does not say which shards are finished: a shard is when the file of its name is
there, since such a file appears whole or not at all. The name holds the shard's key, a hash over the content
of its input, the settings and the model.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Final

from khabar._files import reason, write_text
from khabar._json import json_text
from khabar._version import __version__
from khabar.distributed._sources import Columns, Source
from khabar.errors import InputError

MANIFEST: Final = "_manifest.json"
"""Its name begins like those that readers of Parquet folders leave alone."""

_FORMAT = 1
_KEY_CHARACTERS = 16


@dataclass(frozen=True, slots=True)
class Settings:
    """What the rows depend on besides the articles; of one folder of results they are all the same."""

    model: str
    """Name, folder or hub name of the model, as it was given."""
    fingerprint: str
    """Of the model's files: see `khabar.bundle.fingerprint`."""
    backend: str | None = None
    columns: Columns = field(default_factory=Columns)
    shard_articles: int = 1000
    """Lines, rows or files that a shard has at most."""
    khabar: str = __version__
    """Version of the library, whose rules split the sentences."""

    def record(self) -> dict[str, Any]:
        """Return them as the manifest has them."""
        found = asdict(self)
        return found | {"columns": found["columns"] | {"keep": list(self.columns.keep)}}


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of one file."""

    source: str
    first: int
    """Counted from 0."""
    count: int


@dataclass(frozen=True, slots=True)
class Shard:
    """What is annotated at once and written as one file of Parquet."""

    file: str
    """The file's name: a number in the order of the archive, and the shard's key."""
    pieces: tuple[Piece, ...]

    @property
    def key(self) -> str:
        """Hash over the content of the input, the settings and the model."""
        return self.file.removesuffix(".parquet").rpartition("-")[2]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a folder of results is made of."""

    settings: Settings
    sources: tuple[Source, ...] = ()
    shards: tuple[Shard, ...] = ()

    def with_sources(self, sources: Sequence[Source]) -> "Manifest":
        """Return a manifest to which files are added, cut into shards of their own.

        Files are put together while a shard has room, so that a folder of small files gives few shards, and
        cut where they are longer. What was planned before stays as it is.
        """
        shards = list(self.shards)
        hashes = {source.name: source.sha256 for source in sources}
        for pieces in _cut(sources, self.settings.shard_articles):
            content = [(piece.source, hashes[piece.source], piece.first, piece.count) for piece in pieces]
            # Without the model's name, which says less than its fingerprint.
            plain = json.dumps([self.settings.record() | {"model": None}, content], sort_keys=True)
            key = hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()[:_KEY_CHARACTERS]
            shards.append(Shard(f"part-{len(shards):05}-{key}.parquet", pieces))
        return Manifest(self.settings, (*self.sources, *sources), tuple(shards))

    def new(self, files: dict[str, str], place: Path) -> list[str]:
        """Return the names of files that the manifest does not know yet.

        Args:
            files: SHA-256 of each file of the archive by its name.
            place: The archive, for messages.

        Raises:
            InputError: A file that it knows has changed or is gone.
        """
        for source in self.sources:
            if files.get(source.name) != source.sha256:
                what = "has changed" if source.name in files else "is gone"
                raise InputError(
                    f"{place}: {source.name} {what} since it was planned, and its sentences may be in the "
                    "output already; put it back as it was, or choose a new output folder."
                )
        known = {source.name for source in self.sources}
        return [name for name in files if name not in known]

    def save(self, folder: Path) -> None:
        """Write the manifest, whole or not at all.

        Raises:
            OSError: The folder cannot be written to.
        """
        content = {"format": _FORMAT, "settings": self.settings.record()}
        # One source and one shard a line: thousands of them are still read by people.
        lines = [f"{json_text(content)[:-1]}, "]
        for name, items in (("sources", self.sources), ("shards", self.shards)):
            rows = ",\n".join(f"  {json_text(asdict(item))}" for item in items)
            lines.append(f'"{name}": [\n{rows}\n]' + (", " if name == "sources" else "}\n"))
        write_text(folder / MANIFEST, "".join(lines))


def load_manifest(folder: Path, settings: Settings) -> Manifest | None:
    """Return the manifest of a folder of results, None where there is none.

    Args:
        folder: The folder.
        settings: What the results are to be made with now.

    Raises:
        InputError: The manifest cannot be read, or the results there were made with other settings; the
            message names all of these.
    """
    path = folder / MANIFEST
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        _refuse_others(path, content, settings.record())
        return Manifest(
            settings,
            tuple(Source(**source) for source in content["sources"]),
            tuple(
                Shard(shard["file"], tuple(Piece(**piece) for piece in shard["pieces"]))
                for shard in content["shards"]
            ),
        )
    except FileNotFoundError:
        return None
    except InputError:
        raise
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path}: cannot be read as a manifest ({reason(error)}); choose a new output folder."
        ) from error


def _refuse_others(path: Path, content: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Complain of all settings that differ, unless it is the model's name alone."""
    if content["format"] != _FORMAT:
        raise InputError(
            f"{path}: is of format {content['format']}, expected {_FORMAT}; "
            "finish with the version of khabar that wrote it, or choose a new output folder."
        )
    found = content["settings"]
    columns = found["columns"]
    pairs = [
        (name, found[name], wanted[name]) for name in (f.name for f in fields(Settings)) if name != "columns"
    ]
    pairs += [(f"column of {name}", columns[name], wanted["columns"][name]) for name in columns]
    # The same files may have been moved, or be named in another way.
    differing = [pair for pair in pairs if pair[1] != pair[2] and pair[0] != "model"]
    if differing:
        said = "; ".join(f"{name} was {before!r} and is {now!r} now" for name, before, now in differing)
        raise InputError(
            f"{path.parent}: its sentences were made in another way ({said}); "
            "go on with what it was begun with, or choose a new output folder."
        )


def _cut(sources: Iterable[Source], most: int) -> Iterable[tuple[Piece, ...]]:
    pieces: list[Piece] = []
    room = most
    for source in sources:
        first = 0
        while first < source.records:
            count = min(room, source.records - first)
            pieces.append(Piece(source.name, first, count))
            first, room = first + count, room - count
            if not room:
                yield tuple(pieces)
                pieces, room = [], most
    if pieces:
        yield tuple(pieces)
