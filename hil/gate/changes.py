"""Where in a longer history a figure changed, and between which commits.

Steps are found by PELT with squared residuals: R. Killick, P. Fearnhead, I. A. Eckley, "Optimal
detection of changepoints with a linear computational cost", J. Am. Stat. Assoc. 107 (2012)
1590-1598; `ruptures` has the algorithm.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eegrig.boards.errors import ConfigError
from eegrig.hil.gate.observations import Observation
from eegrig.hil.gate.statistics import robust_scale

__all__ = ["Change", "change_points", "noise_of_steps"]

_PENALTY = 3.0
"""Times ln n and the variance: with 2 a history without a change has one in 6 of 100 cases."""
_LEAST_RUNS = 2
"""Of a level: one wild run is none."""


@dataclass(frozen=True)
class Change:
    """A step in a history.

    Attributes
    ----------
    at : int
        Index of the first run after it.
    before, after : float
        Means of the two levels, in the figure's unit.
    last_before, first_after : Observation
        Between these two runs it happened.
    """

    at: int
    before: float
    after: float
    last_before: Observation
    first_after: Observation

    @property
    def relative(self) -> float:
        """The step over the level before it; infinite from zero."""
        step = self.after - self.before
        return step / abs(self.before) if self.before else math.copysign(math.inf, step)

    @property
    def commits(self) -> str:
        """The commits between, as git writes a range; empty where they are not known."""
        first, last = self.last_before.commit, self.first_after.commit
        return f"{first}..{last}" if first and last and first != last else ""

    @property
    def between(self) -> str:
        """What it happened between: commits, or else firmware images, or else times."""
        first, last = self.last_before, self.first_after
        if self.commits:
            return self.commits
        if first.image and last.image and first.image != last.image:
            return f"images {first.image[:12]} and {last.image[:12]}"
        return f"{first.when} and {last.when}"


def change_points(history: Sequence[Observation], noise: float | None = None) -> list[Change]:
    """Return the steps in a figure's history, in their order.

    Parameters
    ----------
    history : sequence of Observation
        Of one figure, the oldest first, all in one unit.
    noise : float, optional
        Standard deviation of a run about its level, in the figure's unit; estimated if not given
        (`noise_of_steps`). With 0 every other value is another level.

    Raises
    ------
    ValueError
        If a value is not finite or the units differ.
    boards.errors.ConfigError
        If ``ruptures`` is not installed.
    """
    if len({each.unit for each in history}) > 1:
        raise ValueError("a history has one unit")
    values = np.array([each.value for each in history], dtype=np.float64)
    if not np.isfinite(values).all():
        raise ValueError("values are to be finite")
    if values.size < 2 * _LEAST_RUNS:
        return []
    sigma = noise_of_steps(values) if noise is None else noise
    places = _places(values, sigma)
    edges = [0, *places, values.size]
    levels = [float(values[a:b].mean()) for a, b in itertools.pairwise(edges)]
    return [
        Change(at, levels[number], levels[number + 1], history[at - 1], history[at])
        for number, at in enumerate(places)
    ]


def noise_of_steps(values: Sequence[float] | NDArray[np.float64]) -> float:
    """Return the standard deviation of runs about their levels, whatever steps there are.

    From the differences of neighbours, few of which are steps.
    """
    differences = np.diff(np.asarray(values, dtype=np.float64))
    if np.median(np.abs(differences)) == 0:
        return 0.0  # most runs are as the one before: what differs is a step
    return robust_scale(differences) / math.sqrt(2)


def _places(values: NDArray[np.float64], sigma: float) -> list[int]:
    if sigma == 0:
        return [int(at) + 1 for at in np.flatnonzero(np.diff(values))]
    try:
        from ruptures import Pelt
    except ImportError:
        raise ConfigError("change points need ruptures: pip install 'eegrig[history]'") from None

    # In standard deviations about the middle: differences of large squares would lose digits.
    scaled = ((values - np.median(values)) / sigma)[:, None]
    found = Pelt(model="l2", min_size=_LEAST_RUNS, jump=1).fit(scaled)
    return [int(at) for at in found.predict(pen=_PENALTY * math.log(values.size))[:-1]]
