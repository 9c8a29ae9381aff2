"""A server under load: benchmarks/load.py, for seconds instead of a minute."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def load(*arguments):
    command = [sys.executable, ROOT / "benchmarks" / "load.py", *arguments]
    return subprocess.run(command, capture_output=True, encoding="utf-8", timeout=250, check=False)


@pytest.mark.slow
@pytest.mark.alone
def test_fifty_clients_get_their_answers_and_memory_does_not_grow():
    done = load("--clients", "50", "--seconds", "10")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "answers             200:" in done.stdout
    # None was sent away: fifty articles are fewer than may wait.
    assert "429:" not in done.stdout
    assert "503:" not in done.stdout
    assert "no error, no growth" in done.stdout


@pytest.mark.slow
@pytest.mark.alone
def test_more_than_may_wait_are_told_to_come_back():
    done = load("--clients", "400", "--seconds", "5")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "429:" in done.stdout
