"""What is kept, in both databases."""

import sys
import threading
from datetime import UTC, datetime

import pytest
from served import ARTICLE, OTHER, tables
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from khabar.errors import MissingExtraError
from khabar.labels import Label
from khabar.schema import AnnotatedSentence
from khabar.serve.model import ModelInfo
from khabar.serve.review import _tables
from khabar.serve.review._intake import read_record
from khabar.serve.review._operations import DoneOperation, LabelOperation, ReopenOperation
from khabar.serve.review._tables import StoreError, corrections, meta, open_database
from khabar.serve.store import ConflictError, NotFoundError, Store

MODEL = ModelInfo("default", "0123456789ab", "0.1.0", "1.1")
NEWER = ModelInfo("newer", "ba9876543210", "0.1.0", "1.1")


@pytest.fixture
def store(database):
    store = Store(database)
    yield store
    store.close()


def new(text=ARTICLE, **more):
    return read_record({"text": text, **more}, "here", 10_000)


def add(store, *articles):
    return [identifier for identifier, _ in store.add(articles, "Huda", MODEL).added]


def labelling(span, label="claim"):
    return LabelOperation(op="label", part=span.part, start=span.start, end=span.end, label=label)


def read(store, identifier, model=MODEL, score=0.9):
    spans = [unit.span for unit in store.get(identifier, model).units if not unit.furniture]
    found = []
    for span in spans:
        scores = dict.fromkeys(map(str, Label), (1 - score) / 3) | {"claim": score}
        found.append(AnnotatedSentence(*span, "", Label.CLAIM, score, scores, False))
    store.keep_predictions(identifier, model, list(zip(spans, found, strict=True)))


def spans_of(store, identifier):
    return [unit.span for unit in store.get(identifier, MODEL).units]


def test_text_comes_back_as_it_was(store):
    text = "وصل الوزير 👩‍👩‍👧.\r\n\tوقال: \u202bنعم\u202c. <b>'\"; DROP TABLE khabar_articles; --</b>"
    (identifier,) = add(store, new(text, title=" عنوان ", id="'; --"))
    found = store.get(identifier, MODEL)
    assert (found.review.text, found.review.title, found.name) == (text, " عنوان ", "'; --")


def test_the_same_article_is_known_and_a_taken_name_refused(store):
    add(store, new(id="one"))
    again = store.add([new(id="two"), new(OTHER, id="one")], "Sami", MODEL)
    assert [name for _, name in again.known] == ["one"]
    assert "'one' is taken" in again.refused[0][1]
    assert again.added == []


def test_every_correction_is_a_row(store, database):
    (identifier,) = add(store, new())
    spans = spans_of(store, identifier)
    read(store, identifier)
    before = datetime.now(UTC)
    store.correct(identifier, "Huda", 0, [labelling(spans[1], "background")], MODEL)
    store.correct(identifier, "Sami", 1, [labelling(spans[1], "claim")], NEWER, request_id="r")
    with tables(database) as connection:
        rows = connection.execute(select(corrections).order_by(corrections.c.id)).all()
    assert [
        (
            row.annotator,
            row.label_before,
            row.label_after,
            row.model,
            row.fingerprint,
            row.library,
            row.revision,
        )
        for row in rows
    ] == [
        ("Huda", "claim", "background", "default", "0123456789ab", "0.1.0", 1),
        ("Sami", "background", "claim", "newer", "ba9876543210", "0.1.0", 2),
    ]
    assert all(before <= row.at <= datetime.now(UTC) for row in rows)
    assert [row.seen for row in rows] == [False, True]


def test_a_database_refuses_two_saves_as_the_same_revision(store, database):
    (identifier,) = add(store, new())
    store.correct(identifier, "Huda", 0, [labelling(spans_of(store, identifier)[1])], MODEL)
    with tables(database) as connection:
        row = connection.execute(select(corrections)).one()._asdict()
    del row["id"]
    with pytest.raises(IntegrityError), tables(database) as connection:
        connection.execute(corrections.insert().values(**row))


def test_many_people_at_once_lose_nothing(store, database):
    (identifier,) = add(store, new())
    spans = spans_of(store, identifier)
    saved, conflicts, failed = [], [], []

    def work(name):
        for number in range(10):
            span = spans[number % len(spans)]
            revision = store.get(identifier, MODEL).revision
            try:
                store.correct(
                    identifier,
                    name,
                    revision,
                    [labelling(span, "claim")],
                    MODEL,
                    request_id=f"{name}{number}",
                )
                saved.append((name, number))
            except ConflictError:
                conflicts.append((name, number))
            except Exception as error:
                failed.append(error)

    threads = [threading.Thread(target=work, args=(f"P{number}",)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(saved) + len(conflicts) == 60
    with tables(database) as connection:
        kept = set(connection.scalars(select(corrections.c.request_id).where(corrections.c.op == "label")))
        assert kept == {f"{name}{number}" for name, number in saved}
        assert connection.scalar(select(func.max(corrections.c.revision))) == len(saved)
    assert store.get(identifier, MODEL).revision == len(saved)


def test_when_all_units_are_labelled_the_article_is_done_once(store):
    (identifier,) = add(store, new(OTHER))
    spans = spans_of(store, identifier)
    for number, span in enumerate(spans):
        found = store.correct(identifier, "Huda", number, [labelling(span)], MODEL)
        assert found.review.done == (number == len(spans) - 1)
    store.correct(identifier, "Huda", len(spans), [ReopenOperation(op="reopen")], MODEL)
    found = store.correct(identifier, "Huda", len(spans) + 1, [labelling(spans[0], "background")], MODEL)
    assert not found.review.done


def test_splits_are_given_when_articles_are_done_and_stay(store):
    identifiers = add(store, *(new(f"{OTHER} العدد {number}.") for number in range(8)))
    for identifier in identifiers[:7]:
        read(store, identifier)
        store.correct(identifier, "Huda", 0, [DoneOperation(op="done")], MODEL)
    found = [store.get(identifier, MODEL).split for identifier in identifiers]
    assert found == ["train", "validation", "train", "train", "train", "train", "validation", None]
    add(store, new(ARTICLE, split="test"))
    assert store.get(identifiers[1], MODEL).split == "validation"


def test_predictions_are_kept_by_model(store):
    first, second = add(store, new(), new(OTHER))
    assert store.unread(MODEL) == first
    read(store, first, score=0.6)
    read(store, second, score=0.5)
    assert store.unread(MODEL) is None
    assert store.unread(NEWER) == first
    rows, total = store.queue(MODEL, order="uncertain", state="all", offset=0, limit=10)
    assert [row["id"] for row in rows] == [second, first]
    assert total == 2
    read(store, first, NEWER, score=0.3)
    rows, _ = store.queue(NEWER, order="uncertain", state="all", offset=0, limit=10)
    assert [(row["id"], row["confidence"]) for row in rows] == [(first, 0.3), (second, None)]
    assert store.counts(NEWER)["unread"] == 1
    # What the model has said of a sentence stays when it reads the article again.
    read(store, first, score=0.8)
    assert store.get(first, MODEL).predictions[spans_of(store, first)[1]].score == 0.6


def test_what_is_not_there(store):
    with pytest.raises(NotFoundError):
        store.get("nothing", MODEL)
    with pytest.raises(NotFoundError):
        store.correct("nothing", "Huda", 0, [DoneOperation(op="done")], MODEL)
    assert store.people() == []
    assert list(store.all(MODEL)) == []


def test_it_opens_again(database):
    store = Store(database)
    (identifier,) = add(store, new())
    span = spans_of(store, identifier)[1]
    store.correct(identifier, "Huda", 0, [labelling(span, "background")], MODEL)
    store.close()
    store = Store(database)
    assert store.get(identifier, MODEL).review.units[span].label is Label.BACKGROUND
    store.close()


def test_tables_of_another_version_are_refused(database):
    engine = open_database(database)
    with engine.begin() as connection:
        connection.execute(update(meta).values(value="99"))
    engine.dispose()
    with pytest.raises(StoreError, match="tables of version 99"):
        open_database(database)


def test_sqlite_waits_for_the_disk(tmp_path):
    engine = open_database(tmp_path / "review.db")
    with engine.connect() as connection:
        settings = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    engine.dispose()
    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


@pytest.mark.parametrize(
    ("database", "said"),
    [
        ("/nowhere/at/all/review.db", "cannot be opened"),
        ("", "is empty"),
        ("sqlite://", "keeps nothing"),
        ("sqlite:///:memory:", "keeps nothing"),
        ("mysql://root@localhost/news", "no URL of a database that is known|is of mysql"),
        ("nothing://x", "no URL of a database that is known"),
        ("postgresql://user:secret@/db?host=/nowhere", "cannot be opened"),
    ],
)
def test_databases_that_cannot_be_used(database, said):
    with pytest.raises(StoreError, match=said) as caught:
        open_database(database)
    assert "secret" not in str(caught.value)


def test_a_file_that_is_no_database(tmp_path):
    path = tmp_path / "notes.db"
    path.write_text("not a database, but a note of some length " * 100)
    with pytest.raises(StoreError, match="file is not a database"):
        open_database(path)


def test_without_the_driver_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtraError, match=r"khabar\[postgres\]"):
        open_database("postgresql://user@/news")


def test_a_data_folder_that_cannot_be_made(tmp_path, monkeypatch):
    (tmp_path / "data").write_text("a file where the folder should be")
    monkeypatch.setattr(_tables, "user_data_path", lambda *_, **__: tmp_path / "data" / "khabar")
    with pytest.raises(StoreError, match=r"cannot be made \(Not a directory\); name a file with --database"):
        Store()


def test_the_default_is_in_the_users_data_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(_tables, "user_data_path", lambda *_, **__: tmp_path / "data" / "khabar")
    store = Store()
    assert store.place == str(tmp_path / "data" / "khabar" / "review.db")
    store.close()
