"""The articles that are annotated: from a folder, or those written for the project."""

import gzip
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, repeat
from pathlib import Path
from typing import Any

from khabar.article import read_article
from khabar.errors import InputError

OWN = Path(__file__).parents[1] / "data" / "sports-and-courts.jsonl"
"""Labelled articles written for the project."""


@dataclass(frozen=True, slots=True)
class Text:
    """An article as the contenders get it."""

    text: str
    title: str | None

    @property
    def sentences(self) -> list[str]:
        """Its sentences as the library splits them; the others get them for nothing."""
        return [sentence.text for sentence in read_article(self.text, self.title).sentences]


def read_articles(folder: Path | None, *, seed: int = 7) -> list[Text]:
    """Read articles and shuffle them, so that every stretch of them is of all outlets.

    Args:
        folder: Holds JSON Lines files, plain or packed with gzip, of objects with ``text`` and ``title``;
            None takes the articles written for the project.
        seed: Of the order.

    Raises:
        InputError: There is no such file in the folder.
    """
    files = [OWN] if folder is None else sorted([*folder.glob("*.jsonl"), *folder.glob("*.jsonl.gz")])
    if not files:
        raise InputError(f"{folder}: holds no .jsonl or .jsonl.gz file; name a folder that does.")
    articles = [Text(row["text"], row.get("title")) for file in files for row in _rows(file)]
    random.Random(seed).shuffle(articles)
    return articles


def cycle(articles: list[Text], count: int) -> Iterator[Text]:
    """Yield ``count`` articles, from the beginning again when they are used up."""
    for _, article in zip(range(count), chain.from_iterable(repeat(articles)), strict=False):
        yield article


def long_article(articles: list[Text], sentences: int) -> Text:
    """Return one article made of the bodies of others, of about so many sentences."""
    paragraphs: list[str] = []
    while len(paragraphs) < sentences:
        for article in articles:
            paragraphs += article.sentences[1:]
    return Text("\n\n".join(paragraphs[:sentences]), None)


def _rows(file: Path) -> Iterator[dict[str, Any]]:
    opening = gzip.open if file.suffix == ".gz" else open
    with opening(file, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)
