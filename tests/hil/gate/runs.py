"""Runs of a board, made up, for tests of the gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from eegrig.boards.catalogue import own_catalogue
from eegrig.boards.schema import Target
from eegrig.hil.figures.identity import FirmwareCheck
from eegrig.hil.figures.results import Results
from eegrig.hil.gate.observations import Observation, Setting, Taken

CATALOGUE = own_catalogue()
IMAGE = "a" * 64

POWER = "power.streaming"
GOODPUT = "bandwidth.goodput"
GAIN = "signal.gain_error"
LOSS = "bandwidth.frame_loss"


def run(
    figures: Mapping[str, float | None],
    *,
    seed: int = 0,
    bench: str = "virtual",
    board: str = "headband8",
    image: str = IMAGE,
    at: str = "2026-11-01T00:00:00+00:00",
    signal: str = "scene resting",
    seconds: float = 30.0,
    targets: Mapping[str, Target] | None = None,
    lost: int = 0,
) -> Results:
    results = Results(
        board=board,
        bench=bench,
        seed=seed,
        started_at=at,
        signal=signal,
        firmware=FirmwareCheck(version="0.1.0", image_hash=image, expected_hash=image),
        targets=dict(targets or {}),
    )
    for name, value in figures.items():
        declared = CATALOGUE.find(name)
        results.record(
            name,
            value,
            "W" if declared is None else declared.unit,
            uncertainty=0.0,
            n=10,
            provenance="simulated" if bench == "virtual" else "measured",
            conditions={"seconds": seconds, "interval_ms": 7.5 + seed},
            lost=lost,
        )
    return results


def save(folder: Path, *runs: Results) -> list[Path]:
    places = []
    for number, results in enumerate(runs):
        place = folder / str(number)
        results.save(place)
        places.append(place)
    return places


def taken(
    series: Mapping[str, Sequence[float]],
    *,
    virtual: bool = False,
    seeds: Sequence[int] | None = None,
    limits: Mapping[str, float] | None = None,
    unsound: Mapping[str, str] | None = None,
    board: str = "headband8",
) -> Taken:
    """Return figures as the gate takes them, a value for each run."""
    setting = Setting(board=board, bench="virtual" if virtual else "desk", virtual=virtual)
    n_runs = max(map(len, series.values()), default=1)
    numbered = seeds or range(n_runs)
    observed = {}
    for name, values in series.items():
        declared = CATALOGUE.find(name)
        unit = "" if declared is None else declared.unit
        pairs = zip(numbered, values, strict=False)
        observed[name] = [Observation(value, None, unit, seed) for seed, value in pairs]
    return Taken(setting, observed, n_runs, limits=limits or {}, unsound=unsound or {})


def noisy(middle: float, n: int, *, seed: int, noise: float = 0.015) -> list[float]:
    return list(middle * (1 + noise * np.random.default_rng(seed).standard_normal(n)))
