"""What a reviewer does on the page, by keyboard."""

import json

import pytest
from desk import ARTICLE, SECOND, UNITS
from playwright.sync_api import expect

from khabar import Label
from khabar.corpus import read_jsonl

LABELS = [str(label) for label in Label]


def numbered(text, number):
    """An article of its own for each test: the same text is the same article."""
    return text.replace("رأس النخيل", f"رأس النخيل {number}")


def units(desk, article):
    return [(unit["text"], unit["label"], unit["by"]) for unit in desk.article(article)["units"]]


def current(page):
    return page.locator(".khabar-line[aria-current]")


def row(page, number):
    return page.locator(".khabar-row").nth(number)


def test_pasted_article_is_shown_and_then_corrected_by_keyboard(desk):
    page = desk.visit()
    page.fill("#paste-text", numbered(ARTICLE, 1))
    page.get_by_role("button", name="اعرضه موسوما").click()
    expect(page.locator(".khabar-row")).to_have_count(UNITS)
    expect(row(page, 0)).to_have_class("khabar-row is-casualty_report is-headline")
    desk.press("Enter")
    page.wait_for_selector(".dock-label")
    article = page.url.rsplit("/", 1)[1]
    expect(current(page)).to_contain_text("مقتل ثلاثة عمال")

    desk.press("3", "j", "4", "x")
    expect(page.locator(".khabar-row.is-reviewed")).to_have_count(3)
    desk.saved()
    assert [(label, by) for _, label, by in units(desk, article)[:4]] == [
        ("claim", "هدى"),
        (units(desk, article)[1][1], None),
        ("background", "هدى"),
        (None, "هدى"),
    ]

    page.reload()
    expect(row(page, 0)).to_have_class("khabar-row is-claim is-headline is-reviewed")
    expect(row(page, 2)).to_have_class("khabar-row is-background is-reviewed")
    expect(row(page, 3)).to_contain_text("أنت")
    expect(current(page)).to_contain_text("قتل ثلاثة عمال وأصيب تسعة")


def test_merge_split_undo_and_find_it_after_a_reload(desk):
    article = desk.add(numbered(ARTICLE, 2))
    page = desk.open(article)
    before = units(desk, article)
    desk.press("j", "m")
    expect(page.locator(".khabar-row")).to_have_count(UNITS - 1)
    desk.saved()
    merged = units(desk, article)[1][0]
    assert merged == f"{before[1][0]} {before[2][0]}"

    desk.press("u")
    expect(page.locator(".khabar-row")).to_have_count(UNITS)
    desk.saved()
    assert [text for text, *_ in units(desk, article)] == [text for text, *_ in before]

    # The third sentence, cut before its third word.
    desk.press("Home", "j", "j", "s")
    expect(page.locator("button.word").first).to_be_focused()
    desk.press("ArrowLeft", "Enter")
    expect(page.locator(".khabar-row")).to_have_count(UNITS + 1)
    desk.saved()
    first, second = (text for text, *_ in units(desk, article)[2:4])
    assert first == " ".join(before[2][0].split()[:2])
    assert f"{first} {second}" == before[2][0]

    page.reload()
    expect(page.locator(".khabar-row")).to_have_count(UNITS + 1)
    expect(row(page, 2).locator(".khabar-text")).to_have_text(first)


def test_split_at_the_word_that_was_clicked(desk):
    article = desk.add("أعلنت البلدية 🎉 إغلاق الجسر. وقال سكان إن الطريق البديل طويل جدا ومزدحم.")
    page = desk.open(article)
    text = row(page, 1).locator(".khabar-text")
    # Beside the last word, which stands at the left end of a line of Arabic.
    box = text.bounding_box()
    width = text.evaluate(
        """element => {
            const range = document.createRange();
            range.selectNodeContents(element);
            return range.getBoundingClientRect().width;
        }"""
    )
    page.mouse.click(box["x"] + box["width"] - width + 4, box["y"] + box["height"] / 2)
    desk.press("s")
    expect(page.locator("button.word").last).to_be_focused()
    desk.press("Escape")
    expect(page.locator("button.word")).to_have_count(0)
    expect(page.locator(".khabar-row")).to_have_count(2)


def test_keys_of_an_arabic_keyboard(desk):
    article = desk.add(numbered(ARTICLE, 3))
    page = desk.open(article)
    at = "document.dispatchEvent(new KeyboardEvent('keydown', {key: %s, code: %s, bubbles: true}))"
    for key, code in (("ت", "KeyJ"), ("ت", "KeyJ"), ("ن", "KeyK"), ("٣", "Digit3")):
        page.evaluate(at % (json.dumps(key), json.dumps(code)))
    expect(row(page, 1)).to_have_class("khabar-row is-claim new-paragraph is-reviewed")
    desk.saved()


def test_keys_are_left_alone_while_somebody_types(desk):
    page = desk.visit()
    page.focus("#paste-text")
    page.keyboard.type("jk 1234 xmsu? gg nn ee")
    assert page.input_value("#paste-text") == "jk 1234 xmsu? gg nn ee"
    expect(page.locator("#dialog")).not_to_be_visible()
    page.reload()
    expect(page.locator("#paste-text")).to_have_value("jk 1234 xmsu? gg nn ee")


def test_help_and_guidelines_are_one_key_away(desk):
    page = desk.open(desk.add(numbered(ARTICLE, 4)))
    desk.press("?")
    expect(page.get_by_role("heading", name="المفاتيح")).to_be_visible()
    desk.press("Escape", "g")
    expect(page.get_by_role("heading", name="دليل الوسم")).to_be_visible()
    expect(page.locator(".guidelines")).to_contain_text("القرار، بهذا الترتيب")
    expect(page.locator(".guidelines")).to_have_attribute("dir", "rtl")
    desk.press("1")
    desk.press("Escape")
    expect(page.locator(".khabar-row.is-reviewed")).to_have_count(0)
    expect(current(page)).to_be_focused()

    page.locator("#language").press("Enter")
    desk.press("g")
    expect(page.locator(".guidelines")).to_contain_text("The decision, in this order")
    expect(page.locator(".guidelines")).to_have_attribute("dir", "ltr")


def test_keys_work_on_after_files_were_chosen(desk):
    page = desk.visit()
    page.evaluate(
        "document.querySelector('#files').addEventListener('click', () => (document.title = 'asked'))"
    )
    desk.press("a")
    expect(page).to_have_title("asked")
    text = numbered(ARTICLE, 40).encode()
    page.set_input_files("#files", {"name": "x.txt", "mimeType": "text/plain", "buffer": text})
    expect(page.locator(".upload [role=status]")).to_contain_text("أضيف: 1")
    page.focus("#files")
    desk.press("j")
    expect(page.locator("a.entry").first).to_be_focused()


def test_end_of_an_article_says_that_it_is_done_and_what_comes_next(desk):
    article = desk.add("قالت الوزارة إن المطار مفتوح.\nونفت شركة الطيران ذلك.")
    page = desk.open(article)
    expect(page.locator(".dock-actions")).to_contain_text("0 من 2")
    desk.press("Enter", "Enter")
    expect(page.locator(".dock-actions")).to_contain_text("منجز")
    expect(page.locator(".dock-actions")).to_contain_text("المقال التالي")
    desk.saved()


def test_page_names_the_model_and_what_it_says_of_a_corrected_sentence(desk):
    article = desk.add("أمر المحافظ بإغلاق الجسر القديم حتى الأحد.\nوقالت البلدية إن الجسر الجديد مفتوح.")
    page = desk.open(article)
    health = desk.context.request.get(f"{desk.address}healthz").json()["model"]
    expect(page.locator("#model")).to_contain_text(f"{health['name']} {health['fingerprint']}")
    model = desk.article(article)["units"][0]["model"]["label"]
    other = next(label for label in LABELS if label != model)
    desk.press(str(LABELS.index(other) + 1))
    expect(row(page, 0).locator(".opinion")).to_contain_text("النموذج: ")
    expect(page.locator(".agreeing")).to_have_text("يوافق النموذج 0 من 1")
    desk.press("k", str(LABELS.index(model) + 1))
    expect(row(page, 0).locator(".opinion")).to_have_count(0)
    expect(page.locator(".agreeing")).to_have_text("يوافق النموذج 1 من 1")
    desk.saved()


def test_doubtful_sentences_come_first_where_one_wants_them(desk):
    article = desk.add(numbered(ARTICLE, 5))
    page = desk.open(article)
    page.get_by_label("الانتقال").select_option("doubt")
    scored = [unit for unit in desk.article(article)["units"] if unit["model"]]
    order = sorted(scored, key=lambda unit: unit["model"]["score"])
    page.reload()
    for unit in order[:3]:
        expect(current(page).locator(".khabar-text")).to_have_text(unit["text"])
        desk.press("Enter")
    expect(page.locator(".khabar-row.is-reviewed")).to_have_count(3)
    desk.saved()
    kept = {text: (label, by) for text, label, by in units(desk, article)}
    assert [kept[unit["text"]] for unit in order[:3]] == [(unit["label"], "هدى") for unit in order[:3]]


def test_files_are_uploaded_and_gone_through_in_the_order_of_doubt(desk, tmp_path):
    (tmp_path / "north.txt").write_text(numbered(ARTICLE, 6), encoding="utf-8")
    lines = [
        {"id": "south", "text": SECOND},
        {"id": "west", "text": numbered(SECOND.replace("السنديان", "البلوط"), 7)},
    ]
    broken = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines) + "{\n"
    (tmp_path / "more.jsonl").write_text(broken, encoding="utf-8")
    page = desk.visit()
    page.set_input_files("#files", [tmp_path / "north.txt", tmp_path / "more.jsonl"])
    expect(page.locator(".upload [role=status]")).to_contain_text("أضيف: 3")
    expect(page.locator(".upload [role=status]")).to_contain_text("more.jsonl, line 3")
    desk.until("document.querySelector('.articles')?.textContent.includes('أدنى ثقة')")
    names = page.locator(".entry-name")
    expect(names.filter(has_text="north")).to_have_count(1)
    desk.until("!/لم يقرأ/.test(document.querySelector('main').textContent)")
    doubts = [
        float(words.split()[-1])
        for words in page.locator(".facts span", has_text="أدنى ثقة").all_inner_texts()
    ]
    assert len(doubts) >= 3
    assert doubts == sorted(doubts)
    page.locator("body").press("j")
    expect(page.locator("a.entry").first).to_be_focused()
    desk.press("Enter")
    page.wait_for_selector(".dock-label")
    first = page.url
    desk.press("n")
    page.wait_for_url(lambda url: url != first)
    desk.press("q")
    page.wait_for_selector("#paste-text")


def test_an_article_that_is_not_there_is_told_in_the_language_of_the_page(desk):
    page = desk.visit("#/a/123456789")
    expect(page.locator("#notices")).to_contain_text("ليس هذا المقال على الخادم")
    assert len(desk.errors) == 1
    assert "404" in desk.errors.pop()  # the browser's own word on the answer


def test_export_before_an_article_is_done_says_so(desk):
    page = desk.visit()
    # The server of these tests has articles that are done; this page is told of none.
    counts = {"all": 1, "open": 1, "done": 0, "disagreement": 0, "unread": 0}
    answer = json.dumps({"articles": [], "total": 0, "counts": counts})
    page.route(
        "**/v1/review/articles?*", lambda route: route.fulfill(body=answer, content_type="application/json")
    )
    desk.press("e", "Enter")
    expect(page.locator("#notices")).to_contain_text("لا مقال منجز بعد")


def test_done_articles_are_exported_as_training_reads_them(desk, tmp_path):
    article = desk.add(numbered(ARTICLE, 8))
    page = desk.open(article)
    desk.press("3", "d")
    expect(page.get_by_role("heading", name="أنجز المقال")).to_be_visible()
    desk.press("Enter")
    expect(page.locator(".khabar-row.is-reviewed")).to_have_count(UNITS)
    desk.saved()
    desk.press("e")
    with page.expect_download() as waiting:
        desk.press("Enter")
    target = tmp_path / waiting.value.suggested_filename
    expect(page.locator("#notices")).to_contain_text(f"نزّل الملف {target.name}")
    waiting.value.save_as(target)
    assert target.suffix == ".jsonl"
    mine = [each for each in read_jsonl(target) if each.text == numbered(ARTICLE, 8)]
    (exported,) = mine
    assert exported.sentences[0].label is Label.CLAIM
    assert [unit.label for unit in exported.sentences].count(None) == 1


def test_last_label_finishes_the_article_and_it_can_be_opened_again(desk):
    article = desk.add("أعلنت البلدية إغلاق الجسر. وقال سكان إن الطريق البديل طويل.")
    page = desk.open(article)
    desk.press("2")
    expect(page.get_by_role("button", name="أنجز المقال")).to_be_visible()
    desk.press("3")
    expect(page.locator(".tools .badge")).to_contain_text("منجز")
    desk.saved()
    assert desk.article(article)["done"] is True
    desk.press("u")
    desk.saved()
    assert desk.article(article)["done"] is False
    desk.press("d")
    desk.saved()
    page.get_by_role("button", name="افتحه ثانية").click()
    desk.saved()
    assert (desk.article(article)["done"], desk.article(article)["labelled"]) == (False, 2)


def test_both_languages_and_the_article_stays_right_to_left(desk):
    page = desk.open(desk.add(numbered(ARTICLE, 9)))
    assert page.evaluate("document.documentElement.dir") == "rtl"
    expect(row(page, 0)).to_contain_text("حصيلة ضحايا")
    page.get_by_role("button", name="English").click()
    assert page.evaluate("[document.documentElement.dir, document.documentElement.lang]") == ["ltr", "en"]
    expect(row(page, 0)).to_contain_text("casualty report")
    expect(page.get_by_role("button", name="Merge with next")).to_be_visible()
    assert page.evaluate("getComputedStyle(document.querySelector('.khabar-text')).direction") == "rtl"
    page.reload()
    expect(page.get_by_role("link", name="Articles")).to_be_visible()
    page.goto(f"{desk.address}#/agreement")
    expect(page.get_by_role("heading", name="Who labelled what")).to_be_visible()


def test_narrow_screen(sit):
    desk = sit(viewport={"width": 360, "height": 740}, has_touch=True)
    article = desk.add(numbered(ARTICLE, 10))
    for place in ("#/", f"#/a/{article}", "#/agreement"):
        page = desk.visit(place)
        page.wait_for_selector("main > *")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page = desk.open(article)
    row(page, 2).locator(".khabar-text").tap()
    page.locator("[data-label=background]").tap()
    expect(row(page, 2)).to_have_class("khabar-row is-background is-reviewed")
    desk.saved()


@pytest.mark.parametrize("mine", [True, False])
def test_two_people_on_one_sentence_see_both_versions(sit, mine):
    huda, sami = sit(), sit(name="Sami", language="en")
    article = huda.add(numbered(ARTICLE, f"11{mine}"))
    page = huda.open(article)
    sami.open(article)
    sami.press("2")
    sami.saved()
    huda.press("4")
    expect(page.get_by_role("heading", name="غيّر شخص آخر ما غيرته")).to_be_visible()
    expect(page.locator("#dialog")).to_contain_text("Sami: وسم حصيلة ضحايا ← تصريح رسمي")
    text = row(page, 0).locator(".khabar-text").inner_text()
    versions = page.locator("#dialog section")
    expect(versions.nth(0).locator(".is-official_statement")).to_contain_text(text)
    expect(versions.nth(1).locator(".is-background")).to_contain_text(text)
    huda.errors.clear()  # the browser writes every 409 on its console
    desk_choice = "احفظ تغييري فوقه" if mine else "خذ ما حفظ"
    assert units(huda, article)[0][1:] == ("official_statement", "Sami")
    page.get_by_role("button", name=desk_choice).click()
    huda.saved()
    expected = ("background", "هدى") if mine else ("official_statement", "Sami")
    assert units(huda, article)[0][1:] == expected
    expect(row(page, 0)).to_contain_text("خلفية" if mine else "تصريح رسمي")


def test_changes_to_different_sentences_both_stay(sit):
    huda, sami = sit(), sit(name="Sami")
    article = huda.add(numbered(ARTICLE, 12))
    page = huda.open(article)
    sami.open(article)
    sami.press("j", "3")
    sami.saved()
    huda.press("4")
    huda.saved()
    expect(row(page, 1)).to_contain_text("Sami")
    assert [by for *_, by in units(huda, article)[:2]] == ["هدى", "Sami"]


def test_nothing_is_lost_while_the_server_is_away(desk):
    article = desk.add(numbered(ARTICLE, 13))
    page = desk.open(article)
    desk.context.set_offline(True)
    desk.press("4", "4", "m")
    expect(page.locator("#save-state")).to_contain_text("3 تغييرات غير محفوظ بعد")
    expect(page.locator(".khabar-row")).to_have_count(UNITS - 1)
    assert desk.article(article)["revision"] == 0
    # The tab is closed and another opened later.
    page.close()
    desk.context.set_offline(False)
    desk.errors.clear()  # the browser writes every failed request on its console
    desk.page = desk.new_page()
    page = desk.visit()
    desk.until("Object.keys(localStorage).every(key => !key.startsWith('khabar.out.'))")
    assert desk.article(article)["labelled"] == 2
    desk.open(article)
    expect(page.locator(".khabar-row")).to_have_count(UNITS - 1)


def test_saves_go_on_when_the_server_is_back(desk):
    article = desk.add(numbered(ARTICLE, 14))
    page = desk.open(article)
    desk.context.set_offline(True)
    desk.press("4")
    expect(page.locator("#save-state")).to_contain_text("تغيير واحد غير محفوظ بعد")
    desk.context.set_offline(False)
    desk.saved()
    desk.errors.clear()
    assert units(desk, article)[0][1:] == ("background", "هدى")


def test_saves_go_on_after_the_article_was_left(desk):
    article = desk.add(numbered(ARTICLE, 17))
    page = desk.open(article)
    desk.context.set_offline(True)
    desk.press("4", "3", "q")
    expect(page.locator("#notices")).to_contain_text("الخادم لا يجيب")
    expect(page.locator("#save-state")).to_contain_text("تغييران غير محفوظ بعد")
    desk.context.set_offline(False)
    desk.saved()
    desk.errors.clear()
    assert [unit[1:] for unit in units(desk, article)[:2]] == [("background", "هدى"), ("claim", "هدى")]


def test_second_opinion_sees_nobody_and_counts_for_agreement(sit):
    huda, sami = sit(), sit(name="Sami", language="en")
    article = huda.add(numbered(ARTICLE, 15))
    huda.open(article)
    huda.press("4", "Enter", "Enter")
    huda.saved()
    page = sami.open(article, "/blind")
    expect(page.locator(".khabar-row.is-reviewed")).to_have_count(0)
    expect(row(page, 0)).to_contain_text("casualty report")
    expect(page.get_by_role("button", name="Merge with next")).to_be_disabled()
    sami.press("Enter", "Enter", "Enter")
    sami.saved()
    assert units(huda, article)[0][1:] == ("background", "هدى")
    page = sami.visit("#/agreement")
    expect(page.locator("main")).to_contain_text("Krippendorff's alpha")
    expect(page.locator("main")).to_contain_text("Sami")
    expect(page.locator(".differing li").first).to_contain_text("background")
    assert desk_disagreements(huda, article) == 1


def desk_disagreements(desk, article):
    return desk.article(article)["disagreements"]


def test_who_works_here_is_asked_before_the_first_correction(sit):
    desk = sit(name=None, language="en")
    article = desk.add(numbered(ARTICLE, 16))
    page = desk.open(article)
    desk.press("3")
    page.locator("#dialog-field").fill("Noor")
    desk.press("Enter")
    expect(row(page, 0)).to_contain_text("you")
    desk.saved()
    assert units(desk, article)[0][1:] == ("claim", "Noor")
    expect(page.locator("#who")).to_have_text("Noor")
