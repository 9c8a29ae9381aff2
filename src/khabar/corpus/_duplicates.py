"""Wire copy: which articles are the same text, cut, reworked or sent again with other figures.

How alike two articles are is the share of the shorter one's word triples that the other has too (containment,
after Broder 1997, «On the resemblance and containment of documents»). Jaccard similarity would not do:
outlets cut agency copy from below, and the first quarter of a report has a Jaccard similarity of 0.25 with
all of it. Pairs worth comparing are found by MinHash (Broder 1997) and banding (Leskovec, Rajaraman and
Ullman, «Mining of Massive Datasets», chapter 3), and then compared exactly.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from khabar.arabic.words import words_of
from khabar.corpus._tables import import_extra
from khabar.schema import LabelledArticle

THRESHOLD: Final = 0.5
"""Containment from which two articles are near-duplicates: half of the shorter one stands in the other.

Measured on the 2,490 articles of the built-in model's corpus: of 180,000 pairs that share any triple, all but
200 stay below 0.15. Between 0.2 and 0.5 lie reports of one event that share passages, and from 0.5 on mostly
versions of one report."""

_WORDS: Final = 3
"""Words of a shingle. One changed word costs three shingles, so that edited copy is still found, and formulas
of three words are too few to make two articles alike."""

_FEWEST: Final = 10
"""A text of fewer shingles is compared as if it had as many: «وقال في بيان له اليوم» is no wire copy."""

_PERMUTATIONS: Final = 256
_ROWS: Final = 2
"""With 128 bands of two rows, two articles of one length that share half (a Jaccard similarity of a third)
are missed three times in ten million, a copy cut to a fifth once in 190, one cut to an eighth once in 8."""

_SEED: Final = 1


class Groups:
    """Disjoint groups of the numbers 0 to ``size - 1``, each alone at first."""

    def __init__(self, size: int) -> None:
        self._leader = list(range(size))

    def leader(self, number: int) -> int:
        """Return the smallest number of the group."""
        while self._leader[number] != number:
            self._leader[number] = self._leader[self._leader[number]]
            number = self._leader[number]
        return number

    def join(self, first: int, second: int) -> None:
        """Make one group of the groups of two numbers."""
        leaders = sorted((self.leader(first), self.leader(second)))
        self._leader[leaders[1]] = leaders[0]

    def listed(self) -> list[list[int]]:
        """Return the groups in the order of their first numbers, each in ascending order."""
        found: dict[int, list[int]] = defaultdict(list)
        for number in range(len(self._leader)):
            found[self.leader(number)].append(number)
        return list(found.values())


def wording(article: LabelledArticle) -> str:
    """Return the text that a model learns from: the labelled sentences of the body, else the title's.

    Titles are left out because each outlet writes its own, furniture because an outlet has the same one on
    every page.
    """
    labelled = [sentence for sentence in article.sentences if sentence.label is not None]
    body = [sentence.text for sentence in labelled if sentence.part == "body"]
    return "\n".join(body or [sentence.text for sentence in labelled])


def near_duplicates(
    articles: Sequence[LabelledArticle], threshold: float = THRESHOLD
) -> list[tuple[str, ...]]:
    """Find articles that are one report in several versions.

    Words are compared folded (one spelling of alef, yaa and taa marbuta, no marks) and without figures, so
    that a toll that has risen since makes no new article. Groups are transitive: when one is a near-duplicate
    of two others, all three are a group. The same articles always give the same groups.

    Args:
        articles: The articles, in any order.
        threshold: The share of the shorter article's word triples, above 0 and at most 1, that the other must
            have. Less makes larger groups; below 0.3 some pairs that are alike enough are missed, as is, at
            any threshold, one in eight of the articles that are cut to an eighth of another.

    Returns:
        The ids of each group of two or more, in the order of the articles.

    Raises:
        ValueError: ``threshold`` is no such share.
        MissingExtraError: The library datasketch, of the extra ``train``, is not installed.
    """
    groups = near_groups(articles, threshold).listed()
    return [tuple(articles[index].id for index in group) for group in groups if len(group) > 1]


def near_groups(articles: Sequence[LabelledArticle], threshold: float) -> Groups:
    """Return the groups of near-duplicates among articles, by their places in the list.

    Raises:
        ValueError: ``threshold`` is not above 0 and at most 1.
        MissingExtraError: datasketch is not installed.
    """
    if not 0 < threshold <= 1:
        raise ValueError(
            f"threshold is {threshold}; it is a share of the shorter article, above 0 and at most 1"
        )
    groups = Groups(len(articles))
    shingles: list[NDArray[np.uint32]] = []
    places: list[int] = []
    first_with: dict[bytes, int] = {}
    sketching = import_extra("datasketch", "Finding near-duplicates")
    for place, article in enumerate(articles):
        words = words_of(wording(article))
        if not words:
            continue
        found = _shingles(words, sketching.sha1_hash32)
        # The same text again needs no comparison, however short it is and however often it comes.
        first = first_with.setdefault(found.tobytes(), place)
        if first == place:
            shingles.append(found)
            places.append(place)
        else:
            groups.join(first, place)

    sketches = sketching.MinHash.generator(
        (found.tolist() for found in shingles),
        num_perm=_PERMUTATIONS,
        seed=_SEED,
        hashfunc=int,  # They are hashed already.
    )
    signatures = [sketch.hashvalues for sketch in sketches]
    compared: set[tuple[int, int]] = set()
    for pair in _candidates(signatures):
        one, other = pair
        if pair in compared or groups.leader(places[one]) == groups.leader(places[other]):
            continue
        compared.add(pair)
        if _containment(shingles[one], shingles[other]) >= threshold:
            groups.join(places[one], places[other])
    return groups


def _shingles(words: Sequence[str], hash_of: Callable[[bytes], int]) -> NDArray[np.uint32]:
    """Return the sorted hashes of the word triples of a text; of the whole text where it has no three words.

    32 bits do: two articles of a thousand triples share one by chance once in 4,000 pairs.
    """
    starts = range(max(1, len(words) - _WORDS + 1))
    triples = {" ".join(words[start : start + _WORDS]) for start in starts}
    return np.unique(np.array([hash_of(triple.encode()) for triple in triples], dtype=np.uint32))


def _candidates(signatures: Sequence[NDArray[np.uint32]]) -> Iterator[tuple[int, int]]:
    """Yield the pairs of signatures that agree in a whole band, the smaller number first; some twice."""
    if not signatures:
        return
    # Two rows of 32 bits are one number of 64, so a band is a column.
    bands = np.stack(signatures).view(np.uint64)
    for band in bands.T:
        _, bucket_of, sizes = np.unique(band, return_inverse=True, return_counts=True)
        buckets: dict[int, list[int]] = defaultdict(list)
        for number in np.flatnonzero(sizes[bucket_of] > 1).tolist():
            buckets[bucket_of[number]].append(number)
        for members in buckets.values():
            yield from combinations(members, 2)


def _containment(one: NDArray[np.uint32], other: NDArray[np.uint32]) -> float:
    """Return the share of the smaller set that the larger one has too, 0 to 1."""
    shared = np.intersect1d(one, other, assume_unique=True).size
    return float(shared / max(min(one.size, other.size), _FEWEST))
