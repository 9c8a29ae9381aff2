"""What is wrong with a file of labelled data, collected so that all of it can be mended at once."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from khabar.errors import DataError

_SHOWN_PROBLEMS = 20
_SHOWN_CHARACTERS = 60


@dataclass(slots=True)
class Problems:
    """The problems of one file."""

    path: Path
    found: list[str] = field(default_factory=list)

    def add(self, place: str, what: str) -> None:
        """Note a problem: a value, the rule that it breaks and the way out, without a full stop."""
        self.found.append(f"{place}: {what}" if what.endswith("?") else f"{place}: {what}.")

    def raise_if_any(self) -> None:
        """Report everything that was noted: the first twenty problems, and how many more there are.

        Raises:
            DataError: Anything was noted.
        """
        if not self.found:
            return
        count = len(self.found)
        message = [f"{self.path}: {count} problem{'s' if count > 1 else ''} in labelled data."]
        message += [f"  {problem}" for problem in self.found[:_SHOWN_PROBLEMS]]
        if count > _SHOWN_PROBLEMS:
            message.append(f"  … and {count - _SHOWN_PROBLEMS} more.")
        error = DataError("\n".join(message))
        error.problems = tuple(self.found)
        raise error


@dataclass(frozen=True, slots=True)
class Place:
    """Where a reader stands: a line, row or task of the file, and a path of keys within it."""

    problems: Problems
    at: str
    """The line, row or task, as its reader's users count them: ``line 3``."""
    prefix: str = ""

    def within(self, key: str) -> "Place":
        """Return the place of a key of this place's object; a dot before it is for the caller to give."""
        return Place(self.problems, self.at, f"{self.prefix}{key}")

    def complain(self, what: str) -> None:
        """Note a problem at this place."""
        where = self.prefix.lstrip(".")
        self.problems.add(f"{self.at}, {where}" if where else self.at, what)


@dataclass(slots=True)
class Ids:
    """The ids of a file's articles, each of which may stand there once."""

    first_seen: dict[str, str] = field(default_factory=dict)
    """Where each id was seen first, by the id."""

    def claim(self, identifier: str, place: Place) -> None:
        """Complain when an article before this one has the same id."""
        if identifier in self.first_seen:
            place.complain(
                f"{show(identifier)} is the id of {self.first_seen[identifier]} too; "
                "ids are unique, so rename or drop one of the two"
            )
        self.first_seen.setdefault(identifier, place.at)


def nearest(value: object, known: Iterable[str], cutoff: float = 0.6) -> str:
    """Return a closing «did you mean …», or nothing."""
    matches = get_close_matches(value.lower(), list(known), 1, cutoff) if isinstance(value, str) else []
    return f"; did you mean {show(matches[0])}?" if matches else ""


def listed(names: Iterable[str]) -> str:
    """Return names as a message lists them."""
    return ", ".join(show(name) for name in names)


def show(value: object) -> str:
    """Return a value as it stands in the file, cut to a length that fits a message."""
    shown = json.dumps(value, ensure_ascii=False, default=str)
    return shown if len(shown) <= _SHOWN_CHARACTERS else f"{shown[:_SHOWN_CHARACTERS]}…"
