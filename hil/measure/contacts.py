"""Impedances against the ones that were set: what is common to all of them, and what is not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["FOLDED", "ContactErrors", "contact_errors"]

FOLDED = 0.015
"""Part of a drive at a quarter of the sample rate that its odd harmonics fold back onto it, in one
phase or the other (`host.recording.impedance`)."""


@dataclass(frozen=True)
class ContactErrors:
    """Relative errors of measured impedances, signed, with standard uncertainties.

    Attributes
    ----------
    scale, scale_uncertainty : float
        Common to all electrodes: of the one current that drives them. Harmonics that fold back are
        part of it, and uncertain, as nobody knows their phase.
    each, each_uncertainty : ndarray, shape (n_channels,)
        What an electrode's error is beyond the common one; of a single electrode always 0.
    """

    scale: float
    scale_uncertainty: float
    each: NDArray[np.float64]
    each_uncertainty: NDArray[np.float64]

    @property
    def worst(self) -> int:
        """Index of the electrode whose own error is the farthest from zero."""
        return int(np.argmax(np.abs(self.each)))


def contact_errors(
    measured_ohm: NDArray[np.float64],
    uncertainty_ohm: NDArray[np.float64],
    true_ohm: NDArray[np.float64],
    *,
    folded: float = FOLDED,
) -> ContactErrors:
    """Return the errors of impedances.

    The common one is the mean weighted by the uncertainties, of which an electrode's own has a
    part: what is left of it is the less uncertain for that.

    Parameters
    ----------
    measured_ohm, uncertainty_ohm, true_ohm : ndarray, shape (n_channels,)
        Measured with standard uncertainties, and set.
    folded : float
        Largest relative effect of harmonics; in an unknown phase its root mean square is that over
        the root of two.
    """
    ratio, noise = measured_ohm / true_ohm, uncertainty_ohm / true_ohm
    weight = noise**-2.0
    common = float(np.average(ratio, weights=weight))
    variance = float(1.0 / np.sum(weight))
    return ContactErrors(
        scale=common - 1.0,
        scale_uncertainty=float(np.sqrt(variance + folded**2 / 2)),
        each=ratio / common - 1.0,
        each_uncertainty=np.sqrt(np.maximum(noise**2 - variance, 0.0)) / common,
    )
