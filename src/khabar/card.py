"""The model card of a bundle, written from what the bundle itself says."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

import yaml

from khabar._files import write_text
from khabar._version import __version__
from khabar.bundle import Settings, load_bundle
from khabar.config import CardConfig
from khabar.errors import BundleError
from khabar.labels import Label
from khabar.plots import confusion_matrix

METRICS = "metrics.json"
TRAINING = "training.yaml"
CARD = "README.md"

_TEMPLATE = Template("""\
---
language: ar
license: $license
library_name: khabar
pipeline_tag: token-classification
tags: [arabic, news, sentence-classification, fact-checking]
---

# $name

Tags every sentence of an Arabic news article as `casualty_report`, `official_statement`, `claim` or
`background`, under version $guidelines of khabar's annotation guidelines.

```python
from khabar import Annotator

annotator = Annotator.from_pretrained("FOLDER OR HUB NAME OF THIS MODEL")
for sentence in annotator.annotate(text):
    print(sentence.label, sentence.score, sentence.text)
```

## Intended use

Reading aid for newsroom analysts, fact-checkers, conflict monitors and researchers: which sentences report a
human toll, which convey an authority's word, which assert something that is still to be checked, which are
context. A label says what kind of sentence it is, not whether it is true: `claim` does not mean false, and
`official_statement` does not mean right. Not meant for judging people or outlets, nor for publishing without
a person in between.

## How it was made

- Encoder: $encoder.
- An article is packed into windows of whole sentences, up to $max_tokens tokens each, with up to $context
  sentences of left context where it needs several; pooling: $pooling.
- The effective configuration is in `$training`, what inference does with a text in `khabar.json`.
- Probabilities are calibrated on the validation articles with a temperature of $temperature.$label_sets
$training_run
| articles and sentences | $data_header |
| --- | $data_rule |
$data_rows

$labelling

## Scores

Through the int8 graph that annotates, sentences given. In brackets the 95 % interval of a bootstrap over
articles. The validation articles chose the checkpoint and the temperature, so their scores are somewhat
flattering.

$scores

$export

$behaviour## Limits

$limits

Written by khabar $version.
""")

_LABEL_SETS = " Label sets (`error_rate`) come from the same articles."
_BEHAVIOUR = ("khabar", "templates_version", "fingerprint", "confidence", "kinds", "templates", "groups")
_WEAK = 0.9
"""Share of passed cases below which a template is named in the card."""
_PEOPLE = "Articles name people: the model stores no text, but has learnt from it."


@dataclass(frozen=True, slots=True)
class Card:
    """What a model card is written from."""

    settings: Settings
    training: dict[str, Any]
    """Content of training.yaml."""
    metrics: dict[str, Any]
    """Content of metrics.json: ``data``, ``export``, by split ``evaluations``, and ``behaviour`` once it was
    checked."""

    def render(self) -> str:
        """Return the card as Markdown."""
        said = CardConfig.model_validate(self.training.get("card", {}))
        summaries = {**self.metrics.get("data", {})}
        for split, evaluation in self.metrics.get("evaluations", {}).items():
            summaries.setdefault(split, evaluation["data"])
        window = self.settings.window
        return _TEMPLATE.substitute(
            name=said.name,
            license=said.license,
            guidelines=self.settings.guidelines,
            encoder=said.encoder or f"`{self.training.get('encoder', {}).get('path', 'unknown')}`",
            max_tokens=window.max_tokens,
            context=window.context,
            pooling=window.pooling,
            training=TRAINING,
            temperature=_temperature(self.settings),
            label_sets="" if self.settings.label_sets is None else _LABEL_SETS,
            training_run=_training_run(self.metrics.get("training")),
            data_header=" | ".join(summaries),
            data_rule=" | ".join("---:" for _ in summaries),
            data_rows=_data_rows(summaries),
            labelling=said.labelling.strip(),
            scores="\n\n".join(
                _scores(split, evaluation)
                for split, evaluation in self.metrics.get("evaluations", {}).items()
            ),
            export=_export(self.metrics.get("export")),
            behaviour=_behaviour(self.metrics.get("behaviour")),
            limits="\n".join(f"- {limit.strip()}" for limit in (*said.limits, _PEOPLE)),
            version=__version__,
        )


def write_metrics(bundle: Path, metrics: dict[str, Any]) -> None:
    """Write metrics.json of a bundle."""
    text = json.dumps(metrics, ensure_ascii=False, indent=2, allow_nan=False)
    write_text(bundle / METRICS, text + "\n")


def add_evaluation(bundle: Path, split: str, data: dict[str, Any], scores: dict[str, Any]) -> None:
    """Put the scores on a split into metrics.json and write the card anew.

    Args:
        bundle: A bundle that `khabar.training.finish` made.
        split: Name of the split.
        data: `khabar.evaluation.DataSummary.to_dict` of its articles.
        scores: `khabar.evaluation.Evaluation.to_dict` of the model on them.

    Raises:
        BundleError: The bundle has no metrics.json or training.yaml.
    """
    metrics = _read_metrics(bundle)
    metrics.setdefault("evaluations", {})[split] = {"data": data, "scores": scores}
    write_metrics(bundle, metrics)
    write_card(bundle)


def add_export(bundle: Path, check: dict[str, Any]) -> None:
    """Put a new comparison of graph and weights into metrics.json and write the card anew.

    Args:
        bundle: A bundle that `khabar.training.finish` made.
        check: The fields of a `khabar.export.ExportCheck` on the validation sentences.

    Raises:
        BundleError: The bundle has no metrics.json or training.yaml.
    """
    write_metrics(bundle, _read_metrics(bundle) | {"export": check})
    write_card(bundle)


def add_behaviour(bundle: Path, report: dict[str, Any]) -> None:
    """Put the pass rates of the behaviour tests into metrics.json and write the card anew.

    Args:
        bundle: A bundle that `khabar.training.finish` made.
        report: `khabar.checks.CheckReport.to_dict` of the model; its cases and failures are left out.

    Raises:
        BundleError: The bundle has no metrics.json or training.yaml.
    """
    metrics = _read_metrics(bundle)
    metrics["behaviour"] = {key: report[key] for key in _BEHAVIOUR}
    write_metrics(bundle, metrics)
    write_card(bundle)


def write_card(bundle: Path) -> None:
    """Write README.md of a bundle, and its pictures, from its khabar.json, training.yaml and metrics.json.

    Raises:
        BundleError: One of the files is missing or damaged.
    """
    try:
        training = yaml.safe_load((bundle / TRAINING).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BundleError(f"{bundle / TRAINING}: cannot be read ({error}); the card needs it.") from error
    card = Card(settings=load_bundle(bundle).settings, training=training, metrics=_read_metrics(bundle))
    for split, evaluation in card.metrics.get("evaluations", {}).items():
        confusion = evaluation["scores"]["strict"]["confusion"]
        title = f"{split}: {evaluation['data']['sentences']:,} sentences"
        picture = bundle / confusion_picture(split)
        confusion_matrix(confusion["gold_by_predicted"], confusion["labels"], title, picture)
    write_text(bundle / CARD, card.render())


def confusion_picture(split: str) -> str:
    """Return the name of the picture of a split's confusion matrix, in the bundle."""
    return f"confusion-{re.sub(r'[^A-Za-z0-9_-]+', '-', split)}.png"


def _read_metrics(bundle: Path) -> dict[str, Any]:
    try:
        metrics: dict[str, Any] = json.loads((bundle / METRICS).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise BundleError(
            f"{bundle / METRICS}: cannot be read ({error}); scripts/train.py writes it."
        ) from error
    return metrics


def _data_rows(summaries: dict[str, Any]) -> str:
    rows = [("articles", [f"{summary['articles']:,}" for summary in summaries.values()])]
    rows.append(("outlets", [f"{summary['outlets']:,}" for summary in summaries.values()]))
    for label in Label:
        shares = []
        for summary in summaries.values():
            count = summary["support"][label.value]
            shares.append(f"{count:,} ({count / summary['sentences']:.0%})")
        rows.append((f"`{label.value}`", shares))
    rows.append(
        ("page furniture, not scored", [f"{summary['furniture']:,}" for summary in summaries.values()])
    )
    return "\n".join(f"| {name} | {' | '.join(cells)} |" for name, cells in rows)


def _scores(split: str, evaluation: dict[str, Any]) -> str:
    strict, lenient = evaluation["scores"]["strict"], evaluation["scores"]["lenient"]
    rows = ["| label | precision | recall | F1 | sentences |", "| --- | ---: | ---: | ---: | ---: |"]
    for label in Label:
        scores = strict["labels"][label.value]
        figures = " | ".join(_percent(scores[key]) for key in ("precision", "recall", "f1"))
        rows.append(f"| `{label.value}` | {figures} | {scores['support']:,} |")
    summary = (
        f"Macro-F1 {_percent(strict['macro_f1'])}, accuracy {_percent(strict['accuracy'])}; "
        f"where a second gold label counts as right, macro-F1 {_percent(lenient['macro_f1'])}."
    )
    parts = [
        f"{name} {_percent(scores['accuracy'])} ({scores['sentences']:,})"
        for name, scores in evaluation["scores"]["slices"].items()
    ]
    said = [summary, f"Accuracy by part (sentences): {', '.join(parts)}.", *_trust(evaluation["scores"])]
    said.append(f"![Gold and predicted labels of {split}]({confusion_picture(split)})")
    return "\n".join([f"### {split}", "", *rows, *(line for text in said for line in ("", text))])


def _training_run(record: dict[str, Any] | None) -> str:
    if record is None:
        return ""
    minutes, rest = divmod(record["seconds"], 60)
    took = f"{minutes} min {rest} s" if minutes else f"{rest} s"
    of = "" if record["runs"] == 1 else f" in {record['runs']} runs"
    return (
        f"- Training took {took} for {record['steps']:,} steps{of}, evaluations and checkpoints included, in "
        f"{record['precision']} on {record['hardware']}\n"
        f"  (torch {record['torch']}, transformers {record['transformers']}).\n"
    )


def _trust(scores: dict[str, Any]) -> list[str]:
    """Say how far probabilities and label sets hold; nothing for scores from before they were measured."""
    if "calibration" not in scores:
        return []
    error = scores["calibration"]["top"]["calibration_error"]
    said = [f"Expected calibration error of the most probable label, 15 bins: {error:.3f}."]
    said += [
        f"Label sets at an error rate of {found['error_rate']:g} hold the gold label in "
        f"{_percent(found['coverage'])} % of the sentences, {found['mean_size']:.2f} labels in a set."
        for found in scores["label_sets"]
    ]
    return [" ".join(said)]


def _export(check: dict[str, Any] | None) -> str:
    if check is None:
        return ""
    return (
        f"The int8 graph gives {check['same_label']:.2%} of {check['sentences']:,} sentences "
        f"the label that the full weights give; a logit differs by {check['mean_difference']:.3f} on average."
    )


def _temperature(settings: Settings) -> str:
    if not settings.temperature_slope:
        return str(settings.temperature)
    return f"{settings.temperature} · exp({settings.temperature_slope} · relative entropy)"


def _behaviour(report: dict[str, Any] | None) -> str:
    """Say what `scripts/check_model.py --card` found; nothing where it was not run."""
    if report is None:
        return ""
    rows = [
        "|  | cases | passed | % | right before | right after |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for kind, rates in report["kinds"].items():
        shares = " | ".join(
            f"{100 * rates[key] / rates['cases']:.1f}" for key in ("original_right", "changed_right")
        )
        rows.append(
            f"| {kind} | {rates['cases']:,} | {rates['passed']:,} | {_percent(rates['rate'])} | {shares} |"
        )
    weak = [
        f"{name} {rates['passed']} of {rates['cases']}"
        for name, rates in sorted(
            report["templates"].items(), key=lambda item: item[1]["passed"] / item[1]["cases"]
        )
        if rates["passed"] < _WEAK * rates["cases"]
    ]
    groups = []
    for attribute, names in report["groups"].items():
        right = sorted((item["right"] / item["articles"], name) for name, item in names.items())
        (low, lowest), (high, highest) = right[0], right[-1]
        spread = f"{100 * low:.0f} %"
        if low < high:
            spread += f" ({lowest}) to {100 * high:.0f} % ({highest})"
        groups.append(f"by {attribute} ({len(names)} names) from {spread}")
    said = [
        f"Templates of version {report['templates_version']}, fixed before a model was run on them. A "
        "directional case passes when its sentence has the right label before and after a change that turns "
        "it, an invariant one when the label stays through a change that should not matter.",
        "\n".join(rows),
        f"Templates below {_WEAK:.0%}: {', '.join(weak) or 'none'}.",
    ]
    if groups:
        said.append(f"Right labels of sentences that name somebody: {'; '.join(groups)}.")
    return "## Behaviour\n\n" + "\n\n".join(said) + "\n\n"


def _percent(estimate: dict[str, float | None]) -> str:
    value, low, high = (estimate[key] for key in ("value", "low", "high"))
    if value is None:
        return "–"
    if low is None or high is None:
        return f"{100 * value:.1f}"
    return f"{100 * value:.1f} [{100 * low:.1f}, {100 * high:.1f}]"
