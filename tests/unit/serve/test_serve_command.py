"""`khabar serve`: what it refuses, how it stops, and that what it acknowledged is kept."""

import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time

import httpx
import pytest
from served import ARTICLE, named, tables
from sqlalchemy import select
from typer.testing import CliRunner

from khabar.cli import app
from khabar.errors import ConfigError
from khabar.serve._batching import LONGEST_WAIT
from khabar.serve.command import KEEP_ALIVE_SECONDS
from khabar.serve.model import ModelInfo
from khabar.serve.options import ServeOptions, is_loopback
from khabar.serve.review._tables import corrections
from khabar.serve.store import Store

TOKEN = "a-token-of-enough-letters"
MODEL = ModelInfo("default", "0" * 12, "0.1.0", "1.1")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "[::1]", "localhost"])
def test_loopback_needs_no_token(host):
    assert is_loopback(host)
    assert ServeOptions(host=host).token is None


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.7", "news.example", "127.0.0.1.example"])
def test_anything_else_does(host):
    assert not is_loopback(host)
    with pytest.raises(ConfigError, match="a token is required"):
        ServeOptions(host=host)
    assert ServeOptions(host=host, token=TOKEN).token == TOKEN


def invoke(*arguments, **variables):
    return CliRunner().invoke(app, ["serve", *arguments], env={"KHABAR_TOKEN": None, **variables})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--host", "0.0.0.0"], "a token is required: set KHABAR_TOKEN or give --token"),
        (["--token", "short"], "16 or more characters"),
        (["--port", "70000"], "--port is 70000"),
        (["--model", "/nowhere"], "/nowhere"),
        (["--port", "0", "--database", "/nowhere/review.db"], "/nowhere/review.db cannot be opened"),
        (["--port", "0", "--database", "mysql://x/y"], "--database is"),
    ],
)
@pytest.mark.enable_socket
def test_what_is_refused_is_one_sentence_and_exit_code_2(arguments, said):
    result = invoke(*arguments)
    assert result.exit_code == 2, result.output
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.enable_socket
def test_a_port_that_is_taken(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = invoke("--port", port, "--database", str(tmp_path / "x.db"))
    assert result.exit_code == 2
    assert f"cannot listen on 127.0.0.1, port {port}: Address already in use" in result.stderr


def test_a_missing_extra_is_named(tmp_path):
    code = """
import sys
for name in ("fastapi", "uvicorn", "sqlalchemy", "prometheus_client", "krippendorff", "sklearn"):
    sys.modules[name] = None
from khabar.cli import main
sys.argv = ["khabar", "serve"]
main()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert re.fullmatch(
        r"khabar: khabar serve needs \w+, which is not installed: pip install 'khabar\[serve\]'\.\n",
        done.stderr,
    )


def test_help_needs_no_extra():
    assert invoke("--help").exit_code == 0


class Running:
    """A server in a process of its own."""

    def __init__(self, database, *arguments):
        command = [sys.executable, "-m", "khabar", "serve", "--port", "0", "--database", str(database)]
        environment = {name: value for name, value in os.environ.items() if name != "KHABAR_TOKEN"}
        self.process = subprocess.Popen(
            [*command, *arguments], stderr=subprocess.PIPE, text=True, env=environment
        )
        self.said = [self.process.stderr.readline(), self.process.stderr.readline()]
        found = re.search(r"at (http://\S+)", self.said[0])
        assert found, self.said
        self.address = found[1]
        self.client = httpx.Client(base_url=self.address.partition("#")[0], timeout=30, trust_env=False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(30)
        self.process.stderr.close()


@pytest.mark.slow
@pytest.mark.enable_socket
def test_a_connection_outlives_the_wait_it_was_told(tmp_path):
    """A client that does as Retry-After says must not find its connection closed as it asks again."""
    with (
        Running(tmp_path / "review.db") as server,
        httpx.Client(
            base_url=server.client.base_url, trust_env=False, limits=httpx.Limits(keepalive_expiry=None)
        ) as client,
    ):
        first = client.get("/healthz").extensions["network_stream"].get_extra_info("client_addr")
        # uvicorn would close it after five seconds.
        time.sleep(6)
        again = client.get("/healthz").extensions["network_stream"].get_extra_info("client_addr")
    assert again == first


def test_connections_are_kept_longer_than_the_longest_wait():
    assert LONGEST_WAIT < KEEP_ALIVE_SECONDS


@pytest.mark.slow
@pytest.mark.enable_socket
def test_it_finishes_what_runs_and_stops(tmp_path):
    with Running(tmp_path / "review.db", "--token", TOKEN) as server:
        assert server.address.endswith(f"/#token={TOKEN}")
        assert server.client.post("/v1/annotate", json={"text": "x"}).status_code == 401
        server.client.headers["Authorization"] = f"Bearer {TOKEN}"
        answers = []
        texts = [f"{ARTICLE}\nالعدد {number}." * 5 for number in range(20)]
        body = {"articles": [{"text": text} for text in texts]}
        thread = threading.Thread(
            target=lambda: answers.append(server.client.post("/v1/annotate/batch", json=body))
        )
        thread.start()
        deadline = time.monotonic() + 10
        with httpx.Client(
            base_url=server.client.base_url, headers=server.client.headers, trust_env=False
        ) as other:
            while "khabar_waiting_articles 0.0" in other.get("/metrics").text:
                assert time.monotonic() < deadline
        server.process.send_signal(signal.SIGTERM)
        thread.join(60)
        assert answers[0].status_code == 200
        assert len(answers[0].json()["articles"]) == 20
        assert server.process.wait(30) == 0
        assert server.process.stderr.read() == "khabar: stopped\n"


@pytest.mark.slow
@pytest.mark.enable_socket
def test_what_was_acknowledged_survives_a_kill(database):
    acknowledged: dict[str, tuple[int, int, str]] = {}
    lock = threading.Lock()

    def hammer(address, identifier, name, units, rounds):
        with httpx.Client(base_url=address, timeout=30, trust_env=False) as client:
            revision, number = 0, 0
            while True:
                number += 1
                unit = units[number % len(units)]
                label = ("claim", "background", "casualty_report")[number % 3]
                request = f"{rounds}-{name}-{number}"
                operation = {"op": "label", "part": "body", "label": label}
                operation |= {"start": unit["start"], "end": unit["end"]}
                try:
                    answer = client.post(
                        f"/v1/review/articles/{identifier}/corrections",
                        json={"revision": revision, "operations": [operation], "request_id": request},
                        headers=named(name),
                    )
                except httpx.TransportError:
                    return  # killed
                if answer.status_code == 200:
                    revision = answer.json()["revision"]
                    with lock:
                        acknowledged[request] = (unit["start"], unit["end"], label)
                else:
                    assert answer.status_code == 409, answer.text
                    revision = answer.json()["article"]["revision"]

    for rounds in range(3):
        with Running(database) as server:
            body = {"articles": [{"text": ARTICLE * 2}]}
            answer = server.client.post("/v1/review/articles", json=body, headers=named("Huda")).json()
            identifier = (answer["added"] + answer["known"])[0]["id"]
            units = server.client.get(f"/v1/review/articles/{identifier}").json()["units"]
            address = str(server.client.base_url)
            threads = [
                threading.Thread(target=hammer, args=(address, identifier, f"P{number}", units, rounds))
                for number in range(4)
            ]
            for thread in threads:
                thread.start()
            before = len(acknowledged)
            deadline = time.monotonic() + 20
            while len(acknowledged) < before + 40:
                assert time.monotonic() < deadline
                time.sleep(0.01)
            server.process.send_signal(signal.SIGKILL)
            for thread in threads:
                thread.join(30)
        if not str(database).startswith("postgresql"):
            with sqlite3.connect(database) as connection:
                assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            connection.close()
        store = Store(database)
        with tables(database) as connection:
            rows = connection.execute(select(corrections).where(corrections.c.op == "label")).all()
        kept = {row.request_id: (row.span_start, row.span_end, row.label_after) for row in rows}
        missing = {request for request, saved in acknowledged.items() if kept.get(request) != saved}
        assert missing == set()
        # One save a thread may have been on its way: saved, and not acknowledged any more.
        assert len(kept) - len(acknowledged) <= 4 * (rounds + 1)
        # What the queue shows agrees with the log.
        article = store.get(identifier, MODEL)
        (listed,), _ = store.queue(MODEL, order="added", state="all", offset=0, limit=5)
        assert listed["labelled"] == article.review.labelled()
        assert article.revision == max(row.revision for row in rows)
        store.close()
    assert len(acknowledged) >= 120
