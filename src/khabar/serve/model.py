"""Which model is served: a name for people, a fingerprint for the log."""

from dataclasses import asdict, dataclass

from khabar._version import __version__
from khabar.bundle import BUILT_IN, Bundle, fingerprint


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What identifies a model; stands on every answer and every correction."""

    name: str
    """The built-in model's name, or the folder's; that of the run where the folder is called ``bundle``."""
    fingerprint: str
    """Of the files that decide about labels, so that a retrained model in the same folder is told apart."""
    library: str
    """Version of khabar that serves it."""
    guidelines: str
    """Version of the annotation guidelines that its labels follow."""

    def record(self) -> dict[str, str]:
        """Return it as JSON has it."""
        return asdict(self)


def model_info(bundle: Bundle) -> ModelInfo:
    """Return what identifies a model."""
    path = bundle.path if bundle.path == BUILT_IN else bundle.path.resolve()
    # scripts/train.py writes runs/NAME/bundle.
    name = path.parent.name if path.name == "bundle" else path.name
    return ModelInfo(name, fingerprint(bundle.path), __version__, bundle.settings.guidelines)
