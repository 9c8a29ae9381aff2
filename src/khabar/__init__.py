"""Tags the sentences of Arabic news: claim, official statement, casualty report or background."""

import os
from typing import TYPE_CHECKING, Any

from khabar._version import __version__
from khabar.errors import KhabarError
from khabar.labels import Label

if TYPE_CHECKING:
    from khabar.annotator import Annotator
    from khabar.schema import AnnotatedArticle, AnnotatedSentence, ArticleError, Furniture

# Recent releases of ONNX Runtime report their use over the network unless told not to before their import.
# An article may be confidential, and annotating promises to need no network.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__all__ = [
    "AnnotatedArticle",
    "AnnotatedSentence",
    "Annotator",
    "ArticleError",
    "Furniture",
    "KhabarError",
    "Label",
    "__version__",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401  # the type is the attribute's own, as the block above says
    """Load what needs onnxruntime or tokenizers on first use, so that ``import khabar`` is instant."""
    if name == "Annotator":
        from khabar.annotator import Annotator

        return Annotator
    if name in {"AnnotatedArticle", "AnnotatedSentence", "ArticleError", "Furniture"}:
        import khabar.schema

        return getattr(khabar.schema, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
