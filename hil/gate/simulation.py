"""Whether the gate keeps what it promises: gates of simulated benches, with and without a change.

``python -m eegrig.hil.gate.simulation`` writes the table into ``docs/gate.md``; a test compares.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eegrig.hil.gate.stages import Design, design_for, least_shifts
from eegrig.hil.gate.statistics import benjamini_hochberg, chances_of_u

__all__ = ["NOISE", "THRESHOLD", "Found", "false_alarms", "power", "table", "with_table"]

NOISE = 0.015
"""Standard deviation of a run, relative."""
THRESHOLD = 0.01
"""The practical threshold, relative."""
_OUTLIER = 0.06
"""What a wild run is too large by, relative."""

_BEGIN = "<!-- simulated: python -m eegrig.hil.gate.simulation -->\n"
_END = "<!-- end of simulated -->\n"
_PAGE = Path("docs") / "gate.md"
_SEED = 3
_AT_ONCE = 1000
"""Gates at a time: what 80 figures of theirs take fits into memory easily."""


@dataclass(frozen=True)
class Found:
    """What simulated gates did.

    Attributes
    ----------
    went_on : float
        Share of gates that asked for more runs.
    alarmed : float
        Share of gates that raised an alarm.
    n_runs : float
        New runs, on the average.
    """

    went_on: float
    alarmed: float
    n_runs: float


def power(
    design: Design,
    n_figures: int,
    shifts: NDArray[np.float64],
    rng: np.random.Generator,
    *,
    outliers: float = 0.0,
    n_gates: int = 10_000,
) -> NDArray[np.float64]:
    """Return the chance that a figure's shift raises an alarm, for each of several shifts.

    It is the only figure of its run that got worse, and only its own look asks for more runs: what
    others ask for by chance, or notice too, makes the chance larger.

    Parameters
    ----------
    design : Design
    n_figures : int
        Of a run.
    shifts : ndarray
        Relative.
    rng : numpy.random.Generator
    outliers : float
        Share of runs, old and new, that are too large by 6 %.
    n_gates : int
        To simulate.
    """
    baseline = _runs(rng, (n_gates, design.n_baseline), outliers)
    new = _runs(rng, (n_gates, design.n_all), outliers)
    first = least_shifts(baseline, new[:, : design.n_first], design.p_go_on)
    last = least_shifts(baseline, new, design.p_alarm(n_figures))
    least = np.maximum(first.rejected, last.found(THRESHOLD))
    return np.array([np.mean(least <= shift) for shift in shifts])


def false_alarms(
    design: Design,
    n_figures: int,
    rng: np.random.Generator,
    *,
    alike: float = 0.0,
    n_gates: int = 10_000,
) -> Found:
    """Return what gates do where nothing has changed, with an accepted and a moving baseline.

    The two baselines share no run, which makes for the most alarms.

    Parameters
    ----------
    design : Design
    n_figures : int
        Of a run.
    rng : numpy.random.Generator
    alike : float
        Share of the variance that all figures of a run have in common.
    n_gates : int
        To simulate.
    """
    went_on = alarmed = 0
    for done in range(0, n_gates, _AT_ONCE):
        n_now = min(_AT_ONCE, n_gates - done)
        asked, cried = _unchanged(design, (n_now, n_figures), rng, alike)
        went_on += int(asked.sum())
        alarmed += int(cried.sum())
    return Found(
        went_on=went_on / n_gates,
        alarmed=alarmed / n_gates,
        n_runs=design.n_first + design.n_more * went_on / n_gates,
    )


def _unchanged(
    design: Design, shape: tuple[int, int], rng: np.random.Generator, alike: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which gates, of `(n_gates, n_figures)` without a change, ask for more, and alarm."""
    went_on = np.zeros(shape[0], dtype=np.bool_)
    alarmed = np.zeros(shape[0], dtype=np.bool_)
    new = _related(rng, (*shape, design.n_all), alike)
    for _ in range(2):
        baseline = _related(rng, (*shape, design.n_baseline), alike)
        first = _p(baseline, new[..., : design.n_first])
        went_on |= (first <= design.p_go_on).any(axis=1)
        last = _p(baseline, new)
        for gate in np.flatnonzero((last <= design.share).any(axis=1)):
            for figure in np.flatnonzero(benjamini_hochberg(last[gate], design.share)):
                differences = np.subtract.outer(new[gate, figure], baseline[gate, figure])
                alarmed[gate] |= np.median(differences) > THRESHOLD
    return went_on, alarmed & went_on


def _runs(rng: np.random.Generator, shape: tuple[int, int], outliers: float) -> NDArray[np.float64]:
    runs = NOISE * rng.standard_normal(shape)
    if outliers:
        runs += _OUTLIER * (rng.random(shape) < outliers)
    return runs


def _related(
    rng: np.random.Generator, shape: tuple[int, int, int], alike: float
) -> NDArray[np.float32]:
    """Return figures of runs, `(n_gates, n_figures, n_runs)`."""
    own = rng.standard_normal(shape, dtype=np.float32)
    own *= np.float32(NOISE * np.sqrt(1 - alike))
    if alike:
        common = rng.standard_normal((shape[0], 1, shape[2]), dtype=np.float32)
        own += np.float32(NOISE * np.sqrt(alike)) * common
    return own


def _p(baseline: NDArray[np.float32], new: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the chance of each figure of each gate, as `hil.gate.statistics.p_worse` does one."""
    u = np.zeros(new.shape[:2], dtype=np.int16)
    for run in range(baseline.shape[2]):
        u += (new > baseline[..., run : run + 1]).sum(axis=2, dtype=np.int16)
    chances = chances_of_u(baseline.shape[2], new.shape[2])
    tail: NDArray[np.float64] = np.cumsum(chances[::-1])[::-1]
    return tail[u]


def table() -> str:
    """Return the table of the page."""
    shifts = np.array([0.005, 0.01, 0.02, 0.03, 0.05])
    heads = [
        "figures a run", "runs: first, then", "goes on from p", "alarm from p",
        *(f"{100 * shift:g} % worse" for shift in shifts),
        "3 %, one run in 20 wild", "least shift with 0.9", "false alarms in 100 gates",
        "the same, figures alike", "runs if nothing changed",
    ]  # fmt: skip
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    fine = np.arange(0.02, 0.05, 0.0001)
    for n_figures in (20, 40, 80):
        design = design_for(n_figures)
        rng = np.random.default_rng([_SEED, n_figures])
        at_all = power(design, n_figures, np.concatenate([shifts, fine]), rng)
        found, along = at_all[: shifts.size], at_all[shifts.size :]
        wild = power(design, n_figures, np.array([0.03]), rng, outliers=0.05)
        null = false_alarms(design, n_figures, rng)
        related = false_alarms(design, n_figures, rng, alike=0.8)
        cells = [
            str(n_figures),
            f"{design.n_first}, {design.n_more}",
            f"{design.p_go_on:g}",
            f"{design.p_alarm(n_figures):.2g}",
            *(f"{chance:.3f}" for chance in found),
            f"{wild[0]:.2f}",
            f"{100 * fine[np.argmax(along >= 0.9)]:.1f} %",
            f"{100 * null.alarmed:.2f}",
            f"{100 * related.alarmed:.2f}",
            f"{null.n_runs:.1f}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def with_table(page: str, made: str) -> str:
    """Return the page with a table between the marks it has."""
    before, begin, rest = page.partition(_BEGIN)
    if not begin:
        return page
    _, end, after = rest.partition(_END)
    return before + begin + made + end + after


if __name__ == "__main__":
    _PAGE.write_text(with_table(_PAGE.read_text(encoding="utf-8"), table()), encoding="utf-8")
