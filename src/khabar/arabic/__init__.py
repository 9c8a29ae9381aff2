"""Arabic as data: tables and pure functions that the engine reads, and no engine."""

from khabar.arabic.furniture import FURNITURE_KINDS
from khabar.arabic.normalize import Normalization, normalize

__all__ = ["FURNITURE_KINDS", "Normalization", "normalize"]
