import json
import re
import shutil
import sys
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
import torch
from tiny_models import SENTENCES

from khabar import Annotator, Label
from khabar.bundle import load_bundle, save_settings
from khabar.confidence import LabelSets
from khabar.encode import WindowOptions
from khabar.errors import BundleError, InputError, MissingExtraError
from khabar.explain import explain
from khabar.explain._attribution import word_of_tokens
from khabar.schema import AnnotatedArticle

TEXT = "\n".join(SENTENCES[:3])
STEPS = 256
"""The tiny model has random weights: its gradients change faster along the path than those of any other."""


@pytest.fixture(scope="module")
def annotator(tiny_bundle):
    return Annotator.from_pretrained(tiny_bundle)


@pytest.fixture(scope="module")
def article(annotator):
    return annotator.annotate(TEXT, title="إصابة <b>أربعين</b> شخصا في انفجار & حريق")


@pytest.fixture(scope="module")
def explanation(annotator, article):
    return explain(annotator.bundle, article, 2, steps=STEPS)


def test_attributions_sum_to_the_change_in_the_logit(annotator, article):
    for index, label in ((0, None), (2, None), (3, "claim")):
        found = explain(annotator.bundle, article, index, label, steps=STEPS)
        change = found.logit - found.baseline_logit
        assert abs(change) > 0.1
        assert found.total == pytest.approx(change, abs=0.02)
        assert found.error == pytest.approx(found.total - change)


def test_a_model_with_thresholds_of_label_sets_is_explained(annotator, article):
    sets = LabelSets(
        error_rates=(0.1,),
        thresholds=dict.fromkeys(Label, (0.2,)),
        sentences=dict.fromkeys(Label, 9),
    )
    bundle = replace(
        annotator.bundle, settings=annotator.bundle.settings.model_copy(update={"label_sets": sets})
    )
    assert explain(bundle, article, 2, steps=1).index == 2


def test_the_logit_is_that_of_the_torch_backend(tiny_bundle, article, explanation):
    exact = Annotator.from_pretrained(tiny_bundle, backend="torch")
    logits = exact.logits([sentence.text for sentence in article.sentences])
    column = exact.bundle.labels.index(explanation.label)
    assert explanation.logit == pytest.approx(float(logits[2, column]), abs=1e-4)


def test_every_word_of_the_window_stands_where_its_offsets_say(article, explanation):
    assert [each.index for each in explanation.sentences] == list(range(len(article)))
    for each in explanation.sentences:
        sentence = article.sentences[each.index]
        whole = article.title if sentence.part == "title" else article.text
        assert [word.text for word in each.words] == sentence.text.split()
        assert all(whole[word.start : word.end] == word.text for word in each.words)
    assert explanation.explained.index == 2
    assert [each.index for each in explanation.context] == [0, 1, 3]


def test_the_label_is_the_predicted_one_or_the_one_asked_for(annotator, article, explanation):
    assert explanation.label is article.sentences[2].label
    other = explain(annotator.bundle, article, -2, "background", steps=2)
    assert (other.index, other.label) == (2, Label.BACKGROUND)
    assert other.logit < explanation.logit or explanation.label is Label.BACKGROUND


def test_only_the_window_that_decides_is_explained(tiny_bundle, tmp_path, article):
    folder = shutil.copytree(tiny_bundle, tmp_path / "bundle")
    settings = load_bundle(folder).settings
    window = WindowOptions(
        max_tokens=128, max_sentence_tokens=48, context=1, max_sentences=2, right_context=1
    )
    save_settings(folder, settings.model_copy(update={"window": window}))
    bundle = load_bundle(folder)
    texts = [sentence.text for sentence in article.sentences]
    for index in range(len(texts)):
        found = explain(bundle, article, index, steps=2)
        (own,) = (each for each in bundle.encoder().encode(texts).windows if index in each.sentences)
        read = [each.index for each in found.sentences]
        assert set(own.sentences) <= set(read)
        assert read == list(range(read[0], read[-1] + 1))
        assert own.sentences[0] - 1 <= read[0] <= own.sentences[0]
        exact = Annotator.from_pretrained(folder, backend="torch").logits(texts)
        assert found.logit == pytest.approx(float(exact[index, bundle.labels.index(found.label)]), abs=1e-4)


def test_a_separator_that_decides_alone_is_explained_too(tiny_bundle, tmp_path, article):
    folder = shutil.copytree(tiny_bundle, tmp_path / "bundle")
    settings = load_bundle(folder).settings
    window = WindowOptions(max_tokens=128, max_sentence_tokens=48, pooling="separator")
    save_settings(folder, settings.model_copy(update={"window": window}))
    found = explain(load_bundle(folder), article, 1, steps=STEPS)
    assert found.total == pytest.approx(found.logit - found.baseline_logit, abs=0.02)
    assert any(word.weight for word in found.explained.words)


def test_words_beyond_the_cut_weigh_nothing(annotator):
    long = annotator.annotate_sentences([" ".join(SENTENCES) + " آخر"])
    found = explain(annotator.bundle, AnnotatedArticle(long[0].text, None, None, tuple(long), ()), 0, steps=2)
    weights = [word.weight for word in found.explained.words]
    assert weights[0] != 0
    assert weights[-1] == 0
    assert long[0].truncated


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("قال الوزير إن", ["قال", "الوزير", "إن"]),
        ("قــــال  الوزِيرُ\u200f إن", ["قــــال", "الوزِيرُ\u200f", "إن"]),
        ("«قال» - \u200f \u064b الوزير: ١٢٫٥", ["«قال»", "-", "\u200f", "\u064b", "الوزير:", "١٢٫٥"]),
        ("ﻗﺎﻝ ﷺ الوزير", ["ﻗﺎﻝ", "ﷺ", "الوزير"]),
    ],
)
@pytest.mark.parametrize("encoder_name", ["tiny_encoder", "bert_wordpiece_encoder"])
def test_tokens_belong_to_the_words_they_were_cut_from(
    request, encoder_name, text, words, tiny_bundle, tmp_path
):
    folder = shutil.copytree(tiny_bundle, tmp_path / "bundle")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(request.getfixturevalue(encoder_name) / name, folder / name)
    encoder = load_bundle(folder).encoder()
    spans = [found.span() for found in re.finditer(r"\S+", text)]
    assert [text[start:end] for start, end in spans] == words
    owners = word_of_tokens(text, spans, encoder)
    # Each word has as many tokens as it would have alone, so that none went to its neighbour.
    alone = [len(encoder.token_spans(word)[1]) for word in words]
    assert [owners.count(number) for number in range(len(words))] == alone
    assert owners == sorted(owners)


def test_where_normalisation_reads_words_together_the_sentence_is_one_word(tiny_bundle, monkeypatch):
    encoder = load_bundle(tiny_bundle).encoder()
    text = "قال الوزير"
    monkeypatch.setattr(type(encoder), "token_spans", lambda self, sentence: ("قلالوزير", [(0, 2), (2, 8)]))
    assert word_of_tokens(text, [(0, 3), (4, 10)], encoder) is None
    assert word_of_tokens("\u200f", [], load_bundle(tiny_bundle).encoder()) is None


def test_top_words_and_plain_data(explanation):
    top = explanation.top(3)
    everything = [abs(word.weight) for each in explanation.sentences for word in each.words]
    assert [abs(word.weight) for word in top] == sorted(everything, reverse=True)[:3]
    record = json.loads(json.dumps(explanation.to_dict(), allow_nan=False))
    assert record["label"] == explanation.label.value
    total = sum(word["weight"] for each in record["sentences"] for word in each["words"])
    assert total - (record["logit"] - record["baseline_logit"]) == pytest.approx(record["error"])


class Page(HTMLParser):
    """Collects tags, attributes and text; complains of tags that are not closed."""

    VOID = frozenset({"meta"})

    def __init__(self, html):
        super().__init__()
        self.open, self.tags, self.attributes, self.text = [], [], [], ""
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_the_page_is_whole_escaped_and_right_to_left(article, explanation):
    html = explanation.to_html()
    page = Page(html)
    assert html.startswith("<!DOCTYPE html>")
    assert "b" not in page.tags
    assert article.title in page.text
    assert all(sentence.text in page.text for sentence in article.sentences)
    assert ("ol", "rtl") in [(tag, each.get("dir")) for tag, each in page.attributes]
    assert not {"script", "link", "img", "iframe"} & set(page.tags)
    assert "http" not in html
    fragment = Page(explanation._repr_html_())
    assert fragment.tags[0] == "div"
    assert "html" not in fragment.tags


def test_the_heaviest_word_has_the_strongest_colour(explanation):
    page = Page(explanation.to_html())
    (heaviest,) = explanation.top(1)
    shades = [
        (float(each["style"].rpartition(",")[2].rstrip(") ")), each["title"])
        for tag, each in page.attributes
        if tag == "span" and "title" in each
    ]
    assert max(shades)[1] == f"{heaviest.weight:+.3f}"
    assert len(shades) == sum(len(each.words) for each in explanation.sentences)


def test_what_cannot_be_explained_is_told(annotator, article, tiny_bundle, tmp_path):
    with pytest.raises(InputError, match=r"index is 4, but the article has 4 sentences; count them from 0"):
        annotator.explain(article, 4)
    with pytest.raises(InputError, match=r"article is str, expected an AnnotatedArticle: explain what"):
        annotator.explain("وصل الوزير.", 0)
    for index in ("1", 1.0, None):
        with pytest.raises(InputError, match="expected the number of a sentence, counted from 0"):
            annotator.explain(article, index)
    assert annotator.explain(article, np.int64(1)).index == 1
    with pytest.raises(InputError, match="label is 'rumour', expected one of casualty_report"):
        annotator.explain(article, 0, "rumour")
    with pytest.raises(InputError, match="steps is 0"):
        explain(annotator.bundle, article, 0, steps=0)
    folder = shutil.copytree(tiny_bundle, tmp_path / "bundle")
    (folder / "model.safetensors").unlink()
    light = Annotator.from_pretrained(folder)
    with pytest.raises(BundleError, match=r"lacks model\.safetensors, from which explanations are computed"):
        light.explain(article, 0)


@pytest.mark.parametrize("package", ["captum.attr", "torch"])
def test_without_torch_or_captum_there_is_one_clear_error(annotator, article, monkeypatch, package):
    for name in [name for name in sys.modules if name.startswith("khabar.explain")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=rf"Explanations need {package}, .* 'khabar\[train\]'"):
        annotator.explain(article, 0)


def test_weights_are_read_again_when_they_have_changed(tiny_bundle, tmp_path, article):
    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(tiny_bundle, tmp_path / "bundle")
    bundle = load_bundle(folder)
    before = explain(bundle, article, 0, "claim", steps=2)
    weights = load_file(folder / "model.safetensors")
    weights["classifier.bias"] += torch.ones(4)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    after = explain(bundle, article, 0, "claim", steps=2)
    assert after.logit == pytest.approx(before.logit + 1, abs=1e-4)


@pytest.mark.slow
def test_who_said_it_is_read_in_the_sentence_that_names_the_speaker():
    """«وأضاف أن …» has no speaker; the built-in model must have its label from the sentence before."""
    annotator = Annotator()
    found = {}
    for speaker in ("وزير الأشغال العامة", "أحد سكان الحي"):
        article = annotator.annotate(
            f"قال {speaker} يوم الأربعاء إن الجسر القديم أغلق أمام الشاحنات.\n"
            "وأضاف أن المرور سيعود إلى طبيعته خلال أسبوعين.\n"
            "ويربط الجسر ضفتي النهر منذ عام 1962.\n"
        )
        found[speaker] = annotator.explain(article, 1)
    minister, neighbour = found.values()
    assert (minister.label, neighbour.label) == (Label.OFFICIAL_STATEMENT, Label.CLAIM)
    for explanation in (minister, neighbour):
        change = explanation.logit - explanation.baseline_logit
        assert explanation.total == pytest.approx(change, abs=0.05 * abs(change))
        first, own, last = explanation.sentences
        # More than the sentence after it, and a good part of all that speaks for the label.
        assert first.weight > abs(last.weight)
        assert first.weight > 0.2 * explanation.total
        assert own.index == explanation.index == 1
    named = {word.text: word.weight for word in minister.sentences[0].words}
    assert named["وزير"] == max(named.values())
    assert np.isfinite([word.weight for word in neighbour.top(50)]).all()
