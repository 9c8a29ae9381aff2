"""AraBERT's normalisation of a text, with an alignment to the raw one.

AraBERT was pretrained on text that had gone through the steps of `ArabertPreprocessor`: addresses replaced by
tokens, signs set apart, whatever it does not read deleted, and for v2 every word cut into its morphemes. A
model that starts from it has to see text in that form. The rules stand in `_arabert_rules`; here is what
applies them.
"""

import re
from collections.abc import Iterator

from khabar.arabic import _farasa
from khabar.arabic._arabert_rules import PREFIXES, RULES, SUFFIXES, TOKENS, Rule

Span = tuple[int, int]

_BRACKETS = ("[", "]")


def normalize_arabert(text: str) -> str:
    """Return ``text`` as AraBERT v02 reads it.

    Links, e-mail addresses and mentions have become ``[رابط]``, ``[بريد]`` and ``[مستخدم]``; every sign is a
    word of its own; the result is trimmed and has single spaces and no character that AraBERT does not read,
    NUL and lone surrogates included. Takes linear time.

    Normalising the result again changes nothing, but for one case: an elongation such as ``htttp`` is cut to
    ``http`` only after links were looked for, as in the package.
    """
    for rule in RULES:
        text = _apply(rule, text)
    # Nothing but spaces is left of white space.
    return text.strip(" ")


def align_arabert(text: str) -> tuple[str, list[Span]]:
    """Return ``text`` as AraBERT v02 reads it, and where each character of that came from.

    Returns:
        What `normalize_arabert` returns, and for each of its characters the span of ``text`` that it stands
        for, in characters, end exclusive. Starts and ends never decrease. Several characters share a span
        where they replace it together (a ligature, a token for a link); a span is longer than one character
        where one replaces several (a letter and its hamza, a run of spaces). An inserted space has an empty
        span at the place where it was inserted, or that of its neighbours if they share one. What was
        dropped, such as a vowel mark, may lie between two spans. Takes linear time.
    """
    spans = [(index, index + 1) for index in range(len(text))]
    for rule in RULES:
        text, spans = _apply_aligned(rule, text, spans)
    first = len(text) - len(text.lstrip(" "))
    trimmed = text.strip(" ")
    return trimmed, spans[first : first + len(trimmed)]


def normalize_arabert_v2(text: str) -> str:
    """Return ``text`` as AraBERT v2 reads it: that of v02, its words cut by Farasa into «و+ ال+ كتاب».

    Only the first call is slow, as it starts Java. There is no alignment, since Farasa respells words.

    Raises:
        MissingExtraError: farasapy, Java or Farasa is not there.
        KhabarError: Farasa gave no answer.
    """
    normalized = normalize_arabert(text)
    return spell_segments(_farasa.segment(normalized)) if normalized else ""


def spell_segments(segmented: str) -> str:
    """Return what Farasa wrote in the spelling of the v2 vocabularies.

    A morpheme before the stem has a plus sign after it, one behind the stem has it before. A plus sign that
    stood in the text is lost, and so are square brackets but for those of the tokens, as in the package.
    """
    words = segmented.split()
    spelled: list[str] = []
    for index, word in enumerate(words):
        if word in _BRACKETS:
            continue
        if f"[{word}]" in TOKENS and index > 0 and words[index - 1] in _BRACKETS:
            spelled.append(f"[{word}]")
        else:
            spelled += _morphemes(word)
    return " ".join(spelled)


def _morphemes(word: str) -> list[str]:
    spelled: list[str] = []
    parts = word.split("+")
    if len(parts) == 1:
        return parts
    for index, part in enumerate(parts):
        # The last one is no prefix: it has no stem after it. What is a prefix and a suffix, ك, is the first
        # as long as there was no stem.
        before_stem = not spelled or spelled[-1].endswith("+")
        if part in PREFIXES and index < len(parts) - 1 and (before_stem or part not in SUFFIXES):
            spelled.append(f"{part}+")
        elif part in SUFFIXES:
            spelled.append(f"+{part}")
        elif part:
            spelled.append(part)
    return spelled


def _pieces(rule: Rule, match: re.Match[str]) -> Iterator[tuple[str, int, int]]:
    """Give what becomes of a match: each new piece with the start and end of what it replaces."""
    if rule.rewrite is not None:
        pieces = [(rule.rewrite(match[0]), *match.span())]
    else:
        groups = range(1, match.re.groups + 1) or (0,)
        pieces = [(match[group], *match.span(group)) for group in groups]
    if rule.apart:
        yield " ", match.start(), match.start()
    for piece in pieces:
        yield piece
        if rule.apart:
            yield " ", piece[2], piece[2]


def _apply(rule: Rule, text: str) -> str:
    return rule.pattern.sub(lambda match: "".join(new for new, _, _ in _pieces(rule, match)), text)


def _apply_aligned(rule: Rule, text: str, spans: list[Span]) -> tuple[str, list[Span]]:
    """Apply one rule to ``text``, whose characters came from ``spans`` of the raw text."""
    parts: list[str] = []
    aligned: list[Span] = []
    position = 0
    for match in rule.pattern.finditer(text):
        parts.append(text[position : match.start()])
        aligned += spans[position : match.start()]
        for new, start, end in _pieces(rule, match):
            parts.append(new)
            if new == text[start:end]:
                aligned += spans[start:end]
            else:
                aligned += [_joined(spans, start, end)] * len(new)
        position = match.end()
    parts.append(text[position:])
    return "".join(parts), aligned + spans[position:]


def _joined(spans: list[Span], start: int, end: int) -> Span:
    """Return the raw span of a stretch; that of an empty one lies between those of its neighbours."""
    if start < end:
        return spans[start][0], spans[end - 1][1]
    after = spans[start][0] if start < len(spans) else spans[-1][1]
    return after, max(after, spans[start - 1][1] if start else 0)
