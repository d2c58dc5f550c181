"""The verdict of the gate: on each figure, against a baseline, and on all of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal, NamedTuple

import numpy as np

from eegrig.boards.errors import ConfigError
from eegrig.boards.figures import Catalogue, DeclaredFigure
from eegrig.hil.gate.observations import Observation, Taken, check_alike, check_asked
from eegrig.hil.gate.residual_noise import NoiseBound, bound_of
from eegrig.hil.gate.stages import Design, design_for, least_visible
from eegrig.hil.gate.statistics import (
    Interval,
    benjamini_hochberg,
    compare_pairs,
    p_worse,
    robust_scale,
    shift_interval,
)

__all__ = ["MATTERS_FROM", "FigureVerdict", "GateVerdict", "Outcome", "judge"]

MATTERS_FROM = 0.01
"""The least change for the worse that matters, relative, where nobody says otherwise."""

_NO_SEED = "no seed in common with its baseline"

Outcome = Literal["fine", "worse", "undecided"]
"""How a figure stands against a baseline, and a gate as a whole."""

Against = Literal["accepted", "recent"]
"""A baseline that somebody accepted, or the last runs, which move along."""


@dataclass(frozen=True)
class FigureVerdict:
    """A figure against a baseline. Shifts are in `unit`; positive ones are for the worse.

    Attributes
    ----------
    name, unit : str
    against : {"accepted", "recent"}
    outcome : {"fine", "worse", "undecided"}
    why : str
        In a few words; empty for one that is as it was.
    n_baseline, n_new : int
        Runs on either side; pairs, on a virtual bench.
    baseline, new : float or None
        Medians; None where there is no value.
    shift : Interval or None
        With a confidence of 0.95; on a virtual bench the span of all pairs.
    reference : float
        What relative numbers are of.
    threshold : float
        From here on a shift matters.
    p : float or None
        Of the test.
    p_bound : float or None
        From here down it counts; None on a virtual bench, where `noise` decides.
    noise : float or None
        How far the figure moves by itself: a standard deviation of runs, or a bound of pairs.
    noise_known : str
        How that is known.
    least_visible : float
        The least shift found with a chance of 0.9 (with certainty, on a virtual bench).
    """

    name: str
    unit: str
    against: Against
    outcome: Outcome
    why: str = ""
    n_baseline: int = 0
    n_new: int = 0
    baseline: float | None = None
    new: float | None = None
    shift: Interval | None = None
    reference: float = 0.0
    threshold: float = 0.0
    p: float | None = None
    p_bound: float | None = None
    noise: float | None = None
    noise_known: str = ""
    least_visible: float = math.inf


@dataclass(frozen=True)
class GateVerdict:
    """What the gate says.

    Attributes
    ----------
    outcome : {"fine", "worse", "undecided"}
    paired : bool
        Whether runs were compared seed by seed.
    design : Design
        Of the stages of a real bench.
    wants_new, wants_baseline : int
        How many more runs there should be, of the new firmware and of the baseline; 0 where there
        are enough.
    figures : tuple of FigureVerdict
        In the order of the catalogue, of the accepted baseline first.
    left_out : mapping of str to str
        What was not judged, and why.
    """

    outcome: Outcome
    paired: bool
    design: Design
    wants_new: int
    wants_baseline: int
    figures: tuple[FigureVerdict, ...]
    left_out: Mapping[str, str]

    @property
    def exit_code(self) -> int:
        """Of the command that ends with this: 0 fine, 1 worse, 4 undecided."""
        return {"fine": 0, "worse": 1, "undecided": 4}[self.outcome]

    def of(self, outcome: Outcome) -> list[FigureVerdict]:
        """Return the figures that stand so."""
        return [figure for figure in self.figures if figure.outcome == outcome]


class _Sides(NamedTuple):
    """A figure's values on either side, turned so that larger is worse."""

    figure: DeclaredFigure
    old: Sequence[Observation]
    new: Sequence[Observation]
    reference: float
    threshold: float

    def badness(self, side: Sequence[Observation]) -> list[float]:
        turn = _WORSE[self.figure.better or "lower"]
        return [turn(float(each.value)) for each in side]


_WORSE: Mapping[str, Callable[[float], float]] = {
    "lower": lambda value: value,
    "higher": lambda value: -value,
    "zero": abs,
}


def judge(
    accepted: Taken,
    new: Taken,
    catalogue: Catalogue,
    *,
    recent: Taken | None = None,
    threshold: float | None = None,
    matters_from: Mapping[str, float] | None = None,
    bounds: Sequence[NoiseBound] | None = None,
) -> GateVerdict:
    """Say whether any figure got worse.

    Parameters
    ----------
    accepted : Taken
        The baseline that somebody accepted.
    new : Taken
        Runs of the firmware in question.
    catalogue : Catalogue
        The figures there are, with the direction that is good.
    recent : Taken, optional
        The last runs before, a baseline that moves.
    threshold : float, optional
        From where on a change matters, relative, in all figures.
    matters_from : mapping of str to float, optional
        The same for some figures, by name or pattern, if there is no `threshold`; the first that
        fits counts. For others it is `MATTERS_FROM`.
    bounds : sequence of NoiseBound, optional
        How far figures of a virtual bench move by themselves; those of eegrig if not given.

    Raises
    ------
    boards.errors.ConfigError
        If the runs are not of what the baseline is of.
    """

    def matters(name: str) -> float:
        if threshold is not None:
            return threshold
        own = (matters_from or {}).items()
        return next((least for each, least in own if fnmatchcase(name, each)), MATTERS_FROM)

    check_alike("the run", new.setting, "the baseline", accepted.setting)
    check_asked(new, accepted.conditions)
    if recent is not None:
        check_alike("the run", new.setting, "the recent runs", recent.setting)
        check_asked(new, recent.conditions)
    names, left_out = _to_judge(accepted, new, catalogue)
    design = design_for(len(names))
    figures: list[FigureVerdict] = []
    sources: list[tuple[Against, Taken]] = [("accepted", accepted)]
    if recent is not None:
        sources.append(("recent", recent))
    for against, source in sources:
        sides = [
            _sides(catalogue, name, source, new, matters(name), accepted.limits)
            for name in names
            if source.series.get(name) and new.series.get(name)
        ]
        if not new.setting.virtual:
            figures += _by_ranks(sides, against, design, len(names))
        else:
            figures += [_by_pairs(each, against, bounds) for each in sides if _seeds(each)]
            for each in sides:
                if against == "accepted" and not _seeds(each):
                    left_out[each.figure.name] = _NO_SEED
    judged = {figure.name for figure in figures}
    for name in names:
        if name not in new.unsound:
            continue
        if name in judged:
            left_out[name] = f"a run of it: {new.unsound[name]}"
        else:
            unit = _unit(catalogue, name)
            why = new.unsound[name]
            figures.append(FigureVerdict(name, unit, "accepted", "undecided", why))
    if not figures and _NO_SEED in left_out.values():
        raise ConfigError(
            f"no seed in common: the baseline has {_listed(accepted)}, the runs {_listed(new)}; "
            "run again with --seed as in the baseline"
        )
    return _gate(figures, design, left_out, new, accepted)


def _to_judge(
    accepted: Taken, new: Taken, catalogue: Catalogue
) -> tuple[list[str], dict[str, str]]:
    """Return the figures that have a good direction and two sides, and why others have not."""
    names = sorted({*accepted.series, *new.series, *new.unsound}, key=catalogue.place)
    left_out: dict[str, str] = {}
    for name in names:
        figure = catalogue.find(name)
        if figure is None or figure.better is None:
            left_out[name] = "nobody says which direction is good"
        elif name not in accepted.series:
            left_out[name] = "it has no baseline: accept one"
        elif name not in new.series and name not in new.unsound:
            left_out[name] = "these runs did not take it"
    return [name for name in names if name not in left_out], left_out


def _sides(
    catalogue: Catalogue,
    name: str,
    source: Taken,
    new: Taken,
    matters: float,
    limits: Mapping[str, float],
) -> _Sides:
    figure = catalogue.find(name)
    assert figure is not None
    old = source.series[name]
    middle = abs(float(np.median([each.value for each in old])))
    limit = new.limits.get(name, limits.get(name, 0.0))
    # An error about zero is small against its limit, not against itself.
    reference = (limit or middle) if figure.better == "zero" else (middle or limit)
    return _Sides(figure, old, new.series[name], reference, matters * reference)


def _by_ranks(
    sides: Sequence[_Sides], against: Against, design: Design, n_figures: int
) -> list[FigureVerdict]:
    """Judge runs of a real bench: in stages, over all figures."""
    if not sides:
        return []
    chances = [p_worse(each.badness(each.old), each.badness(each.new)) for each in sides]
    # A figure that is missing on one side counts as one that shows nothing.
    padded = [*chances, *[1.0] * (n_figures - len(sides))]
    rejected = benjamini_hochberg(padded, design.share)[: len(sides)]
    return [
        _ranked(each, against, design, n_figures, chance, bool(worse))
        for each, chance, worse in zip(sides, chances, rejected, strict=True)
    ]


def _ranked(
    sides: _Sides, against: Against, design: Design, n_figures: int, p: float, rejected: bool
) -> FigureVerdict:
    old, new = sides.badness(sides.old), sides.badness(sides.new)
    shift = shift_interval(old, new)
    last = len(new) >= design.n_all
    bound = design.p_alarm(n_figures) if last else design.p_go_on
    outcome, why = _stage(sides, design, p, rejected and shift.estimate > sides.threshold)
    if against == "recent" and len(old) < design.n_baseline:
        # It moves along by itself: nobody is asked for runs of the past.
        outcome, why = "fine", f"not judged: {len(old)} recent runs of {design.n_baseline}"
    elif outcome == "fine" and rejected and last:
        why = "worse beyond noise, by less than matters"
    noise = robust_scale(old, new)
    if noise:
        sees = noise * least_visible(len(old), len(new), bound, sides.threshold / noise)
    else:
        sees = sides.threshold
    return FigureVerdict(
        name=sides.figure.name,
        unit=sides.figure.unit,
        against=against,
        outcome=outcome,
        why=why,
        n_baseline=len(old),
        n_new=len(new),
        baseline=float(np.median([each.value for each in sides.old])),
        new=float(np.median([each.value for each in sides.new])),
        shift=shift,
        reference=sides.reference,
        threshold=sides.threshold,
        p=p,
        p_bound=bound,
        noise=noise,
        noise_known="from these runs",
        least_visible=sees,
    )


def _stage(sides: _Sides, design: Design, p: float, alarm: bool) -> tuple[Outcome, str]:
    n_old, n_new = len(sides.old), len(sides.new)
    if n_old < design.n_baseline:
        return "undecided", f"the baseline has {n_old} runs of {design.n_baseline}"
    if n_new < design.n_first:
        return "undecided", f"{n_new} new runs of {design.n_first}"
    if n_new >= design.n_all:
        return ("worse", "") if alarm else ("fine", "")
    if p <= design.p_go_on:
        return "undecided", f"it looks worse; {n_new} new runs of {design.n_all}"
    return "fine", ""


def _by_pairs(
    sides: _Sides, against: Against, bounds: Sequence[NoiseBound] | None
) -> FigureVerdict:
    """Judge runs of a virtual bench: seed by seed."""
    old = {each.seed: bad for each, bad in _dated(sides, sides.old)}
    new = {each.seed: bad for each, bad in _dated(sides, sides.new)}
    pairs = compare_pairs(old, new)
    known = bound_of(sides.figure.name, bounds)
    noise = known.in_unit(sides.reference)
    sees = max(noise, sides.threshold)
    worse = pairs.estimate > sees
    why = ""
    if not worse and pairs.estimate > noise:
        why = "worse for certain, by less than matters"
    elif not worse and pairs.estimate > sides.threshold:
        why = "no more than it moves by itself"
    seeds = old.keys() & new.keys()
    return FigureVerdict(
        name=sides.figure.name,
        unit=sides.figure.unit,
        against=against,
        outcome="worse" if worse else "fine",
        why=why,
        n_baseline=pairs.n,
        n_new=pairs.n,
        baseline=float(np.median([each.value for each in sides.old if each.seed in seeds])),
        new=float(np.median([each.value for each in sides.new if each.seed in seeds])),
        shift=Interval(pairs.low, pairs.estimate, pairs.high),
        reference=sides.reference,
        threshold=sides.threshold,
        p=pairs.p_worse,
        noise=noise,
        noise_known="measured" if known.measured else "assumed",
        least_visible=sees,
    )


def _dated(sides: _Sides, side: Sequence[Observation]) -> list[tuple[Observation, float]]:
    """Return observations with their badness, the oldest first: of one seed the last counts."""
    pairs = zip(side, sides.badness(side), strict=True)
    return sorted(pairs, key=lambda pair: pair[0].when)


def _seeds(sides: _Sides) -> set[int]:
    return {each.seed for each in sides.old} & {each.seed for each in sides.new}


def _gate(
    figures: list[FigureVerdict],
    design: Design,
    left_out: Mapping[str, str],
    new: Taken,
    accepted: Taken,
) -> GateVerdict:
    found = {figure.outcome for figure in figures}
    outcome: Outcome = "worse" if "worse" in found else "fine"
    if outcome == "fine" and ("undecided" in found or not figures):
        outcome = "undecided"
    wants_new = wants_baseline = 0
    if not new.setting.virtual and outcome == "undecided":
        ranked = [figure for figure in figures if figure.p is not None]
        undecided = [figure for figure in ranked if figure.outcome == "undecided"]
        looks_worse = any((figure.p or 0.0) <= design.p_go_on for figure in undecided)
        enough = design.n_all if looks_worse and new.n_runs >= design.n_first else design.n_first
        wants_new = max(0, enough - new.n_runs)
        wants_baseline = max(0, design.n_baseline - accepted.n_runs)
    return GateVerdict(
        outcome=outcome,
        paired=new.setting.virtual,
        design=design,
        wants_new=wants_new,
        wants_baseline=wants_baseline,
        figures=tuple(figures),
        left_out=left_out,
    )


def _unit(catalogue: Catalogue, name: str) -> str:
    figure = catalogue.find(name)
    return "" if figure is None else figure.unit


def _listed(taken: Taken) -> str:
    seeds = sorted({each.seed for series in taken.series.values() for each in series})
    return ", ".join(map(str, seeds[:8])) + (", ..." if len(seeds) > 8 else "") or "none"
