"""What the front end tells the power ledger."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

__all__ = ["AfeState", "OnAfeState"]


@dataclass(frozen=True, slots=True)
class AfeState:
    """What the chip has switched on.

    Attributes
    ----------
    mode : {"power_down", "standby", "on"}
        Whole-chip state; a chip that is on draws the same whether or not it converts.
    channels_on : int
        Channels not powered down.
    bias_on : bool
        Whether the bias amplifier runs.
    lead_off_on : bool
        Whether the lead-off comparators run.
    high_resolution : bool
        Whether the part is in its high-resolution mode (ADS1298).
    """

    mode: Literal["power_down", "standby", "on"]
    channels_on: int = 8
    bias_on: bool = False
    lead_off_on: bool = False
    high_resolution: bool = False


OnAfeState = Callable[[int, AfeState], None]
"""Called with the time in nanoseconds whenever the state changes."""
