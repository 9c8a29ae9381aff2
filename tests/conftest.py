"""Tiny models with random weights, made offline once per session, and the labelled articles of the tests.

Their folders belong to the whole session: a test that wants to break one copies it first.
"""

import json
import math
from collections import Counter
from pathlib import Path

import pytest

HIDDEN = 32
POSITIONS = 128

# Their words and letter sequences are the vocabulary of the tiny tokenizers.
SENTENCES = [
    "قتل سبعة أشخاص وأصيب عشرون آخرون في انفجار وسط العاصمة مساء الأحد.",
    "وقال وزير الخارجية في مؤتمر صحفي إن بلاده ترفض أي تغيير في الاتفاق.",
    "وأضاف أن الحكومة ستعرض خطتها على البرلمان قبل نهاية الشهر الجاري.",
    "وذكر شهود عيان أن الطائرات قصفت الجسر مرتين قبل طلوع الفجر.",
    "وأفادت مصادر مطلعة بأن المفاوضات توقفت بعد خلاف على الحدود.",
    "وأعلنت وزارة الصحة ارتفاع عدد المصابين إلى 120 شخصا بينهم أطفال ونساء.",
    "ويعود النزاع بين البلدين إلى عام 1974 حين رسمت الحدود على عجل.",
    "وتأسست الشركة قبل ثلاثين عاما ويعمل فيها نحو 4500 موظف.",
    "وقالت الشرطة في بيان إنها أوقفت رجلين للاشتباه في صلتهما بالهجوم.",
    "ونفى المتحدث باسم الجيش صحة التقارير التي تحدثت عن انسحاب القوات من المدينة.",
    "وأكد رئيس الوزراء أن الانتخابات ستجري في موعدها رغم دعوات المعارضة إلى التأجيل.",
    "ويرى محللون أن أسعار النفط ستبقى مرتفعة حتى الربيع المقبل.",
]
ALPHABET = "ءآأؤإئابةتثجحخدذرزسشصضطظعغفقكلمنهوىي0123456789.,:;!?؟،؛«»\"'()[]-–…/%$#@&*+=_<>|"
ALPHABET += "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _frequent(count: int, opening: str, continuing: str) -> list[str]:
    """The ``count`` most frequent letter sequences and words, marked by where in a word they stand."""
    found: Counter[str] = Counter()
    for word in " ".join(SENTENCES).split():
        spans = [(start, start + n) for n in (2, 3, 4) for start in range(len(word) - n + 1)]
        for start, end in {*spans, (0, len(word))}:
            found[(continuing if start else opening) + word[start:end]] += 1
    return [piece for piece, _ in sorted(found.items(), key=lambda entry: (-entry[1], entry[0]))[:count]]


def _unigram():
    """A SentencePiece tokenizer as multilingual-e5-small has it: ``<pad>`` is 1, ``<mask>`` the last."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    letters = ["▁", *ALPHABET, *(f"▁{letter}" for letter in ALPHABET)]
    scored = [(piece, -3.0 - math.log(rank + 1)) for rank, piece in enumerate(_frequent(350, "▁", ""))]
    scored += [(letter, -12.0) for letter in letters if letter not in dict(scored)]
    specials = ["<s>", "<pad>", "</s>", "<unk>"]
    vocabulary = [*((name, 0.0) for name in specials), *scored, ("<mask>", 0.0)]
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=3))
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer.add_special_tokens([*specials, "<mask>"])
    return tokenizer


def _wordpiece():
    """A tokenizer as BERT and AraBERT have it: ``[PAD]`` is 0."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    pieces = [*specials, *ALPHABET, *(f"##{letter}" for letter in ALPHABET), *_frequent(350, "", "##")]
    ids = {piece: index for index, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.add_special_tokens(specials)
    return tokenizer


def _encoder_config(tokenizer, pad: int):
    from transformers import BertConfig

    return BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=HIDDEN,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=2 * HIDDEN,
        max_position_embeddings=POSITIONS,
        pad_token_id=pad,
        # Wide enough for random outputs to differ from sentence to sentence.
        initializer_range=0.5,
    )


def _write_tokenizer(folder: Path, tokenizer, names: dict[str, str]) -> None:
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": POSITIONS} | names
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")


def _write_encoder(folder: Path, tokenizer, names: dict[str, str]) -> None:
    import torch
    from transformers import BertModel

    _write_tokenizer(folder, tokenizer, names)
    with torch.random.fork_rng():
        torch.manual_seed(7)
        config = _encoder_config(tokenizer, tokenizer.token_to_id(names["pad_token"]))
        model = BertModel(config, add_pooling_layer=False)
    model.save_pretrained(folder)


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory) -> Path:
    """An encoder without a head and its SentencePiece tokenizer, shaped like build/base-encoder."""
    folder = tmp_path_factory.mktemp("tiny-encoder")
    names = {"bos_token": "<s>", "cls_token": "<s>", "eos_token": "</s>", "sep_token": "</s>"}
    names |= {"pad_token": "<pad>", "unk_token": "<unk>", "mask_token": "<mask>"}
    _write_encoder(folder, _unigram(), names)
    return folder


@pytest.fixture(scope="session")
def bert_wordpiece_encoder(tmp_path_factory) -> Path:
    """An encoder without a head and its WordPiece tokenizer, shaped like AraBERT."""
    folder = tmp_path_factory.mktemp("tiny-wordpiece")
    names = {"cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]"}
    _write_encoder(folder, _wordpiece(), names | {"unk_token": "[UNK]", "mask_token": "[MASK]"})
    return folder


@pytest.fixture(scope="session")
def tiny_bundle(tiny_encoder, tmp_path_factory) -> Path:
    """A whole model with random weights: config, weights, tokenizer, settings and the int8 graph."""
    import torch
    from transformers import AutoModelForTokenClassification

    from khabar import Annotator, Label
    from khabar.bundle import Settings, save_settings
    from khabar.encode import WindowOptions
    from khabar.export import export_int8

    folder = tmp_path_factory.mktemp("tiny-bundle")
    with torch.random.fork_rng():
        torch.manual_seed(11)
        model = AutoModelForTokenClassification.from_pretrained(
            tiny_encoder,
            id2label=dict(enumerate(map(str, Label))),
            label2id={str(label): index for index, label in enumerate(Label)},
        )
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_bytes((tiny_encoder / name).read_bytes())
    model.save_pretrained(folder)
    window = WindowOptions(max_tokens=POSITIONS, max_sentence_tokens=48, context=2)
    save_settings(folder, Settings(window=window))
    # Around their mean the logits of different sentences have different winners.
    logits = Annotator.from_pretrained(folder, backend="torch").logits(SENTENCES)
    with torch.no_grad():
        model.classifier.bias -= torch.from_numpy(logits.mean(axis=0))
    model.save_pretrained(folder)
    export_int8(folder)
    return folder


@pytest.fixture(scope="session")
def labelled_file() -> Path:
    """Thirteen labelled articles in three splits, written for the tests."""
    return Path(__file__).parent / "data" / "articles.jsonl"
