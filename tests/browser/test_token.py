"""A server that asks for a token."""

import pytest
from desk import Served
from playwright.sync_api import expect

TOKEN = "sesame-0123456789"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    server = Served(tmp_path_factory.mktemp("guarded"), ("--token", TOKEN))
    server.start()
    yield server
    server.stop()


def test_address_that_the_server_printed_lets_in_and_keeps_no_secret(sit, guarded):
    desk = sit(address=guarded.address)
    page = desk.page
    page.goto(guarded.address)
    page.wait_for_selector(".articles .empty")
    assert TOKEN not in page.url


def test_token_is_asked_for_until_it_is_right(sit, guarded):
    desk = sit(address=guarded.address.split("#")[0], language="en")
    page = desk.page
    page.goto(desk.address)
    page.locator("#dialog-field").fill("wrong-one-000000")
    desk.press("Enter")
    expect(page.locator("#dialog")).to_contain_text("did not accept")
    page.locator("#dialog-field").fill(TOKEN)
    desk.press("Enter")
    page.wait_for_selector(".articles .empty")
    desk.errors.clear()  # the browser writes every 401 on its console
