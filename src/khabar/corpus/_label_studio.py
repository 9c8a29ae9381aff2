r"""Label Studio: exported annotations in, pre-annotations and a labelling interface out.

After https://labelstud.io/guide/task_format (the JSON of annotated tasks),
https://labelstud.io/guide/predictions (pre-annotations), https://labelstud.io/tags/text, ``/tags/labels`` and
``/tags/choices`` (results and interfaces). Two things are said only by the source of its editor
(`RichTextRegion.js`, `selection-tools.js`): offsets count code points since 2021, UTF-16 code units before;
and the ``text`` of a region has the two characters ``\n`` for a line break. Nobody else knows the keys.

What is read is «JSON», not «JSON-MIN», which leaves out whether an annotation was cancelled. A task is an
article whose sentences are labelled regions, or, when a choice was made on the whole of it, a sentence. The
names of the controls are those of `label_studio_template`: ``label`` on the text, ``title_label`` on the
title, ``also`` for second labels of a region.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import quoteattr

from khabar.corpus._aliases import ARABIC_NAMES, FURNITURE, read_also, read_label
from khabar.corpus._io import read_json, write_json_list
from khabar.corpus._options import ReadOptions
from khabar.corpus._problems import Place, Problems, listed, show
from khabar.corpus._records import (
    Harvest,
    article_of_spans,
    read_facts,
    read_title,
    refuse_abstentions,
    refuse_repeated_ids,
)
from khabar.corpus._rows import OF_THE_ARTICLE, Row, as_name
from khabar.corpus._spans import OffsetUnit, Span, characters_of, in_characters, whole_number
from khabar.errors import DataError
from khabar.labels import Label
from khabar.schema import AnnotatedArticle, LabelledArticle, LabelledSentence
from khabar.segment import trim

_OF_DATA: Final = ("text", "title", "article_id", "order", "part", *OF_THE_ARTICLE)
_CONTROLS: Final = ("label", "title_label", "also")
_FIELDS: Final = {name: name for name in (*_OF_DATA, *_CONTROLS)}
_TYPES: Final = ("labels", "choices")
"""The results that can be read; their ``value`` has the chosen names under the same key."""

_COLOURS: Final = {
    Label.CASUALTY_REPORT: "#d1495b",
    Label.OFFICIAL_STATEMENT: "#2e6f95",
    Label.CLAIM: "#edae49",
    Label.BACKGROUND: "#66a182",
}
_DECIMALS: Final = 6

# What the editor does not give back as it was: white space, line breaks and characters beyond U+FFFF.
_UNSTABLE = re.compile(r"\\n|\s+|[\ud800-\udfff\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class _Result:
    """One thing that an annotator did."""

    place: Place
    region: str
    """The id of the region that it belongs to; one of its own where the file has none."""
    control: str
    type: object
    value: Mapping[str, Any]

    @property
    def is_span(self) -> bool:
        return "start" in self.value


@dataclass(frozen=True, slots=True)
class _Task:
    """A task with the annotation of it that counts."""

    place: Place
    identifier: object
    """Label Studio's own number of the task; None when it has none."""
    data: Mapping[str, Any]
    results: Sequence[_Result]

    def under(self, control: str) -> list[_Result]:
        return [result for result in self.results if result.control == control]


def looks_like_label_studio(record: Mapping[str, object]) -> bool:
    """Return whether the first object of a file is a task."""
    return isinstance(record.get("data"), dict) and ("annotations" in record or "predictions" in record)


def looks_like_json_min(record: Mapping[str, object]) -> bool:
    """Return whether the first object of a file is one of Label Studio's shortened export."""
    return {"annotation_id", "annotator", "lead_time"} <= set(record)


def read_label_studio(path: Path, options: ReadOptions) -> list[LabelledArticle]:
    """Read annotated tasks; the options are those of `khabar.corpus.read_labelled`.

    Tasks that nobody annotated, and annotations that were cancelled, are left out. Of several annotations of
    a task the one that is marked as ground truth counts.

    Raises:
        DataError: The file cannot be read or breaks the format anywhere.
    """
    options.allow("label-studio", "columns", "one_sentence_articles", "offset_unit")
    names = options.names(_FIELDS)
    document = read_json(path)
    entries = document if isinstance(document, list) else [document]
    problems = Problems(path)
    tasks = [task for number, entry in enumerate(entries, 1) if (task := _task(entry, number, problems))]
    if not tasks and not problems.found:
        raise DataError(
            f"{path}: none of its {len(entries)} tasks is annotated, and predictions are no labels; "
            "annotate the tasks in Label Studio and export them as JSON."
        )
    control = _find_control(tasks, names, problems)
    found = Harvest(problems, "tasks")
    for task in tasks if control is not None else []:
        chosen = task.under(control or "")
        if any(result.is_span for result in chosen) or (not chosen and task.under(names["title_label"])):
            article = _article(task, chosen, names, options.offset_unit)
            if article is not None:
                found.add_article(article, task.place)
        else:
            row = _row(task, chosen, names)
            if row is not None:
                found.rows.append(row)
    return found.finish(options)


def write_label_studio(
    articles: Iterable[AnnotatedArticle | LabelledArticle], path: str | Path, *, model_version: str
) -> None:
    """Write articles as tasks to be imported into Label Studio.

    What a model annotated becomes predictions, to be corrected; what people labelled becomes annotations,
    which `read_labelled` reads as they are.

    Each sentence and each piece of furniture of the text is a region, the sentence of a title that was passed
    is a choice. The score of a task is that of its most doubtful sentence, so that sorting by it puts first
    what most needs a look. Create the project with `label_studio_template`; `read_labelled` reads its export.

    Args:
        articles: The articles. An ``id``, where there is one, is kept as ``article_id``.
        path: The JSON file, which appears whole or not at all. Its folder must exist.
        model_version: What Label Studio is to call the model, for instance its name and version.

    Raises:
        DataError: Two articles have the same id, or a sentence has no label.
        OSError: The folder is not there or cannot be written to.
    """
    write_json_list(Path(path), _written_tasks(articles, model_version))


def label_studio_template() -> str:
    """Return the labelling interface, as XML, for the tasks that `write_label_studio` writes.

    Titles and texts run from right to left. The labels are those of khabar and one for page furniture.
    """
    hints = {label.value: ARABIC_NAMES[label] for label in Label} | {FURNITURE: "ليس من نص الخبر"}
    colours = {label.value: _COLOURS[label] for label in Label} | {FURNITURE: "#9a9a9a"}

    def choices(names: Iterable[str]) -> list[str]:
        return [f"      <Choice {named(name)}/>" for name in names]

    def named(name: str) -> str:
        return f"value={quoteattr(name)} hint={quoteattr(hints[name])}"

    return "\n".join(
        [
            "<View>",
            "  <Style>.htx-text, .htx-richtext { white-space: pre-wrap; }</Style>",
            '  <View style="direction: rtl; text-align: right;">',
            '    <Header value="العنوان"/>',
            '    <Text name="title" value="$title"/>',
            '    <Choices name="title_label" toName="title" choice="single" showInLine="true">',
            *choices(hints),
            "    </Choices>",
            '    <Header value="النص"/>',
            '    <Labels name="label" toName="text" showInline="true">',
            *(f"      <Label {named(name)} background={quoteattr(colours[name])}/>" for name in hints),
            "    </Labels>",
            '    <Text name="text" value="$text"/>',
            '    <Choices name="also" toName="text" choice="multiple" perRegion="true" showInLine="true"'
            ' visibleWhen="region-selected">',
            *choices(label.value for label in Label),
            "    </Choices>",
            "  </View>",
            "</View>",
            "",
        ]
    )


def _task(entry: object, number: int, problems: Problems) -> _Task | None:
    """Read what is common to all tasks; None when it is not annotated, or cannot be read."""
    place = Place(problems, f"task {number} of the file")
    if not isinstance(entry, dict) or not isinstance(entry.get("data"), dict):
        place.complain(f'{show(entry)} is no task, which has "data" and "annotations"; export as JSON')
        return None
    identifier = as_name(entry.get("id"))
    if identifier is not None:
        place = Place(problems, f"task {identifier}")
    annotations = entry.get("annotations", [])
    if not isinstance(annotations, list) or not all(isinstance(each, dict) for each in annotations):
        place.within("annotations").complain(
            f"{show(annotations)} is no list of annotations; export as JSON, with full annotations"
        )
        return None
    standing = [index for index, each in enumerate(annotations) if not each.get("was_cancelled")]
    truths = [index for index in standing if annotations[index].get("ground_truth")]
    if not standing:
        return None
    if len(standing) > 1 and len(truths) != 1:
        place.within("annotations").complain(
            f"there are {len(standing)}, of which {len(truths)} are marked as ground truth; "
            "mark the one that is right, or delete the others"
        )
        return None
    (index,) = truths if len(standing) > 1 else standing
    results = annotations[index].get("result")
    place_of_results = place.within(f"annotations[{index}].result")
    if not isinstance(results, list):
        place_of_results.complain(f"{show(results)} is no list of results; export as JSON")
        return None
    return _Task(place, identifier, entry["data"], list(_results(results, place_of_results)))


def _results(results: Sequence[object], place: Place) -> Iterator[_Result]:
    for index, entry in enumerate(results):
        # Relations between regions have neither a control nor a value.
        if isinstance(entry, dict) and isinstance(entry.get("value"), dict) and "from_name" in entry:
            yield _Result(
                place.within(f"[{index}]"),
                str(entry.get("id") or f"[{index}]"),
                str(entry["from_name"]),
                entry.get("type"),
                entry["value"],
            )


def _find_control(tasks: Sequence[_Task], names: Mapping[str, str], problems: Problems) -> str | None:
    """Return the name of the control that the labels of sentences were given under.

    It is the one that the caller or the template names, or the only one there is.
    """
    others = {names["title_label"], names["also"]}
    found = {
        result.control: None
        for task in tasks
        for result in task.results
        if result.type in _TYPES and result.control not in others
    }
    if names["label"] in found:
        return names["label"]
    if len(found) == 1 and names["label"] == _FIELDS["label"]:
        return next(iter(found))
    if not found and any(task.under(names["title_label"]) for task in tasks):
        return names["label"]
    if tasks:
        problems.add(
            "annotations",
            f"no label was given under a control {show(names['label'])}, but under {listed(found) or 'none'} "
            'of the types Labels and Choices; say which holds the labels with columns={"label": …}',
        )
    return None


def _article(
    task: _Task, chosen: Sequence[_Result], names: Mapping[str, str], unit: OffsetUnit | None
) -> LabelledArticle | None:
    """Read a task whose regions are sentences."""
    data = task.place.within("data.")
    text = task.data.get(names["text"])
    if not isinstance(text, str):
        data.within(names["text"]).complain(
            f'{show(text)} is no text; name the key that holds it with columns={{"text": …}}'
        )
        return None
    title = read_title(task.data, names["title"], data)
    also = {result.region: result for result in task.under(names["also"])}
    spans = [_title_span(result, title) for result in task.under(names["title_label"])]
    spans += [_span(result, also.get(result.region), text, unit) for result in chosen]
    return article_of_spans(
        text,
        title,
        [span for span in spans if span is not None],
        read_facts(task.data, names, data),
        task.identifier,
        task.place,
    )


def _only_name(result: _Result) -> object:
    """Return the one label that a result chose; a complaint, and None, when it is not one."""
    if result.type not in _TYPES:
        result.place.within(".type").complain(
            f"{show(result.type)} is a result that cannot be read; use Labels or Choices on a Text"
        )
        return None
    names = result.value.get(str(result.type))
    if not isinstance(names, list) or len(names) != 1:
        result.place.within(f".value.{result.type}").complain(
            f"{show(names)} is not one label; choose exactly one, and second labels under a control of their "
            "own"
        )
        return None
    return names[0]


def _second_names(result: _Result | None) -> list[object]:
    names = None if result is None else result.value.get(str(result.type))
    return names if isinstance(names, list) else []


def _title_span(result: _Result, title: str | None) -> Span | None:
    label = read_label(_only_name(result), result.place)
    if title is None:
        result.place.complain(
            'labels a title, but the task has none; name the key that holds it with columns={"title": …}'
        )
        return None
    start, end = trim(title, 0, len(title))
    return Span("title", start, end, label, (), result.place)


def _span(result: _Result, also: _Result | None, text: str, unit: OffsetUnit | None) -> Span | None:
    label = read_label(_only_name(result), result.place)
    second = read_also(_second_names(also), label, result.place if also is None else also.place)
    start, end = result.value.get("start"), result.value.get("end")
    if not (whole_number(start) and whole_number(end)):
        result.place.within(".value").complain(
            f"{show(start)} to {show(end)} are no offsets into a text; label a Text, not a HyperText"
        )
        return None
    found = _locate(result, start, end, text, unit)
    return None if found is None else Span("body", *found, label, second, result.place)


def _locate(
    result: _Result, start: int, end: int, text: str, unit: OffsetUnit | None
) -> tuple[int, int] | None:
    """Return the offsets of a region in characters, checked against its own text where it has one."""
    shown = result.value.get("text")
    place = result.place.within(".value")
    if unit is not None or not isinstance(shown, str) or start < 0:
        return in_characters(start, end, text, unit, place)
    if _same(text[start:end], shown):
        return start, end
    first, last = characters_of(text, start), characters_of(text, end)
    if first is not None and last is not None and _same(text[first:last], shown):
        return first, last
    place.complain(
        f"offsets {start} to {end} give {show(text[start:end])}, but the region's own text is {show(shown)}; "
        "label the region again, or export the task with the text that was labelled"
    )
    return None


def _same(text: str, shown: str) -> bool:
    """Return whether a region's own text is this text, as far as the editor gives text back as it was."""
    return _UNSTABLE.sub("", text) == _UNSTABLE.sub("", shown)


def _row(task: _Task, chosen: Sequence[_Result], names: Mapping[str, str]) -> Row | None:
    """Read a task that is a sentence."""
    if len(chosen) != 1:
        task.place.within("annotations").complain(
            f"the annotation labels {'nothing' if not chosen else f'the task {len(chosen)} times'}; "
            "label it once, or skip it in Label Studio"
        )
        return None
    (result,) = chosen
    values = {field: task.data[names[field]] for field in _OF_DATA if names[field] in task.data}
    values["sentence"] = values.pop("text", None)
    values["label"] = _only_name(result)
    values["also"] = [name for each in task.under(names["also"]) for name in _second_names(each)]
    where = {field: f"data.{names[field]}" for field in _OF_DATA}
    where |= {"sentence": where["text"], "label": result.place.prefix, "also": names["also"]}
    return Row(task.place, values, where)


def _written_tasks(
    articles: Iterable[AnnotatedArticle | LabelledArticle], model_version: str
) -> Iterator[dict[str, Any]]:
    ids: set[str] = set()
    for number, article in enumerate(articles, start=1):
        refuse_repeated_ids(article, ids)
        if isinstance(article, LabelledArticle):
            yield _labelled_task(article, number)
            continue
        refuse_abstentions(article)
        # A key that the labelling interface names has to be there.
        data: dict[str, Any] = {"text": article.text, "title": article.title or ""}
        if article.id is not None:
            data["article_id"] = article.id
        prediction: dict[str, Any] = {"model_version": model_version}
        if article.sentences:
            prediction["score"] = min(_rounded(sentence.score) for sentence in article.sentences)
        prediction["result"] = [
            {"id": f"{number}-{index}", **result} for index, result in enumerate(_predicted(article), start=1)
        ]
        yield {"data": data, "predictions": [prediction]}


def _labelled_task(article: LabelledArticle, number: int) -> dict[str, Any]:
    """Return what people labelled as a task with one annotation."""
    facts = {key: getattr(article, key) for key in OF_THE_ARTICLE}
    data = {"text": article.text, "title": article.title or "", "article_id": article.id}
    results = [
        {"id": f"{number}-{index}", **result}
        for index, sentence in enumerate(article.sentences, start=1)
        for result in _labelled(sentence, f"{number}-{index}")
    ]
    return {
        "data": data | {key: value for key, value in facts.items() if value is not None},
        "annotations": [{"was_cancelled": False, "ground_truth": True, "result": results}],
    }


def _labelled(sentence: LabelledSentence, region: str) -> Iterator[dict[str, Any]]:
    name = FURNITURE if sentence.label is None else sentence.label.value
    if sentence.part == "title":
        yield {
            "from_name": "title_label",
            "to_name": "title",
            "type": "choices",
            "value": {"choices": [name]},
        }
        return
    yield _region(sentence.start, sentence.end, sentence.text, name, {})
    if sentence.also:
        second = {"choices": [label.value for label in sentence.also]}
        value = {"start": sentence.start, "end": sentence.end, "text": sentence.text, **second}
        # The id that they share is how Label Studio says that the choices belong to the region.
        yield {"id": region, "from_name": "also", "to_name": "text", "type": "choices", "value": value}


def _predicted(article: AnnotatedArticle) -> Iterator[dict[str, Any]]:
    for sentence in article.sentences:
        score = _rounded(sentence.score)
        if sentence.part == "title" and article.title is not None:
            yield {
                "from_name": "title_label",
                "to_name": "title",
                "type": "choices",
                "value": {"choices": [str(sentence.label)]},
                "score": score,
            }
        else:
            # A headline that opens the text is a region of it like any other sentence.
            yield _region(sentence.start, sentence.end, sentence.text, str(sentence.label), {"score": score})
    for piece in article.furniture:
        yield _region(piece.start, piece.end, piece.text, FURNITURE, {})


def _region(start: int, end: int, text: str, name: str, more: Mapping[str, float]) -> dict[str, Any]:
    value = {"start": start, "end": end, **more, "text": text, "labels": [name]}
    return {"from_name": "label", "to_name": "text", "type": "labels", "value": value}


def _rounded(score: float) -> float:
    # float() because a model's numbers may be NumPy's, which json does not know.
    return round(float(score), _DECIMALS)
