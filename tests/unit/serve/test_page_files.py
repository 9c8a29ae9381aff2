"""The files of the page that no browser is needed to check."""

import re
from pathlib import Path

import khabar.serve

HERE = Path(khabar.serve.__file__).parent
SCRIPTS = sorted((HERE / "static" / "js").glob("*.js"))
WORDS = (HERE / "static" / "js" / "i18n.js").read_text(encoding="utf-8")


def words(language):
    block = re.search(rf"^  {language}: \{{\n(.*?)^  \}},$", WORDS, re.DOTALL | re.MULTILINE)[1]
    return dict(re.findall(r'^    (\w+): "(.*)",$', block, re.MULTILINE))


def test_both_languages_have_the_same_words_with_the_same_places():
    arabic, english = words("ar"), words("en")
    assert len(english) > 100
    assert set(arabic) == set(english)
    for key, phrase in english.items():
        assert sorted(re.findall(r"{\w+}", phrase)) == sorted(re.findall(r"{\w+}", arabic[key])), key


def test_every_word_that_is_asked_for_is_there_and_none_is_idle():
    known = words("en")
    used = set()
    for path in [*SCRIPTS, HERE / "templates" / "index.html"]:
        text = path.read_text(encoding="utf-8")
        used |= set(re.findall(r'\b(?:t|button|choice|options)\(\s*"(\w+)"', text))
        used |= set(re.findall(r'data-i18n(?:-label)?="(\w+)"', text))
        used |= set(re.findall(r'"(key_\w+)"', text))
        for stem in re.findall(r"t\(`(\w+_)\$\{", text):
            used |= {key for key in known if key.startswith(stem)}
    assert used - set(known) == set()
    assert set(known) - used - {"saved", "saving"} == set()  # named by the state of saving


def test_every_module_is_fetched_with_the_page():
    page = (HERE / "templates" / "index.html").read_text(encoding="utf-8")
    preloaded = re.search(r"{% for module in \[(.*?)\]", page)[1]
    assert {*re.findall(r"\w+", preloaded), "main"} == {path.stem for path in SCRIPTS}


def test_nothing_is_asked_of_another_machine():
    for path in (HERE / "static").rglob("*.*"):
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"(?:https?:)?//[\w-]+\.\w", text), path


def test_scripts_put_no_text_into_the_page_as_markup():
    ways = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function")
    found = [(path.name, way) for path in SCRIPTS for way in ways.findall(path.read_text(encoding="utf-8"))]
    # The guidelines, which the server makes from its own Markdown without raw HTML.
    assert found == [("dialogs.js", "innerHTML")]
