from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_models import SENTENCES

from khabar.arabic import Normalization, normalize
from khabar.encode import Encoder, WindowOptions, load_tokenizer, pool

# A machine may be busy; fixtures of a session are the same for every example.
untimed = settings(deadline=None, max_examples=60)

TOKENS = {"tiny_encoder": ("<s>", "</s>"), "bert_wordpiece_encoder": ("[CLS]", "[SEP]")}

articles = st.lists(
    st.one_of(st.sampled_from([*SENTENCES, " ".join(SENTENCES), "", "نعم"]), st.text(max_size=30)),
    max_size=14,
)
options = st.builds(
    WindowOptions,
    max_tokens=st.integers(34, 128),
    max_sentence_tokens=st.integers(1, 32),
    context=st.integers(0, 4),
    pooling=st.sampled_from(["mean", "separator"]),
    max_sentences=st.sampled_from([None, 1, 2, 5]),
    right_context=st.integers(0, 3),
)


@pytest.fixture(scope="module", params=TOKENS)
def family(request):
    """A folder with a tokenizer, and its tokens for opening a window and closing a sentence."""
    return request.getfixturevalue(request.param), *TOKENS[request.param]


@pytest.fixture(scope="module")
def make(family):
    folder, cls_token, sep_token = family
    tokenizer = load_tokenizer(folder)

    def encoder(**window):
        window = {"max_tokens": 128, "max_sentence_tokens": 64} | window
        return Encoder(
            tokenizer,
            cls_token=cls_token,
            sep_token=sep_token,
            normalization=Normalization(),
            window=WindowOptions(**window),
        )

    return encoder


@pytest.fixture(scope="module")
def plain(family):
    """The ids of a sentence alone, from a tokenizer that no encoder has touched."""
    folder, *_ = family
    tokenizer = load_tokenizer(folder)
    return lambda sentence: tokenizer.encode(normalize(sentence), add_special_tokens=False).ids


@pytest.fixture(scope="module")
def marks(family):
    """The ids of the two tokens that give a window its structure."""
    folder, *names = family
    return tuple(map(load_tokenizer(folder).token_to_id, names))


@given(article=articles, window=options)
@untimed
def test_every_sentence_is_classified_once_in_a_window_that_fits(marks, make, article, window):
    cls_id, sep_id = marks
    encoder = make(**{name: getattr(window, name) for name in window.__slots__})
    encoded = encoder.encode(article)

    classified = [index for found in encoded.windows for index in found.sentences]
    assert classified == list(range(len(article)))
    assert len(encoded.truncated) == len(article)
    for found in encoded.windows:
        ids = found.input_ids
        assert len(ids) <= window.max_tokens
        assert ids[0] == cls_id
        assert ids[-1] == sep_id
        assert ids.count(cls_id) == 1
        assert len(found.spans) == len(found.sentences) <= (window.max_sentences or len(article))
        closings = [position for position, one in enumerate(ids) if one == sep_id]
        # Between the left and the right context stand the window's own sentences.
        own = [end - 1 for _, end in found.spans]
        left = closings.index(own[0])
        right = len(closings) - left - len(own)
        assert closings[left : left + len(own)] == own
        assert 0 <= left <= min(window.context, found.sentences[0])
        assert 0 <= right <= min(window.right_context, len(article) - 1 - found.sentences[-1])
        before = [0, *closings[:-1]][left : left + len(own)]
        for closing, opening, (start, end) in zip(own, before, found.spans, strict=True):
            assert end == closing + 1
            assert start == (opening + 1 if window.pooling == "mean" else closing)
        assert all(earlier[1] <= later[0] for earlier, later in pairwise(found.spans))


@given(article=st.lists(st.sampled_from([*SENTENCES, ""]), min_size=1, max_size=14), window=options)
@untimed
def test_windows_hold_the_sentences_and_their_context_cut_to_the_limit(marks, make, plain, article, window):
    cls_id, sep_id = marks
    encoded = make(**{name: getattr(window, name) for name in window.__slots__}).encode(article)
    limit = window.max_sentence_tokens
    whole = [plain(sentence) for sentence in article]
    assert encoded.truncated == [len(ids) > limit for ids in whole]
    for found in encoded.windows:
        left = found.input_ids[: found.spans[0][1] - 1].count(sep_id)
        right = found.input_ids[found.spans[-1][1] :].count(sep_id)
        read = range(found.sentences[0] - left, found.sentences[-1] + 1 + right)
        assert found.input_ids == [cls_id, *(i for index in read for i in [*whole[index][:limit], sep_id])]


def test_windows_are_full_before_a_new_one_is_opened(make):
    encoder = make(max_tokens=128, max_sentence_tokens=60, context=2)
    windows = encoder.encode(SENTENCES).windows
    assert len(windows) > 1
    for earlier, later in pairwise(windows):
        # The first own sentence of the next window: from the end of its context to its first span's end.
        start, end = later.spans[0]
        assert len(earlier.input_ids) + end - start > 128


def test_context_is_taken_as_far_as_it_fits(make, plain):
    lengths = [len(plain(sentence)) for sentence in SENTENCES]
    windows = make(max_tokens=1 + max(lengths) + 1 + 40, max_sentence_tokens=max(lengths), context=4).encode(
        SENTENCES
    )
    assert all(len(window.input_ids) <= max(lengths) + 42 for window in windows.windows)
    # Each sentence here is shorter than the 40 tokens left beside any other.
    assert all(window.spans[0][0] > 1 for window in windows.windows[1:])


def test_right_context_is_read_and_left_to_the_next_window(make, plain, marks):
    cls_id, sep_id = marks
    windows = make(max_sentences=1, context=1, right_context=2).encode(SENTENCES[:4]).windows
    assert [window.sentences for window in windows] == [[0], [1], [2], [3]]
    read = [range(3), range(4), range(1, 4), range(2, 4)]
    assert [window.input_ids for window in windows] == [
        [cls_id, *(i for index in of for i in [*plain(SENTENCES[index]), sep_id])] for of in read
    ]
    long = make(max_tokens=128, max_sentence_tokens=60, context=0).encode(SENTENCES).windows
    looking = (
        make(max_tokens=128, max_sentence_tokens=60, context=0, right_context=1).encode(SENTENCES).windows
    )
    assert looking[0].input_ids == long[0].input_ids
    assert looking[0].sentences == long[0].sentences[:-1]


def test_sentence_at_a_time_is_a_window_of_one(make, plain, marks):
    cls_id, sep_id = marks
    encoded = make(context=0, max_sentences=1).encode(SENTENCES)
    assert [window.input_ids for window in encoded.windows] == [
        [cls_id, *plain(sentence), sep_id] for sentence in SENTENCES
    ]
    assert [window.sentences for window in encoded.windows] == [[index] for index in range(len(SENTENCES))]


def test_encode_many_encodes_each_article_as_alone(make):
    encoder = make(max_tokens=80, max_sentence_tokens=40)
    batch = [SENTENCES, [], SENTENCES[3:5], [""], [" ".join(SENTENCES)], SENTENCES[::-1]]
    assert encoder.encode_many(batch) == [encoder.encode(article) for article in batch]


def test_nothing_to_encode_gives_no_window(make):
    encoder = make()
    assert encoder.encode([]).windows == []
    assert encoder.encode([]).truncated == []
    assert encoder.encode_many([]) == []


def test_an_empty_sentence_is_its_separator(make, marks):
    cls_id, sep_id = marks
    for pooling in ("mean", "separator"):
        [window] = make(pooling=pooling).encode(["", "  \n", "\u200f\u0640"]).windows
        assert window.input_ids == [cls_id, sep_id, sep_id, sep_id]
        assert window.spans == [(1, 2), (2, 3), (3, 4)]


def test_a_long_sentence_is_cut_and_says_so(make, plain):
    encoder = make(max_tokens=64, max_sentence_tokens=16)
    long = " ".join(SENTENCES)
    encoded = encoder.encode(["نعم", long, "نعم"])
    assert encoded.truncated == [False, True, False]
    [window] = encoded.windows
    start, end = window.spans[1]
    assert window.input_ids[start : end - 1] == plain(long)[:16]


def test_a_sentence_of_exactly_the_limit_is_whole(make, plain):
    ids = plain(SENTENCES[0])
    encoder = make(max_sentence_tokens=len(ids), max_tokens=len(ids) + 2)
    assert encoder.encode([SENTENCES[0]]).truncated == [False]
    assert make(max_sentence_tokens=len(ids) - 1).encode([SENTENCES[0]]).truncated == [True]


@pytest.mark.parametrize(
    "spelt",
    ["<s>", "</s>", "<pad>", "<mask>", "[CLS]", "[SEP]", "[PAD]", "[MASK]", "＜/s＞", "</s></s>", "<</s>/s>"],
)
@pytest.mark.parametrize("around", ["{}", "قال {} أمس", "قال{}أمس"])
def test_special_tokens_spelt_out_in_an_article_are_text(make, family, spelt, around):
    folder, *_ = family
    tokenizer = load_tokenizer(folder)
    unknown = {tokenizer.token_to_id(name) for name in ("<unk>", "[UNK]")}
    special = set(tokenizer.get_added_tokens_decoder()) - unknown
    [window] = make().encode([around.format(spelt)]).windows
    assert not special & set(window.input_ids[1:-1])


def test_an_unknown_character_is_the_unknown_piece(make, family):
    folder, *_ = family
    tokenizer = load_tokenizer(folder)
    [window] = make().encode(["中"]).windows
    assert {tokenizer.id_to_token(one) for one in window.input_ids} & {"<unk>", "[UNK]"}


@pytest.mark.parametrize(
    "hostile", ["\x00", "\ud800", "قال\x00الوزير", "\udfff\ud800", "\uffff", "👍🏽\u200d", "ـ" * 50]
)
def test_characters_that_no_tokenizer_takes_are_no_matter(make, hostile):
    encoded = make().encode([hostile, SENTENCES[0]])
    assert [window.sentences for window in encoded.windows] == [[0, 1]]


def test_normalisation_is_done_before_tokenising(make):
    encoder = make()
    assert encoder.encode(["قُتِلَ ١٢٠ شخصــا"]) == encoder.encode(["قتل 120 شخصا"])


def test_padding_and_truncation_of_the_tokenizer_itself_are_switched_off(family):
    folder, cls_token, sep_token = family
    tokenizer = load_tokenizer(folder)
    tokenizer.enable_truncation(4)
    tokenizer.enable_padding(length=100)
    encoder = Encoder(
        tokenizer,
        cls_token=cls_token,
        sep_token=sep_token,
        normalization=Normalization(),
        window=WindowOptions(128, 64),
    )
    [window] = encoder.encode([SENTENCES[0]]).windows
    assert 20 < len(window.input_ids) < 60


def test_a_token_that_the_tokenizer_lacks_is_named(family):
    folder, cls_token, _ = family
    with pytest.raises(ValueError, match=r"no token '<end>'"):
        Encoder(
            load_tokenizer(folder),
            cls_token=cls_token,
            sep_token="<end>",
            normalization=Normalization(),
            window=WindowOptions(),
        )


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"pooling": "max"}, "pooling is 'max', expected 'mean' or 'separator'"),
        ({"max_tokens": 57, "max_sentence_tokens": 56}, "max_tokens is 57 and max_sentence_tokens 56"),
        ({"max_sentence_tokens": 0}, "max_sentence_tokens 0"),
        ({"context": -1}, "context is -1"),
        ({"right_context": -1}, "right_context is -1"),
        ({"max_sentences": 0}, "max_sentences is 0"),
    ],
)
def test_options_that_make_no_sense_are_refused(wrong, said):
    with pytest.raises(ValueError, match=said):
        WindowOptions(**wrong)


def test_pool_averages_over_the_span(make):
    window = make(max_tokens=128, max_sentence_tokens=60).encode(SENTENCES[:3]).windows[0]
    logits = np.random.default_rng(3).normal(size=(len(window.input_ids), 4)).astype(np.float32)
    pooled = pool(logits, window)
    assert pooled.dtype == np.float32
    assert pooled.shape == (3, 4)
    for row, (start, end) in zip(pooled, window.spans, strict=True):
        np.testing.assert_allclose(row, logits[start:end].astype(float).mean(axis=0), rtol=1e-5, atol=1e-6)


def test_pool_of_separators_takes_their_rows(make):
    window = make(pooling="separator").encode(SENTENCES[:3]).windows[0]
    logits = np.random.default_rng(3).normal(size=(len(window.input_ids), 4)).astype(np.float32)
    np.testing.assert_array_equal(pool(logits, window), logits[[end - 1 for _, end in window.spans]])
