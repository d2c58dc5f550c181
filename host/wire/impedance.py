"""What the answer to IMPEDANCE tells of the lead-off current."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Drive", "decode_drive"]


@dataclass(frozen=True, slots=True)
class Drive:
    """The lead-off current, as the board tells it.

    Attributes
    ----------
    current_a : float
        Amplitude of the square wave in amperes; front ends keep it to some 20 %.
    frequency_hz : float
        By the front end's nominal clock, as its sample rate is.
    """

    current_a: float
    frequency_hz: float


def decode_drive(detail: int) -> Drive:
    """Decode the detail of the answer: picoamperes below, hundredths of a hertz above."""
    return Drive(current_a=(detail & 0xFFFF) * 1e-12, frequency_hz=(detail >> 16) / 100)
