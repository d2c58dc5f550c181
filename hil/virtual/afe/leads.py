"""The leads: what a bench puts into them, and what a common mode leaves between the inputs.

A common-mode voltage Vcm shows as ``Vcm (1 / CMRR - dZ / (Zin + dZ))``: what the amplifier does not
reject, and what an impedance dZ that one electrode has beyond the reference takes off it against
the input's own, ``Zin = R // C`` (Huhta and Webster, *60-Hz interference in electrocardiography*,
IEEE Trans. Biomed. Eng. BME-20, 1973, section on the potential divider effect; from memory).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from eegrig.boards import Part

__all__ = ["InLeads", "Leads", "Network"]

FloatArray = NDArray[np.float64]

_FORGOTTEN = 16.0
"""Time constants after which a network has forgotten what it began with (1e-7)."""


@dataclass(frozen=True)
class Network:
    """A resistor with a capacitor beside it, in series with one lead.

    Attributes
    ----------
    resistance_ohm, capacitance_f : float
    """

    resistance_ohm: float
    capacitance_f: float = 0.0

    def impedance_ohm(self, frequency_hz: float) -> complex:
        """Return the impedance at a frequency."""
        return 1.0 / (1.0 / self.resistance_ohm + 2j * np.pi * frequency_hz * self.capacitance_f)


@dataclass
class InLeads:
    """What a bench has put there.

    Attributes
    ----------
    common_mode : tuple of float or None
        Peak in volts and frequency in hertz of a sine between all electrodes and the board's
        ground; None for none.
    networks : dict of int to Network
        By channel.
    """

    common_mode: tuple[float, float] | None = None
    networks: dict[int, Network] = field(default_factory=dict)


class Leads:
    """The leads of one front end.

    Parameters
    ----------
    part : Part
        Its input impedance and common-mode rejection.
    n_channels : int
    rng : numpy.random.Generator
        Draws the rejection of each channel.

    Attributes
    ----------
    rejection : ndarray, shape (n_channels,)
        Volts between the inputs per volt of common mode, signed.
    """

    def __init__(self, part: Part, n_channels: int, rng: np.random.Generator) -> None:
        self._input_ohm = part["input_impedance"].si
        self._input_f = part["input_capacitance"].si
        least, usual = (10.0 ** (-part[name].value / 20.0) for name in ("cmrr", "cmrr_typical"))
        self.rejection = np.clip(rng.normal(0.0, usual, n_channels), -least, least)

    def memory(self, there: InLeads, rate_hz: float) -> int:
        """Return how many samples before the ones that are wanted decide on them."""
        slowest_s = max((self._times_s(each)[1] for each in there.networks.values()), default=0.0)
        return int(np.ceil(_FORGOTTEN * slowest_s * rate_hz))

    def at_inputs(
        self,
        electrodes: FloatArray,
        there: InLeads,
        *,
        memory: int,
        now_s: FloatArray,
        rate_hz: float,
        beyond_ohm: FloatArray,
    ) -> FloatArray:
        """Return what is left of the electrodes' volts at the inputs.

        Parameters
        ----------
        electrodes : ndarray, shape (n_channels, memory + n_times)
            Volts between each electrode and the reference, from `memory` samples earlier on.
        there : InLeads
        memory : int
            As `memory` returned it.
        now_s : ndarray, shape (n_times,)
            On the bench's clock, in seconds.
        rate_hz : float
            Samples per second.
        beyond_ohm : ndarray, shape (n_channels,)
            What each electrode has more than the reference, in ohms.

        Returns
        -------
        ndarray, shape (n_channels, n_times)
            In volts.
        """
        out = electrodes[:, memory:].copy()
        for index, network in there.networks.items():
            if index < len(out):
                out[index] -= self._taken(electrodes[index], network, rate_hz)[memory:]
        if there.common_mode is not None:
            amplitude_v, frequency_hz = there.common_mode
            left = np.array(
                [self._left(i, frequency_hz, beyond_ohm, there) for i in range(len(out))]
            )
            turns = (frequency_hz * now_s) % 1.0
            out += amplitude_v * np.imag(left[:, None] * np.exp(2j * np.pi * turns))
        return out

    def _left(
        self, index: int, frequency_hz: float, beyond_ohm: FloatArray, there: InLeads
    ) -> complex:
        """Return the volts between a channel's inputs per volt of common mode."""
        beyond = complex(beyond_ohm[index])
        if index in there.networks:
            beyond += there.networks[index].impedance_ohm(frequency_hz)
        omega = 2j * np.pi * frequency_hz
        input_ohm = 1.0 / (1.0 / self._input_ohm + omega * self._input_f)
        return complex(self.rejection[index] - beyond / (input_ohm + beyond))

    def _times_s(self, network: Network) -> tuple[float, float]:
        """Return the time constants of a network's zero and pole against the input."""
        r, r_in = network.resistance_ohm, self._input_ohm
        both = network.capacitance_f + self._input_f
        return r * network.capacitance_f, r * r_in * both / (r + r_in)

    def _taken(self, electrode: FloatArray, network: Network, rate_hz: float) -> FloatArray:
        """Return what a network keeps of an electrode's volts from the input.

        ``1 - H`` with ``H = Rin / (Rin + R) (1 + s t1) / (1 + s t2)``, by the bilinear transform;
        it begins as if the first sample had been there for ever.
        """
        from scipy.signal import lfilter

        zero_s, pole_s = self._times_s(network)
        passed = self._input_ohm / (self._input_ohm + network.resistance_ohm)
        twice = 2.0 * rate_hz
        low = np.array([1.0 - passed, 1.0 - passed])
        high = twice * (pole_s - passed * zero_s)
        b = low + np.array([high, -high])
        a = np.array([1.0 + twice * pole_s, 1.0 - twice * pole_s])
        began = electrode[0]
        steady = (1.0 - passed) * began
        moved: FloatArray = np.asarray(lfilter(b, a, electrode - began))
        taken: FloatArray = moved + steady
        return taken
