"""What a model says of labelled sentences that it did not learn from: records without any text.

A line of ``probabilities.jsonl`` is one sentence: ``article``, ``outlet``, ``part``, ``start``, ``end``,
``label`` (the gold one), ``also`` and ``probabilities`` by label. With the articles beside it, the offsets
give the text.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from khabar._files import OutputFile
from khabar._json import json_text
from khabar.errors import DataError
from khabar.labels import Label
from khabar.schema import LabelledArticle, LabelledSentence, Part

PROBABILITIES = "probabilities.jsonl"

_PARTS: Mapping[object, Part] = {"title": "title", "body": "body"}
_TOLERANCE = 1e-3
"""How far probabilities may be from summing to 1: as they were rounded by whoever wrote them."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """One labelled sentence, and how probable a model finds each label."""

    article: str
    """Id of the article."""
    outlet: str | None
    part: Part
    start: int
    end: int
    """Characters ``[start:end]`` of the part, as in `khabar.schema`."""
    label: Label
    """The gold label."""
    also: tuple[Label, ...]
    """Labels that the annotator found almost as right."""
    probabilities: Mapping[Label, float]
    """Probability of every label; they sum to 1."""

    @property
    def predicted(self) -> Label:
        """The most probable label; of equals, the first in the order of `Label`."""
        return max(Label, key=lambda label: self.probabilities[label])

    @property
    def place(self) -> tuple[str, Part, int, int]:
        """Where the sentence stands; no other sentence of a corpus stands there."""
        return self.article, self.part, self.start, self.end

    @classmethod
    def of(
        cls, article: LabelledArticle, sentence: LabelledSentence, probabilities: Mapping[Label, float]
    ) -> "Prediction":
        """Put what a model says beside a labelled sentence.

        Raises:
            ValueError: The sentence is page furniture, which has no label.
        """
        if sentence.label is None:
            raise ValueError("page furniture has no label to be compared with a prediction.")
        return cls(
            article.id,
            article.outlet,
            sentence.part,
            sentence.start,
            sentence.end,
            sentence.label,
            sentence.also,
            probabilities,
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "article": self.article,
            "outlet": self.outlet,
            "part": self.part,
            "start": self.start,
            "end": self.end,
            "label": self.label.value,
            "also": [label.value for label in self.also],
            "probabilities": {label.value: round(self.probabilities[label], 6) for label in Label},
        }


def write_predictions(path: Path, predictions: Iterable[Prediction]) -> None:
    """Write one prediction a line; the file appears whole or not at all.

    Raises:
        OSError: The folder is not there or cannot be written to.
    """
    with OutputFile(path) as output:
        for prediction in predictions:
            output.write(f"{json_text(prediction.to_dict())}\n".encode())
        output.commit()


def read_predictions(path: Path) -> list[Prediction]:
    """Read the predictions of one file, or of all files called ``probabilities.jsonl`` in a folder.

    Raises:
        DataError: There is no such file, it breaks the format, or a sentence is predicted twice.
    """
    paths = sorted(path.rglob(PROBABILITIES)) if path.is_dir() else [path]
    if not paths:
        raise DataError(f"{path}: has no {PROBABILITIES}; scripts/cross_validate.py writes them.")
    predictions: list[Prediction] = []
    places: dict[tuple[str, Part, int, int], str] = {}
    for each in paths:
        try:
            lines = each.read_text(encoding="utf-8").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(
                f"{each}: cannot be read ({error}); scripts/cross_validate.py writes it."
            ) from error
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            where = f"{each}, line {number}"
            prediction = _read(line, where)
            if prediction.place in places:
                raise DataError(
                    f"{where}: predicts a sentence of article {prediction.article!r} again, after "
                    f"{places[prediction.place]}; give the predictions of one cross-validation."
                )
            places[prediction.place] = where
            predictions.append(prediction)
    if not predictions:
        raise DataError(f"{path}: holds no prediction; scripts/cross_validate.py writes them.")
    return predictions


def _read(line: str, where: str) -> Prediction:
    try:
        record = json.loads(line)
        prediction = Prediction(
            article=_string(record["article"]),
            outlet=None if record.get("outlet") is None else _string(record["outlet"]),
            part=_PARTS[record["part"]],
            start=_offset(record["start"]),
            end=_offset(record["end"]),
            label=Label(record["label"]),
            also=tuple(map(Label, record.get("also", ()))),
            probabilities={label: float(record["probabilities"][label.value]) for label in Label},
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{where}: is no prediction ({type(error).__name__}: {error}); "
            "scripts/cross_validate.py writes them."
        ) from error
    total = sum(prediction.probabilities.values())
    if not (min(prediction.probabilities.values()) >= 0 and abs(total - 1) <= _TOLERANCE):
        raise DataError(
            f"{where}: the probabilities sum to {total:g}; give those of all four labels, which sum to 1."
        )
    return prediction


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no string")
    return value


def _offset(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError(f"{value!r} is no offset")
    return value
