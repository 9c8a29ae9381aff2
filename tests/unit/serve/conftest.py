"""A server without sockets, and databases of both kinds."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from served import serving


@pytest.fixture
def client(tmp_path):
    with serving(tmp_path) as client:
        yield client


def _postgres_programs() -> Path | None:
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    # Debian keeps them out of PATH.
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in folders if (folder / "initdb").is_file()), None)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory):
    """URL of a private PostgreSQL that listens on a socket in a folder and goes with the tests."""
    programs = _postgres_programs()
    if programs is None:
        if os.environ.get("CI"):
            pytest.fail("PostgreSQL is not installed, and CI has to test it: apt-get install postgresql")
        pytest.skip("PostgreSQL is not installed")
    folder = tmp_path_factory.mktemp("pg")
    as_user = {}
    if os.getuid() == 0:
        # It refuses to run as root; Debian's package made this user.
        as_user = {"user": "postgres", "group": "postgres", "extra_groups": []}
        for path in (folder, *folder.parents):
            if path == path.parent or path.stat().st_uid != 0 or str(path) == "/tmp":
                break
            path.chmod(path.stat().st_mode | 0o011)
        shutil.chown(folder, "postgres", "postgres")
    data = folder / "data"
    subprocess.run(
        [programs / "initdb", "-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync"],
        check=True,
        capture_output=True,
        cwd=folder,
        **as_user,
    )
    # The path of a unix socket has about a hundred characters at most; that of a test folder may have more.
    sockets = Path("/tmp") / f"khabar-pg-{os.getpid()}"
    sockets.mkdir()
    if as_user:
        shutil.chown(sockets, "postgres", "postgres")
    server = subprocess.Popen(
        [programs / "postgres", "-D", data, "-k", sockets, "-c", "listen_addresses=", "-c", "fsync=off"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
        **as_user,
    )
    try:
        for _ in range(200):
            ready = [programs / "pg_isready", "-q", "-h", sockets, "-U", "postgres"]
            if subprocess.run(ready, check=False).returncode == 0:
                break
            time.sleep(0.05)
        else:
            pytest.fail("PostgreSQL did not start")
        yield f"postgresql://postgres@/postgres?host={sockets}"
    finally:
        server.send_signal(signal.SIGINT)  # at once, whoever is still connected
        server.wait(30)
        shutil.rmtree(sockets, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, tmp_path):
    """An empty database of each kind: a file, or the URL of one of its own."""
    if request.param == "sqlite":
        return str(tmp_path / "review.db")
    from sqlalchemy import create_engine, text

    url = request.getfixturevalue("postgres")
    name = f"t{abs(hash(request.node.nodeid)):x}"
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}"'))
    engine.dispose()
    return url.replace("/postgres?", f"/{name}?")
