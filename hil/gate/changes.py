"""Where in a longer history a figure changed, and between which commits.

Steps are found by PELT with squared residuals: R. Killick, P. Fearnhead, I. A. Eckley, "Optimal
detection of changepoints with a linear computational cost", J. Am. Stat. Assoc. 107 (2012)
1590-1598; `ruptures` has the algorithm.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eegrig.boards.errors import ConfigError
from eegrig.hil.gate.observations import Observation, Taken

__all__ = ["Change", "change_points", "noise_of_steps", "steps_in"]

_PENALTY = 3.0
"""Times ln n and the variance: with 2 a history without a change has one in 6 of 100 cases."""
_LEAST_RUNS = 2
"""Of a level: one wild run is none."""
_ENOUGH_FOR_NOISE = 30
"""Runs that tell their noise well enough: with 20, 4 histories in 100 have a false step."""
_KEPT = 0.9
"""Of the squared differences of neighbours; the largest may be steps and wild runs."""
_MEAN_OF_KEPT = 0.62302
"""Mean of a chi-square variable of one degree of freedom below its 0.9 quantile."""


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


def change_points(
    history: Sequence[Observation], noise: float | None = None, n_figures: int = 1
) -> list[Change]:
    """Return the steps in a figure's history, in their order.

    Parameters
    ----------
    history : sequence of Observation
        Of one figure, the oldest first, all in one unit.
    noise : float, optional
        Standard deviation of a run about its level, in the figure's unit; estimated if not given
        (`noise_of_steps`), which takes 30 runs. With 0 every other value is another level.
    n_figures : int
        Histories that are looked at together: false steps are kept rare in all of them.

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
    if noise is None and sigma and values.size < _ENOUGH_FOR_NOISE:
        return []
    places = _places(values, sigma, n_figures)
    edges = [0, *places, values.size]
    levels = [float(values[a:b].mean()) for a, b in itertools.pairwise(edges)]
    return [
        Change(at, levels[number], levels[number + 1], history[at - 1], history[at])
        for number, at in enumerate(places)
    ]


def steps_in(before: Taken) -> dict[str, list[Change]]:
    """Return the steps of every figure in runs that were before; of figures without one, nothing.

    Runs of a virtual bench with several seeds differ by what is random: those with the seed that is
    there most often make the history.
    """
    found = {}
    for name, series in before.series.items():
        seen = list(series)
        if before.setting.virtual and seen:
            often, _ = Counter(each.seed for each in seen).most_common(1)[0]
            seen = [each for each in seen if each.seed == often]
        if changes := change_points(seen, n_figures=len(before.series)):
            found[name] = changes
    return found


def noise_of_steps(values: Sequence[float] | NDArray[np.float64]) -> float:
    """Return the standard deviation of runs about their levels, whatever steps there are.

    From the differences of neighbours, few of which are steps: the largest tenth does not count.
    """
    squared = np.sort(np.diff(np.asarray(values, dtype=np.float64)) ** 2)
    if np.median(squared) == 0:
        return 0.0  # most runs are as the one before: what differs is a step
    kept = squared[: max(1, int(_KEPT * squared.size))]
    return math.sqrt(float(kept.mean()) / _MEAN_OF_KEPT / 2)


def _places(values: NDArray[np.float64], sigma: float, n_figures: int) -> list[int]:
    if sigma == 0:
        return [int(at) + 1 for at in np.flatnonzero(np.diff(values))]
    try:
        from ruptures import Pelt
    except ImportError:
        raise ConfigError("change points need ruptures: pip install 'eegrig[changes]'") from None

    # In standard deviations about the middle: differences of large squares would lose digits.
    scaled = ((values - np.median(values)) / sigma)[:, None]
    found = Pelt(model="l2", min_size=_LEAST_RUNS, jump=1).fit(scaled)
    penalty = _PENALTY * math.log(values.size) + 2 * math.log(n_figures)
    return [int(at) for at in found.predict(pen=penalty)[:-1]]
