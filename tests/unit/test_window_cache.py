import logging
import shutil
from dataclasses import replace

import pytest

from khabar.corpus import read_jsonl
from khabar.encode import Encoder, load_tokenizer
from khabar.errors import DataError
from khabar.training import window_dataset
from khabar.training._data import ROWS_VERSION
from khabar.window_cache import windows_key


@pytest.fixture
def articles(labelled_file):
    return read_jsonl(labelled_file)


@pytest.fixture
def encoder(tiny_bundle):
    from khabar.bundle import load_bundle

    return load_bundle(tiny_bundle).encoder()


@pytest.fixture
def encodings(encoder, monkeypatch):
    """How often articles were encoded."""
    calls = []
    encode = encoder.encode
    monkeypatch.setattr(encoder, "encode", lambda sentences: calls.append(sentences) or encode(sentences))
    return calls


@pytest.fixture(autouse=True)
def log(caplog):
    caplog.set_level(logging.INFO, logger="khabar")
    return caplog


def test_the_second_time_nothing_is_encoded_and_the_rows_are_the_same(
    articles, encoder, encodings, tmp_path, log
):
    cache = tmp_path / "deep" / "cache"
    plain = window_dataset(articles, encoder)
    encodings.clear()
    first = window_dataset(articles, encoder, cache)
    assert len(encodings) == len(articles)
    assert "written to the cache" in log.messages[-1]
    encodings.clear()
    second = window_dataset(articles, encoder, cache)
    assert encodings == []
    assert "read from the cache" in log.messages[-1]
    assert list(first) == list(second) == list(plain)
    # Memory-mapped, from one folder.
    (folder,) = cache.iterdir()
    assert [file["filename"] for file in second.cache_files] == [str(folder / "data-00000-of-00001.arrow")]


def test_the_name_follows_from_everything_that_the_rows_follow_from(
    articles, encoder, bert_wordpiece_encoder
):
    key = windows_key(articles, encoder, ROWS_VERSION)
    assert windows_key(list(articles), encoder, ROWS_VERSION) == key
    first = articles[0].sentences[0]
    others = [
        replace(first, text=first.text + "."),
        replace(first, label=None),
        replace(first, also=("claim",)),
    ]
    rest = articles[0].sentences[1:]
    keys = {
        windows_key([replace(articles[0], sentences=(unit, *rest)), *articles[1:]], encoder, ROWS_VERSION)
        for unit in others
    }
    keys.add(windows_key(articles[1:], encoder, ROWS_VERSION))
    keys.add(windows_key(articles[::-1], encoder, ROWS_VERSION))
    window = encoder.window
    encoder.window = replace(window, context=1)
    keys.add(windows_key(articles, encoder, ROWS_VERSION))
    encoder.window = window
    encoder.normalization = replace(encoder.normalization, tashkeel=False)
    keys.add(windows_key(articles, encoder, ROWS_VERSION))
    encoder.normalization = replace(encoder.normalization, tashkeel=True)
    assert windows_key(articles, encoder, ROWS_VERSION) == key
    other = Encoder(
        load_tokenizer(bert_wordpiece_encoder),
        cls_token="[CLS]",
        sep_token="[SEP]",
        normalization=encoder.normalization,
        window=window,
    )
    keys.add(windows_key(articles, other, ROWS_VERSION))
    keys.add(windows_key(articles, encoder, ROWS_VERSION + 1))
    assert len(keys) == 9
    assert key not in keys


def test_a_sentence_does_not_run_over_into_the_next(articles, encoder):
    one, two = articles[0].sentences[:2]
    joined = replace(one, text=one.text + two.text), replace(two, text="")
    assert windows_key([replace(articles[0], sentences=joined)], encoder, 1) != windows_key(
        [replace(articles[0], sentences=(one, two))], encoder, 1
    )


@pytest.mark.parametrize("damage", ["flipped", "cut", "gone", "record", "version"])
def test_what_is_damaged_is_made_anew(articles, encoder, encodings, tmp_path, log, damage):
    expected = list(window_dataset(articles, encoder, tmp_path))
    (folder,) = tmp_path.iterdir()
    data, record = folder / "data-00000-of-00001.arrow", folder / "khabar-windows.json"
    content = bytearray(data.read_bytes())
    if damage == "flipped":
        content[len(content) // 2] ^= 1
        data.write_bytes(content)
    elif damage == "cut":
        data.write_bytes(content[:-10])
    elif damage == "gone":
        data.unlink()
    elif damage == "record":
        record.write_text("{", encoding="utf-8")
    else:
        record.write_text(record.read_text(encoding="utf-8").replace(folder.name, "0" * 32), encoding="utf-8")
    encodings.clear()
    assert list(window_dataset(articles, encoder, tmp_path)) == expected
    assert len(encodings) == len(articles)
    assert any("damaged or of another version" in message for message in log.messages)
    encodings.clear()
    assert list(window_dataset(articles, encoder, tmp_path)) == expected
    assert encodings == []
    assert len(list(tmp_path.iterdir())) == 1


def test_what_somebody_else_put_there_is_refused_and_left(articles, encoder, tmp_path):
    place = tmp_path / windows_key(articles, encoder, ROWS_VERSION)
    place.mkdir()
    (place / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(DataError, match=r"was not written by khabar .* data\.cache=FOLDER, or move"):
        window_dataset(articles, encoder, tmp_path)
    assert (place / "notes.txt").read_text(encoding="utf-8") == "mine"


def test_nothing_half_written_is_left(articles, encoder, tmp_path, monkeypatch):
    monkeypatch.setattr(encoder, "encode", lambda sentences: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        window_dataset(articles, encoder, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_another_copy_of_the_cache_serves_as_well(articles, encoder, encodings, tmp_path):
    window_dataset(articles, encoder, tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    encodings.clear()
    window_dataset(articles, encoder, tmp_path / "b")
    assert encodings == []
