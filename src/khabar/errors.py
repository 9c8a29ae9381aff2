"""Errors that khabar raises on purpose.

Every message is one sentence or two: the place, the value, the rule, the way out.
"""


class KhabarError(Exception):
    """Root of every error that this library raises on purpose."""


class InputError(KhabarError, ValueError):
    """A text, a title or a file that cannot be annotated."""


class BundleError(KhabarError):
    """A folder or hub repository that is not a complete, safe khabar model."""


class DataError(KhabarError, ValueError):
    """Labelled data that breaks the format; the message names file, line and field."""

    problems: tuple[str, ...] = ()
    """Everything that is wrong with a file, place first, where the message lists but the first of it."""


class ConfigError(KhabarError, ValueError):
    """A configuration with unknown, missing or conflicting keys."""


class MissingExtraError(KhabarError, ImportError):
    """A feature whose optional dependencies are not installed."""


class WorkerError(KhabarError):
    """A process that shared the work ended before it was done."""
