"""The metric that selects a model while it is trained."""

import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from khabar.errors import MissingExtraError

# Python looks in the folder of the running script first, and a train.py often has an evaluate.py beside it.
# The library is a folder, so a file of its name is never it. Type checkers would take the same wrong turn,
# and therefore get a string.
_searched = sys.path
sys.path = [entry for entry in sys.path if not Path(entry, "evaluate.py").is_file()]
try:
    import numpy as np
    from datasets import Features, Value
    from sklearn.metrics import accuracy_score, precision_recall_fscore_support

    evaluate: Any = import_module("evaluate")
except ImportError as error:
    raise MissingExtraError(
        f"khabar.metrics needs the package {error.name!r}, which comes with `pip install 'khabar[train]'`."
    ) from error
finally:
    sys.path = _searched


class MacroF1(evaluate.Metric):  # type: ignore[misc]  # evaluate ships no types
    """Macro-averaged F1 of label ids, with accuracy and the scores of every label.

    ``compute(predictions=ids, references=ids)`` takes two flat sequences of integers, each the position of a
    label in ``labels``; positions to be ignored (-100) are dropped by the caller. It returns floats, by name:
    ``macro_f1``, ``accuracy``, and for every label ``precision_<label>``, ``recall_<label>``, ``f1_<label>``
    and ``support_<label>`` (how often it is the reference).

    A precision with nothing predicted, a recall with nothing to find and the F1 of a label that occurs on
    neither side are undefined: they are NaN, and such a label has no part in the average. Values are
    scikit-learn's.

    Nothing is downloaded, and nothing is left on disk.

    Args:
        labels: Names of the labels in the order of their ids, as the model's config has them.
    """

    selects_on = "macro_f1"
    """Key of the result by which one model is better than another."""
    greater_is_better = True
    """In which direction ``selects_on`` is read."""

    def __init__(self, labels: Sequence[str]) -> None:
        if not labels or len(set(labels)) != len(labels):
            raise ValueError(
                f"labels are {list(labels)}, but a metric needs at least one, each of them once."
            )
        self.labels = tuple(str(label) for label in labels)
        # The base class makes a folder for its cache on construction, in the user's home unless told
        # otherwise, and with `keep_in_memory` never writes to it: it need not outlive the constructor.
        with TemporaryDirectory() as folder:
            super().__init__(keep_in_memory=True, cache_dir=folder)

    def _info(self) -> Any:  # noqa: ANN401  # evaluate ships no types
        return evaluate.MetricInfo(
            description="Macro-averaged F1 over the sentence labels, with accuracy and the scores of each.",
            citation="",
            inputs_description="predictions and references: ids in the order of the labels.",
            features=Features({"predictions": Value("int64"), "references": Value("int64")}),
        )

    def _compute(self, predictions: list[int], references: list[int]) -> dict[str, float]:
        if not references:
            raise ValueError("there is nothing to score: predictions and references are empty.")
        ids = list(range(len(self.labels)))
        unknown = sorted((set(predictions) | set(references)) - set(ids))
        if unknown:
            raise ValueError(
                f"ids {unknown} stand for no label: {len(ids)} labels have the ids 0 to {len(ids) - 1}."
            )
        precision, recall, f1, support = precision_recall_fscore_support(
            references, predictions, labels=ids, average=None, zero_division=np.nan
        )
        scores = {
            "macro_f1": float(np.mean(f1[~np.isnan(f1)])),
            "accuracy": float(accuracy_score(references, predictions)),
        }
        for index, label in enumerate(self.labels):
            scores[f"precision_{label}"] = float(precision[index])
            scores[f"recall_{label}"] = float(recall[index])
            scores[f"f1_{label}"] = float(f1[index])
            scores[f"support_{label}"] = float(support[index])
        return scores
