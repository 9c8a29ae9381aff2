"""Why a sentence got its label: what each word of the article adds to the label's logit.

Needs torch and captum, of the extra ``train``, and a model that has its full weights.
"""

from khabar.explain._attribution import explain
from khabar.explain._records import ExplainedSentence, Explanation, WordAttribution

__all__ = ["ExplainedSentence", "Explanation", "WordAttribution", "explain"]
