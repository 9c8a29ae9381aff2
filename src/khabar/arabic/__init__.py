"""Arabic as data: tables and pure functions that the engine reads, and no engine.

The one exception is `_farasa`, which runs a segmenter in Java for the models that were trained on its output.
"""

from khabar.arabic._arabert_rules import TOKENS as ADDRESS_TOKENS
from khabar.arabic.arabert import align_arabert, normalize_arabert
from khabar.arabic.furniture import FURNITURE_KINDS
from khabar.arabic.normalize import Normalization, normalize

__all__ = [
    "ADDRESS_TOKENS",
    "FURNITURE_KINDS",
    "Normalization",
    "align_arabert",
    "normalize",
    "normalize_arabert",
]
