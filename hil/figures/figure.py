"""One figure, as it stands in a run's results."""

from __future__ import annotations

import math
from typing import Literal

import msgspec

from eegrig.hil.figures.verdict import SOUND, Flags, Kind, Verdict, excess

__all__ = ["Figure", "Scalar"]

Scalar = str | int | float | bool
"""What a condition or an option may be."""


class Figure(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One figure.

    Attributes
    ----------
    name : str
        Dotted, stable, and unique in a run (``docs/results.md`` lists them).
    value : float or None
        None where it could not be determined.
    unit : str
        SI unit of `value`, `uncertainty` and `limit`; ``"1"`` for a plain number or ratio.
    uncertainty : float or None
        Standard uncertainty (one sigma), zero for an exact count, None where it is unknown.
    n : int
        How many observations (frames, packets, captures, boots) the figure rests on: what was seen
        of the board, each of which could have been another. Bins of a ledger are none.
    limit, kind : float and {"max", "min", "within"}, or None
        The board's target: at most, at least, or so far from zero on either side.
    verdict : {"pass", "marginal", "fail", "inconclusive"} or None
        None for a figure without a target.
    flags : Flags
        What was wrong while it was taken; with the numbers, what the verdict follows from.
    provenance : {"measured", "simulated", "modelled"}
        An instrument, the models running the real firmware, or a formula.
    conditions : dict
        What the figure holds for: profile, rate, link parameters, seconds and the like.
    reason : str
        Why the limit is what it is.
    note : str
        Why the verdict is not a plain pass, or a remark.
    """

    name: str
    value: float | None
    unit: str
    uncertainty: float | None
    n: int
    provenance: Literal["measured", "simulated", "modelled"]
    limit: float | None = None
    kind: Kind | None = None
    verdict: Verdict | None = None
    flags: Flags = SOUND
    conditions: dict[str, Scalar] = {}
    reason: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        for what in ("value", "uncertainty", "limit"):
            number = getattr(self, what)
            if number is not None and not math.isfinite(number):
                raise ValueError(
                    f"figure {self.name}: {what} is {number}; use None where it is unknown"
                )
        if self.uncertainty is not None and self.uncertainty < 0:
            raise ValueError(f"figure {self.name}: uncertainty {self.uncertainty} is negative")
        if self.value is None and self.verdict not in (None, "inconclusive"):
            raise ValueError(f"figure {self.name}: no value, and yet the verdict {self.verdict}")

    @property
    def margin(self) -> float | None:
        """How much of the limit is left, as a fraction of it; negative where it is missed.

        None without a value or a limit, and for a limit of zero, which leaves no room.
        """
        if self.value is None or not self.limit or self.kind is None:
            return None
        return -excess(self.kind, self.value, self.limit) / abs(self.limit)
