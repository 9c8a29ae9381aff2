"""axe-core finds nothing serious, in light and dark, in Arabic and English."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from desk import ARTICLE, SECOND

from khabar import Annotator


def violations(page):
    """What axe-core calls serious or critical, with the elements it found it at."""
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [
        (each["id"], [node["html"][:160] for node in each["nodes"][:4]])
        for each in found
        if each["impact"] in {"serious", "critical"}
    ]


@pytest.mark.parametrize(
    ("scheme", "language"), [("light", "ar"), ("dark", "en"), ("dark", "ar"), ("light", "en")]
)
def test_page(sit, scheme, language):
    desk = sit(color_scheme=scheme, language=language)
    article = desk.add(ARTICLE.replace("النخيل", f"النخيل {scheme} {language}"))
    page = desk.visit()
    page.wait_for_selector("a.entry")
    assert violations(page) == []
    page.fill("#paste-text", SECOND)
    page.locator(".paste button.strong").click()
    page.wait_for_selector("#keep")
    assert violations(page) == []
    page = desk.open(article)
    desk.press("4", "x")
    desk.saved()
    assert violations(page) == []
    desk.press("s")
    page.wait_for_selector("button.word")
    assert violations(page) == []
    desk.press("Escape", "?")
    page.wait_for_selector("#dialog[open]")
    assert violations(page) == []
    desk.press("Escape", "g")
    page.wait_for_selector(".guidelines")
    assert violations(page) == []
    desk.press("Escape", "e")
    page.wait_for_selector("#dialog fieldset")
    assert violations(page) == []
    desk.press("Escape")
    page = desk.visit("#/agreement")
    page.wait_for_selector("table.figures")
    assert violations(page) == []


@pytest.mark.parametrize(("scheme", "language"), [("light", "ar"), ("dark", "en")])
def test_rendered_article(sit, tmp_path, scheme, language):
    desk = sit(color_scheme=scheme)
    target = tmp_path / "page.html"
    target.write_text(Annotator().annotate(ARTICLE).to_html(language=language), encoding="utf-8")
    desk.page.goto(target.as_uri())
    desk.page.locator("summary").nth(1).click()
    assert violations(desk.page) == []
