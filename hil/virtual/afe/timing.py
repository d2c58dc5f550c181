"""When an ADS129x converts: everything in its own clock, which is not the rig's.

Section numbers are those of TI SBAS499C.
"""

from __future__ import annotations

from dataclasses import dataclass

from eegrig.boards import Part

__all__ = ["ChipClock"]

_NS_PER_S = 1e9


@dataclass(slots=True)
class ChipClock:
    """The chip's oscillator and the delays counted by it.

    Parameters
    ----------
    fclk_hz : float
        Actual frequency: the nominal one with the oscillator's error.
    nominal_fclk_hz : float
        Frequency for which the data rates have their names.
    settle_periods, settle_extra : float
        tSETTLE is so many data periods and so many clocks (9.4.4, table 9).
    """

    fclk_hz: float
    nominal_fclk_hz: float
    settle_periods: float
    settle_extra: float

    @classmethod
    def of(cls, part: Part, oscillator_error: float) -> ChipClock:
        """Make the clock of `part`, off by the fraction `oscillator_error`."""
        nominal_hz = part["fclk"].si
        return cls(
            fclk_hz=nominal_hz * (1.0 + oscillator_error),
            nominal_fclk_hz=nominal_hz,
            settle_periods=part["settle_periods"].value,
            settle_extra=part["settle_extra"].value,
        )

    def drift(self, ppm: float) -> None:
        """Run fast by so many parts per million from now on, on top of what it was off."""
        self.fclk_hz *= 1.0 + ppm * 1e-6

    def ns(self, n_clocks: float) -> float:
        """Return the length of `n_clocks` clock cycles in nanoseconds."""
        return n_clocks * _NS_PER_S / self.fclk_hz

    def period_ns(self, rate_sps: int) -> float:
        """Return the time between two conversions in nanoseconds."""
        return self.ns(round(self.nominal_fclk_hz / rate_sps))

    def settle_ns(self, rate_sps: int) -> float:
        """Return tSETTLE, from START to the first DRDY, in nanoseconds."""
        return self.settle_periods * self.period_ns(rate_sps) + self.ns(self.settle_extra)

    def window_centre_ns(self, rate_sps: int) -> float:
        """Return how long before its DRDY the centre of a conversion's window lies, in ns.

        A sinc3 filter weights three data periods symmetrically, so its group delay is one and a
        half (9.3.2.1.1); the result is handed over `settle_extra` clocks later.
        """
        return 1.5 * self.period_ns(rate_sps) + self.ns(self.settle_extra)
