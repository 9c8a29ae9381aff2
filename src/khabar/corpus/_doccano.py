"""doccano: exported examples in, examples with labels to correct out.

After doccano's exporter and importer, there being no page on the formats: ``backend/data_export``
(`models.py`, ``pipeline/`` `factories.py`, `formatters.py`, `examples.py`) and
``backend/data_import/pipeline`` (`builders.py`, `labels.py`) of https://github.com/doccano/doccano, version
1.8. Nobody else knows the keys.

An example has ``text``, ``id`` (doccano's number of it), beside them whatever its import had beside the text,
and its labels: ``label``, a list of names (text classification) or of ``[start, end, name]`` (sequence
labelling); ``entities``, a list of objects, when the project has relations; ``labels`` for ``label`` in old
versions.

doccano has one text for each example. A title is put before the text, with a newline between, and kept under
``title`` as well, by which the two are told apart again. Its editor counts offsets in UTF-16 code units
(https://github.com/doccano/doccano/issues/2290), or, when the project says so, a letter with its marks as
one; the file does not tell.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from khabar.corpus._aliases import FURNITURE, read_label
from khabar.corpus._io import read_json, read_json_lines, read_text, write_json_lines
from khabar.corpus._options import ReadOptions
from khabar.corpus._problems import Place, Problems, listed, show
from khabar.corpus._records import (
    Harvest,
    article_of_spans,
    locate,
    read_facts,
    read_title,
    refuse_abstentions,
    refuse_repeated_ids,
)
from khabar.corpus._rows import OF_THE_ARTICLE, Row
from khabar.corpus._spans import OffsetUnit, Span, code_units_of, whole_number
from khabar.schema import AnnotatedArticle, LabelledArticle

_LABELS: Final = ("label", "labels", "entities")
_OF_EXAMPLE: Final = ("text", "title", "article_id", "order", "part", "also", *OF_THE_ARTICLE)
_FIELDS: Final = {name: name for name in (*_OF_EXAMPLE, "label")}
_SPAN_KEYS: Final = ("start_offset", "end_offset", "label")


def looks_like_doccano(record: Mapping[str, object]) -> bool:
    """Return whether the first object of a file is an example."""
    return "text" in record and any(isinstance(record.get(key), list) for key in _LABELS)


def read_doccano(path: Path, options: ReadOptions) -> list[LabelledArticle]:
    """Read examples, one a line or in one list; the options are those of `khabar.corpus.read_labelled`.

    Raises:
        DataError: The file cannot be read or breaks the format anywhere.
    """
    options.allow("doccano", "columns", "one_sentence_articles", "offset_unit")
    names = options.names(_FIELDS)
    problems = Problems(path)
    found = Harvest(problems, "examples")
    for place, record in _examples(path, problems):
        if not isinstance(record, dict) or not isinstance(record.get(names["text"]), str):
            place.complain(
                f"{show(record)} is no example with a text; name the key that holds it with "
                'columns={"text": …}'
            )
            continue
        key, labels = _labels(record, names, place)
        if not labels:
            continue
        if isinstance(labels[0], str):
            found.rows.append(_row(record, names, key, labels, place))
            continue
        article = _article(record, names, key, labels, options.offset_unit, place)
        if article is not None:
            found.add_article(article, place)
    return found.finish(options)


def write_doccano(
    articles: Iterable[AnnotatedArticle | LabelledArticle],
    path: str | Path,
    *,
    model_version: str | None = None,
) -> None:
    """Write articles as examples of a sequence labelling project, to be imported and corrected.

    Each sentence and each piece of furniture is a labelled span, its offsets in UTF-16 code units. doccano
    takes them for labels of whoever imports the file; it has no place for probabilities. `read_labelled`
    reads what it exports.

    Args:
        articles: The articles. An ``id``, where there is one, is kept as ``article_id``.
        path: The JSON Lines file, which appears whole or not at all. Its folder must exist.
        model_version: Kept beside each text when given.

    Raises:
        DataError: Two articles have the same id, or a sentence has no label.
        OSError: The folder is not there or cannot be written to.
    """
    write_json_lines(Path(path), _written_examples(articles, model_version))


def _examples(path: Path, problems: Problems) -> Iterator[tuple[Place, object]]:
    if read_text(path).lstrip()[:1] != "[":
        yield from read_json_lines(path, problems)
        return
    document = read_json(path)
    for number, record in enumerate(document if isinstance(document, list) else [document], start=1):
        yield Place(problems, f"example {number}"), record


def _labels(record: Mapping[str, Any], names: Mapping[str, str], place: Place) -> tuple[str, list[Any]]:
    """Return the key of an example's labels and the labels; none, and a complaint, when there are none."""
    keys = _LABELS if names["label"] == _FIELDS["label"] else (names["label"],)
    key = next((key for key in keys if key in record), None)
    if key is None:
        place.complain(
            f"has no key {' or '.join(show(key) for key in keys)}; export the labels with the texts, or name "
            'the key that holds them with columns={"label": …}'
        )
        return keys[0], []
    labels = record[key]
    # One name without a list is what other tools write for doccano to import.
    labels = [labels] if isinstance(labels, str) else labels
    if not isinstance(labels, list):
        place.within(key).complain(f"{show(labels)} is no list of labels; export the project as JSONL")
        return key, []
    if not labels:
        place.within(key).complain(
            "is empty; label the example, page furniture too, or export only the approved examples"
        )
    return key, labels


def _row(
    record: Mapping[str, Any], names: Mapping[str, str], key: str, labels: list[Any], place: Place
) -> Row:
    """Read an example that is a sentence."""
    if len(labels) > 1:
        place.within(key).complain(
            f"{show(labels)} are {len(labels)} labels; leave the one that is right, a second one can stand "
            f"under {show(names['also'])}"
        )
    values = {field: record[names[field]] for field in _OF_EXAMPLE if names[field] in record}
    values["sentence"] = values.pop("text")
    values["label"] = labels[0]
    return Row(place, values, {**names, "sentence": names["text"], "label": key})


def _article(
    record: Mapping[str, Any],
    names: Mapping[str, str],
    key: str,
    labels: list[Any],
    unit: OffsetUnit | None,
    place: Place,
) -> LabelledArticle | None:
    """Read an example whose spans are sentences."""
    whole = str(record[names["text"]])
    title = read_title(record, names["title"], place)
    head = len(title) + 1 if title is not None and whole.startswith(f"{title}\n") else 0
    spans = [
        _span(entry, whole, head, unit, place.within(f"{key}[{index}]")) for index, entry in enumerate(labels)
    ]
    return article_of_spans(
        whole[head:],
        title,
        [span for span in spans if span is not None],
        read_facts(record, names, place),
        record.get("id"),
        place,
    )


def _span(entry: object, whole: str, head: int, unit: OffsetUnit | None, place: Place) -> Span | None:
    """Read a span of a text whose first ``head`` characters are the title and a newline."""
    if isinstance(entry, dict):
        entry = [entry.get(key) for key in _SPAN_KEYS]
    if not isinstance(entry, list) or len(entry) != 3 or not all(map(whole_number, entry[:2])):
        place.complain(
            f"{show(entry)} is no span; write [start, end, label] or an object with {listed(_SPAN_KEYS)}"
        )
        return None
    start, end, name = entry
    label = read_label(name, place)
    found = locate(start, end, whole, unit, place, editor="doccano's editor or khabar")
    if found is None:
        return None
    if head or found != (start, end):
        # The span as the file has it, since a complaint about its bounds will count otherwise.
        place = place.within(f" {show(entry)}")
    start, end = found
    if not head or start >= head:
        return Span("body", start - head, end - head, label, (), place)
    if end >= head:
        place.complain(
            f"offsets {start} to {end} reach from the title, which ends at {head - 1}, into the text; "
            "label the two apart"
        )
        return None
    return Span("title", start, end, label, (), place)


def _written_examples(
    articles: Iterable[AnnotatedArticle | LabelledArticle], model_version: str | None
) -> Iterator[dict[str, Any]]:
    ids: set[str] = set()
    for article in articles:
        refuse_repeated_ids(article, ids)
        if isinstance(article, AnnotatedArticle):
            refuse_abstentions(article)
        whole = article.text if article.title is None else f"{article.title}\n{article.text}"
        record: dict[str, Any] = {"text": whole, "label": _written_spans(article, whole)}
        more = {"article_id": article.id, "title": article.title, "model_version": model_version}
        if isinstance(article, LabelledArticle):
            more |= {key: getattr(article, key) for key in OF_THE_ARTICLE}
        yield record | {key: value for key, value in more.items() if value is not None}


def _written_spans(article: AnnotatedArticle | LabelledArticle, whole: str) -> list[list[object]]:
    head = 0 if article.title is None else len(article.title) + 1
    spans = [
        (
            sentence.start + (0 if sentence.part == "title" and article.title is not None else head),
            sentence.end + (0 if sentence.part == "title" and article.title is not None else head),
            FURNITURE if sentence.label is None else sentence.label.value,
        )
        for sentence in article.sentences
    ]
    if isinstance(article, AnnotatedArticle):
        spans += [(piece.start + head, piece.end + head, FURNITURE) for piece in article.furniture]
    return [
        [code_units_of(whole, start), code_units_of(whole, end), name] for start, end, name in sorted(spans)
    ]
