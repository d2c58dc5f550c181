"""How long a cell lasts at a constant power."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from eegrig.boards import Part
    from eegrig.boards.assumed import Assumed

__all__ = ["BatteryLife", "battery_life"]

_N_STEPS = 2000


@dataclass(frozen=True)
class BatteryLife:
    """A cell's life at a constant power.

    Attributes
    ----------
    life_s : float
        Time from full to the lowest usable voltage, in seconds.
    uncertainty_s : float
        Its standard uncertainty: of the power and of the cell's usable charge, in quadrature.
    mean_v : float
        Mean voltage at the terminals on the way, in volts.
    assumptions : tuple of Assumed
        Figures of the cell that have no source.
    """

    life_s: float
    uncertainty_s: float
    mean_v: float
    assumptions: tuple[Assumed, ...]


def battery_life(cell: Part, power_w: float, uncertainty_w: float = 0.0) -> BatteryLife:
    """Return how long `cell` feeds a load of constant power.

    Behind switching converters a board draws constant power, so current rises as the cell empties:
    at every state of charge ``V (E - V) / R = P`` is solved for the terminal voltage V (E the
    open-circuit voltage, R the series resistance), and charge flows at ``P / V`` plus
    self-discharge until V falls below the cut-off. Modelled; nothing here is measured.

    Parameters
    ----------
    cell : Part
        A part of kind ``battery``.
    power_w, uncertainty_w : float
        Mean power at the terminals and its standard uncertainty, in watts.

    Raises
    ------
    ValueError
        If the power is not positive, or more than the cell can give when full.
    """
    if power_w <= 0:
        raise ValueError(f"a battery life needs a positive power, not {power_w} W")
    curve = cell.curve("open_circuit")
    resistance_ohm = cell["series_resistance"].si
    charge_c = cell["capacity"].si * cell["usable"].si
    self_discharge_a = cell["self_discharge"].si * cell["capacity"].si
    # Middles of equal portions of charge, from full to empty.
    level = (np.arange(_N_STEPS)[::-1] + 0.5) / _N_STEPS
    open_v = np.interp(level, curve.x_si, curve.y_si)
    discriminant = open_v**2 - 4.0 * resistance_ohm * power_w
    terminal_v = (open_v + np.sqrt(np.maximum(discriminant, 0.0))) / 2.0
    usable = (discriminant >= 0) & (terminal_v >= cell["cutoff"].si)
    if not usable[0]:
        raise ValueError(f"{cell.name} cannot give {power_w} W even when full")
    n_usable = _N_STEPS if usable.all() else int(np.argmin(usable))
    terminal_v = terminal_v[:n_usable]
    portion_s = charge_c / _N_STEPS / (power_w / terminal_v + self_discharge_a)
    life_s = float(portion_s.sum())
    relative = np.hypot(uncertainty_w / power_w, cell["usable"].uncertainty)
    keys = ("series_resistance", "cutoff", "usable", "self_discharge")
    assumed = [fact for key in keys if (fact := cell.assumption(key)) is not None]
    return BatteryLife(
        life_s=life_s,
        uncertainty_s=float(life_s * relative),
        mean_v=float(terminal_v @ portion_s / life_s),
        assumptions=tuple(assumed),
    )
