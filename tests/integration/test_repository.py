"""What the repository says about itself holds: its configurations, its documents and their links."""

import json
import re
import subprocess
import sys
import tomllib
from itertools import takewhile
from pathlib import Path

import pytest

from khabar.bundle import Settings
from khabar.config import load_adapt_config, load_config, load_experiment, load_search
from khabar.corpus import read_jsonl
from khabar.labels import Label
from khabar.render.words import LABEL_NAMES
from khabar.tuning import check_space

ROOT = Path(__file__).parents[2]
FILES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "configs").rglob("*.yaml"))
LAUNCHES = [name for name in FILES if name.startswith("configs/accelerate/")]
CONFIGS = [name for name in FILES if name not in LAUNCHES]
FOLDERS = ("benchmarks", "configs", "data", "docs", "examples", "notebooks", "src")
PAGES = [*ROOT.glob("*.md"), *(page for folder in FOLDERS for page in (ROOT / folder).rglob("*.md"))]
DOCUMENTS = sorted(path.relative_to(ROOT).as_posix() for path in PAGES)
GUIDELINES = ROOT / "docs" / "annotation-guidelines.md"

LINK = re.compile(r"\[[^\]]*\]\(([^()\s]+)\)")
CODE = re.compile(r"^(`{3,}|~{3,}).*?^\1", re.MULTILINE | re.DOTALL)
PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
JSON = re.compile(r"^```json\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_there_are_configurations_and_documents():
    assert len(CONFIGS) > 0
    assert len(LAUNCHES) > 0
    assert {"README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/architecture.md"} <= set(DOCUMENTS)


def script_of(name):
    """The script that a configuration is for."""
    for folder, script in (("experiments", "experiment"), ("search", "tune")):
        if name.startswith(f"configs/{folder}/"):
            return script
    own = {
        "configs/adapt.yaml": "adapt",
        "configs/distil.yaml": "adapt",
        "configs/cross-validation.yaml": "cross_validate",
    }
    return own.get(name, "train")


@pytest.mark.parametrize("name", CONFIGS)
def test_configuration_loads(name, monkeypatch):
    monkeypatch.chdir(ROOT)
    script = script_of(name)
    if script == "experiment":
        experiment = load_experiment(Path(name))
        for changes in experiment.variants.values():
            varied = load_config(experiment.config, [*experiment.overrides, *changes])
            assert varied.output != Path()
    elif script == "tune":
        search = load_search(Path(name))
        assert search.trials > 0
        check_space(search)
    else:
        load = load_adapt_config if script == "adapt" else load_config
        assert load(Path(name)).output != Path()


@pytest.mark.parametrize("name", CONFIGS)
def test_configuration_says_what_for_and_how(name):
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    header = list(takewhile(lambda line: line.startswith("#"), lines))
    assert any(f"python scripts/{script_of(name)}.py {name}" in line for line in header)
    assert len(header) > 2
    told = " ".join(header)
    assert re.search(r"second|minute|hour|night", told), "says how long it takes"


@pytest.mark.parametrize("name", LAUNCHES)
def test_launch_configuration_is_one_of_accelerate(name):
    from accelerate.commands.config.config_args import ClusterConfig, load_config_from_file
    from accelerate.commands.launch import _validate_launch_command, launch_command_parser

    # It names keys that it does not know.
    assert isinstance(load_config_from_file(str(ROOT / name)), ClusterConfig)
    told = ["--config_file", str(ROOT / name), "scripts/train.py", "CONFIG"]
    arguments, *_ = _validate_launch_command(launch_command_parser().parse_args(told))
    assert arguments.num_processes > 1
    assert arguments.multi_gpu != arguments.use_fsdp  # else it would start a single process
    text = (ROOT / name).read_text(encoding="utf-8")
    assert f"accelerate launch --config_file {name} " in text
    assert "scripts/train.py CONFIG" in text


@pytest.mark.parametrize("name", [name for name in CONFIGS if "arabert" in name])
def test_cards_of_what_comes_from_arabert_repeat_its_licence(name):
    config = load_config(ROOT / name)
    assert config.card.license == "other"
    assert "free for any purpose" in config.card.encoder
    assert "under the same licence" in config.card.encoder
    assert config.encoder.path in config.card.encoder
    assert config.normalization.scheme == (
        "arabert-v02" if name.endswith("v02.yaml") or "lora" in name else "arabert-v2"
    )


def test_every_key_of_a_configuration_is_on_its_page():
    script = ROOT / "scripts" / "document_configuration.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert all(
        f"| `{key}` |" in page for key in ("data.columns", "window.context", "recipe.lora.r", "card.limits")
    )


def test_readme_shows_the_page_and_an_article():
    shown = re.findall(r"!\[[^]]+\]\((docs/images/[^)]+)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert shown == ["docs/images/review.png", "docs/images/article.png"]


def test_guidelines_define_every_label_in_the_version_that_models_name():
    text = GUIDELINES.read_text(encoding="utf-8")
    assert f"version {Settings().guidelines}\n" in text
    assert [label.value for label in Label if f"→ `{label.value}`" not in text] == []


def test_arabic_guidelines_settle_what_the_english_ones_settle():
    english = GUIDELINES.read_text(encoding="utf-8")
    arabic = GUIDELINES.with_suffix(".ar.md").read_text(encoding="utf-8")
    names = LABEL_NAMES["ar"]
    cases = [
        [line.strip("| ").split(" | ") for line in text.splitlines() if line.count("|") == 4][2:]
        for text in (english, arabic)
    ]
    assert len(cases[0]) > 20
    assert [(sentence.split(" (")[0], names[Label(label)]) for sentence, label, _ in cases[0]] == [
        (sentence.split(" (")[0], label) for sentence, label, _ in cases[1]
    ]
    for mark in ("## ", "- **", "   - "):
        assert arabic.count(f"\n{mark}") == english.count(f"\n{mark}"), mark
    assert [label.value for label in Label if f"{names[label]} `{label.value}`" not in arabic] == []


def heading_anchors(document):
    """Return the anchors that GitHub gives the headings of a document."""
    text = CODE.sub("", document.read_text(encoding="utf-8"))
    headings = re.findall(r"^#{1,6} (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


def leads_somewhere(document, link):
    """Return whether a link to a place in this repository names one that is there."""
    path, _, anchor = link.partition("#")
    target = document.parent / path if path else document
    if not target.exists() or not target.resolve().is_relative_to(ROOT):
        return False
    return not anchor or anchor in heading_anchors(target)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_somewhere(name):
    document = ROOT / name
    links = LINK.findall(CODE.sub("", document.read_text(encoding="utf-8")))
    local = [link for link in links if "://" not in link and not link.startswith("mailto:")]
    assert [link for link in local if not leads_somewhere(document, link)] == []


def test_articles_written_for_the_project_are_what_their_page_says():
    articles = read_jsonl(ROOT / "data" / "sports-and-courts.jsonl")
    page = (ROOT / "data" / "README.md").read_text(encoding="utf-8")
    order = (Label.CLAIM, Label.OFFICIAL_STATEMENT, Label.BACKGROUND, Label.CASUALTY_REPORT)
    for split in ("train", "validation", "test"):
        chosen = [article for article in articles if article.split == split]
        labels = [unit.label for article in chosen for unit in article.sentences]
        counts = [len(chosen), *(labels.count(label) for label in order)]
        counts += [len(labels) - labels.count(None), labels.count(None)]
        assert f"| `{split}` | {' | '.join(map(str, counts))} |" in page
    assert {article.guidelines for article in articles} == {Settings().guidelines}


def test_architecture_shows_the_layers_that_are_enforced():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (layers,) = (
        contract["layers"]
        for contract in settings["tool"]["importlinter"]["contracts"]
        if contract["type"] == "layers"
    )
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    picture = text.partition("<!-- layers -->")[2].partition("<!-- end of layers -->")[0]
    assert re.findall(r"^\| `(\w+)`", picture, re.MULTILINE) == [
        layer.removeprefix("khabar.") for layer in layers
    ]


def test_documented_labelled_article_reads(tmp_path):
    (example, *_) = JSON.findall((ROOT / "docs" / "data-formats.md").read_text(encoding="utf-8"))
    path = tmp_path / "articles.jsonl"
    path.write_text(json.dumps(json.loads(example)), encoding="utf-8")
    (article,) = read_jsonl(path)
    title, first, second, furniture = article.sentences
    assert title.text == article.title
    assert first.text.endswith(".")
    assert second.text.endswith(".")
    assert (furniture.label, furniture.text) == (None, article.text.splitlines()[-1])


@pytest.mark.slow
def test_python_of_the_readme_runs(tmp_path):
    (code, *_) = PYTHON.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "casualty_report" in done.stdout
