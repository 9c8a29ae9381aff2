"""Every notebook runs from its first cell to its last, on the built-in model and away from the checkout."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("[!.]*.ipynb"))

EXECUTE = "import sys; from nbclient.cli import NbClientApp; NbClientApp.launch_instance(sys.argv[1:])"

NO_NETWORK = """\
import pytest_socket

pytest_socket.socket_allow_hosts(["127.0.0.1"], allow_unix_socket=True)
"""
"""Runs in the kernel before the first cell; the kernel itself talks to its client over the loopback."""


def test_there_are_notebooks():
    assert len(NOTEBOOKS) > 0


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_no_output_is_committed(name):
    notebook = nbformat.read(FOLDER / name, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None


@pytest.mark.slow
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_runs(name, tmp_path):
    notebook = tmp_path / Path(name).name
    notebook.write_bytes((FOLDER / name).read_bytes())
    startup = tmp_path / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "00-no-network.py").write_text(NO_NETWORK, encoding="utf-8")
    # In a process of its own: the client leaves its sockets to the garbage collector, and here a warning is
    # an error.
    done = subprocess.run(
        [sys.executable, "-c", EXECUTE, "--inplace", "--startup_timeout=120", "--timeout=300", notebook],
        cwd=tmp_path,
        env=os.environ | {"IPYTHONDIR": str(tmp_path / "ipython"), "JUPYTER_PREFER_ENV_PATH": "1"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    cells = [cell for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == "code"]
    assert cells
    assert all(cell.execution_count for cell in cells)
