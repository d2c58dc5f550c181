"""Impedance: whether the board's lead-off current tells what electrodes are on the skin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from eegrig.boards import load_part
from eegrig.hil.measure.contacts import contact_errors
from eegrig.hil.suites.stretches.streams import linked
from eegrig.host.recording.impedance import measure_impedance

if TYPE_CHECKING:
    from eegrig.hil.bench import Bench
    from eegrig.hil.flashed_board import FlashedBoard
    from eegrig.hil.session.recorder import RigRecorder

_LOWEST_OHM, _HIGHEST_OHM = 5e3, 100e3  # wet and prepared, dry
_USUAL_OHM = 10e3
_SECONDS = 4.0


@pytest.mark.quick
@pytest.mark.lasts(8)
@pytest.mark.needs("faults")
@pytest.mark.figures("impedance.error", "impedance.scale_error", "impedance.told_current")
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
    errors = contact_errors(measured.ohm, measured.uncertainty_ohm, true_ohm)
    conditions = {
        "frequency_hz": measured.drive.frequency_hz,
        "current_na": measured.drive.current_a * 1e9,
        "electrodes_kohm": f"{_LOWEST_OHM / 1e3:g} to {_HIGHEST_OHM / 1e3:g}",
    }
    # What the data sheet offers; which of it flows is for the board to tell.
    offered_a = np.array(load_part(rig.board.afe.part).curve("lead_off_current").y_si)
    off = measured.drive.current_a / offered_a - 1
    rig_record(
        "impedance.told_current",
        round(float(off[np.argmin(np.abs(off))]), 12),
        "1",
        uncertainty=0.0,
        n=1,
        conditions=conditions,
        note=f"the board tells {measured.drive.current_a * 1e9:g} nA",
    )
    # One current source serves all electrodes: its error is common, and known only to its limit.
    rig_record(
        "impedance.scale_error",
        errors.scale,
        "1",
        uncertainty=errors.scale_uncertainty,
        n=len(channels),
        saturated=clipped,
        conditions=conditions,
    )
    if len(channels) > 1:  # a single one has no other to differ from
        worst = errors.worst
        rig_record(
            "impedance.error",
            float(errors.each[worst]),
            "1",
            uncertainty=float(errors.each_uncertainty[worst]),
            n=measured.stretches,
            saturated=clipped,
            conditions=conditions | {"channel": channels[worst]},
        )
