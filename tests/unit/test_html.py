import re
from html.parser import HTMLParser

import pytest
from annotated_articles import article, sentence
from hypothesis import given
from hypothesis import strategies as st

from khabar.arabic import FURNITURE_KINDS
from khabar.labels import Label
from khabar.render.html import html_article, html_closing, html_opening, render_html, visible
from khabar.render.words import FURNITURE_NAMES, LABEL_NAMES, LANGUAGES, PHRASES, UNDECIDED, count_words
from khabar.schema import AnnotatedArticle, AnnotatedSentence, Furniture

TEXT = (
    "مقتل عاملين في انهيار سقالة\n\nشارك المقال\n"
    "وقالت وزارة العمل إنها فتحت تحقيقا. ويبلغ ارتفاع البرج 120 مترا."
)


def spans(*pieces):
    """The pieces of the text above with their offsets, found once each."""
    return [(TEXT.index(piece), TEXT.index(piece) + len(piece), piece) for piece in pieces]


def annotated(title=None, *, label=Label.BACKGROUND):
    head, first, second = spans(
        "مقتل عاملين في انهيار سقالة", "وقالت وزارة العمل إنها فتحت تحقيقا.", "ويبلغ ارتفاع البرج 120 مترا."
    )
    ((start, end, share),) = spans("شارك المقال")

    def tagged(part, span, label, score):
        scores = dict.fromkeys(map(str, Label), (1 - score) / 3) | {str(label): score}
        return AnnotatedSentence(part, *span, label, score, scores, False)

    sentences = [
        tagged("title", head, Label.CASUALTY_REPORT, 0.91),
        tagged("body", first, Label.OFFICIAL_STATEMENT, 0.83),
        tagged("body", second, label, 0.5),
    ]
    if title:
        passed = tagged("title", (0, len(title), title), Label.CLAIM, 0.6)
        sentences = [passed, *sentences[1:]]
    return AnnotatedArticle(TEXT, title, "news/1", tuple(sentences), (Furniture(start, end, share, "share"),))


class Page(HTMLParser):
    """Elements, attributes and text of a page, and a complaint where tags do not match."""

    VOID = frozenset({"meta", "link", "br"})

    def __init__(self, markup):
        super().__init__()
        self.tags, self.attributes, self.ids, self.texts, self.open, self.crossed = [], [], [], [], [], []
        self.feed(markup)
        self.close()
        self.balanced = not self.open and not self.crossed

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in self.VOID:
            self.open.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop()[0] != tag:
            self.crossed.append(tag)

    def handle_data(self, data):
        if any(tag == "span" and "khabar-text" in (attrs.get("class") or "") for tag, attrs in self.open):
            self.texts.append(data)


def test_page_is_whole_and_asks_for_nothing():
    markup = render_html(annotated())
    page = Page(markup)
    assert page.balanced
    assert markup.startswith("<!DOCTYPE html>\n")
    assert ("lang", "ar") in page.attributes
    assert ("dir", "rtl") in page.attributes
    assert "script" not in page.tags
    assert not re.search(r"https?://|url\(|@import", markup)
    assert not [name for name, _ in page.attributes if name == "src" or name.startswith("on")]
    assert "default-src 'none'" in markup


def test_labels_are_named_and_drawn_without_colour():
    markup = render_html(annotated(), language="en")
    for name in ("casualty report", "official statement", "background"):
        assert f'<span class="khabar-name">{name}</span>' in markup
    lines = re.findall(r"\.is-(\w+) \{[^}]*--line: (\w+); --mark: \"(.)\"", markup)
    assert len({line for _, line, _ in lines}) == len({mark for *_, mark in lines}) == 6


def test_sentences_and_furniture_stand_in_the_order_of_the_page():
    texts = Page(render_html(annotated())).texts
    assert texts == [
        "مقتل عاملين في انهيار سقالة",
        "شارك المقال",
        "وقالت وزارة العمل إنها فتحت تحقيقا.",
        "ويبلغ ارتفاع البرج 120 مترا.",
    ]


def test_passed_title_stands_first_whatever_its_offsets():
    texts = Page(render_html(annotated("سقوط سقالة"))).texts
    assert texts[0] == "سقوط سقالة"
    assert texts[1] == "شارك المقال"


def test_paragraphs_are_told_by_the_line_breaks_between_sentences():
    rows = re.findall(r'<li class="khabar-row ([^"]+)"', render_html(annotated()))
    assert rows == [
        "is-casualty_report is-headline",
        "is-furniture new-paragraph",
        "is-official_statement new-paragraph",
        "is-background",
    ]


def test_all_four_probabilities_are_there_and_the_score_on_hover():
    markup = render_html(annotated(), language="en")
    assert 'title="casualty report 0.91"' in markup
    table = markup.split('<table class="khabar-scores"')[1].split("</table>")[0]
    assert re.findall(r"<td>([\d.]+)</td>", table) == ["0.91", "0.03", "0.03", "0.03"]


def test_strip_has_a_piece_for_each_sentence_that_leads_to_it():
    markup = render_html(annotated())
    strip = markup.split('<nav class="khabar-strip"')[1].split("</nav>")[0]
    targets = re.findall(r'href="#([^"]+)"', strip)
    assert targets == [value for value in Page(markup).ids if value.startswith("k")]
    assert re.findall(r"flex-grow:(\d+)", strip) == ["27", "35", "28"]


def test_undecided_sentence():
    shown = render_html(annotated(label=None))
    assert "khabar-row is-undecided" in shown
    assert shown.count("غير محسوم") > 1


def test_article_without_sentences():
    assert PHRASES["en"]["empty"] in render_html(article(), language="en")
    assert Page(render_html(article())).balanced


def test_truncated_sentence_says_so():
    cut = render_html(article(sentence("طويلة.", truncated=True)), language="en")
    assert PHRASES["en"]["truncated"] in cut
    assert PHRASES["en"]["truncated"] not in render_html(annotated(), language="en")


def test_method_and_notebook():
    record = annotated()
    assert record.to_html() == render_html(record)
    assert record.to_html(language="en", fragment=True) == record._repr_html_()
    fragment = Page(record._repr_html_())
    assert fragment.balanced
    assert fragment.tags[:2] == ["div", "style"]
    assert not {"html", "head", "body", "main"} & set(fragment.tags)


def test_style_of_a_fragment_touches_nothing_outside():
    css = re.search(r"<style>(.*?)</style>", annotated()._repr_html_(), re.DOTALL)[1]
    css = re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)
    selectors = [
        selector.strip()
        for group in re.findall(r"([^{}]+)\{", css)
        if not group.strip().startswith("@")
        for selector in group.split(",")
    ]
    assert selectors
    assert [selector for selector in selectors if not re.match(r"\.khabar(\s|$)", selector)] == []


def test_several_articles_on_a_page_have_addresses_of_their_own():
    markup = html_opening() + "".join(html_article(annotated(), number=n) for n in (1, 2)) + html_closing()
    page = Page(markup)
    assert page.balanced
    assert len(page.ids) == len(set(page.ids)) == 6


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("\" onmouseover='x'", "&#34; onmouseover=&#39;x&#39;"),
        ("&amp;", "&amp;amp;"),
        ("\x00\x1b", "\u2400\u241b"),
        ("\x7f\x9b\ud800\uffff", "\u2421\ufffd\ufffd\ufffd"),
        ("سطر\n\tآخر", "سطر\n\tآخر"),
        ("می\u200cخواهم \u200f", "می\u200cخواهم \u200f"),
        ("{{ 7 * 7 }}{% raw %}", "{{ 7 * 7 }}{% raw %}"),
    ],
)
def test_visible(text, shown):
    assert visible(text) == shown


@pytest.mark.parametrize(
    ("char", "name"), [("\u202e", "RLO"), ("\u202d", "LRO"), ("\u2066", "LRI"), ("\u2069", "PDI")]
)
def test_characters_that_turn_the_text_are_named(char, name):
    markup = render_html(article(sentence(f"قبل{char}بعد")))
    assert char not in markup
    assert f">{name}</span>" in markup


hostile = st.text(
    st.characters(codec=None, exclude_categories=())
    | st.sampled_from("<>&\"'`=/\x00\x1b\u202e\u2067\u2069\ud800")
) | st.sampled_from(
    ["</style><script>", "<!--", "]]>", "<img src=x onerror=alert(1)>", "javascript:alert(1)"]
)


@given(text=hostile, language=st.sampled_from(LANGUAGES))
def test_no_article_can_put_markup_into_the_page(text, language):
    plain = render_html(article(sentence("نص", score=0.7), title="نص"), source="نص", language=language)
    attacked = AnnotatedArticle(text, text, text, (sentence(text),), (Furniture(0, len(text), text, text),))
    markup = render_html(attacked, source=text, language=language)
    page = Page(markup)
    assert page.balanced
    expected = set(Page(plain).tags) | {"h2"}
    assert set(page.tags) <= expected
    assert not set(markup) & set("\x00\x1b\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
    markup.encode("utf-8")


def test_unknown_language():
    with pytest.raises(ValueError, match="language 'fr' is unknown; one of: ar, en"):
        render_html(article(), language="fr")


def test_every_label_and_every_kind_of_furniture_has_a_name():
    for language in LANGUAGES:
        assert set(LABEL_NAMES[language]) == {*map(str, Label), UNDECIDED}
        assert set(FURNITURE_NAMES[language]) == set(FURNITURE_KINDS)
    assert set(PHRASES["ar"]) == set(PHRASES["en"])


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "لا جمل"),
        (1, "جملة واحدة"),
        (2, "جملتان"),
        (3, "3 جمل"),
        (10, "10 جمل"),
        (11, "11 جملة"),
        (100, "100 جملة"),
        (103, "103 جمل"),
    ],
)
def test_arabic_counts(count, words):
    assert count_words(count, "ar") == words


def test_english_counts():
    assert [count_words(n, "en") for n in (0, 1, 2)] == ["0 sentences", "1 sentence", "2 sentences"]
