import logging
from dataclasses import replace

import pytest

from khabar.config import load_config
from khabar.training import read_splits, warnings_of


@pytest.fixture
def config(tmp_path, tiny_encoder, labelled_file):
    path = tmp_path / "run.yaml"
    path.write_text(
        f"output: {tmp_path / 'run'}\ndata: {{path: {labelled_file}}}\nencoder: {{path: {tiny_encoder}}}\n",
        encoding="utf-8",
    )
    return load_config(path)


def test_an_article_in_both_splits_is_told_and_logged(config, caplog):
    splits = read_splits(config)
    leaked = replace(splits.train[0], split="validation", id="copied")
    with caplog.at_level(logging.WARNING, logger="khabar"):
        lines = warnings_of(config, replace(splits, validation=[*splits.validation, leaked]))
    told = [line for line in lines if "the same article in two splits" in line]
    assert len(told) == 1
    assert told[0].startswith(f"{config.data.path}: ")
    assert "copied" in told[0]
    assert caplog.messages == lines


def test_of_many_problems_of_a_kind_a_few_are_shown(config):
    splits = read_splits(config)
    bare = [replace(unit, label=None, also=()) for unit in splits.train[0].sentences]
    unlabelled = [replace(splits.train[0], id=f"bare {number}", sentences=bare) for number in range(5)]
    lines = warnings_of(config, replace(splits, train=[*splits.train, *unlabelled]))
    told = [line for line in lines if "an article without labels" in line]
    assert len(told) == 4
    assert told[3].endswith("an article without labels: 2 more, which scripts/check_data.py --all shows.")


def test_a_text_with_control_characters_does_not_reach_a_terminal(config):
    splits = read_splits(config)
    twice = [replace(article, id="\x1b[2J") for article in splits.train[:2]]
    lines = warnings_of(config, replace(splits, train=twice))
    assert any("id of several articles" in line for line in lines)
    assert not any("\x1b" in line for line in lines)
