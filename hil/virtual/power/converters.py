"""From a load behind converters to the current at the battery."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eegrig.boards import Part

__all__ = ["Converter", "chain_input_w"]

FloatArray = NDArray[np.float64]

_MIN_LOAD_A = 1e-9


@dataclass(frozen=True)
class Converter:
    """A buck, boost or linear regulator with its output voltage.

    Switching converters: ``P_in = P_out / efficiency(I_out) + I_q V_in``, the efficiency
    interpolated over the logarithm of the load current. Linear ones: the input current is the
    output current and the ground current.
    """

    part: Part
    output_v: float

    def input_w(self, load_a: FloatArray, input_v: float) -> FloatArray:
        """Return the input power in watts.

        Parameters
        ----------
        load_a : ndarray
            Output current in amperes.
        input_v : float
            Input voltage in volts.
        """
        quiescent_w = self.part["quiescent"].si * input_v
        if self.part.kind == "ldo":
            ground_a = load_a * self.part["ground_slope"].si
            return np.asarray((load_a + ground_a) * input_v + quiescent_w)
        curve = self.part.curve("efficiency")
        efficiency = np.interp(
            np.log10(np.maximum(load_a, _MIN_LOAD_A)), np.log10(curve.x_si), curve.y_si
        )
        return np.asarray(load_a * self.output_v / efficiency + quiescent_w)

    def losses_w(self, load_a: FloatArray, input_v: float) -> dict[str, FloatArray]:
        """Return what it loses, in watts, by the entry of the part that this rests on.

        A linear regulator's voltage drop is set by the board; it goes with the quiescent current.

        Parameters
        ----------
        load_a : ndarray
            Output current in amperes.
        input_v : float
            Input voltage in volts.
        """
        loss_w = self.input_w(load_a, input_v) - load_a * self.output_v
        if self.part.kind == "ldo":
            ground_w = load_a * self.part["ground_slope"].si * input_v
            return {"quiescent": loss_w - ground_w, "ground_slope": ground_w}
        quiescent_w = np.full_like(loss_w, self.part["quiescent"].si * input_v)
        return {"efficiency": loss_w - quiescent_w, "quiescent": quiescent_w}


def chain_input_w(
    chain: Sequence[Converter], load_a: FloatArray, battery_v: float
) -> list[FloatArray]:
    """Return the power at the input of every converter of a chain, battery side first.

    Parameters
    ----------
    chain : sequence of Converter
        Battery side first.
    load_a : ndarray
        Current at the output of the last one, in amperes.
    battery_v : float
        Voltage at the input of the first one, in volts.
    """
    powers: list[FloatArray] = []
    for index in range(len(chain) - 1, -1, -1):
        input_v = chain[index - 1].output_v if index else battery_v
        input_w = chain[index].input_w(load_a, input_v)
        powers.append(input_w)
        load_a = np.asarray(input_w / input_v)
    return powers[::-1]
