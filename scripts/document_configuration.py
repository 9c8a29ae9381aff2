"""Write docs/configuration.md: every key of every configuration, from the docstrings beside the fields.

    python scripts/document_configuration.py
    python scripts/document_configuration.py --check

With --check nothing is written, and the exit code is 1 when the page is not what it would be.
"""

import argparse
import ast
import re
import sys
from pathlib import Path

from khabar._files import write_text

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "configuration.md"
SOURCE = ROOT / "src" / "khabar"
SECTIONS = {
    "A training run: `scripts/train.py`": [
        ("", "config.py", "RunConfig"),
        ("data", "config.py", "DataConfig"),
        ("encoder", "config.py", "EncoderConfig"),
        ("normalization", "arabic/normalize.py", "Normalization"),
        ("window", "encode.py", "WindowOptions"),
        ("recipe", "config.py", "RecipeConfig"),
        ("recipe.lora", "config.py", "LoraOptions"),
        ("card", "config.py", "CardConfig"),
    ],
    "Adapting an encoder: `scripts/adapt.py`": [
        ("", "config.py", "AdaptConfig"),
        ("unlabelled", "config.py", "UnlabelledConfig"),
        ("recipe", "config.py", "AdaptRecipeConfig"),
    ],
    "An experiment: `scripts/experiment.py`": [
        ("", "config.py", "ExperimentConfig"),
        ("judge_on", "config.py", "JudgedSplit"),
    ],
    "A search: `scripts/tune.py`": [
        ("", "config.py", "SearchConfig"),
        ("space.KEY", "config.py", "FloatRange"),
        ("space.KEY", "config.py", "IntRange"),
        ("space.KEY", "config.py", "Choices"),
        ("pruning", "config.py", "PruningOptions"),
    ],
}
"""Heading, and the sections below it: their place in the YAML file, and the class that documents them."""
HEAD = """\
# Configuration

Every key of the files in [`configs/`](../configs). On the command line each is `section.key=value`, the value
in YAML: `training.seed=1`, `recipe.seeds=[17,18]`, `data.columns={sentence: text}`. Unknown keys, wrong
values and options that contradict each other are all told at once, before anything is loaded. Keys without a
default have to be given.

Written by `scripts/document_configuration.py` from the source; change it there.
"""


def page() -> str:
    """Return the whole page."""
    parts = [HEAD]
    for heading, sections in SECTIONS.items():
        parts.append(f"## {heading}\n")
        parts += [section(place, SOURCE / file, name) for place, file, name in sections]
    return "\n".join(parts)


def section(place: str, file: Path, name: str) -> str:
    """Return the table of the keys of one class."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    [found] = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name]
    rows = ["| key | value | default | |", "|---|---|---|---|"]
    for field, after in zip(found.body, [*found.body[1:], None], strict=True):
        if not isinstance(field, ast.AnnAssign) or not isinstance(field.target, ast.Name):
            continue
        key = f"{place}.{field.target.id}" if place else field.target.id
        cells = (f"`{key}`", f"`{ast.unparse(field.annotation)}`", default(field.value), docstring(after))
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    title = f"### `{place}:`\n\n" if place else ""
    return f"{title}{in_line(ast.get_docstring(found) or '')}\n\n" + "\n".join(rows) + "\n"


def default(value: ast.expr | None) -> str:
    """Return what a key is when nobody gives it."""
    if isinstance(value, ast.Call):
        given = {keyword.arg: keyword.value for keyword in value.keywords}
        if "default" in given:
            value = given["default"]
        else:
            return "" if value.args or "default_factory" not in given else "empty"
    if value is None:
        return ""
    return "" if isinstance(value, ast.Call) else f"`{ast.unparse(value)}`"


def docstring(node: ast.stmt | None) -> str:
    """Return the docstring that follows a field, if one does."""
    text = node.value.value if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) else ""
    return in_line(text) if isinstance(text, str) else ""


def in_line(text: str) -> str:
    """Return a docstring as one line of Markdown."""
    return re.sub(r"\s+", " ", text.replace("``", "`")).strip()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="write nothing")
    if not parser.parse_args().check:
        write_text(PAGE, page())
    elif not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != page():
        sys.exit(f"{PAGE}: is not what the source says; run scripts/document_configuration.py.")
