"""What the inputs see: electrodes, skin, lead-off currents and the chip's own signals.

Section numbers are those of TI SBAS499C.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from eegrig.boards import Part
from eegrig.hil.virtual.afe.registers import Mux, RegisterMap, Registers
from eegrig.hil.virtual.afe.timing import ChipClock

__all__ = ["InputStage"]

FloatArray = NDArray[np.float64]

DEFAULT_ELECTRODE_OHM = 10e3


class InputStage:
    """The input multiplexer and what hangs on it.

    Parameters
    ----------
    part : Part
        The chip's figures.
    registers : RegisterMap
        Its channels and where their settings lie.
    rng : numpy.random.Generator
        Draws what differs from chip to chip.
    supply_v : tuple of float
        AVDD and DVDD in volts.
    temperature_c : float
        Of the chip, in degrees Celsius.
    """

    def __init__(
        self,
        part: Part,
        registers: RegisterMap,
        rng: np.random.Generator,
        *,
        supply_v: tuple[float, float],
        temperature_c: float = 25.0,
    ) -> None:
        self._map = registers
        n_channels = registers.n_channels
        self._test_v = part["vref"].si / part["test_divider"].value
        self._test_v *= 1.0 + _limited(
            rng, part["test_tolerance"].si / 2, part["test_tolerance"].si
        )
        self._input_ohm = part["input_impedance"].si
        self._bias_a = part["input_bias"].si * rng.uniform(-1.0, 1.0, n_channels)
        self._lead_off_a = np.array(part.curve("lead_off_current").y_si)
        tolerance = part["lead_off_tolerance"].si
        self._lead_off_a *= 1.0 + _limited(rng, tolerance / 2, tolerance)
        self._supply_v = supply_v
        self._temperature_v = part["temperature_25c"].si + part["temperature_slope"].si * (
            temperature_c - 25.0
        )
        self._electrode_ohm = np.full(n_channels, DEFAULT_ELECTRODE_OHM)
        self._connected = np.ones(n_channels, dtype=bool)

    @property
    def beyond_reference_ohm(self) -> FloatArray:
        """What each electrode has more than the reference, in ohms, shape (n_channels,)."""
        return self._electrode_ohm - DEFAULT_ELECTRODE_OHM

    def set_electrode(self, index: int, impedance_ohm: float | None) -> None:
        """Set the impedance of an electrode in ohms; None takes it off the skin."""
        self._connected[index] = impedance_ohm is not None
        if impedance_ohm is not None:
            self._electrode_ohm[index] = impedance_ohm

    def volts(
        self, electrodes: FloatArray, seconds: FloatArray, registers: Registers, clock: ChipClock
    ) -> FloatArray:
        """Return the differential input of every channel's amplifier.

        Parameters
        ----------
        electrodes : ndarray, shape (n_channels, n_times)
            Volts between each electrode and the reference.
        seconds : ndarray, shape (n_times,)
            Time since the chip was reset, in seconds.
        registers : Registers
        clock : ChipClock

        Returns
        -------
        ndarray, shape (n_channels, n_times)
            Volts.
        """
        out = np.zeros_like(electrodes)
        excitation: FloatArray | None = None
        for index, settings in enumerate(registers.channels()):
            if not settings.powered:
                continue
            if settings.mux is Mux.NORMAL:
                out[index] = self._skin(index, electrodes[index])
                if self._excited(index, registers):
                    if excitation is None:
                        excitation = self._excitation(seconds, registers, clock)
                    out[index] += self._drop(index, excitation, registers)
            elif settings.mux is Mux.SUPPLY:
                out[index] = self._supply(index)
            elif settings.mux is Mux.TEMPERATURE:
                out[index] = self._temperature_v
            elif settings.mux is Mux.TEST:
                out[index] = self._test(seconds, registers, clock)
            # Shorted inputs, and the bias drive that closes its loop at mid-supply, see 0 V.
        return out

    def lead_off_status(self, registers: Registers) -> tuple[list[bool], list[bool]]:
        """Return which positive and which negative inputs the comparators find off (9.3.2.4.3).

        The comparators see an electrode that is off because the lead-off current then pulls the
        input to a rail, beyond any threshold; a connected one stays within the thresholds.
        """
        watching = registers.is_set(self._map.comparators_on)
        off = [watching and not connected for connected in self._connected]
        positive, negative = (
            [is_off and registers.is_set(bits) for is_off, bits in zip(off, sensed, strict=True)]
            for sensed in (self._map.sense_p, self._map.sense_n)
        )
        return positive, negative

    def _skin(self, index: int, electrode: FloatArray) -> FloatArray:
        if not self._connected[index]:
            # A floating input charges until its leakage balances the bias current.
            return np.full_like(electrode, self._bias_a[index] * self._input_ohm)
        source_ohm = self._electrode_ohm[index]
        loading = self._input_ohm / (self._input_ohm + source_ohm)
        return np.asarray(electrode * loading + self._bias_a[index] * source_ohm)

    def _excited(self, index: int, registers: Registers) -> bool:
        sensed = self._map.sense_p[index], self._map.sense_n[index]
        return any(registers.is_set(bits) for bits in sensed)

    def _excitation(
        self, seconds: FloatArray, registers: Registers, clock: ChipClock
    ) -> FloatArray:
        """Return the lead-off current in amperes (9.6.1.5)."""
        how = registers.excitation
        if how.clock == "off":
            return np.zeros_like(seconds)
        current_a = self._lead_off_a[registers.get(self._map.lead_off_current)]
        if how.clock == "dc":
            return np.full_like(seconds, current_a)
        actual_sps = registers.rate_sps * clock.fclk_hz / clock.nominal_fclk_hz
        frequency_hz = how.frequency_hz(clock.fclk_hz, actual_sps)
        return np.asarray(current_a * _square(seconds, frequency_hz))

    def _drop(self, index: int, current_a: FloatArray, registers: Registers) -> FloatArray:
        """Return the volts the lead-off current makes, clamped by the rails."""
        sign = -1.0 if registers.is_set(self._map.flip[index]) else 1.0
        ohm = self._electrode_ohm[index] if self._connected[index] else self._input_ohm
        rail_v = self._supply_v[0] / 2
        return np.clip(sign * current_a * ohm, -rail_v, rail_v)

    def _supply(self, index: int) -> float:
        """Return MVDD (9.3.1.1.4): half of AVDD, on some channels a quarter of DVDD."""
        avdd_v, dvdd_v = self._supply_v
        return dvdd_v / 4 if index in self._map.dvdd_channels else avdd_v / 2

    def _test(self, seconds: FloatArray, registers: Registers, clock: ChipClock) -> FloatArray:
        """Return the test signal (9.3.1.1.2); its pins are open where it is not internal."""
        if not registers.is_set(self._map.test_internal):
            return np.zeros_like(seconds)
        amplitude_v = self._test_v * (2.0 if registers.is_set(self._map.test_doubled) else 1.0)
        exponent = registers.test_exponent
        if exponent is None:
            return np.full_like(seconds, amplitude_v)
        return np.asarray(amplitude_v * _square(seconds, clock.fclk_hz / 2**exponent))


def _square(seconds: FloatArray, frequency_hz: float) -> FloatArray:
    """Return a square wave of amplitude 1 that starts high."""
    half_periods = np.floor(seconds * (2.0 * frequency_hz))
    return 1.0 - 2.0 * (half_periods % 2.0)


def _limited(rng: np.random.Generator, sigma: float, limit: float) -> float:
    """Draw a normal deviation that respects the data sheet's limit."""
    return float(np.clip(rng.normal(0.0, sigma), -limit, limit))
