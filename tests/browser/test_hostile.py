"""Articles that attack the page, and articles that are merely enormous."""

import pytest
from desk import ARTICLE, Served
from playwright.sync_api import expect

from khabar import Annotator

PATIENCE = 150_000
"""Milliseconds that a model may take for thousands of sentences on a machine that has other work."""

HOSTILE = (
    "<script>window.attacked = 1</script> قال الوزير إن الطريق آمن. "
    '<img src=x onerror="window.attacked = 1"> وأضاف أن العمل مستمر.\n'
    '" onfocus="window.attacked=1" autofocus x=" وذكر سكان أن الجسر مغلق.\n'
    "\u202eمعكوس\u202d وقال \u2067متحدث\u2069\u2069 إن الأمر انتهى.\n"
    "حرف صفر \x00 وحرف \x1b هنا. {{ 7 * 7 }} </style></template><!--\n"
)


def long_article():
    sentences = [
        f"وقال شاهد رقم {number} إن الطريق كان مغلقا أمام السيارات منذ الصباح." for number in range(3400)
    ]
    return ". ".join([HOSTILE.replace("\x00", ""), *sentences])[:200_000]


def test_hostile_article_is_text(sit):
    desk = sit(language="en")
    page = desk.visit()
    page.fill("#paste-text", HOSTILE)
    page.get_by_role("button", name="Show it annotated").click()
    page.wait_for_selector("#keep")
    attacked(page)
    # A database cannot keep a NUL, and the server says so.
    desk.press("Enter")
    expect(page.locator("#notices")).to_contain_text("NUL character")
    desk.errors.clear()  # the browser writes every 422 on its console
    page = desk.open(desk.add(HOSTILE.replace("\x00", ""), title="<b onclick=alert(1)>عنوان</b> \u202eمقلوب"))
    attacked(page)
    expect(page.locator(".khabar-turn", has_text="RLO").first).to_be_visible()
    desk.press("j", "s")
    page.wait_for_selector("button.word")
    desk.press("Enter", "g")
    page.wait_for_selector(".guidelines")
    desk.press("Escape", "q")
    page.wait_for_selector("a.entry")
    attacked(page, "<b onclick=alert(1)>عنوان</b>")


def attacked(page, text="<script>window.attacked = 1</script>"):
    assert page.evaluate("window.attacked") is None
    assert page.locator("main :is(script, img, style, b, template)").count() == 0
    shown = page.locator("main").text_content()
    assert text in shown
    assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\x00\x1b")


@pytest.fixture
def apart(tmp_path):
    """A server of its own: nobody else waits while the model reads."""
    server = Served(tmp_path)
    server.start()
    yield server
    server.stop()


def test_two_hundred_thousand_characters(sit, apart):
    desk = sit(language="en", address=apart.address)
    text = long_article()
    assert len(text) == 200_000
    article = desk.add(text)
    page = desk.page
    page.goto(f"{desk.address}#/a/{article}")
    page.wait_for_selector(".khabar-row", timeout=PATIENCE)
    desk.until("!document.querySelector('.khabar-row.is-undecided')", timeout=PATIENCE)
    count = page.locator(".khabar-row").count()
    assert count > 2000
    desk.press("End", "k", "m")
    expect(page.locator(".khabar-row")).to_have_count(count - 1, timeout=PATIENCE)
    page.wait_for_selector("#save-state[data-state=saved][data-waiting='0']", timeout=PATIENCE)
    assert len(desk.article(article)["units"]) == count - 1


def test_rendered_page_of_a_hostile_article_runs_nothing(desk, tmp_path):
    target = tmp_path / "page.html"
    target.write_text(Annotator().annotate(HOSTILE + ARTICLE).to_html(language="en"), encoding="utf-8")
    page = desk.page
    page.goto(target.as_uri())
    attacked(page)
    first = page.locator("details").first
    first.locator("summary").focus()
    desk.press("Enter")
    expect(first.locator("table")).to_be_visible()
    assert first.locator("tr").count() == 4
