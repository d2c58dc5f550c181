"""Electrodes on skin: impedance, half-cell offset and noise, by kind of electrode."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eegrig.boards.wording import nearest
from eegrig.signal_sim.errors import SceneError
from eegrig.signal_sim.params import ASSUMED, Spec, par

__all__ = ["PRESETS", "PRESET_SOURCES", "Amplifier", "Electrodes", "electrodes_from_mapping"]

REFERENCE_HZ = 10.0
"""Frequency at which an electrode's impedance is given."""


@dataclass(frozen=True, kw_only=True)
class Electrodes(Spec):
    """What the electrodes of a scene have in common.

    The impedance is Cole's: ``Z = Rs + Rd / (1 + (j 2 pi f tau)^n)``, a resistance in series with
    a resistance beside a constant-phase element (PMC6302411, figure 9).

    Attributes
    ----------
    impedance_ohm : float
        Median magnitude at 10 Hz.
    impedance_spread : float
        Standard deviation of log impedance from electrode to electrode.
    series_fraction : float
        Rs over the magnitude at 10 Hz.
    relaxation_s : float
        tau.
    dispersion : float
        n: 1 for a capacitor.
    rise_ohm_per_h : float
        How fast the impedance rises (drying gel, emptying reservoir).
    bad_fraction : float
        Fraction of electrodes that make bad contact.
    bad_factor : float
        How much larger the impedance and the noise of a bad contact are.
    noise_v : float
        Median rms of the electrode's noise from 0.5 to 100 Hz.
    noise_spread : float
        Standard deviation of log noise from electrode to electrode.
    noise_exponent : float
        Slope of its power spectral density.
    offset_v : float
        Standard deviation of the half-cell offset from electrode to electrode.
    drift_v_per_sqrt_s : float
        Random walk of the offset.
    motion_sensitivity : float
        How much of a motion of the head shows, next to a dry electrode.
    """

    kind: ClassVar[str] = "electrodes"
    impedance_ohm: float = par(40e3, "Ohm", "wet, intact skin [Ferree 2001]", high=1e9)
    impedance_spread: float = par(
        0.47, "1", "factor 1.6, from the rows of eeg_sources 1.1", high=3.0
    )
    series_fraction: float = par(0.05, "1", ASSUMED, high=0.95)
    relaxation_s: float = par(1e-3, "s", ASSUMED, low=1e-7, high=10.0)
    dispersion: float = par(0.85, "1", "0.8-0.9 (assumed)", low=0.5, high=1.0)
    rise_ohm_per_h: float = par(2e3, "Ohm/h", "10 kOhm after 5 h of gel [Heijs 2021]", high=1e7)
    bad_fraction: float = par(0.03, "1", "gel 3 % of 7680 contacts [dbt_mods_00053018]", high=1.0)
    bad_factor: float = par(8.0, "1", ASSUMED, low=1.0, high=1e4)
    noise_v: float = par(1.5e-6, "V", "1-20 uVrms on skin [Huigen 2002]", high=1e-2)
    noise_spread: float = par(0.3, "1", ASSUMED, high=3.0)
    noise_exponent: float = par(1.5, "1", "1/f^a [Fernandez 2000]; a assumed", high=3.0)
    offset_v: float = par(10e-3, "V", "Ag/AgCl below 100 mV [TMSi]", high=1.0)
    drift_v_per_sqrt_s: float = par(0.3e-6, "V/sqrt(s)", "0.1-1 wet (assumed)", high=1e-2)
    motion_sensitivity: float = par(0.2, "1", ASSUMED, high=100.0)


_IDEAL = (
    "impedance_ohm",
    "impedance_spread",
    "rise_ohm_per_h",
    "bad_fraction",
    "noise_v",
    "noise_spread",
    "offset_v",
    "drift_v_per_sqrt_s",
    "motion_sensitivity",
)

# preset: parameter: (value, source). What a preset does not name has the default above.
_TABLE: dict[str, dict[str, tuple[float, str]]] = {
    "gel": {},
    "gel-prepared": {
        "impedance_ohm": (5e3, "abraded, below 10 kOhm [Ferree 2001]; clinical cut 5 kOhm"),
        "impedance_spread": (0.41, "factor 1.5 (eeg_sources 1.1)"),
        "noise_v": (1.0e-6, "1-20 uVrms, less on treated skin [Huigen 2002]"),
    },
    "semi-dry": {
        "impedance_ohm": (25e3, "10-45 kOhm [Biosensors 2023 13:101, EYoPzd]"),
        "impedance_spread": (0.41, "factor 1.5 (eeg_sources 1.1)"),
        "rise_ohm_per_h": (2.5e3, "+20 kOhm in 8 h [EYoPzd]"),
        "bad_fraction": (0.05, ASSUMED),
        "noise_v": (2.0e-6, "1-20 uVrms on skin [Huigen 2002]"),
        "offset_v": (0.3e-3, "at most 0.58 mV between eight [EYoPzd]"),
        "drift_v_per_sqrt_s": (1e-6, ASSUMED),
        "motion_sensitivity": (0.5, "correlation 0.907 in motion [Biosensors 2023]; assumed"),
    },
    "dry": {
        "impedance_ohm": (400e3, "dry multipin 200-900 kOhm [dbt_mods_00053018]"),
        "impedance_spread": (0.69, "factor 2 (eeg_sources 1.1)"),
        "relaxation_s": (2e-3, ASSUMED),
        "rise_ohm_per_h": (0.0, ASSUMED),
        "bad_fraction": (0.16, "bad channels 16 % dry [dbt_mods_00053018]"),
        "noise_v": (9e-6, "1-20 uVrms on skin [Huigen 2002]; fitted to dry CCA accuracy"),
        "noise_spread": (0.4, ASSUMED),
        "noise_exponent": (1.0, "delta and theta higher dry [PMC7090045]; value assumed"),
        "offset_v": (50e-3, "steel and gold above 500 mV, Ag/AgCl below 100 [TMSi]"),
        "drift_v_per_sqrt_s": (4e-6, "1-10 dry (assumed)"),
        "motion_sensitivity": (1.0, "the measure of the others"),
    },
    "ear-dry": {
        "impedance_ohm": (22e3, "20-25 kOhm at 10 Hz, 10 people [Sensors 2022 22:1568]"),
        "impedance_spread": (0.26, "factor 1.3 (eeg_sources 1.1)"),
        "rise_ohm_per_h": (0.0, ASSUMED),
        "bad_fraction": (0.05, ASSUMED),
        "noise_v": (3e-6, "1-20 uVrms on skin [Huigen 2002]"),
        "offset_v": (20e-3, ASSUMED),
        "drift_v_per_sqrt_s": (2e-6, "1-10 dry (assumed)"),
        "motion_sensitivity": (0.6, ASSUMED),
    },
    "tattoo": {
        "impedance_ohm": (60e3, ASSUMED),
        "impedance_spread": (0.5, ASSUMED),
        "rise_ohm_per_h": (0.0, ASSUMED),
        "bad_fraction": (0.05, ASSUMED),
        "noise_v": (2.5e-6, "1-20 uVrms on skin [Huigen 2002]"),
        "offset_v": (20e-3, ASSUMED),
        "drift_v_per_sqrt_s": (1e-6, ASSUMED),
        "motion_sensitivity": (0.3, ASSUMED),
    },
    "ideal": dict.fromkeys(_IDEAL, (0.0, "nothing between scalp and amplifier")),
}

PRESETS: dict[str, Electrodes] = {
    name: Electrodes(**{key: value for key, (value, _) in table.items()})
    for name, table in _TABLE.items()
}
"""Kinds of electrodes by name."""

PRESET_SOURCES: dict[str, dict[str, str]] = {
    name: {key: source for key, (_, source) in table.items()} for name, table in _TABLE.items()
}
"""Where the figures of `PRESETS` come from."""


@dataclass(frozen=True, kw_only=True)
class Amplifier(Spec):
    """What an amplifier does to its electrodes.

    Attributes
    ----------
    input_ohm, input_f : float
        Input resistance and capacitance to the device's ground, cable included.
    bias_a : float
        Input bias current.
    cmrr_db : float
        Common-mode rejection.
    """

    kind: ClassVar[str] = "amplifier"
    input_ohm: float = par(1e9, "Ohm", "at least 100 MOhm [IFCN 1998]; value assumed", low=1e3)
    input_f: float = par(50e-12, "F", ASSUMED, high=1e-6)
    bias_a: float = par(300e-12, "A", "ADS1299 feature list", high=1e-3)
    cmrr_db: float = par(110.0, "dB", "ADS1299 feature list", high=400.0)

    def impedance_ohm(self, frequency_hz: ArrayLike) -> NDArray[np.complex128]:
        """Return the input impedance at `frequency_hz`."""
        admittance = 1.0 / self.input_ohm + 2j * np.pi * np.asarray(frequency_hz) * self.input_f
        return np.asarray(1.0 / admittance)


def electrodes_from_mapping(values: dict[str, Any], where: str) -> Electrodes:
    """Build electrodes from a table of a scene file: a preset, and what differs from it.

    Raises
    ------
    SceneError
        Unknown preset or parameter, or a value out of range.
    """
    rest = dict(values)
    preset = rest.pop("preset", "gel")
    if preset not in PRESETS:
        msg = f"{where}: no electrodes {preset!r}{nearest(str(preset), PRESETS)}"
        raise SceneError(msg)
    # Goes through the check of unknown names first, with the defaults.
    Electrodes.from_mapping(rest, where)
    base = {item.name: getattr(PRESETS[preset], item.name) for item in fields(Electrodes)}
    electrodes: Electrodes = Electrodes.from_mapping(base | rest, where)
    return electrodes


def cole_ohm(
    magnitude_ohm: ArrayLike, electrodes: Electrodes, frequency_hz: ArrayLike
) -> NDArray[np.complex128]:
    """Return the impedance of electrodes whose magnitude at 10 Hz is `magnitude_ohm`.

    Parameters
    ----------
    magnitude_ohm : array_like
        Broadcast against `frequency_hz`.
    electrodes : Electrodes
        Shape of the dispersion.
    frequency_hz : array_like
        Frequencies; 0 for the resistance.
    """
    shape = _shape(electrodes, np.asarray(frequency_hz, dtype=np.float64))
    at_reference = abs(_shape(electrodes, np.array(REFERENCE_HZ)))
    return np.asarray(np.asarray(magnitude_ohm) * shape / at_reference)


def _shape(electrodes: Electrodes, frequency_hz: NDArray[np.float64]) -> NDArray[np.complex128]:
    turn = (2j * np.pi * frequency_hz * electrodes.relaxation_s) ** electrodes.dispersion
    series = electrodes.series_fraction
    return np.asarray(series + (1 - series) / (1 + turn))
