"""Impedance: whether the board's lead-off current tells what electrodes are on the skin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from eegrig.boards import load_part
from eegrig.hil.suites.streams import linked
from eegrig.host.recording.impedance import measure_impedance

if TYPE_CHECKING:
    from eegrig.hil.bench import Bench
    from eegrig.hil.flashed_board import FlashedBoard
    from eegrig.hil.session.recorder import RigRecorder

_LOWEST_OHM, _HIGHEST_OHM = 5e3, 100e3  # wet and prepared, dry
_USUAL_OHM = 10e3
_SECONDS = 4.0
_FOLDED = 0.015  # harmonics that fold back onto a drive at a quarter of the sample rate


@pytest.mark.quick
@pytest.mark.lasts(8)
@pytest.mark.needs("faults")
@pytest.mark.figures("impedance.error", "impedance.scale_error")
async def test_impedance_of_electrodes(
    rig: Bench, rig_flashed: FlashedBoard, rig_record: RigRecorder
) -> None:
    assert rig.faults is not None
    channels = rig.board.afe.channels
    true_ohm = np.geomspace(_LOWEST_OHM, _HIGHEST_OHM, len(channels))
    for channel, ohm in zip(channels, true_ohm, strict=True):
        rig.faults.electrode(channel, float(ohm))
    try:
        async with linked(rig, rig.board.radio.efficient_interval_ms) as link:
            measured = await measure_impedance(link, seconds=_SECONDS)
    finally:
        for channel in channels:
            rig.faults.electrode(channel, _USUAL_OHM)
    clipped = bool(measured.clipped.any())
    ratio = measured.ohm / true_ohm
    noise = measured.uncertainty_ohm / true_ohm
    current_tolerance = load_part(rig.board.afe.part)["lead_off_tolerance"].si
    conditions = {
        "frequency_hz": measured.drive.frequency_hz,
        "current_na": measured.drive.current_a * 1e9,
        "electrodes_kohm": f"{_LOWEST_OHM / 1e3:g} to {_HIGHEST_OHM / 1e3:g}",
    }
    # One current source serves all electrodes: its error is common, and known only to its limit.
    common = float(np.average(ratio, weights=noise**-2.0))
    rig_record(
        "impedance.scale_error",
        abs(common - 1),
        "1",
        uncertainty=float(np.sqrt(1 / np.sum(noise**-2.0))),
        n=len(channels),
        saturated=clipped,
        conditions=conditions,
    )
    worst = int(np.argmax(abs(ratio / common - 1)))
    rig_record(
        "impedance.error",
        float(abs(ratio[worst] / common - 1)),
        "1",
        uncertainty=float(noise[worst]),
        n=len(channels),
        saturated=clipped,
        conditions=conditions | {"channel": channels[worst]},
    )
    assert abs(common - 1) <= current_tolerance + _FOLDED
    assert (abs(ratio / common - 1) <= _FOLDED + 4 * noise).all()
