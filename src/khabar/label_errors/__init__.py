"""Errors worth a person's time: labels in doubt, confident mistakes and what a model is unsure of."""

from khabar.label_errors._find import Doubt, Suspect, as_predictions, find_suspects
from khabar.label_errors._page import suspects_to_html
from khabar.label_errors._review import for_review, suspect_records

__all__ = [
    "Doubt",
    "Suspect",
    "as_predictions",
    "find_suspects",
    "for_review",
    "suspect_records",
    "suspects_to_html",
]
