"""A server for tests: the real annotator but for its network, and clients that open no socket."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote

import numpy as np
from sqlalchemy.engine import Connection
from starlette.testclient import TestClient

from khabar import Annotator, Label
from khabar.bundle import Bundle, Settings
from khabar.serve.app import create_app
from khabar.serve.options import ServeOptions
from khabar.serve.review._tables import open_database
from khabar.serve.store import Store

CUES = {
    "قتل": Label.CASUALTY_REPORT,
    "الوزير": Label.OFFICIAL_STATEMENT,
    "سكان": Label.CLAIM,
    "ويعود": Label.BACKGROUND,
}
DOUBTFUL = "ربما"
"""A word that makes a sentence doubtful."""

ARTICLE = """انهيار جدار في حي الميناء

قتل عاملان في انهيار جدار مساء الأحد. وقال الوزير إن التحقيق بدأ فورا.
اقرأ أيضا: مواعيد العبارات
وقال سكان إن الجدار كان مائلا منذ أشهر. ويعود بناؤه إلى عام 1962.
"""

OTHER = "وصل الوزير إلى المدينة صباح الاثنين. وقال سكان إن الطريق ربما أغلقت قبل وصوله."


class _Whole:
    """Stands for the encoder: an article is one window, which holds its sentences as they are."""

    def encode(self, sentences):
        count = len(sentences)
        windows = [SimpleNamespace(texts=list(sentences), sentences=list(range(count)))] if count else []
        return SimpleNamespace(windows=windows, truncated=[False] * count)

    def encode_many(self, articles):
        return [self.encode(sentences) for sentences in articles]


class _Cues:
    """Stands for the engine."""

    def __init__(self, annotator: "CueAnnotator") -> None:
        self._annotator = annotator

    def logits(self, windows):
        return self._annotator.read([window.texts for window in windows])


class CueAnnotator(Annotator):
    """Finds labels by a word of the sentence; everything but the network is the real thing."""

    def __init__(self, folder: Path, *, gate: threading.Event | None = None) -> None:
        folder.mkdir(exist_ok=True)
        (folder / "khabar.json").write_text("{}", encoding="utf-8")
        self.bundle = Bundle(folder, Settings(), tuple(Label), None)
        self._min_score = self._least = None
        self._encoder, self._backend = _Whole(), _Cues(self)
        self.gate = gate
        self.batches: list[int] = []

    def read(self, articles):
        if self.gate is not None:
            self.gate.wait(20)
        self.batches.append(len(articles))
        return [np.array([*map(_scores, article)]).reshape(-1, 4) for article in articles]


def _scores(sentence: str) -> list[float]:
    found = next((label for cue, label in CUES.items() if cue in sentence), Label.CLAIM)
    height = 0.5 if DOUBTFUL in sentence else 4.0 + len(sentence) / 1000
    return [height if label is found else 0.0 for label in Label]


def named(name: str) -> dict[str, str]:
    return {"X-Khabar-Annotator": quote(name)}


class Client(TestClient):
    """Asks a server in this process, as somebody."""

    def add(self, text=ARTICLE, name="Huda", **more):
        answer = self.post(
            "/v1/review/articles", json={"articles": [{"text": text, **more}]}, headers=named(name)
        )
        assert answer.status_code == 201, answer.text
        return (answer.json()["added"] + answer.json()["known"])[0]["id"]

    def article(self, identifier, name="Huda", **query):
        answer = self.get(f"/v1/review/articles/{identifier}", params=query, headers=named(name))
        assert answer.status_code == 200, answer.text
        return answer.json()

    def save(self, identifier, revision, *operations, name="Huda", **more):
        return self.post(
            f"/v1/review/articles/{identifier}/corrections",
            json={"revision": revision, "operations": list(operations), **more},
            headers=named(name),
        )

    def saved(self, identifier, *operations, name="Huda", **more):
        revision = self.article(identifier, name)["revision"]
        answer = self.save(identifier, revision, *operations, name=name, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()


@contextmanager
def serving(
    folder: Path, *, gate: threading.Event | None = None, model="model", **options
) -> Iterator[Client]:
    """Run a server until the block ends; corrections are kept in the folder."""
    app = create_app(
        CueAnnotator(folder / model, gate=gate), Store(folder / "review.db"), ServeOptions(**options)
    )
    with Client(app, base_url="http://127.0.0.1:8765", raise_server_exceptions=False) as client:
        yield client


@contextmanager
def tables(database) -> Iterator[Connection]:
    """Look into a database past the store."""
    engine = open_database(database)
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


@asynccontextmanager
async def running(app):
    """Start an application and stop it, by the messages that an ASGI server sends."""
    messages, answers = asyncio.Queue(), asyncio.Queue()
    task = asyncio.ensure_future(app({"type": "lifespan", "state": {}}, messages.get, answers.put))
    await messages.put({"type": "lifespan.startup"})
    assert (await answers.get())["type"] == "lifespan.startup.complete"
    yield
    await messages.put({"type": "lifespan.shutdown"})
    assert (await answers.get())["type"] == "lifespan.shutdown.complete"
    await task


def label(unit, name):
    return {"op": "label", "part": unit["part"], "start": unit["start"], "end": unit["end"], "label": name}
