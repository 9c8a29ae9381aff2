"""Arabic as data: tables and pure functions that the engine reads, and no engine."""

from khabar.arabic.normalize import Normalization, normalize

__all__ = ["Normalization", "normalize"]
