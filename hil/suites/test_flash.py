"""Flash and boot: whether the board takes its firmware, and how soon it can be found."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from eegrig.boards import load_part
from eegrig.boards.ports import board_runtime
from eegrig.hil.session.presence import heard_ns

if TYPE_CHECKING:
    from eegrig.hil.bench import Bench
    from eegrig.hil.benches import Benches
    from eegrig.hil.flashed_board import FlashedBoard
    from eegrig.hil.session.recorder import RigRecorder

_TIMES = ("flash_program", "flash_page_erase", "flash_mass_erase")
"""Figures of the part on which the time to flash a model of it rests."""
_BOOTS = 5
_TIMEOUT_S = 10.0


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
    rig: Bench, rig_flashed: FlashedBoard, rig_record: RigRecorder
) -> None:
    times_s = [await _boot_s(rig) for _ in range(_BOOTS)]
    mean_s = math.fsum(times_s) / _BOOTS
    spread_s = (math.fsum((t - mean_s) ** 2 for t in times_s) / (_BOOTS - 1)) ** 0.5
    rig_record(
        "boot.time",
        mean_s,
        "s",
        uncertainty=(spread_s**2 / _BOOTS + (0.1 * mean_s) ** 2) ** 0.5,
        n=_BOOTS,
        note=_what_is_assumed(rig),
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


async def _boot_s(rig: Bench) -> float:
    """Reset the board and return how long it takes until it is heard."""
    start_ns = rig.clock.now_ns()
    rig.reset()
    return (await heard_ns(rig, _TIMEOUT_S, "after a reset") - start_ns) * 1e-9
