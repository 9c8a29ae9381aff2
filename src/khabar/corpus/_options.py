"""What the caller of a reader may say about a file, and what each format takes of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from khabar.corpus._problems import listed, nearest
from khabar.corpus._spans import OffsetUnit


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """The options of `khabar.corpus.read_labelled`, documented there."""

    columns: Mapping[str, str] | None = None
    one_sentence_articles: bool = False
    offset_unit: OffsetUnit | None = None

    def __post_init__(self) -> None:
        if self.offset_unit not in (None, "character", "utf-16"):
            raise ValueError(f'offset_unit is {self.offset_unit!r}; use "character" or "utf-16".')

    def allow(self, format: str, *names: str) -> None:
        """Refuse options that a format has no use for.

        Raises:
            ValueError: An option is set that is not among ``names``.
        """
        given = {
            "columns": self.columns is not None,
            "one_sentence_articles": self.one_sentence_articles,
            "offset_unit": self.offset_unit is not None,
        }
        for name, is_given in given.items():
            if is_given and name not in names:
                raise ValueError(f"{name} says nothing about the format {format!r}; leave it out.")

    def names(self, defaults: Mapping[str, str]) -> dict[str, str]:
        """Return what the file calls each field of a format: as the caller says, else by default.

        Raises:
            ValueError: ``columns`` has a field that the format does not have, or two fields get one name.
        """
        given = self.columns or {}
        for field, name in given.items():
            if field not in defaults:
                raise ValueError(
                    f"columns names {field!r}, which this format does not have; "
                    f"it has {listed(defaults)}{nearest(field, defaults)}"
                )
            if not name:
                raise ValueError(f"columns[{field!r}] is empty; write the name that the file has for it.")
        names = {**defaults, **given}
        fields: dict[str, str] = {}
        for field, name in names.items():
            if name in fields:
                raise ValueError(
                    f"columns has {name!r} for {field!r}, where {fields[name]!r} is looked for too; "
                    "name one of them otherwise, or rename that column of the file."
                )
            fields[name] = field
        return names
