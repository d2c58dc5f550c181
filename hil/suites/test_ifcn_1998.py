"""Measured with the stimuli of the IFCN's standards for digital EEG (1998); no conformity claimed.

Nuwer et al., 10.1016/S0013-4694(97)00106-5. Crosstalk and input impedance have their limits from
there, too, and are taken by the suites on channels and signal quality.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pytest

from eegrig.hil.measure.quality.wander import largest_line
from eegrig.hil.suites.stretches.stimuli import Stimulus, stimulated, take
from eegrig.signal_sim.calibration import square

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eegrig.boards import Board
    from eegrig.hil.bench import Bench
    from eegrig.hil.flashed_board import FlashedBoard
    from eegrig.hil.session.recorder import RigRecorder
    from eegrig.hil.suites.stretches.stimuli import Taken

_PEAK_TO_PEAK_V, _HALF_S = 100e-6, 1.0
_SECONDS = 16.0
_INNER = 0.5  # part of each half of the square that is looked at


@pytest.mark.lasts(21)
@pytest.mark.needs("source")
@pytest.mark.figures("ifcn.calibration_error")
async def test_calibration_with_a_square_of_100_uv(
    rig: Bench, rig_flashed: FlashedBoard, rig_record: RigRecorder
) -> None:
    async with stimulated(rig) as link:
        taken = await take(rig, link, _squares(rig.board), _SECONDS)
    found = [_height(row, taken.rate_sps) for row in taken.samples_v]
    error = np.array([height / _PEAK_TO_PEAK_V - 1 for height, _ in found])
    channel = int(np.argmax(np.abs(error)))
    rig_record(
        "ifcn.calibration_error",
        float(error[channel]),
        "1",
        uncertainty=found[channel][1] / _PEAK_TO_PEAK_V,
        n=taken.n,
        lost=taken.lost,
        saturated=bool(taken.clipped.any()),
        conditions={"channel": taken.channels[channel]},
    )


def _squares(board: Board) -> Stimulus:
    channels = board.afe.channels
    return Stimulus(
        "squares of 100 uV",
        lambda rate_hz: square(
            _PEAK_TO_PEAK_V / 2, 0.5 / _HALF_S, channels=channels, rate_hz=rate_hz
        ),
    )


def _height(samples_v: NDArray[np.float64], rate_sps: float) -> tuple[float, float]:
    """Return how far the levels of a square are apart, and the uncertainty; 0 of no square."""
    high = samples_v > (samples_v.max() + samples_v.min()) / 2
    edges = np.flatnonzero(np.diff(high.astype(np.int8))) + 1
    levels: dict[bool, list[float]] = {False: [], True: []}
    for first, stop in itertools.pairwise(edges):
        if stop - first < 0.9 * _HALF_S * rate_sps:
            continue
        margin = round((1 - _INNER) / 2 * (stop - first))
        levels[bool(high[first])].append(float(samples_v[first + margin : stop - margin].mean()))
    if min(map(len, levels.values())) < 2:
        return 0.0, 0.0
    doubt = np.hypot(*(np.std(each, ddof=1) / np.sqrt(len(each)) for each in levels.values()))
    return float(np.mean(levels[True]) - np.mean(levels[False])), float(doubt)


@pytest.mark.figures("ifcn.noise_line")
def test_noise_at_any_frequency(shorted_at_rates: list[Taken], rig_record: RigRecorder) -> None:
    worst, note, n = 0.0, "", 0
    for taken in shorted_at_rates:
        height_v, at_hz = largest_line(taken.samples_v, taken.rate_sps)
        channel = int(np.argmax(height_v))
        n += taken.n
        if height_v[channel] >= worst:
            worst = float(height_v[channel])
            note = f"{taken.channels[channel]}, {at_hz[channel]:.3g} Hz, {taken.rate_sps:g} SPS"
    rig_record(
        "ifcn.noise_line",
        worst,
        "V",
        # A line's power is the mean of a few windows' (five overlapping ones, three independent).
        uncertainty=worst / np.sqrt(3.0) / 2,
        n=n,
        lost=sum(taken.lost for taken in shorted_at_rates),
        note=note,
    )
