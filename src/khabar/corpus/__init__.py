"""Labelled corpora: one reader a format, each of them giving `khabar.schema.LabelledArticle`."""

from khabar.corpus._jsonl import read_jsonl

__all__ = ["read_jsonl"]
