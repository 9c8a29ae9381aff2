"""Behaviour tests for a model: what a change of the article does to a label, and what it must not do.

After CheckList (Ribeiro et al. 2020, «Beyond Accuracy: Behavioral Testing of NLP Models with CheckList»). A
score says how often a model is right on articles that were found; these say whether it is right for the
right reason, on articles that were made to differ in one thing.
"""

from khabar.checks._cases import VERSION, all_cases, fingerprint
from khabar.checks._records import Case, Kind, Variant
from khabar.checks._report import CheckReport, GroupRates, Rates
from khabar.checks._run import Answer, CheckResult, run_checks
from khabar.checks.sentences import TEMPLATES

__all__ = [
    "TEMPLATES",
    "VERSION",
    "Answer",
    "Case",
    "CheckReport",
    "CheckResult",
    "GroupRates",
    "Kind",
    "Rates",
    "Variant",
    "all_cases",
    "fingerprint",
    "run_checks",
]
