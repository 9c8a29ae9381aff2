"""An explanation as HTML: words on a colour that says how much they speak for the label, or against it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from khabar.labels import Label

_FOR, _AGAINST = "37, 99, 235", "217, 119, 6"
"""Blue and amber, which people who see no red or green tell apart too."""

_MOST: Final = 0.55
"""Opacity of the heaviest word: black text on it keeps a contrast above 7 : 1."""

_ENVIRONMENT = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)

# White space between words is text of the article, so the loops over words add none.
_FRAGMENT = _ENVIRONMENT.from_string("""\
<div class="khabar-explanation" style="font-family: system-ui, sans-serif; line-height: 2; color: #111; \
background: #fff; max-width: 46rem; padding: 0.5rem">
<p dir="ltr" lang="en" style="line-height: 1.5">What speaks <span style="background: rgba({{ for_ }}, 0.35)">\
for</span> and <span style="background: rgba({{ against }}, 0.35)">against</span> \
<strong>{{ label }}</strong> in the outlined sentence: its logit is {{ "%+.2f" | format(logit) }}, and \
{{ "%+.2f" | format(baseline) }} with every word masked. The figure beside a sentence is what its words \
add.</p>
<ol dir="rtl" lang="ar" style="list-style: none; padding: 0; margin: 0">
{% for stretch in stretches %}
<li style="padding: 0.1rem 0.5rem; margin: 0.25rem 0; border: 2px solid \
{{ "#111" if stretch.explained else "transparent" }}">\
{% for text, weight in stretch.pieces %}\
{% if weight is none %}{{ text }}{% else %}\
<span title="{{ "%+.3f" | format(weight) }}" style="background: {{ colour(weight) }}">{{ text }}</span>\
{% endif %}\
{% endfor %} <small dir="ltr" style="color: #444">{{ "%+.2f" | format(stretch.weight) }}</small></li>
{% endfor %}
</ol>
</div>
""")

_PAGE = _ENVIRONMENT.from_string("""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Why {{ label }}? An explanation by khabar</title>
</head>
<body style="margin: 1rem auto; max-width: 48rem">
{{ fragment }}
</body>
</html>
""")


@dataclass(frozen=True, slots=True)
class Stretch:
    """A sentence as it is shown."""

    explained: bool
    """Whether it is the one whose label is explained."""
    weight: float
    """Sum of its words' weights."""
    pieces: Sequence[tuple[str, float | None]]
    """Its text in order: words with their weights, and what stands between them with None."""


def render_fragment(label: Label, logit: float, baseline: float, stretches: Iterable[Stretch]) -> str:
    """Return one element, with its styles on it, for a page of somebody else."""
    shown = list(stretches)
    most = max((abs(weight) for each in shown for _, weight in each.pieces if weight is not None), default=0)

    def colour(weight: float) -> str:
        share = abs(weight) / most if most else 0.0
        return f"rgba({_FOR if weight > 0 else _AGAINST}, {_MOST * share:.3f})"

    return _FRAGMENT.render(
        label=label.value,
        logit=logit,
        baseline=baseline,
        stretches=shown,
        colour=colour,
        for_=_FOR,
        against=_AGAINST,
    )


def render_page(label: Label, logit: float, baseline: float, stretches: Iterable[Stretch]) -> str:
    """Return a whole page."""
    fragment = render_fragment(label, logit, baseline, stretches)
    # The fragment was escaped when it was made.
    return _PAGE.render(label=label.value, fragment=Markup(fragment))
