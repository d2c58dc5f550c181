"""Where electrodes are: the 10-20 and 10-10 positions on a sphere, and names for them.

The head is a unit sphere, x to the right ear, y to the nose, z to the vertex. The midline runs
from nasion to inion in steps of 18 degrees (10 % of the arc), the outer ring from Fpz to Oz at 72
degrees from the vertex in steps of 18 degrees of azimuth; what lies between is divided evenly, as
the 10-10 system does on the skin. Idealised: on a real head positions differ by several degrees.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from math import cos, pi, sin

import numpy as np

from eegrig.boards.wording import nearest
from eegrig.signal_sim.errors import SceneError
from eegrig.signal_sim.stream import FloatArray

__all__ = ["POSITIONS", "angles_deg", "canonical", "position", "positions"]

_ALIASES = {"T3": "T7", "T4": "T8", "T5": "P7", "T6": "P8", "TP9": "M1", "TP10": "M2"}
_PREFIX = re.compile(r"^(EEG|EOG|ECG|EMG|REF|POL|SEEG)[ _.:-]+", re.IGNORECASE)
_GLUED = re.compile(r"^(EEG|POL)(?=[A-Z])", re.IGNORECASE)
_REFERENCE = re.compile(r"[ ]?-[ ]?(REF|LE|AR|AVG|A1|A2|M1|M2|CZ)$", re.IGNORECASE)
_REFERENCES = frozenset(
    [
        "REF",
        "REFERENCE",
        "RE",
        "LE",
        "LER",
        "LM",
        "AR",
        "AV",
        "AVE",
        "AVG",
        "AVERAGE",
        "CAR",
        "AA",
        "EAR",
        "EARS",
        "LINKED",
        "MASTOID",
        "MASTOIDS",
        "A1",
        "A2",
        "A1A2",
        "A2A1",
        "M1",
        "M2",
        "M1M2",
        "M2M1",
        "TP9",
        "TP10",
        "CZ",
        "FCZ",
        "G1",
        "G2",
        "GND",
        "VREF",
    ]
)
"""What amplifiers call references in a label, behind the electrode's name."""
_BETWEEN = re.compile(r"[\s_.:/+\\()\[\]\u2010-\u2013-]+")


def _point(polar_deg: float, azimuth_deg: float) -> FloatArray:
    """Return a point of the sphere, `azimuth_deg` counted from the nose to the right ear."""
    polar, azimuth = polar_deg * pi / 180, azimuth_deg * pi / 180
    return np.array([sin(polar) * sin(azimuth), sin(polar) * cos(azimuth), cos(polar)])


def _between(first: FloatArray, second: FloatArray, fraction: float) -> FloatArray:
    """Return the point at `fraction` of the great circle from `first` to `second`."""
    angle = float(np.arccos(np.clip(first @ second, -1.0, 1.0)))
    mixed = (sin((1 - fraction) * angle) * first + sin(fraction * angle) * second) / sin(angle)
    return np.asarray(mixed)


def _build() -> dict[str, FloatArray]:
    table = {
        "Nz": _point(90, 0), "Fpz": _point(72, 0), "AFz": _point(54, 0), "Fz": _point(36, 0),
        "FCz": _point(18, 0), "Cz": _point(0, 0), "CPz": _point(18, 180), "Pz": _point(36, 180),
        "POz": _point(54, 180), "Oz": _point(72, 180), "Iz": _point(90, 180),
        # Ear lobes, mastoids and ear canals lie below the ring (angles assumed).
        "A1": _point(105, -90), "A2": _point(105, 90), "M1": _point(105, -110),
        "M2": _point(105, 110), "EL": _point(95, -92), "ER": _point(95, 92),
        # Off the scalp: over the masseter of either side, and beside the eyes (angles assumed).
        "EMG1": _point(118, -72), "EMG2": _point(118, 72),
        "E1": _point(98, -28), "E2": _point(98, 28),
        "FT9": _point(90, -72), "FT10": _point(90, 72), "T9": _point(90, -90),
        "T10": _point(90, 90), "P9": _point(90, -126), "P10": _point(90, 126),
    }  # fmt: skip
    ring = {
        "Fp": 18,
        "AF": 36,
        "F": 54,
        "FT": 72,
        "T": 90,
        "TP": 108,
        "P": 126,
        "PO": 144,
        "O": 162,
    }
    for name, azimuth in ring.items():
        odd, even = ("1", "2") if name in ("Fp", "O") else ("7", "8")
        table[name + odd], table[name + even] = _point(72, -azimuth), _point(72, azimuth)
    rows = {"AF": ("AFz", "AF"), "F": ("Fz", "F"), "FC": ("FCz", "FT"), "C": ("Cz", "T"),
            "CP": ("CPz", "TP"), "P": ("Pz", "P"), "PO": ("POz", "PO")}  # fmt: skip
    for row, (middle, end) in rows.items():
        for number, fraction in ((1, 0.25), (3, 0.5), (5, 0.75)):
            table[f"{row}{number}"] = _between(table[middle], table[f"{end}7"], fraction)
            table[f"{row}{number + 1}"] = _between(table[middle], table[f"{end}8"], fraction)
    return table


POSITIONS: dict[str, FloatArray] = _build()
"""Unit vectors of the named electrode positions."""

_BY_UPPER = {name.upper(): name for name in POSITIONS}


def canonical(label: str) -> str:
    """Return the plain name of a channel label: ``"EEG FP1-REF"`` gives ``"Fp1"``.

    A prefix such as ``EEG`` or ``POL`` and a reference behind the name are dropped, whatever stands
    between them, the case is that of the 10-20 table, the old names T3, T4, T5, T6 give T7, T8, P7,
    P8. A name outside the table comes back as it is, without prefix and suffix.
    """
    words = [word for word in _BETWEEN.split(_PREFIX.sub("", label.strip().lstrip("[("))) if word]
    if words and all(word.upper() in _REFERENCES for word in words[1:]):
        for name in (words[0], _GLUED.sub("", words[0])):
            known = _BY_UPPER.get(_ALIASES.get(name.upper(), name).upper())
            if known is not None:
                return known
    return _REFERENCE.sub("", _PREFIX.sub("", label.strip())).strip().rstrip(".")


def position(name: str) -> FloatArray:
    """Return the unit vector of electrode `name`.

    Raises
    ------
    SceneError
        The 10-10 table has no such position.
    """
    plain = canonical(name)
    if plain not in POSITIONS:
        msg = f"no electrode position {name!r} in the 10-10 system{nearest(name, POSITIONS)}"
        raise SceneError(msg)
    return POSITIONS[plain]


def positions(names: Iterable[str]) -> FloatArray:
    """Return the unit vectors of `names`, shape ``(n_names, 3)``."""
    return np.array([position(name) for name in names])


def angles_deg(names: Sequence[str], centre: FloatArray) -> FloatArray:
    """Return the angle between each electrode and `centre` in degrees, shape ``(n_names,)``."""
    return np.asarray(np.degrees(np.arccos(np.clip(positions(names) @ centre, -1.0, 1.0))))
