"""What the sections of a port's file are made of."""

from __future__ import annotations

from typing import Annotated

import msgspec

__all__ = ["Cost", "Count", "NonNegativeFloat", "PositiveFloat", "PositiveInt", "Section"]

Count = Annotated[int, msgspec.Meta(ge=0)]
PositiveInt = Annotated[int, msgspec.Meta(gt=0)]
PositiveFloat = Annotated[float, msgspec.Meta(gt=0)]
NonNegativeFloat = Annotated[float, msgspec.Meta(ge=0)]
Cost = Annotated[float, msgspec.Meta(ge=0)]


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One of them: a table of facts by name."""
