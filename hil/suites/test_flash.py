"""Flash and boot: whether the board takes its firmware, and how soon it can be found."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from eegrig.boards import load_part
from eegrig.boards.ports import board_runtime
from eegrig.hil.measure.processor import widened
from eegrig.hil.suites.stretches.slower import booted_after

if TYPE_CHECKING:
    from eegrig.hil.bench import Bench
    from eegrig.hil.benches import Benches
    from eegrig.hil.flashed_board import FlashedBoard
    from eegrig.hil.session.recorder import RigRecorder
    from eegrig.hil.suites.stretches.one_sigma import OneSigma

_TIMES = ("flash_program", "flash_page_erase", "flash_mass_erase")
"""Figures of the part on which the time to flash a model of it rests."""
_BOOTS = 5
_START = 0.1  # how far off, of a boot, what is assumed of a virtual board's start may be


@pytest.mark.quick
@pytest.mark.lasts(6)
@pytest.mark.needs("flash")
@pytest.mark.figures("flash.time")
def test_the_image_is_programmed_and_reads_back_equal(
    rig_benches: Benches, rig_flashed: FlashedBoard, rig_record: RigRecorder
) -> None:
    report = rig_flashed.report
    if rig_benches.provenance == "simulated":
        part = load_part(rig_benches.board.mcu.part)
        rig_record.results.assume(fact for key in _TIMES if (fact := part.assumption(key)))
    # No figure of its own: a chip that holds something else has ended the run before.
    conditions = {
        "bytes": report.bytes_total,
        "probe": report.probe,
        "read_back_equal": report.verified,
    }
    rig_record(
        "flash.time",
        report.duration_s,
        "s",
        # Erase and program times of the part are typical values.
        uncertainty=0.1 * report.duration_s,
        n=1,
        conditions=conditions,
    )
    assert rig_flashed.identity.matches


@pytest.mark.quick
@pytest.mark.lasts(8)
@pytest.mark.needs("reset")
@pytest.mark.figures("boot.time")
async def test_a_reset_board_can_soon_be_found(
    rig: Bench, rig_flashed: FlashedBoard, one_sigma: OneSigma | None, rig_record: RigRecorder
) -> None:
    times_s = [await booted_after(rig, rig.reset) for _ in range(_BOOTS)]
    mean_s = math.fsum(times_s) / _BOOTS
    spread_s = (math.fsum((t - mean_s) ** 2 for t in times_s) / (_BOOTS - 1)) ** 0.5
    uncertainty_s: float | None = spread_s / _BOOTS**0.5
    if rig.provenance == "simulated":
        uncertainty_s = math.hypot(spread_s / _BOOTS**0.5, _START * mean_s)
    notes, conditions = [_what_is_assumed(rig)], {}
    if one_sigma is not None:
        slower = one_sigma.boot_s
        conditions = slower.conditions
        if slower.result is None:
            uncertainty_s = None
            notes.append(f"{slower}: {slower.failure}")
        else:
            uncertainty_s = widened(uncertainty_s, mean_s, slower.result)
            conditions["slower_boot_ms"] = round(1e3 * slower.result, 3)
    rig_record(
        "boot.time",
        mean_s,
        "s",
        uncertainty=uncertainty_s,
        n=_BOOTS,
        conditions=conditions,
        note="; ".join(filter(None, notes)),
    )


def _what_is_assumed(rig: Bench) -> str:
    if rig.mode != "fast":
        return ""
    rows = board_runtime(rig.board).assumed("system")
    return (
        f"the runtime's own start, {rows['start_ms'].value:g} ms of it, is assumed"
        if ("start_ms" in rows)
        else ""
    )
