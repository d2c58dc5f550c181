"""How strongly a source shows at each electrode: fields over the sphere of `signal_sim.montage`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

from eegrig.boards.wording import nearest
from eegrig.signal_sim.errors import SceneError
from eegrig.signal_sim.montage import POSITIONS, angles_deg, canonical, positions
from eegrig.signal_sim.stream import FloatArray

__all__ = ["FIELDS", "field_at", "scattered_fields", "smooth_mixing"]

# Name: lobes of (electrode at the centre, spread in degrees, weight). The spread is the angle at
# which a lobe has fallen to 61 %. Assumed, from where textbooks put each rhythm.
FIELDS: dict[str, tuple[tuple[str, float, float], ...]] = {
    "occipital": (("Oz", 35.0, 1.0), ("POz", 35.0, 0.3)),
    "visual": (("Oz", 24.0, 1.0),),
    "lateral-occipital": (("PO7", 25.0, 1.0), ("PO8", 25.0, 1.0)),
    "p3": (("Pz", 32.0, 1.0), ("CPz", 32.0, 0.5)),
    "parieto-occipital": (("POz", 40.0, 1.0), ("Oz", 40.0, 0.5)),
    "parietal": (("Pz", 40.0, 1.0),),
    "central": (("Cz", 40.0, 1.0),),
    "frontal": (("Fz", 40.0, 1.0),),
    "frontal-midline": (("FCz", 30.0, 1.0), ("Fz", 30.0, 0.6)),
    "fronto-central": (("FCz", 40.0, 1.0),),
    "left-motor": (("C3", 25.0, 1.0),),
    "right-motor": (("C4", 25.0, 1.0),),
    "left-temporal": (("T7", 25.0, 1.0),),
    "right-temporal": (("T8", 25.0, 1.0),),
    "left-jaw": (("EMG1", 25.0, 1.0), ("T7", 25.0, 0.6)),
    "right-jaw": (("EMG2", 25.0, 1.0), ("T8", 25.0, 0.6)),
    "left-frontal": (("F7", 25.0, 1.0),),
    "right-frontal": (("F8", 25.0, 1.0),),
    "forehead": (("Fpz", 30.0, 1.0),),
    "neck": (("Iz", 30.0, 1.0),),
    "global": (("Cz", 90.0, 1.0),),
    "frontal-global": (("Fz", 60.0, 1.0),),
}


def field_at(name: str, leads: Sequence[str]) -> FloatArray:
    """Return the strength of the field `name` at each lead, 1 where it is strongest.

    Parameters
    ----------
    name : str
        One of `FIELDS`, or an electrode: a lobe of 30 degrees around it.
    leads : sequence of str
        Electrode names.

    Returns
    -------
    ndarray, shape (n_leads,)

    Raises
    ------
    SceneError
        There is no such field or electrode.
    """
    lobes = FIELDS.get(name)
    if lobes is None:
        if canonical(name) not in POSITIONS:
            msg = f"no topography {name!r}{nearest(name, list(FIELDS))}"
            raise SceneError(msg)
        lobes = ((name, 30.0, 1.0),)
    return _lobes(lobes, leads) / _peak(lobes)


def _lobes(lobes: tuple[tuple[str, float, float], ...], leads: Sequence[str]) -> FloatArray:
    total = np.zeros(len(leads))
    for centre, spread_deg, weight in lobes:
        angle = angles_deg(leads, POSITIONS[canonical(centre)])
        total += weight * np.exp(-0.5 * (angle / spread_deg) ** 2)
    return total


@cache
def _peak(lobes: tuple[tuple[str, float, float], ...]) -> float:
    return float(_lobes(lobes, list(POSITIONS)).max())


def scattered_fields(
    name: str,
    leads: Sequence[str],
    n_fields: int,
    rng: np.random.Generator,
    *,
    scatter: float = 0.6,
) -> FloatArray:
    """Return several neighbouring fields that add up, in power, to the field `name`.

    A rhythm comes from many patches of cortex at once; with one field for all of them, a spatial
    filter of eight electrodes would remove it without trace.

    Parameters
    ----------
    name : str
        As for `field_at`.
    leads : sequence of str
        Electrode names.
    n_fields : int
        How many.
    rng : Generator
        Draws how they differ.
    scatter : float
        How much they differ: relative gradient over the sphere (assumed).

    Returns
    -------
    ndarray, shape (n_leads, n_fields)
    """
    whole = field_at(name, leads)
    if n_fields == 1:
        return whole[:, None]
    directions = rng.standard_normal((3, n_fields))
    fields = whole[:, None] * (1.0 + scatter * positions(leads) @ directions)
    power = np.sqrt((fields**2).sum(axis=1, keepdims=True))
    return np.asarray(fields * (whole[:, None] / np.maximum(power, 1e-12)))


def smooth_mixing(leads: Sequence[str], correlation_deg: float) -> FloatArray:
    """Return a mixing matrix that correlates neighbours: row norm 1, shape (n_leads, n_leads).

    The correlation of two leads is ``exp(-(angle / correlation_deg)^2 / 2)``, plus a little of
    each lead's own.
    """
    points = positions(leads)
    angle = np.degrees(np.arccos(np.clip(points @ points.T, -1.0, 1.0)))
    covariance = 0.97 * np.exp(-0.5 * (angle / correlation_deg) ** 2)
    np.fill_diagonal(covariance, 1.0)
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.clip(values, 0.0, None))
    return np.asarray(root / np.linalg.norm(root, axis=1, keepdims=True))
