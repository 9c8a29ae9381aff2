"""What people labelled, as files that training and labelling tools read."""

import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

from khabar.corpus import write_doccano, write_jsonl, write_label_studio
from khabar.errors import KhabarError
from khabar.schema import LabelledArticle, LabelledSentence
from khabar.serve.model import ModelInfo
from khabar.serve.store import ReviewedArticle

Format = Literal["khabar", "label-studio", "doccano"]
Chosen = Literal["done", "touched", "all"]


class NothingToExportError(KhabarError):
    """No article is as far as was asked for."""


def export(
    articles: Iterable[ReviewedArticle], model: ModelInfo, format: Format, chosen: Chosen
) -> tuple[str, bytes]:
    """Return the name and the content of a file with labelled articles.

    Args:
        articles: Articles as they stand.
        model: What is served now; its guidelines are what people labelled under.
        format: Of the file, as docs/data-formats.md describes them.
        chosen: ``"done"``: articles that are done. ``"touched"``: those that a person has begun, too.
            ``"all"``: every article. Units without a person's label are context in khabar's own format, with
            the label null, and are left out of the others, where they are still to be labelled.

    Raises:
        NothingToExportError: There is no such article.
    """
    labelled = [
        _labelled(article, model, unlabelled=format == "khabar")
        for article in articles
        if chosen == "all" or article.review.done or (chosen == "touched" and article.review.labelled())
    ]
    if not labelled:
        remedy = {
            "done": "label all sentences of one or mark it as done, or take those that were begun, too: "
            "articles=touched.",
            "touched": "label a sentence first.",
            "all": "add articles to the queue first.",
        }[chosen]
        raise NothingToExportError(f"no article is {chosen if chosen != 'all' else 'there'}; {remedy}")
    name, write = _WRITERS[format]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        write(labelled, path, model)
        return name, path.read_bytes()


def _labelled(article: ReviewedArticle, model: ModelInfo, *, unlabelled: bool) -> LabelledArticle:
    review = article.review
    return LabelledArticle(
        id=article.name,
        text=review.text,
        title=review.title,
        sentences=tuple(_sentences(article, unlabelled=unlabelled)),
        split=article.split,
        outlet=article.outlet,
        guidelines=article.guidelines or model.guidelines,
    )


def _sentences(article: ReviewedArticle, *, unlabelled: bool) -> Iterator[LabelledSentence]:
    for unit in article.units:
        if unit.by is None and not unlabelled:
            continue
        label = None if unit.by is None else unit.label
        yield LabelledSentence(*unit.span, article.review.text_of(unit.span), label)


def _khabar(articles: list[LabelledArticle], path: Path, model: ModelInfo) -> None:
    write_jsonl(articles, path)


def _label_studio(articles: list[LabelledArticle], path: Path, model: ModelInfo) -> None:
    write_label_studio(articles, path, model_version=f"{model.name} {model.fingerprint}")


def _doccano(articles: list[LabelledArticle], path: Path, model: ModelInfo) -> None:
    write_doccano(articles, path)


_WRITERS: dict[Format, tuple[str, Callable[[list[LabelledArticle], Path, ModelInfo], Any]]] = {
    "khabar": ("khabar-review.jsonl", _khabar),
    "label-studio": ("khabar-review.label-studio.json", _label_studio),
    "doccano": ("khabar-review.doccano.jsonl", _doccano),
}
