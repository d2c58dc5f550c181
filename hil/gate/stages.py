"""How many runs the gate of a real bench asks for, and what it can see with them.

A few new runs are held against the baseline first. Where a figure looks worse more runs are asked
for, and only all of them together can raise an alarm: with the few, chance would have to be allowed
too much. How many, and from which chances on, depends on how many figures a run has; the numbers
were chosen by simulation (`hil.gate.simulation`, ``docs/gate.md``).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from eegrig.hil.gate.statistics import least_worse_u

__all__ = [
    "FALSE_ALARMS",
    "N_BASELINE",
    "POWER",
    "Design",
    "LeastShifts",
    "design_for",
    "least_shifts",
    "least_visible",
]

FALSE_ALARMS = 0.01
"""At most the chance of an alarm, over all figures and both baselines, if nothing has changed."""
POWER = 0.9
"""The chance with which the least visible shift is found."""

N_BASELINE = 20
"""Runs of a baseline on a real bench."""

_SHARE = 0.004
"""For each of two baselines, the accepted and the moving one: a fifth of `FALSE_ALARMS` is left."""
_N_SIMULATED = 4000
_SEED = 14


@dataclass(frozen=True)
class Design:
    """How many runs there are to be, and what counts.

    Attributes
    ----------
    n_more : int
        Runs to take after the first, if a figure looks worse.
    p_go_on : float
        A figure looks worse from this chance down.
    n_baseline, n_first : int
        Runs of the baseline, and new ones to begin with.
    share : float
        False discovery rate of Benjamini and Hochberg over the figures of a run, for a baseline.
    """

    n_more: int
    p_go_on: float
    n_baseline: int = N_BASELINE
    n_first: int = 5
    share: float = _SHARE

    @property
    def n_all(self) -> int:
        """New runs after which there is a verdict at all events."""
        return self.n_first + self.n_more

    def p_alarm(self, n_figures: int) -> float:
        """Return the chance from which down a single figure of so many raises an alarm."""
        return self.share / max(n_figures, 1)


_DESIGNS = (
    (20, Design(n_more=10, p_go_on=0.03)),
    (40, Design(n_more=15, p_go_on=0.025)),
    (80, Design(n_more=15, p_go_on=0.03)),
)
_MANY = Design(n_more=15, p_go_on=0.05)


def design_for(n_figures: int) -> Design:
    """Return the design for runs with so many figures."""
    return next((design for most, design in _DESIGNS if n_figures <= most), _MANY)


class LeastShifts(NamedTuple):
    """For each of many simulated benches, the shift from which on something happens.

    All in standard deviations of a run, `(n_simulated,)`. A rank statistic only grows with the
    shift of the new runs, so one number says what becomes of every shift.

    Attributes
    ----------
    rejected : ndarray
        From here on the test rejects; infinite where so few runs never can.
    error : ndarray
        Error of the Hodges-Lehmann estimate: it says the shift and this.
    """

    rejected: NDArray[np.float64]
    error: NDArray[np.float64]

    def found(self, threshold: float) -> NDArray[np.float64]:
        """Return from where on the test rejects and the estimate is above `threshold`."""
        return np.maximum(self.rejected, threshold - self.error)


def least_shifts(baseline: NDArray[np.float64], new: NDArray[np.float64], p: float) -> LeastShifts:
    """Return what becomes of shifts of `new`, at a chance of `p`.

    Parameters
    ----------
    baseline, new : ndarray
        Runs without a change, `(n_simulated, n_runs)`.
    p : float
        From which down the test rejects.
    """
    n_simulated, n_pairs = len(new), new.shape[1] * baseline.shape[1]
    differences = (new[:, :, None] - baseline[:, None, :]).reshape(n_simulated, n_pairs)
    error = np.median(differences, axis=1)
    u = least_worse_u(baseline.shape[1], new.shape[1], p)
    if u is None:
        return LeastShifts(np.full(n_simulated, np.inf), error)
    # U of a shift counts the differences above it, negative: it reaches u at the u-th largest.
    at = n_pairs - max(u, 1)
    return LeastShifts(-np.partition(differences, at, axis=1)[:, at], error)


@cache
def _normal(n_baseline: int, n_new: int, p: float) -> LeastShifts:
    rng = np.random.default_rng(_SEED)
    baseline = rng.standard_normal((_N_SIMULATED, n_baseline))
    return least_shifts(baseline, rng.standard_normal((_N_SIMULATED, n_new)), p)


def least_visible(n_baseline: int, n_new: int, p: float, threshold: float = 0.0) -> float:
    """Return the least shift that is found with a chance of `POWER`, in standard deviations.

    Of normal noise, by a simulation that is always the same; infinite where so few runs find none.

    Parameters
    ----------
    n_baseline, n_new : int
        Runs.
    p : float
        From which down the test rejects.
    threshold : float
        That the estimate has to be above, in standard deviations.
    """
    found = np.sort(_normal(n_baseline, n_new, p).found(threshold))
    return float(found[int(np.ceil(POWER * found.size)) - 1])
