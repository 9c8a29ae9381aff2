"""A table of articles becomes a table of sentences, the same under every engine that holds tables."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from khabar.annotator import Annotator
from khabar.backends import BackendName
from khabar.bundle import built_in, fingerprint, locate
from khabar.errors import BundleError, InputError
from khabar.labels import Label
from khabar.schema import AnnotatedArticle

COLUMNS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "article_id": "string",
        "sentence": "int32",
        "part": "string",
        "start": "int32",
        "end": "int32",
        "text": "string",
        "label": "string",
        "score": "double",
        **{f"score_{label}": "double" for label in Label},
        "truncated": "bool",
        "error": "string",
    }
)
"""Columns of a table of sentences and their types, by the names that Arrow and `datasets` have for them."""

Table: TypeAlias = dict[str, list[Any]]
"""Columns by name, all of one length."""

_DECIMALS = 6
"""Of a probability, as in the other output formats."""

_ARTICLES_AT_ONCE = 32
_ID_CHARACTERS = 16
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_SPARK = {"int32": "int", "bool": "boolean"}


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table of articles, as it was found."""

    text: object
    title: object = None
    id: object = None
    error: str | None = None
    """Why there is no article in it, where that is known already."""


@dataclass(frozen=True, slots=True)
class _Article:
    position: int
    id: str
    text: str
    title: str | None


class BatchAnnotator:
    """Annotates articles in the rows of a table, and gives a table with one sentence a row.

    It is a plain function over columns: under `datasets.map`, in a pandas UDF of Spark, or over a data frame.
    `khabar.distributed.annotate_dataset` runs the same one in Ray's actors. The model is loaded on the first
    call, once in each process. The instance itself is small and is sent to other processes and machines,
    which need the same model under the same name; a model of other contents is refused there.

    Every row of the result comes from one row of the batch, in order. An article has as many rows as
    sentences, a row that holds no article has one, with ``error`` and nulls, and an article without sentences
    has one with nulls and no error: so no article is ever without a row.
    """

    def __init__(
        self,
        *,
        text_column: str = "text",
        title_column: str | None = None,
        id_column: str | None = None,
        keep_columns: Sequence[str] = (),
        model: str | Path = "default",
        backend: BackendName | None = None,
        threads: int | None = 1,
    ) -> None:
        """Find the model and take its fingerprint.

        Args:
            text_column: Where the articles' raw text is.
            title_column: Where their headlines are, if these are no part of the text; null where there is
                none.
            id_column: Where their identifiers are. Without one, and where it is null, ``article_id`` is
                `article_fingerprint`.
            keep_columns: Columns to repeat on each sentence of an article, such as outlet and date. They
                stand before those of `COLUMNS`.
            model: A built-in model's name, a bundle's folder, or a name on the Hugging Face hub.
            backend: As for `khabar.Annotator`.
            threads: Threads of each process. One is right where each core has a process; None leaves it to
                the backend.

        Raises:
            InputError: ``keep_columns`` has a column twice, or one that the result has already.
            BundleError: There is no such model.
        """
        keep_columns = (keep_columns,) if isinstance(keep_columns, str) else tuple(keep_columns)
        for number, name in enumerate(keep_columns):
            if name in COLUMNS:
                raise InputError(
                    f"keep_columns has {name!r}, which is a column of the result too; rename it first."
                )
            if name in keep_columns[:number]:
                raise InputError(f"keep_columns has {name!r} twice; drop one.")
        self.text_column = text_column
        self.title_column = title_column
        self.id_column = id_column
        self.keep_columns = keep_columns
        self.backend = backend
        self.threads = threads
        folder = locate(model)
        # Another machine may keep what comes from the hub elsewhere, so it gets the name.
        local = built_in(str(model)) is None and Path(model).expanduser().is_dir()
        self.model = str(folder.resolve()) if local else str(model)
        self.fingerprint = fingerprint(folder)

    def __call__(self, batch: Mapping[str, Iterable[Any]]) -> Table:
        """Annotate a batch.

        Args:
            batch: Columns by name, all of one length; a data frame is one too. Columns that are not asked for
                are left alone.

        Returns:
            The columns of ``keep_columns``, then those of `COLUMNS`.

        Raises:
            InputError: A column is not there.
            BundleError: The model is not there, or not the one that this object was made with.
        """
        self.check_columns(list(batch))
        columns = {name: list(batch[name]) for name in self.columns}
        table, positions = self.annotate(self.rows_of(columns))
        kept = {name: [columns[name][position] for position in positions] for name in self.keep_columns}
        return kept | table

    @property
    def columns(self) -> list[str]:
        """The columns of a batch that are read, each once."""
        names = (self.text_column, self.title_column, self.id_column, *self.keep_columns)
        return list(dict.fromkeys(name for name in names if name is not None))

    def check_columns(self, names: Sequence[str]) -> None:
        """Check that a table that has columns of these names has all that are asked for.

        Raises:
            InputError: One is not among them.
        """
        options = [("text_column", self.text_column), ("title_column", self.title_column)]
        options += [("id_column", self.id_column), *(("keep_columns", name) for name in self.keep_columns)]
        for option, name in options:
            if name is not None and name not in names:
                there = ", ".join(map(repr, names)) or "none"
                raise InputError(f"{option} is {name!r}, but the columns are {there}; name one of these.")

    def rows_of(self, columns: Mapping[str, Sequence[object]]) -> list[Row]:
        """Return the rows of columns that are all there."""
        nothing = [None] * len(columns[self.text_column])
        titles = columns[self.title_column] if self.title_column else nothing
        ids = columns[self.id_column] if self.id_column else nothing
        return [Row(*row) for row in zip(columns[self.text_column], titles, ids, strict=True)]

    def annotate(self, rows: Sequence[Row]) -> tuple[Table, list[int]]:
        """Annotate rows that were read already.

        Returns:
            The columns of `COLUMNS`, and for each of their rows the place in ``rows`` that it comes from.

        Raises:
            BundleError: As for a call.
        """
        annotator = self.load()
        table: Table = {name: [] for name in COLUMNS}
        positions: list[int] = []
        for start in range(0, len(rows), _ARTICLES_AT_ONCE):
            chunk = [
                _read(row, start + number) for number, row in enumerate(rows[start:][:_ARTICLES_AT_ONCE])
            ]
            results = _annotate(annotator, [item for item in chunk if isinstance(item, _Article)])
            for number, item in enumerate(chunk):
                found = _records(item, results) if isinstance(item, _Article) else [item]
                for record in found:
                    for name, column in table.items():
                        column.append(record.get(name))
                    positions.append(start + number)
        return table, positions

    def load(self) -> Annotator:
        """Load the model, once in a process.

        Raises:
            BundleError: It is not there, or is another one than this object was made with.
        """
        return _load(self.model, self.fingerprint, self.backend, self.threads)


@lru_cache(maxsize=1)
def _load(model: str, expected: str, backend: BackendName | None, threads: int | None) -> Annotator:
    """Load a model, once in a process for all copies of a function that engines hand around."""
    folder = locate(model)
    found = fingerprint(folder)
    if found != expected:
        raise BundleError(
            f"{folder}: its fingerprint is {found}, but the work was begun with {expected}; "
            "put the same model on every machine."
        )
    return Annotator.from_pretrained(folder, backend=backend, threads=threads)


def article_fingerprint(text: str, title: str | None = None) -> str:
    """Return what an article without an identifier is called: the beginning of a SHA-256 over its text."""
    plain = f"{title or ''}\0{text}".encode("utf-8", "surrogatepass")
    return hashlib.sha256(plain).hexdigest()[:_ID_CHARACTERS]


def spark_schema(**keep_columns: str) -> str:
    """Return the schema of a table of sentences as Spark writes one: ``article_id string, sentence int, …``.

    Args:
        keep_columns: Type of each kept column by its name, in the order of ``keep_columns``.
    """
    columns = keep_columns | {name: _SPARK.get(kind, kind) for name, kind in COLUMNS.items()}
    return ", ".join(f"`{name}` {kind}" for name, kind in columns.items())


def _annotate(annotator: Annotator, articles: list[_Article]) -> dict[int, AnnotatedArticle | str]:
    """Return for each article, by its position, what was found or why nothing was."""

    def run(some: Sequence[_Article]) -> list[AnnotatedArticle]:
        return list(annotator.annotate_many([{"text": one.text, "title": one.title} for one in some]))

    try:
        return {one.position: found for one, found in zip(articles, run(articles), strict=True)}
    except Exception:  # which article it was shows below, and what it was stands in that one's row
        results: dict[int, AnnotatedArticle | str] = {}
        for one in articles:
            try:
                (results[one.position],) = run([one])
            except (
                Exception
            ) as error:  # whatever it is, the other articles of a long job are not to lose by it
                results[one.position] = f"cannot be annotated ({type(error).__name__}: {error})"
        return results


def read_row(row: Row) -> tuple[str, str | None, str | None] | str:
    """Return text, title and identifier of a row's article, or why there is none, as part of a sentence."""
    text, title = (None if _is_missing(value) else value for value in (row.text, row.title))
    if row.error is not None:
        return row.error
    if text is None:
        return "text is missing, expected a string; fill it or drop the row"
    if not isinstance(text, str):
        return f"text is {type(text).__name__}, expected a string; convert it or drop the row"
    if not isinstance(title, str | None):
        return f"title is {type(title).__name__}, expected a string or null; convert it or drop it"
    return text, title, _identifier(row)


def _read(row: Row, position: int) -> _Article | dict[str, Any]:
    """Return the article of a row, or the row of the result that says why there is none."""
    found = read_row(row)
    if isinstance(found, str):
        return {"article_id": _identifier(row), "error": _plain(found)}
    text, title, identifier = found
    return _Article(position, identifier or article_fingerprint(text, title), text, title)


def _identifier(row: Row) -> str | None:
    if _is_missing(row.id):
        return None
    if isinstance(row.id, dict | list):
        return json.dumps(row.id, ensure_ascii=False, default=str)
    return _plain(str(row.id))


def _records(article: _Article, results: Mapping[int, AnnotatedArticle | str]) -> list[dict[str, Any]]:
    """Return the rows of the result that an article has."""
    identifier, result = article.id, results[article.position]
    if isinstance(result, str):
        return [{"article_id": identifier, "error": _plain(result)}]
    if not result.sentences:
        return [{"article_id": identifier}]
    return [
        {
            "article_id": identifier,
            "sentence": number,
            "part": sentence.part,
            "start": sentence.start,
            "end": sentence.end,
            "text": _plain(sentence.text),
            "label": str(sentence.label),
            "score": round(float(sentence.score), _DECIMALS),
            **{f"score_{label}": round(float(sentence.scores[label]), _DECIMALS) for label in Label},
            "truncated": sentence.truncated,
        }
        for number, sentence in enumerate(result.sentences)
    ]


def _plain(text: str) -> str:
    """Return text that UTF-8 can encode, and so Arrow can hold: a lone surrogate becomes U+FFFD."""
    return _LONE_SURROGATE.sub("\ufffd", text)


def _is_missing(value: object) -> bool:
    # pandas has NaN, which equals nothing, where a string is missing.
    return value is None or (isinstance(value, float) and value != value)
