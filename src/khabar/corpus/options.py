"""Command-line options that say how labelled articles are read: `read_labelled`, for scripts."""

import argparse
from typing import get_args

from khabar.corpus import FORMATS, read_labelled
from khabar.corpus._spans import OffsetUnit
from khabar.errors import DataError, KhabarError
from khabar.schema import LabelledArticle


def add_reading_options(parser: argparse.ArgumentParser) -> None:
    """Add what `read_from` needs beside the argument ``data``."""
    group = parser.add_argument_group("how DATA is read (docs/data-formats.md)")
    group.add_argument("--format", choices=FORMATS, help="its format (default: as the file itself tells)")
    group.add_argument(
        "--columns",
        nargs="+",
        type=_column,
        metavar="FIELD=NAME",
        help="what the file calls the fields of the format: article_id=المقال sentence=الجملة",
    )
    group.add_argument(
        "--one-sentence-articles",
        action="store_true",
        help="each row, task or example is an article of a single sentence",
    )
    group.add_argument(
        "--offset-unit",
        choices=get_args(OffsetUnit),
        help="what offsets count, in the formats that do not say",
    )


def read_from(options: argparse.Namespace) -> list[LabelledArticle]:
    """Read the articles that the argument ``data`` of a command line names.

    Args:
        options: What a parser with `add_reading_options` made of the line.

    Raises:
        DataError: As for `read_labelled`, and where an option does not fit the format.
    """
    try:
        return read_labelled(
            options.data,
            options.format,
            columns=dict(options.columns) if options.columns else None,
            one_sentence_articles=options.one_sentence_articles,
            offset_unit=options.offset_unit,
        )
    except ValueError as error:
        if isinstance(error, KhabarError):
            raise
        raise DataError(f"{options.data}: {error}") from error


def _column(text: str) -> tuple[str, str]:
    field, equals, name = text.partition("=")
    if not (field and equals and name):
        raise argparse.ArgumentTypeError(f"{text!r} is not FIELD=NAME, such as sentence=text")
    return field, name
