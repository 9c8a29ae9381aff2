"""Command-line options for reading labelled articles."""

import argparse

import pytest

from khabar.corpus.options import add_reading_options, read_from
from khabar.errors import DataError

ROWS = """المقال,الجملة,التصنيف
أ,وصل الوفد مساء الأحد.,claim
أ,وقالت الوزارة إن الطريق مفتوح.,official_statement
"""
NAMES = ["article_id=المقال", "sentence=الجملة", "label=التصنيف"]


@pytest.fixture
def read(tmp_path):
    path = tmp_path / "news.csv"
    path.write_text(ROWS, encoding="utf-8")

    def read(*line):
        parser = argparse.ArgumentParser()
        parser.add_argument("data")
        add_reading_options(parser)
        return read_from(parser.parse_args([str(path), *line]))

    return read


def test_columns_of_other_names_are_named(read):
    [article] = read("--columns", *NAMES)
    assert [unit.label for unit in article.sentences] == ["claim", "official_statement"]


def test_rows_can_be_articles(read):
    assert len(read("--one-sentence-articles", "--columns", *NAMES[1:])) == 2


def test_without_them_the_file_is_refused(read):
    with pytest.raises(DataError, match="article_id"):
        read()


@pytest.mark.parametrize("line", [["--columns", "wrong=x"], ["--offset-unit", "utf-16"]])
def test_an_option_that_does_not_fit_is_told_with_the_file(read, line):
    with pytest.raises(DataError, match=r"news\.csv"):
        read(*line)


def test_a_column_without_a_name_is_refused(read, capsys):
    with pytest.raises(SystemExit):
        read("--columns", "sentence")
    assert "'sentence' is not FIELD=NAME" in capsys.readouterr().err
