"""Annotated articles as text: records for programs, a table for the terminal."""

from khabar.render.records import CSV_COLUMNS, article_record, csv_header, csv_rows, error_line, jsonl_line
from khabar.render.terminal import Direction, printable, render_table, terminal_direction

__all__ = [
    "CSV_COLUMNS",
    "Direction",
    "article_record",
    "csv_header",
    "csv_rows",
    "error_line",
    "jsonl_line",
    "printable",
    "render_table",
    "terminal_direction",
]
