"""How good an annotator is, on whose articles, and how sure that figure is."""

from khabar.evaluation._evaluate import (
    Agreement,
    Evaluation,
    Judgement,
    SentenceAnnotator,
    agreement,
    judge,
    summarise,
)
from khabar.evaluation._kinds import ERROR_KINDS
from khabar.evaluation._report import DataSummary, Report
from khabar.evaluation._scores import Bootstrap, Estimate, LabelScores, Scores, score

__all__ = [
    "ERROR_KINDS",
    "Agreement",
    "Bootstrap",
    "DataSummary",
    "Estimate",
    "Evaluation",
    "Judgement",
    "LabelScores",
    "Report",
    "Scores",
    "SentenceAnnotator",
    "agreement",
    "judge",
    "score",
    "summarise",
]
