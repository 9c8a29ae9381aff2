"""Ask the package arabert anew what it makes of the strings of the two reference files.

The package cannot be a dependency of development: it pins a release of emoji of 2021 and asks for farasapy,
its source has escapes that Python warns of, and our tests take warnings for errors. So what it answers to
strings that were written for this project is kept, and this script renews it, from the top of a checkout:

    python -m venv /tmp/arabert
    /tmp/arabert/bin/pip install --no-deps arabert==1.0.1 PyArabic
    /tmp/arabert/bin/python tests/data/make_arabert_reference.py

To add a case, add a line with its ``text`` (or ``farasa``) and run it. Where khabar's answer is to be another
one, the line says so by hand: ``khabar`` is that answer, ``reason`` a key of DIFFERENCES in test_arabert.py.
"""

import json
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

FOLDER = Path(__file__).parent


class Segmenter:
    """Stands where the package looks for Farasa, and says what the reference file says that Farasa says."""

    answer = ""

    def __init__(self, *, interactive):
        assert interactive

    def segment(self, text):
        return self.answer


def renew(name, ask):
    file = FOLDER / name
    cases = [json.loads(line) for line in file.read_text("utf-8").split("\n") if line]
    lines = []
    for case in cases:
        answered = {**case, "arabert": ask(case)}
        ordered = {
            key: answered[key] for key in ("text", "farasa", "arabert", "khabar", "reason") if key in answered
        }
        # What cannot be seen is written as an escape.
        visible = all(value.isprintable() for value in ordered.values())
        lines.append(json.dumps(ordered, ensure_ascii=not visible) + "\n")
    file.write_text("".join(lines), encoding="utf-8")


def main():
    farasa, segmenter = ModuleType("farasa"), ModuleType("farasa.segmenter")
    segmenter.FarasaSegmenter = Segmenter
    sys.modules |= {"farasa": farasa, "farasa.segmenter": segmenter}
    preprocessor = import_module("arabert.preprocess").ArabertPreprocessor
    v02, v2 = preprocessor("bert-base-arabertv02"), preprocessor("bert-base-arabertv2")

    def answer_segmented(case):
        Segmenter.answer = case["farasa"]
        return v2.preprocess("نص")

    renew("arabert_reference.jsonl", lambda case: v02.preprocess(case["text"]))
    renew("arabert_v2_reference.jsonl", answer_segmented)


if __name__ == "__main__":
    main()
