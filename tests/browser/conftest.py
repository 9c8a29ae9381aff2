"""A real server with the built-in model, and Debian's Chromium. Without a browser these tests are skipped."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from desk import TIMEOUT, Desk, Served

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # A browser starts and a model is loaded: never part of the quick tests.
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.slow)


# Of a file, not of the session: playwright keeps an event loop running, and other tests start their own.
@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[Served]:
    server = Served(tmp_path_factory.mktemp("served"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def chromium():
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("no Chromium on this machine; apt-get install chromium")
        pytest.skip("no Chromium on this machine; apt-get install chromium")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=TIMEOUT)
    with sync_playwright() as playwright:
        # Root has no user namespace to put the browser's sandbox in.
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield browser
        browser.close()


@pytest.fixture
def sit(chromium, served):
    """Open browser windows; at the end none of them may have had an error of its own."""
    desks: list[Desk] = []

    def sit(*, address=None, **options) -> Desk:
        desks.append(Desk(chromium, address or served.address, **options))
        return desks[-1]

    yield sit
    for desk in desks:
        desk.context.close()
    assert [error for desk in desks for error in desk.errors] == []


@pytest.fixture
def desk(sit) -> Desk:
    return sit()
