"""A table before it is set in one form or another: Markdown for files, rich for a terminal."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.markup import escape
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Grid:
    """A table whose first column holds names; the others hold figures, set to the right, or words."""

    title: str
    header: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    words: frozenset[int] = frozenset({0})
    """Columns set to the left."""

    def to_markdown(self) -> str:
        """The table as Markdown, without its title."""
        rule = tuple("---" if column in self.words else "---:" for column in range(len(self.header)))
        return "\n".join(f"| {' | '.join(_escaped(row))} |" for row in (self.header, rule, *self.rows))

    def to_rich(self) -> Table:
        """The table for a terminal; what looks like markup of rich is printed as it is."""
        table = Table(title=escape(self.title), title_justify="left")
        for column, name in enumerate(self.header):
            table.add_column(
                escape(name), justify="left" if column in self.words else "right", no_wrap=column == 0
            )
        for row in self.rows:
            table.add_row(*(escape(cell) for cell in row))
        return table


def _escaped(row: tuple[str, ...]) -> list[str]:
    return [cell.replace("\n", " ").replace("|", "\\|") for cell in row]


def percent_cell(
    value: float | None, low: float | None = None, high: float | None = None, *, signed: bool = False
) -> str:
    """«78.3 [75.0, 81.2]» for shares of 0 to 1, without brackets where there is no interval.

    Args:
        value: The share; None, which is undefined, gives «–».
        low: Lower end of its interval.
        high: Upper end.
        signed: Write a plus before what is not negative, as for a difference.
    """
    if value is None:
        return "–"
    form = "+.1f" if signed else ".1f"
    # Adding 0 takes the sign from what is rounded to -0.0.
    shown = [format(round(100 * each, 1) + 0.0, form) for each in (value, low, high) if each is not None]
    return shown[0] if len(shown) < 3 else f"{shown[0]} [{shown[1]}, {shown[2]}]"
