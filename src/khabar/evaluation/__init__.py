"""How good an annotator is, on whose articles, and how sure that figure is."""

from khabar.evaluation._calibration import CalibrationScores, Reliability, calibration_error
from khabar.evaluation._end_to_end import Alignment, ArticleAnnotator, EndToEnd, align, end_to_end
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
from khabar.evaluation._label_sets import SetCoverage
from khabar.evaluation._markdown import write_markdown
from khabar.evaluation._report import (
    CORPUS_AGREEMENT,
    AnnotatorAgreement,
    DataSummary,
    Report,
    percent,
    plain,
)
from khabar.evaluation._scores import Bootstrap, Estimate, LabelScores, Scores, score
from khabar.evaluation._selective import RiskCoverage

__all__ = [
    "CORPUS_AGREEMENT",
    "ERROR_KINDS",
    "Agreement",
    "Alignment",
    "AnnotatorAgreement",
    "ArticleAnnotator",
    "Bootstrap",
    "CalibrationScores",
    "DataSummary",
    "EndToEnd",
    "Estimate",
    "Evaluation",
    "Judgement",
    "LabelScores",
    "Reliability",
    "Report",
    "RiskCoverage",
    "Scores",
    "SentenceAnnotator",
    "SetCoverage",
    "agreement",
    "align",
    "calibration_error",
    "end_to_end",
    "judge",
    "percent",
    "plain",
    "score",
    "summarise",
    "write_markdown",
]
