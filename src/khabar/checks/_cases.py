"""All cases of the behaviour tests, and their fingerprint."""

import hashlib
import json
from dataclasses import asdict
from typing import Final

from khabar.checks._records import Case
from khabar.checks.sentences import TEMPLATES

VERSION: Final = "1"
"""Version of the templates. Rates of two versions cannot be compared, so any change to a case raises it."""


def all_cases() -> list[Case]:
    """Expand every template, always to the same cases in the same order."""
    return [case for template in TEMPLATES for case in template.cases()]


def fingerprint(cases: list[Case]) -> str:
    """A hash of everything that the cases say, which tells that a report is of these and no others."""
    plain = json.dumps([asdict(case) for case in cases], ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(plain.encode()).hexdigest()
