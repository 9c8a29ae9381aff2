"""What a person can do to an article, as the page sends it."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from khabar.labels import Label
from khabar.schema import Part

_Offset = Annotated[int, Field(ge=0, strict=True)]


class _Operation(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Bounds(_Operation):
    """Offsets of a unit in characters (code points) of its part's string."""

    start: _Offset
    end: _Offset


class LabelOperation(_Operation):
    """Give a unit a label; the one that it has already confirms it."""

    op: Literal["label"]
    part: Part
    start: _Offset
    end: _Offset
    label: Label | None = Field(description="null for page furniture")


class MergeOperation(_Operation):
    """Make one unit of two neighbours."""

    op: Literal["merge"]
    part: Part
    start: _Offset
    end: _Offset
    other: Bounds = Field(alias="with", description="the neighbour, before or behind")
    label: Label | None = Field(
        default=None, description="of the new unit; without the key, that of the first of the two"
    )


class SplitOperation(_Operation):
    """Make two units of one."""

    op: Literal["split"]
    part: Part
    start: _Offset
    end: _Offset
    at: _Offset = Field(description="offset of the cut in the part's string; start < at < end")


class DoneOperation(_Operation):
    """Mark the article as done, and confirm the units that no person has labelled."""

    op: Literal["done"]


class ReopenOperation(_Operation):
    """Take the mark back; no label changes."""

    op: Literal["reopen"]


Operation = Annotated[
    LabelOperation | MergeOperation | SplitOperation | DoneOperation | ReopenOperation,
    Field(discriminator="op"),
]
