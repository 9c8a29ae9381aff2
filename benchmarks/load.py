"""Asks a server of this machine for annotations, by many clients at once, and says how it stood that.

    python benchmarks/load.py                                 # 50 clients for a minute
    python benchmarks/load.py --clients 400 --seconds 10      # more than may wait: 429 is the right answer

Starts `khabar serve` for itself on a free port of loopback, with a database in a temporary folder. Ends with
exit code 1 where an answer was another than 200, 429 or 503, or where memory grew.
"""

import argparse
import asyncio
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil

from khabar import Annotator

EXAMPLES = Path(__file__).parents[1] / "examples"
ALLOWED = {200, 429, 503}
MAX_GROWTH = 0.10
"""Share by which memory may be larger at the end than when a third of the time was over."""


@dataclass
class Tally:
    """What the clients saw."""

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    sentences: int = 0
    memory: list[tuple[float, float]] = field(default_factory=list)
    duration: float = 0.0
    """Seconds until the last client had its last answer."""


def main() -> None:
    """Start a server, put it under load, stop it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--model", help="a saved model instead of the built-in one")
    arguments = parser.parse_args()
    texts = [path.read_text("utf-8") for path in sorted(EXAMPLES.rglob("*.txt"))]
    alone = rate_alone(texts, arguments.model, min(arguments.seconds / 4, 15))
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "-m",
            "khabar",
            "serve",
            "--port",
            "0",
            "--database",
            f"{folder}/review.db",
        ]
        command += ["--model", arguments.model] if arguments.model else []
        server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        try:
            said = server.stderr.readline() if server.stderr else ""
            address = re.search(r"at (http://\S+)", said)
            if address is None:
                sys.exit(f"the server did not start: {said}")
            tally = asyncio.run(
                attack(address[1], psutil.Process(server.pid), texts, arguments.clients, arguments.seconds)
            )
        finally:
            server.terminate()
            stopped = server.wait(60)
    sys.exit(report(tally, arguments.clients, arguments.seconds, stopped, alone))


def rate_alone(texts: list[str], model: str | None, seconds: float) -> float:
    """Return how many articles a second the library annotates on this machine without a server."""
    annotator = Annotator() if model is None else Annotator.from_pretrained(model)
    annotator.annotate(texts[0])
    done = 0
    started = time.perf_counter()
    while time.perf_counter() - started < seconds:
        done += sum(1 for _ in annotator.annotate_many(texts))
    return done / (time.perf_counter() - started)


async def attack(
    address: str, server: psutil.Process, texts: list[str], clients: int, seconds: float
) -> Tally:
    """Let the clients ask one after the other, each as soon as it has an answer."""
    assert urlsplit(address).hostname == "127.0.0.1", "only a server of this machine is put under load"
    tally = Tally()
    limits = httpx.Limits(max_connections=clients + 1, max_keepalive_connections=clients + 1)
    async with httpx.AsyncClient(base_url=address, timeout=120, limits=limits, trust_env=False) as http:
        await http.post("/v1/annotate", json={"text": texts[0]})
        started = time.monotonic()
        end = started + seconds
        asking = [ask(http, texts, number, end, tally) for number in range(clients)]
        watching = asyncio.create_task(watch(server, tally))
        await asyncio.gather(*asking)
        watching.cancel()
        tally.duration = time.monotonic() - started
        # It is still there, whatever it was asked.
        answer = await http.post("/v1/annotate", json={"text": texts[0]})
        tally.statuses[f"after it: {answer.status_code}"] += 1
    return tally


async def ask(http: httpx.AsyncClient, texts: list[str], number: int, end: float, tally: Tally) -> None:
    """Be one client."""
    while time.monotonic() < end:
        # No two texts are the same, so that nothing could be answered from memory.
        text = f"{texts[number % len(texts)]}\n\nرقم النسخة {number} عند {time.monotonic_ns()}.\n"
        number += 1
        started = time.perf_counter()
        try:
            answer = await http.post("/v1/annotate", json={"text": text})
        except httpx.HTTPError as error:
            tally.statuses[type(error).__name__] += 1
            continue
        tally.statuses[str(answer.status_code)] += 1
        if answer.status_code == 200:
            tally.seconds.append(time.perf_counter() - started)
            tally.sentences += len(answer.json()["article"]["sentences"])
        else:
            await asyncio.sleep(min(float(answer.headers.get("Retry-After", 1)), 5))


async def watch(server: psutil.Process, tally: Tally) -> None:
    """Note the server's memory, twice a second, until it is cancelled; asked itself, it might answer late."""
    while True:
        tally.memory.append((time.monotonic(), server.memory_info().rss / 2**20))
        await asyncio.sleep(0.5)


def report(tally: Tally, clients: int, seconds: float, stopped: int, alone: float) -> int:
    """Print the figures; return the exit code."""
    print(f"{clients} clients, {seconds:g} seconds")
    print("answers            ", ", ".join(f"{name}: {n}" for name, n in sorted(tally.statuses.items())))
    if len(tally.seconds) > 1:
        cuts = statistics.quantiles(tally.seconds, n=100, method="inclusive")
        rate = len(tally.seconds) / tally.duration
        print(f"articles a second   {rate:.1f}, {rate / alone:.2f} times what the library does alone")
        print(f"sentences a second  {tally.sentences / tally.duration:.0f}")
        slowest = max(tally.seconds)
        print(f"seconds an answer   median {cuts[49]:.2f}, 95 % {cuts[94]:.2f}, slowest {slowest:.2f}")
    # Until then everything that is made once has been made: threads, buffers, the model's arenas.
    settled = [size for moment, size in tally.memory if moment > tally.memory[0][0] + seconds / 3]
    growth = 0.0
    measured = len(settled) > 3
    if measured:
        third = len(settled) // 3
        first, last = statistics.median(settled[:third]), statistics.median(settled[-third:])
        growth = last / first - 1
        print(f"memory in MiB       {first:.0f} at a third, {last:.0f} at the end, {growth:+.1%}")
    else:
        print("memory in MiB       too few samples; measure for longer")
    print(f"exit code of stop   {stopped}")
    wrong = [
        name for name in tally.statuses if not name.startswith("after") and name not in map(str, ALLOWED)
    ]
    answered = bool(tally.seconds) and tally.statuses["after it: 200"] == 1
    failed = bool(wrong) or not answered or not measured or growth > MAX_GROWTH
    print("FAILED" if failed or stopped else "no error, no growth")
    return int(failed or stopped != 0)


if __name__ == "__main__":
    main()
