import json
import pickle
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count, islice
from pathlib import Path

import numpy as np
import psutil
import pytest
from hypothesis import given, settings
from texts import any_text, assert_article
from tiny_models import SENTENCES

from khabar import Annotator, Label
from khabar.bundle import load_bundle, save_settings
from khabar.confidence import LabelSets, calibrated
from khabar.errors import BundleError, InputError, MissingExtraError, WorkerError
from khabar.schema import AnnotatedArticle, AnnotatedSentence, Article, ArticleError

TITLE = "وزير الخارجية يرفض تغيير الاتفاق"
TEXT = "\n\n".join(
    [
        "الأحد 14 نيسان 2024",
        " ".join(SENTENCES[:3]),
        "اقرأ أيضا: أسعار النفط ترتفع",
        " ".join(SENTENCES[3:6]),
        SENTENCES[6],
    ]
)


@pytest.fixture(scope="module")
def annotator(tiny_bundle):
    return Annotator.from_pretrained(tiny_bundle, threads=1)


def articles(number):
    """Articles that differ from each other in length and content."""
    for index in range(number):
        yield "\n".join(SENTENCES[index % 5 : index % 5 + 1 + index % 4])


def assert_label(annotator, sentence):
    assert isinstance(sentence, AnnotatedSentence)
    assert isinstance(sentence.label, Label)
    assert sentence.label == str(sentence.label)
    assert set(sentence.scores) == {str(label) for label in Label}
    assert all(type(score) is float and 0 <= score <= 1 for score in sentence.scores.values())
    assert sum(sentence.scores.values()) == pytest.approx(1, abs=1e-9)
    assert type(sentence.score) is float
    assert sentence.score == max(sentence.scores.values()) == sentence.scores[sentence.label]
    assert type(sentence.truncated) is bool


# --- one article


def test_sentences_carry_offsets_into_the_raw_text(annotator):
    article = annotator.annotate(TEXT)
    assert isinstance(article, AnnotatedArticle)
    assert (article.text, article.title, article.id) == (TEXT, None, None)
    assert len(article) == len(article.sentences) >= 7
    assert list(article) == list(article.sentences)
    for sentence in article:
        assert TEXT[sentence.start : sentence.end] == sentence.text
        assert_label(annotator, sentence)
    assert [piece.text for piece in article.furniture] == [
        "الأحد 14 نيسان 2024",
        "اقرأ أيضا: أسعار النفط ترتفع",
    ]


def test_a_title_is_the_first_sentence_with_offsets_of_its_own(annotator):
    article = annotator.annotate(TEXT, f"  {TITLE}\n")
    assert article.title == f"  {TITLE}\n"
    head, *body = article
    assert (head.part, head.start, head.end, head.text) == ("title", 2, 2 + len(TITLE), TITLE)
    assert {sentence.part for sentence in body} == {"body"}
    assert TEXT[body[0].start : body[0].end] == body[0].text
    assert_label(annotator, head)


def test_a_headline_that_opens_the_text_is_found_there(annotator):
    text = f"{TITLE}\n\n{TEXT}"
    head = annotator.annotate(text).sentences[0]
    assert (head.part, head.start, head.end) == ("title", 0, len(TITLE))


def test_context_reaches_the_model(annotator):
    alone, among = annotator.logits(SENTENCES[1:2]), annotator.logits(SENTENCES[:3])
    assert not np.allclose(alone[0], among[1])


@given(text=any_text)
@settings(deadline=None, max_examples=60)
def test_no_text_breaks_it(annotator, text):
    article = annotator.annotate(text)
    # The records of reading hold for what is annotated as well.
    assert_article(Article(article.text, article.title, article.sentences, article.furniture), text, None)
    for sentence in article:
        assert_label(annotator, sentence)


@pytest.mark.parametrize("text", ["", " \n\t\u200f ", "\ufeff"])
def test_an_empty_text_has_no_sentences(annotator, text):
    article = annotator.annotate(text)
    assert (article.text, len(article), article.furniture) == (text, 0, ())


def test_an_empty_text_with_a_title_has_its_title(annotator):
    [head] = annotator.annotate("", TITLE)
    assert head.part == "title"


def test_a_text_of_nothing_but_furniture_has_no_sentences(annotator):
    article = annotator.annotate("حجم الخط\n\nاقرأ أيضا: أسعار النفط ترتفع\n")
    assert len(article) == 0
    assert len(article.furniture) == 2


@pytest.mark.parametrize(
    "text",
    [
        "The ministry said on Sunday that seven people were killed. Talks resume next week.",
        "外交部发言人星期天表示,谈判将继续进行。两国没有达成协议。",
        "\x00\ud800\udfff\x00",
        "قال الوزير\x00 إن المفاوضات \ud83d ستستمر.",
        "</s> <s> <pad> <mask> [SEP]",
    ],
)
def test_what_is_no_arabic_news_gets_labels_all_the_same(annotator, text):
    article = annotator.annotate(text)
    for sentence in article:
        assert text[sentence.start : sentence.end] == sentence.text
        assert_label(annotator, sentence)


@pytest.mark.parametrize("unit", ["ا", "وقال مصدر ", "وقال مصدر. ", "1,", "« "])
def test_a_line_of_200_000_characters_is_annotated_in_seconds(annotator, unit):
    text = (unit * 200_000)[:200_000]
    started = time.process_time()
    article = annotator.annotate(text)
    assert time.process_time() - started < 30
    assert article.sentences[-1].end >= 199_990
    if unit == "ا":
        assert [sentence.truncated for sentence in article] == [True]


def test_what_is_cut_says_so(annotator):
    long = " ".join(word for sentence in SENTENCES for word in sentence.rstrip(".").split())
    assert [s.truncated for s in annotator.annotate_sentences([SENTENCES[0], long])] == [False, True]


# --- many articles


def test_many_articles_come_in_order_and_as_if_alone(annotator):
    texts = list(articles(70))
    together = list(annotator.annotate_many(texts))
    # Equal to the last bit: nothing that is computed beside an article may change it.
    assert together == [annotator.annotate(text) for text in texts]


def test_annotating_twice_is_the_same(annotator):
    assert annotator.annotate(TEXT, TITLE) == annotator.annotate(TEXT, TITLE)


def test_threads_may_share_an_annotator(annotator):
    texts = list(articles(24))
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(annotator.annotate, texts)) == [annotator.annotate(text) for text in texts]


def test_strings_and_mappings_may_be_mixed(annotator):
    given = [
        TEXT,
        {"text": TEXT, "title": TITLE, "id": "a-1"},
        {"text": "", "title": None},
        {"text": TEXT, "id": 17, "outlet": "Al-Marfa"},
    ]
    found = list(annotator.annotate_many(given))
    assert [article.id for article in found] == [None, "a-1", None, "17"]
    assert [article.title for article in found] == [None, TITLE, None, None]
    assert found[1].sentences == annotator.annotate(TEXT, TITLE).sentences
    assert found[3].sentences == found[0].sentences


def test_an_endless_stream_is_read_a_few_articles_ahead(annotator):
    asked = []

    def endless():
        for number in count():
            asked.append(number)
            yield SENTENCES[number % len(SENTENCES)]

    stream = annotator.annotate_many(endless())
    assert asked == []
    found = list(islice(stream, 40))
    assert [article.text for article in found] == [SENTENCES[i % len(SENTENCES)] for i in range(40)]
    assert len(asked) <= 2 * 40


@pytest.mark.parametrize("before", [0, 3, 32, 40])
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (b"\xd9\x82", "is bytes, expected str"),
        ({"text": "قال".encode()}, r"text is bytes, expected str; decode it first, text\.decode\('utf-8'\)"),
        ({"text": None}, "text is NoneType, expected str"),
        ({"text": "قال", "title": 3}, "title is int, expected str or None"),
        ({"body": "قال"}, "has the keys 'body', but lacks 'text'"),
        ({}, "has the keys none, but lacks 'text'"),
        (None, "is NoneType, expected str or a mapping"),
        (["قال"], "is list, expected str or a mapping"),
    ],
)
def test_a_wrong_item_is_told_by_its_number_after_those_before_it(annotator, before, wrong, said):
    stream = annotator.annotate_many([*articles(before), wrong, TEXT])
    assert len(list(islice(stream, before))) == before
    with pytest.raises(InputError, match=rf"^article {before}\b.*{said}"):
        next(stream)


@pytest.mark.parametrize("alone", [TEXT, "", {"text": TEXT}, TEXT.encode()])
def test_a_single_article_is_no_iterable_of_articles(annotator, alone):
    # A string would be read letter by letter, a mapping key by key.
    with pytest.raises(InputError, match=r"annotate\(text\)"):
        next(annotator.annotate_many(alone))


@pytest.mark.parametrize(("text", "title"), [(TEXT.encode(), None), (None, None), (3, None), (TEXT, b"x")])
def test_annotate_refuses_what_is_no_string(annotator, text, title):
    with pytest.raises(InputError, match=r"is (bytes|NoneType|int), expected str"):
        annotator.annotate(text, title)


def test_batches_by_articles_and_by_characters_are_as_if_alone(annotator, monkeypatch):
    texts = list(articles(9))
    expected = [annotator.annotate(text) for text in texts]
    for most, characters in ((1, 10**6), (2, 10**6), (100, 1), (100, 10**6)):
        monkeypatch.setattr("khabar.annotator._BATCH_ARTICLES", most)
        monkeypatch.setattr("khabar.annotator._BATCH_CHARACTERS", characters)
        assert list(annotator.annotate_many(texts)) == expected


def test_threads_do_not_change_a_bit(annotator, tiny_bundle):
    texts = list(articles(30))
    many = Annotator.from_pretrained(tiny_bundle, threads=3)
    assert list(many.annotate_many(texts)) == list(annotator.annotate_many(texts))


# --- articles that cannot be annotated


WRONG = [(b"x", None), ({"text": 3, "id": 7}, "7"), ({"id": "a"}, "a"), (None, None)]


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_is_recorded_in_the_place_of_its_article(annotator, workers):
    texts = list(articles(20))
    given = [texts[0], WRONG[0][0], *texts[1:18], WRONG[1][0], WRONG[2][0], texts[18], WRONG[3][0]]
    found = list(annotator.annotate_many(given, errors="record", workers=workers))
    assert len(found) == len(given)
    failed = {index: entry for index, entry in enumerate(found) if isinstance(entry, ArticleError)}
    assert {index: entry.id for index, entry in failed.items()} == {1: None, 19: "7", 20: "a", 22: None}
    for index, entry in failed.items():
        assert entry.index == index
        with pytest.raises(InputError) as caught:
            list(annotator.annotate_many(given[index : index + 1]))
        assert str(caught.value) == entry.message.replace(f"article {index}", "article 0")
    kept = [entry for entry in found if not isinstance(entry, ArticleError)]
    assert kept == [annotator.annotate(text) for text in texts[:19]]


@pytest.mark.parametrize("stage", ["khabar.annotator.read_article", "khabar.encode.normalize"])
def test_an_article_that_breaks_on_the_way_takes_no_other_with_it(annotator, monkeypatch, stage):
    module, _, name = stage.rpartition(".")
    original = getattr(sys.modules[module], name)

    def breaks(text, *options):
        if "النفط" in text:
            raise RuntimeError("no luck")
        return original(text, *options)

    monkeypatch.setattr(stage, breaks)
    texts = [SENTENCES[0], SENTENCES[11], SENTENCES[1]]
    found = list(annotator.annotate_many(texts, errors="record"))
    assert found[1] == ArticleError(1, None, "RuntimeError: no luck")
    assert [article.text for article in (found[0], found[2])] == [texts[0], texts[2]]
    with pytest.raises(RuntimeError, match="no luck"):
        list(annotator.annotate_many(texts))


@pytest.mark.parametrize("errors", ["raise", "record"])
@pytest.mark.parametrize("workers", [1, 2])
def test_what_the_iterable_raises_comes_after_what_it_gave(annotator, errors, workers):
    def broken():
        yield from articles(20)
        raise OSError("the disk is gone")

    stream = annotator.annotate_many(broken(), errors=errors, workers=workers)
    assert len(list(islice(stream, 20))) == 20
    with pytest.raises(OSError, match="the disk is gone"):
        next(stream)


def test_options_of_a_stream_are_checked_at_once(annotator):
    with pytest.raises(ValueError, match="errors is 'ignore', expected 'raise' or 'record'"):
        annotator.annotate_many([], errors="ignore")
    for workers in (0, -1):
        with pytest.raises(ValueError, match=f"workers is {workers}, expected 1 or more"):
            annotator.annotate_many([], workers=workers)


def test_a_stream_that_is_left_early_stops(annotator):
    before = threading.active_count()
    stream = annotator.annotate_many(SENTENCES[number % 12] for number in count())
    next(stream)
    stream.close()
    assert threading.active_count() <= before + 1  # the backend keeps its own


# --- several processes


@pytest.mark.parametrize("workers", [2, 3])
def test_workers_give_what_one_process_gives(annotator, workers):
    texts = [{"text": text, "title": TITLE, "id": number} for number, text in enumerate(articles(70))]
    assert list(annotator.annotate_many(texts, workers=workers)) == list(annotator.annotate_many(texts))


def test_an_annotator_travels_by_its_folder(annotator):
    copy = pickle.loads(pickle.dumps(annotator))
    assert copy.annotate(TEXT, TITLE) == annotator.annotate(TEXT, TITLE)
    assert len(pickle.dumps(annotator)) < 10_000


def test_ctrl_c_ends_workers_and_says_nothing_else(tiny_bundle):
    code = f"""
import itertools, psutil
from khabar import Annotator
annotator = Annotator.from_pretrained({str(tiny_bundle)!r})
stream = annotator.annotate_many(itertools.repeat({SENTENCES[0]!r}), workers=2)
next(stream)
print(*[child.pid for child in psutil.Process().children(recursive=True)], flush=True)
try:
    for article in stream:
        pass
except KeyboardInterrupt:
    print("interrupted, left:", len(psutil.Process().children(recursive=True)))
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            workers = [psutil.Process(int(pid)) for pid in process.stdout.readline().split()]
            assert len(workers) == 2
            time.sleep(0.3)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=20)
        finally:
            process.kill()
    assert (out, err, process.returncode) == ("interrupted, left: 0\n", "", 0)
    _, alive = psutil.wait_procs(workers, timeout=5)
    assert alive == []


def test_a_killed_worker_is_one_error_after_whole_results(annotator):
    texts = [SENTENCES[number % 12] for number in range(2000)]
    before = set(psutil.Process().children(recursive=True))  # of the whole session, such as a database
    stream = annotator.annotate_many(texts, workers=2)
    taken = [next(stream)]
    workers = [child for child in psutil.Process().children(recursive=True) if child not in before]
    workers[-1].kill()
    with pytest.raises(WorkerError, match="worker processes ended before its work was done"):
        taken.extend(stream)
    assert [article.text for article in taken] == texts[: len(taken)]
    assert set(psutil.Process().children(recursive=True)) <= before


# --- sentences that are split already


@pytest.mark.parametrize("sentences", [[], [""], ["", SENTENCES[0], "", " "], SENTENCES, ["\x00", "\ud800"]])
def test_as_many_results_as_sentences(annotator, sentences):
    found = annotator.annotate_sentences(sentences)
    assert [(s.part, s.start, s.end, s.text) for s in found] == [
        ("body", 0, len(text), text) for text in sentences
    ]
    for sentence in found:
        assert_label(annotator, sentence)


def test_sentences_may_come_from_any_iterable(annotator):
    expected = annotator.annotate_sentences(SENTENCES)
    assert annotator.annotate_sentences(tuple(SENTENCES)) == expected
    assert annotator.annotate_sentences(iter(SENTENCES)) == expected


def test_sentences_of_an_article_get_what_the_article_gets(annotator):
    article = annotator.annotate(TEXT, TITLE)
    found = annotator.annotate_sentences([sentence.text for sentence in article])
    assert [s.scores for s in found] == [s.scores for s in article]


@pytest.mark.parametrize("method", ["annotate_sentences", "logits"])
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (SENTENCES[0], "sentences is one string, expected a list"),
        ([SENTENCES[0], None], "sentence 1 is NoneType, expected str"),
        ([b"x"], "sentence 0 is bytes, expected str"),
    ],
)
def test_what_is_no_list_of_sentences_is_refused(annotator, method, wrong, said):
    with pytest.raises(InputError, match=said):
        getattr(annotator, method)(wrong)


# --- scores


def test_scores_are_the_softmax_of_the_logits_over_the_temperature(annotator, tiny_bundle, tmp_path):
    folder = shutil.copytree(tiny_bundle, tmp_path / "model")
    for temperature in (0.5, 1.0, 3.0):
        settings = load_bundle(folder).settings.model_copy(update={"temperature": temperature})
        save_settings(folder, settings)
        model = Annotator.from_pretrained(folder, threads=1)
        logits = model.logits(SENTENCES).astype(float)
        np.testing.assert_array_equal(logits, annotator.logits(SENTENCES))
        powers = np.exp(logits / temperature)
        expected = powers / powers.sum(axis=1, keepdims=True)
        found = model.annotate_sentences(SENTENCES)
        np.testing.assert_allclose([list(s.scores.values()) for s in found], expected, rtol=1e-6)
        assert [list(s.scores) for s in found] == [list(model.bundle.labels)] * len(found)


def with_settings(tiny_bundle, folder, **changes):
    """A copy of the tiny model with other settings."""
    shutil.copytree(tiny_bundle, folder)
    save_settings(folder, load_bundle(folder).settings.model_copy(update=changes))
    return folder


def test_the_temperature_may_change_with_the_entropy(annotator, tiny_bundle, tmp_path):
    folder = with_settings(tiny_bundle, tmp_path / "model", temperature=1.4, temperature_slope=-0.8)
    model = Annotator.from_pretrained(folder, threads=1)
    found = [list(s.scores.values()) for s in model.annotate_sentences(SENTENCES)]
    np.testing.assert_allclose(found, calibrated(annotator.logits(SENTENCES), 1.4, -0.8), rtol=1e-9)
    plain = [s.label for s in annotator.annotate_sentences(SENTENCES)]
    assert [s.label for s in model.annotate_sentences(SENTENCES)] == plain


# --- abstaining and label sets

EVERY_RATE = LabelSets(
    error_rates=(0.1, 0.2),
    thresholds=dict.fromkeys(Label, (0.2, 0.3)),
    sentences=dict.fromkeys(Label, 50),
)


def test_below_the_least_score_there_is_no_label_and_the_scores_stay(annotator, tiny_bundle):
    plain = annotator.annotate_sentences(SENTENCES)
    least = sorted(s.score for s in plain)[len(plain) // 2]
    careful = Annotator.from_pretrained(tiny_bundle, threads=1, min_score=least).annotate_sentences(SENTENCES)
    assert [s.label for s in careful] == [s.label if s.score >= least else None for s in plain]
    assert {s.label is None for s in careful} == {True, False}
    assert [(s.score, s.scores) for s in careful] == [(s.score, s.scores) for s in plain]


def test_label_sets_hold_what_is_probable_enough(annotator, tiny_bundle, tmp_path):
    folder = with_settings(tiny_bundle, tmp_path / "model", label_sets=EVERY_RATE)
    model = Annotator.from_pretrained(folder, threads=1, error_rate=0.1)
    for sentence in model.annotate(TEXT):
        names = {name for name, score in sentence.scores.items() if score >= 0.2}
        assert set(sentence.label_set) == names
        scores = [sentence.scores[label] for label in sentence.label_set]
        assert scores == sorted(scores, reverse=True)
        assert not sentence.label_set or sentence.label_set[0] is sentence.label
    assert {s.label_set for s in annotator.annotate(TEXT)} == {None}


def test_abstaining_and_label_sets_go_together(tiny_bundle, tmp_path):
    folder = with_settings(tiny_bundle, tmp_path / "model", label_sets=EVERY_RATE)
    model = Annotator.from_pretrained(folder, threads=1, error_rate=0.2, min_score=1.0)
    for sentence in model.annotate(TEXT):
        assert sentence.label is None
        assert sentence.label_set is not None


def test_label_sets_of_a_model_without_them_are_refused_with_the_way_out(tiny_bundle):
    with pytest.raises(BundleError, match=r"for label sets; do it with `python scripts/calibrate\.py"):
        Annotator.from_pretrained(tiny_bundle, error_rate=0.1)


def test_an_error_rate_without_thresholds_is_refused(tiny_bundle, tmp_path):
    folder = with_settings(tiny_bundle, tmp_path / "model", label_sets=EVERY_RATE)
    with pytest.raises(InputError, match=r"error_rate is 0\.01, but .* label sets for 0\.1 to 0\.2"):
        Annotator.from_pretrained(folder, error_rate=0.01)


@pytest.mark.parametrize("name", ["min_score", "error_rate"])
@pytest.mark.parametrize("wrong", [-0.1, 1.5, float("nan"), "0.5", True])
def test_what_is_no_probability_is_refused(tiny_bundle, name, wrong):
    with pytest.raises(InputError, match=f"{name} is {wrong!r}, expected"):
        Annotator.from_pretrained(tiny_bundle, **{name: wrong})


def test_names_of_the_config_belong_to_the_logits_in_their_order(annotator, tiny_bundle, tmp_path):
    folder = shutil.copytree(tiny_bundle, tmp_path / "model")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    names = list(config["id2label"].values())
    config["id2label"] = {str(index): name for index, name in enumerate(names[1:] + names[:1])}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    expected = [names[(names.index(s.label) + 1) % 4] for s in annotator.annotate_sentences(SENTENCES)]
    assert [s.label for s in Annotator.from_pretrained(folder).annotate_sentences(SENTENCES)] == expected
    assert len(set(expected)) > 1


# --- engines


def test_torch_gives_nearly_what_onnx_gives(annotator, tiny_bundle):
    exact = Annotator.from_pretrained(tiny_bundle, backend="torch", threads=1)
    difference = np.abs(annotator.logits(SENTENCES) - exact.logits(SENTENCES))
    # Weights as wild as these make much of a rounding here and there, so single logits may be further off.
    assert np.quantile(difference, 0.9) < 0.5
    assert difference.mean() < exact.logits(SENTENCES).std(axis=0).min() / 2
    assert_label(exact, exact.annotate(TEXT).sentences[0])


def test_without_a_graph_torch_is_taken(tiny_bundle, tmp_path):
    folder = shutil.copytree(tiny_bundle, tmp_path / "model", ignore=shutil.ignore_patterns("onnx"))
    expected = Annotator.from_pretrained(tiny_bundle, backend="torch").logits(SENTENCES)
    np.testing.assert_array_equal(Annotator.from_pretrained(folder).logits(SENTENCES), expected)


@pytest.mark.parametrize(
    ("name", "lost", "other"), [("onnx", "onnx", "torch"), ("torch", "*.safetensors", "onnx")]
)
def test_an_engine_without_its_weights_names_the_other_one(tiny_bundle, tmp_path, name, lost, other):
    folder = shutil.copytree(tiny_bundle, tmp_path / "model", ignore=shutil.ignore_patterns(lost))
    with pytest.raises(BundleError, match=rf"lacks .*; try backend='{other}'\.$"):
        Annotator.from_pretrained(folder, backend=name)


def test_an_unknown_engine_is_refused(tiny_bundle):
    with pytest.raises(ValueError, match="backend is 'jax', expected one of 'onnx', 'torch', or None"):
        Annotator.from_pretrained(tiny_bundle, backend="jax")


@pytest.mark.parametrize("threads", [0, -1])
def test_a_number_of_threads_is_at_least_one(tiny_bundle, threads):
    for backend in ("onnx", "torch"):
        with pytest.raises(ValueError, match=f"threads is {threads}"):
            Annotator.from_pretrained(tiny_bundle, backend=backend, threads=threads)


@pytest.mark.parametrize("absent", ["torch", "transformers"])
def test_torch_missing_is_one_sentence_that_names_the_extra(tiny_bundle, monkeypatch, absent):
    monkeypatch.setitem(sys.modules, absent, None)
    monkeypatch.delitem(sys.modules, "khabar.backends._torch", raising=False)
    with pytest.raises(MissingExtraError) as caught:
        Annotator.from_pretrained(tiny_bundle, backend="torch")
    assert str(caught.value) == (
        f"The torch backend needs {absent}, which is not installed: pip install 'khabar[train]'."
    )


def test_annotating_loads_neither_torch_nor_transformers(tiny_bundle):
    code = f"""
import sys
from khabar import Annotator
Annotator.from_pretrained({str(tiny_bundle)!r}).annotate({SENTENCES[0]!r})
heavy = {{"torch", "transformers", "datasets", "sklearn", "huggingface_hub"}}
print(sorted(heavy & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_torch_batches_windows_of_similar_length(tiny_bundle, monkeypatch):
    exact = Annotator.from_pretrained(tiny_bundle, backend="torch", threads=1, device="cpu")
    texts = list(articles(20))
    alone = [[sentence.scores for sentence in exact.annotate(text)] for text in texts]
    seen = []
    run = exact._backend._run
    monkeypatch.setattr(
        exact._backend, "_run", lambda ids: seen.append([len(row) for row in ids]) or run(ids)
    )
    together = [[sentence.scores for sentence in article] for article in exact.annotate_many(texts)]
    for ours, theirs in zip(together, alone, strict=True):
        for one, other in zip(ours, theirs, strict=True):
            assert one == pytest.approx(other, abs=1e-5)
    assert len(seen) < len(texts)
    computed = sum(len(batch) * max(batch) for batch in seen)
    assert sum(map(sum, seen)) / computed > 0.6


def test_torch_computes_in_bfloat16(tiny_bundle):
    exact = Annotator.from_pretrained(tiny_bundle, backend="torch")
    half = Annotator.from_pretrained(tiny_bundle, backend="torch", dtype="bfloat16", device="cpu")
    difference = np.abs(half.logits(SENTENCES) - exact.logits(SENTENCES))
    assert 0 < difference.mean() < exact.logits(SENTENCES).std() / 3
    assert half.logits(SENTENCES).dtype == np.float32


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"backend": "torch", "device": "cuda:17"}, "device is 'cuda:17', which torch cannot use here"),
        ({"backend": "torch", "device": "abacus"}, "device is 'abacus', which torch cannot use here"),
        ({"backend": "torch", "dtype": "int4"}, "dtype is 'int4', expected 'float32' or 'bfloat16'"),
        ({"backend": "onnx", "device": "cpu"}, "which are for the torch backend; add backend='torch'"),
        ({"dtype": "bfloat16"}, "which are for the torch backend; add backend='torch'"),
    ],
)
def test_options_of_torch_are_checked(tiny_bundle, options, said):
    with pytest.raises(ValueError, match=said):
        Annotator.from_pretrained(tiny_bundle, **options)


# --- models that cannot be loaded


def test_a_damaged_graph_is_one_sentence(tiny_bundle, tmp_path):
    folder = shutil.copytree(tiny_bundle, tmp_path / "model")
    graph = folder / "onnx" / "model.int8.onnx"
    whole = graph.read_bytes()
    for content in (b"", b"no graph at all", whole[: len(whole) // 2]):
        graph.write_bytes(content)
        with pytest.raises(BundleError, match="copy or export it again") as caught:
            Annotator.from_pretrained(folder)
        assert str(caught.value).startswith(f"{graph}: ONNX Runtime cannot load it (")
        assert "\n" not in str(caught.value)


def test_a_graph_of_something_else_is_refused(tiny_bundle, tmp_path):
    import onnx

    folder = shutil.copytree(tiny_bundle, tmp_path / "model")
    graph = folder / "onnx" / "model.int8.onnx"
    model = onnx.load(graph)
    for node in model.graph.node:
        node.input[:] = ["tokens" if name == "input_ids" else name for name in node.input]
    model.graph.input[0].name = "tokens"
    onnx.save(model, graph)
    with pytest.raises(BundleError, match="tokens"):
        Annotator.from_pretrained(folder)


def test_weights_that_do_not_fit_the_config_are_refused(tiny_bundle, tmp_path):
    folder = shutil.copytree(tiny_bundle, tmp_path / "model")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps(config | {"intermediate_size": 48}), encoding="utf-8")
    with pytest.raises(BundleError, match="transformers cannot load it") as caught:
        Annotator.from_pretrained(folder, backend="torch")
    assert "\n" not in str(caught.value)


def test_weights_without_the_classification_layer_are_refused(tiny_bundle, tmp_path, tiny_encoder):
    folder = shutil.copytree(tiny_bundle, tmp_path / "model")
    shutil.copyfile(tiny_encoder / "model.safetensors", folder / "model.safetensors")
    with pytest.raises(BundleError, match=r"model\.safetensors: lacks classifier\.bias, classifier\.weight"):
        Annotator.from_pretrained(folder, backend="torch")


@pytest.mark.parametrize("name", ["large", "", "..", "../default", "/tmp", "owner/model"])
def test_a_name_that_is_no_built_in_model(name):
    with pytest.raises(BundleError, match="is no built-in model"):
        Annotator(name)


def test_a_built_in_model_can_be_named_where_folders_are():
    assert Annotator.from_pretrained("default").bundle.path == Annotator().bundle.path


def test_a_path_is_never_the_name_of_a_built_in_model(tiny_bundle, tmp_path, monkeypatch):
    shutil.copytree(tiny_bundle, tmp_path / "default")
    monkeypatch.chdir(tmp_path)
    for folder in (Path("default"), "./default"):
        assert Annotator.from_pretrained(folder).bundle.path.resolve() == tmp_path / "default"


def test_a_hub_name_given_to_the_constructor_shows_the_right_call():
    with pytest.raises(BundleError, match=r"use Annotator\.from_pretrained\('owner/model'\)"):
        Annotator("owner/model")
