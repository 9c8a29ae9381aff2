"""The templates of the behaviour tests: language as data, written for this project and for nothing else.

They were fixed before any model was run on them, and they follow version 1.1 of the annotation guidelines.
People, places without a name and events are made up. The countries, parties and faiths that names are
swapped among are real, since a model's bias is about real ones; what they are made to say or suffer is not.
"""

from typing import Final

from khabar.checks._templates import Template
from khabar.checks.sentences import carried_over, context, names, sources, spellings, tolls

TEMPLATES: Final[tuple[Template, ...]] = (
    *sources.TEMPLATES,
    *carried_over.TEMPLATES,
    *tolls.TEMPLATES,
    *context.TEMPLATES,
    *names.TEMPLATES,
    *spellings.TEMPLATES,
)
"""All templates, directional ones first."""
