"""The tables of the store, and how a database is opened so that what was acknowledged is on disk."""

import os
import sqlite3
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from platformdirs import user_data_path
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Engine,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    create_engine,
    event,
    insert,
    make_url,
    select,
)
from sqlalchemy.engine import URL, Connection
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.types import TypeDecorator

from khabar._files import reason
from khabar.errors import KhabarError, MissingExtraError

SCHEMA: Final = "1"
"""Version of the tables, kept in the table ``khabar_meta``."""

WRITES: Final = "khabar_writes"
"""Execution option of a connection that writes: SQLite then takes its lock at the beginning."""

_BUSY_SECONDS: Final = 20
"""How long a writer waits for another one; a write takes milliseconds."""


class StoreError(KhabarError):
    """The database cannot be opened, or is none that this version knows."""


class _Moment(TypeDecorator[datetime]):
    """A time in UTC. SQLite keeps no time zone, so it is put back when read."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = MetaData()

_SERIAL = BigInteger().with_variant(Integer, "sqlite")

meta = Table(
    "khabar_meta",
    metadata,
    Column("key", String(40), primary_key=True),
    Column("value", Text, nullable=False),
)

articles = Table(
    "khabar_articles",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("number", _SERIAL, nullable=False, unique=True),
    Column("name", Text, nullable=False, unique=True),
    Column("title", Text),
    Column("text", Text, nullable=False),
    Column("outlet", Text),
    Column("split", Text),
    Column("guidelines", Text),
    Column("added_at", _Moment, nullable=False),
    Column("added_by", String(80), nullable=False),
    # What the rules found: [part, start, end, kind or null, headline]. Corrections start from it.
    Column("units", JSON, nullable=False),
    # From here on, all follows from the corrections, and is kept for the queue in the same transaction.
    Column("revision", Integer, nullable=False),
    Column("done", Boolean, nullable=False),
    Column("done_by", String(80)),
    Column("labelled", Integer, nullable=False),
    Column("total", Integer, nullable=False),
    Column("disagreements", Integer, nullable=False),
)

corrections = Table(
    "khabar_corrections",
    metadata,
    Column("id", _SERIAL, primary_key=True, autoincrement=True),
    Column("article_id", String(16), ForeignKey("khabar_articles.id"), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("position", Integer, nullable=False),
    Column("at", _Moment, nullable=False),
    Column("annotator", String(80), nullable=False),
    Column("op", String(8), nullable=False),
    Column("part", String(5)),
    Column("span_start", Integer),
    Column("span_end", Integer),
    Column("cut", Integer),
    Column("label_before", String(20)),
    Column("label_after", String(20)),
    Column("blind", Boolean, nullable=False),
    Column("seen", Boolean, nullable=False),
    Column("model", Text, nullable=False),
    Column("fingerprint", String(12), nullable=False),
    Column("library", String(40), nullable=False),
    Column("request_id", String(64)),
    # Two saves of one article cannot both become its revision 8, whatever else goes wrong.
    UniqueConstraint("article_id", "revision", "position"),
    Index("khabar_corrections_annotator", "annotator"),
)

predictions = Table(
    "khabar_predictions",
    metadata,
    Column("article_id", String(16), ForeignKey("khabar_articles.id"), primary_key=True),
    Column("fingerprint", String(12), primary_key=True),
    Column("at", _Moment, nullable=False),
    Column("confidence", Float, nullable=False),
    # [part, start, end, label, {label: probability}, truncated], one for each sentence
    Column("sentences", JSON, nullable=False),
)


def default_database() -> Path:
    """Return where corrections are kept when nothing is said: the user's data folder."""
    return user_data_path("khabar", appauthor=False) / "review.db"


def open_database(database: str | Path | None) -> Engine:
    """Open the database and make its tables where there are none.

    Args:
        database: A file for SQLite, or the URL of a database (``postgresql://…``); None is the file in the
            user's data folder.

    Raises:
        StoreError: It cannot be opened, or holds the tables of another version.
        MissingExtraError: It is PostgreSQL, and its driver is not installed.
    """
    url = _url(database)
    shown = show_url(url)
    try:
        engine = create_engine(url, **_options(url))
    except ImportError as error:
        raise MissingExtraError(
            f"PostgreSQL needs {error.name}, which is not installed: pip install 'khabar[postgres]'."
        ) from error
    if url.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    with ExitStack() as on_failure:
        on_failure.callback(engine.dispose)
        _prepare(engine, shown)
        on_failure.pop_all()
    return engine


def _prepare(engine: Engine, shown: str) -> None:
    try:
        with engine.execution_options(**{WRITES: True}).begin() as connection:
            metadata.create_all(connection)
            _check_version(connection, shown)
    except (SQLAlchemyError, OSError, sqlite3.Error) as error:
        said = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        raise StoreError(
            f"the database {shown} cannot be opened ({said}); name another with --database."
        ) from error


def show_url(url: URL) -> str:
    """Return a database as it can be shown: a file's path, or the URL without its password."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    return url.render_as_string(hide_password=True)


def _url(database: str | Path | None) -> URL:
    if database is None:
        database = default_database()
        try:
            database.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"the folder {database.parent} cannot be made ({reason(error)}); name a file with --database."
            ) from error
    if database == "":
        raise StoreError("--database is empty; name a file, or leave it out.")
    if isinstance(database, Path) or "://" not in database:
        return URL.create("sqlite", database=os.fspath(database))
    try:
        url = make_url(database)
        if url.drivername in ("postgresql", "postgres"):
            # psycopg 3 is what the extra installs; SQLAlchemy's own default is psycopg2.
            url = url.set(drivername="postgresql+psycopg")
        url.get_dialect()
    except (ArgumentError, NoSuchModuleError) as error:
        raise StoreError(
            "--database is no URL of a database that is known; give a file for SQLite, or "
            "postgresql://USER@HOST/NAME."
        ) from error
    if url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:"):
        raise StoreError("--database sqlite:// keeps nothing; name a file: sqlite:///review.db.")
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        raise StoreError(
            f"--database is of {url.get_backend_name()}, expected SQLite (a file) or postgresql://…"
        )
    return url


def _options(url: URL) -> dict[str, Any]:
    if url.get_backend_name() == "sqlite":
        return {"connect_args": {"timeout": _BUSY_SECONDS}}
    # A server that was restarted in between costs no save.
    return {"pool_pre_ping": True}


def _set_up_sqlite(connection: sqlite3.Connection, record: object) -> None:
    # SQLAlchemy begins the transactions, see _begin_sqlite; Python's driver would begin them late.
    connection.isolation_level = None
    for pragma in (
        "journal_mode = WAL",  # readers go on while somebody saves
        "synchronous = FULL",  # a commit returns when it is on disk, even if the power fails after it
        "foreign_keys = ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later would fail where another one wrote in between.
    immediate = connection.get_execution_options().get(WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def _check_version(connection: Connection, shown: str) -> None:
    found = connection.scalar(select(meta.c.value).where(meta.c.key == "schema"))
    if found is None:
        connection.execute(insert(meta).values(key="schema", value=SCHEMA))
    elif found != SCHEMA:
        raise StoreError(
            f"the database {shown} has tables of version {found}, and this khabar knows version {SCHEMA}; "
            "use the khabar that made it, or another database."
        )
