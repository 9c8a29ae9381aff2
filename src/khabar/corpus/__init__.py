"""Labelled corpora: one reader a format, each of them giving `khabar.schema.LabelledArticle`.

What people label with, and what they keep labels in, is read by `read_labelled`; the writers give annotated
articles to labelling tools, to be corrected and read again. docs/data-formats.md shows each format.
"""

from collections.abc import Mapping
from pathlib import Path

from khabar.corpus._checks import MIN_PER_LABEL, check
from khabar.corpus._doccano import write_doccano
from khabar.corpus._duplicates import near_duplicates
from khabar.corpus._findings import Problem, ProblemKind
from khabar.corpus._formats import READERS, reader_of
from khabar.corpus._jsonl import read_jsonl, write_jsonl
from khabar.corpus._label_studio import label_studio_template, write_label_studio
from khabar.corpus._labels_apart import join_labels, write_labels_apart
from khabar.corpus._options import ReadOptions
from khabar.corpus._spans import OffsetUnit
from khabar.corpus._splits import SPLITS, folds, split
from khabar.corpus._summary import Figures, Summary, summary
from khabar.corpus._texts import read_texts, text_files
from khabar.schema import LabelledArticle

FORMATS = tuple(READERS)
"""The formats that `read_labelled` knows, by name."""

__all__ = [
    "FORMATS",
    "MIN_PER_LABEL",
    "SPLITS",
    "Figures",
    "Problem",
    "ProblemKind",
    "Summary",
    "check",
    "folds",
    "join_labels",
    "label_studio_template",
    "near_duplicates",
    "read_jsonl",
    "read_labelled",
    "read_texts",
    "split",
    "summary",
    "text_files",
    "write_doccano",
    "write_jsonl",
    "write_label_studio",
    "write_labels_apart",
]


def read_labelled(
    path: str | Path,
    format: str | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    one_sentence_articles: bool = False,
    offset_unit: OffsetUnit | None = None,
) -> list[LabelledArticle]:
    """Read labelled articles, whatever they were labelled with, and check all of them.

    Args:
        path: A file, or the folder of a `datasets` dataset.
        format: One of `FORMATS`. None leaves it to the file: the ending of its name and, for JSON, the keys
            of its first object.
        columns: What the file calls the fields of the format, where it has other names for them than
            docs/data-formats.md: ``{"sentence": "text", "label": "annotation"}``.
        one_sentence_articles: Each row, task or example is an article of a single sentence. Without this,
            sentences need an ``article_id``: a model reads a sentence in its article.
        offset_unit: What the offsets of spans count in the formats that do not say (doccano, Argilla):
            ``"character"``, as Python does, or ``"utf-16"``, as browsers do. None where the two are the same,
            as they are for a text without emoji.

    Returns:
        The articles in the order in which the file has them, sentences in reading order, the title first.
        Page furniture has the label None.

    Raises:
        DataError: The format cannot be told, the file cannot be read, or it breaks its format anywhere. The
            message lists the problems of the whole file (the first twenty, and how many more there are), each
            with place, value, rule and way out; nothing is returned from a file that is right only in part.
        MissingExtraError: Parquet or a `datasets` folder is read without the extra ``train``.
        ValueError: ``format`` is none, ``columns`` has a field that the format lacks, or an option says
            nothing about the format.
    """
    options = ReadOptions(columns, one_sentence_articles, offset_unit)
    path = Path(path)
    return reader_of(path, format)(path, options)
