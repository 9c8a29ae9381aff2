"""What the tiny models of the tests are made of: sizes, sentences and tokenizers."""

import math
from collections import Counter

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


def unigram():
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


def wordpiece():
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
