"""Archives too large for one process: Ray, and functions over tables for Spark and `datasets`.

It comes with ``pip install 'khabar[ray]'``; `BatchAnnotator` needs no more than khabar itself.
"""

from khabar.distributed._archive import (
    PLACE,
    Counts,
    Finished,
    Plan,
    annotate_archive,
    annotate_shard,
    counts_of,
    planned,
    total,
)
from khabar.distributed._manifest import MANIFEST, Manifest, Piece, Settings, Shard
from khabar.distributed._ray import annotate_dataset
from khabar.distributed._sources import ENDINGS, Columns, Record, read_records
from khabar.distributed._table import (
    COLUMNS,
    BatchAnnotator,
    Row,
    article_fingerprint,
    read_row,
    spark_schema,
)

__all__ = [
    "COLUMNS",
    "ENDINGS",
    "MANIFEST",
    "PLACE",
    "BatchAnnotator",
    "Columns",
    "Counts",
    "Finished",
    "Manifest",
    "Piece",
    "Plan",
    "Record",
    "Row",
    "Settings",
    "Shard",
    "annotate_archive",
    "annotate_dataset",
    "annotate_shard",
    "article_fingerprint",
    "counts_of",
    "planned",
    "read_records",
    "read_row",
    "spark_schema",
    "total",
]
