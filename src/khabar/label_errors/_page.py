"""Suspects as HTML: right to left, each under the sentence before it."""

from collections.abc import Iterable
from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined

from khabar.label_errors._find import Suspect
from khabar.label_errors._review import Places
from khabar.schema import LabelledArticle

_FRAGMENT = """\
<div class="khabar-suspects" style="font-family: system-ui, sans-serif; line-height: 1.7; color: #111; \
background: #fff; max-width: 46rem; padding: 0.5rem">
{% for each in suspects %}
<section style="margin: 0 0 1.25rem">
<p dir="ltr" lang="en" style="margin: 0"><strong>{{ each.label }}</strong>{% if each.also %} \
(also {{ each.also }}){% endif %} · the model: <strong>{{ each.predicted }}</strong> \
{{ "%.2f" | format(each.probability) }} · {{ each.doubts }}</p>
<blockquote dir="rtl" lang="ar" style="margin: 0.25rem 0; padding-inline-start: 0.75rem; \
border-inline-start: 3px solid #b45309">
{% if each.before is not none %}
<span style="color: #555">{{ each.before }}</span><br>
{% endif %}
{{ each.text }}</blockquote>
<p dir="ltr" lang="en" style="margin: 0; color: #555"><small>{{ each.where }}</small></p>
</section>
{% endfor %}
</div>
"""

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sentences that deserve a look</title>
</head>
<body style="margin: 1rem auto; max-width: 48rem">
<h1 style="font-family: system-ui, sans-serif; font-size: 1.4rem">Sentences that deserve a look</h1>
{% include "fragment" %}
</body>
</html>
"""

_ENVIRONMENT = Environment(
    loader=DictLoader({"fragment": _FRAGMENT, "page": _PAGE}),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def suspects_to_html(
    suspects: Iterable[Suspect], articles: Iterable[LabelledArticle], *, whole_page: bool = True
) -> str:
    """Show suspects with the sentence before each, which often says who is speaking.

    Args:
        suspects: In the order in which they are shown.
        articles: The labelled articles that they stand in.
        whole_page: Return a page that needs no other file; otherwise one element, for a cell of a notebook.

    Raises:
        DataError: A suspect is in none of the articles, or has another label there.
    """
    found = Places(articles)
    template = _ENVIRONMENT.get_template("page" if whole_page else "fragment")
    return template.render(suspects=[_shown(suspect, found) for suspect in suspects])


def _shown(suspect: Suspect, places: Places) -> dict[str, Any]:
    prediction = suspect.prediction
    article, number, sentence = places.of(prediction)
    return {
        "label": prediction.label.value,
        "also": ", ".join(label.value for label in prediction.also),
        "predicted": prediction.predicted.value,
        "probability": prediction.probabilities[prediction.predicted],
        "doubts": ", ".join(doubt.value for doubt in suspect.doubts),
        "before": article.sentences[number - 1].text if number else None,
        "text": sentence.text,
        "where": f"{article.id}, {sentence.part} {sentence.start}–{sentence.end}",
    }
