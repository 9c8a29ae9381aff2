"""Argilla: what ``dataset.records.to_datasets()`` gives, saved with ``save_to_disk`` or ``to_parquet``.

After https://docs.argilla.io/latest/how_to_guides/import_export/ and the exporter of Argilla 2
(`argilla/records/_io/_generic.py`), which lays a record out in columns: fields and metadata under their own
names, and for each question ``<question>.responses``, ``<question>.responses.users`` and
``<question>.responses.status``, lists with an entry for each annotator. Nobody else knows these names.

A record is a sentence when its question takes one label, and an article with a span for each sentence when it
is a span question. Argilla's editor counts the offsets of spans in UTF-16 code units, a Python program in
characters (https://github.com/argilla-io/argilla/issues/5729); the data does not tell.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from khabar.corpus._aliases import read_label
from khabar.corpus._datasets import open_folder
from khabar.corpus._options import ReadOptions
from khabar.corpus._parquet import open_parquet
from khabar.corpus._problems import Place, Problems, listed, show
from khabar.corpus._records import Harvest, article_of_spans, locate, read_facts, read_title
from khabar.corpus._rows import OF_THE_ARTICLE, Row
from khabar.corpus._spans import OffsetUnit, Span, whole_number
from khabar.corpus._tables import Table
from khabar.errors import DataError
from khabar.schema import LabelledArticle

_RESPONSES: Final = ".responses"
_STATUS: Final = ".responses.status"
_SUBMITTED: Final = "submitted"
_OF_RECORD: Final = ("text", "title", "article_id", "order", "part", "also", *OF_THE_ARTICLE)
_FIELDS: Final = {name: name for name in (*_OF_RECORD, "label")}
_SPAN_KEYS: Final = ("start", "end", "label")


def looks_like_argilla(columns: Iterable[str]) -> bool:
    """Return whether a table with these columns holds records of Argilla."""
    return any(column.endswith(_RESPONSES) for column in columns)


def read_argilla(path: Path, options: ReadOptions) -> list[LabelledArticle]:
    """Read records with submitted responses; the options are those of `khabar.corpus.read_labelled`.

    Records without a submitted response are left out. Where several annotators have submitted one, they must
    agree.

    Raises:
        DataError: The data cannot be read or breaks the format anywhere.
        MissingExtraError: The library that reads the data is not installed.
    """
    options.allow("argilla", "columns", "one_sentence_articles", "offset_unit")
    names = options.names(_FIELDS)
    tables = open_folder(path) if path.is_dir() else [open_parquet(path)]
    problems = Problems(path)
    found = Harvest(problems, "records")
    count = 0
    for table in tables:
        question = _question(table, names, problems)
        if question is None:
            continue
        asked = {*names.values(), "id", f"{question}{_RESPONSES}", f"{question}{_STATUS}"}
        columns = [column for column in table.columns if column in asked]
        for number, record in enumerate(table.read(columns), start=1):
            count += 1
            if table.split is not None:
                record.setdefault(names["split"], table.split)
            _read_record(record, question, names, options.offset_unit, found, table.at(number))
    if count and not (found.rows or found.articles or problems.found):
        raise DataError(
            f"{path}: none of its {count} records has a submitted response, and suggestions are no labels; "
            "annotate the records in Argilla and export them again."
        )
    return found.finish(options)


def _question(table: Table, names: Mapping[str, str], problems: Problems) -> str | None:
    """Return the question whose responses are labels: the one that is named, or the only one there is."""
    questions = [column.removesuffix(_RESPONSES) for column in table.columns if column.endswith(_RESPONSES)]
    if names["label"] in questions:
        return names["label"]
    if len(questions) == 1 and names["label"] == _FIELDS["label"]:
        return questions[0]
    problems.add(
        table.header,
        f"no question {show(names['label'])} has responses; there are {listed(questions) or 'none'}; "
        'say which one asks for the label with columns={"label": …}',
    )
    return None


def _read_record(
    record: Mapping[str, Any],
    question: str,
    names: Mapping[str, str],
    unit: OffsetUnit | None,
    found: Harvest,
    at: str,
) -> None:
    place = Place(found.problems, at)
    place_of_answer = place.within(f"{question}{_RESPONSES}")
    responses = _submitted(record, question)
    if not responses:
        return
    answer = _agreed(responses, place_of_answer)
    if isinstance(answer, list):
        article = _article(record, names, answer, unit, place, place_of_answer)
        if article is not None:
            found.add_article(article, place)
        return
    values = {field: record[names[field]] for field in _OF_RECORD if names[field] in record}
    values["sentence"] = values.pop("text", None)
    values["label"] = answer
    found.rows.append(
        Row(place, values, {**names, "sentence": names["text"], "label": place_of_answer.prefix})
    )


def _submitted(record: Mapping[str, Any], question: str) -> list[Any]:
    """Return the responses that were submitted, neither drafts nor discarded ones."""
    responses = record.get(f"{question}{_RESPONSES}") or []
    statuses = record.get(f"{question}{_STATUS}") or [_SUBMITTED] * len(responses)
    return [
        response
        for response, status in zip(responses, statuses, strict=False)
        if status == _SUBMITTED and response is not None
    ]


def _agreed(responses: Sequence[Any], place: Place) -> Any:  # noqa: ANN401  # a name, or a list of spans
    """Return the one answer that annotators agree on: the name of a label, or a list of spans."""
    if len({json.dumps(response, sort_keys=True, default=str) for response in responses}) > 1:
        place.complain(
            f"{len(responses)} annotators answered differently, {show(list(responses))}; "
            "settle it in Argilla and discard the other responses"
        )
    answer = responses[0]
    if not isinstance(answer, list) or (answer and isinstance(answer[0], dict)):
        return answer
    # A question that takes several labels.
    if len(answer) != 1:
        place.complain(f"{show(answer)} is not one label; choose exactly one")
        return None
    return answer[0]


def _article(
    record: Mapping[str, Any],
    names: Mapping[str, str],
    entries: list[Any],
    unit: OffsetUnit | None,
    place: Place,
    place_of_answer: Place,
) -> LabelledArticle | None:
    """Read a record whose spans are sentences."""
    text = record.get(names["text"])
    if not isinstance(text, str):
        place.within(names["text"]).complain(
            f'{show(text)} is no text; name the field that holds it with columns={{"text": …}}'
        )
        return None
    spans = [
        _span(entry, text, unit, place_of_answer.within(f"[{index}]")) for index, entry in enumerate(entries)
    ]
    return article_of_spans(
        text,
        read_title(record, names["title"], place),
        [span for span in spans if span is not None],
        read_facts(record, names, place),
        record.get("id"),
        place,
    )


def _span(entry: object, text: str, unit: OffsetUnit | None, place: Place) -> Span | None:
    if not isinstance(entry, dict) or not all(whole_number(entry.get(key)) for key in _SPAN_KEYS[:2]):
        place.complain(f"{show(entry)} is no span; it has {listed(_SPAN_KEYS)}")
        return None
    label = read_label(entry.get("label"), place)
    found = locate(entry["start"], entry["end"], text, unit, place, editor="Argilla's editor")
    return None if found is None else Span("body", *found, label, (), place)
