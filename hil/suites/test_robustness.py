"""Robustness: faults, bad links and bad centrals, and whether the board is as before afterwards."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import pytest

from eegrig.boards.errors import BoardFault, InfrastructureError
from eegrig.hil.session.stretch import taken
from eegrig.hil.suites.stretches.robustness.faults import Ordeal, another_application
from eegrig.hil.suites.stretches.robustness.heap import heap_after
from eegrig.hil.suites.stretches.robustness.losses import drift_seen, lossy
from eegrig.hil.suites.stretches.robustness.misuse import misbehave
from eegrig.hil.suites.stretches.security.owner import console_watched, owned

if TYPE_CHECKING:
    from eegrig.hil.bench import Bench, PowerCapture
    from eegrig.hil.benches import Benches
    from eegrig.hil.flashed_board import FlashedBoard
    from eegrig.hil.session.recorder import RigRecorder
    from eegrig.host.wire.info import Info

    Booted = Callable[[str], AbstractContextManager[Bench]]

_FEW, _MANY = 16, 46
_BY_CHANCE_B = 64.0
"""What two readings of one board differ by: a collector that takes any word for a pointer keeps a
few blocks by chance."""
_ALONE_S = 130.0
_DRIFT_PPM = 10_000.0
_LEAK_A = 1e-3
_SETTLE_S = _LEAK_S = 3.0


async def _read(rig: Bench) -> Info:
    async with owned(rig) as link:
        return link.info


@pytest.fixture(scope="session")
def ordeal(rig_benches: Benches, rig_booted: Booted, rig_flashed: FlashedBoard) -> Ordeal:
    """Let every fault befall one board, one after the other."""
    if "faults" not in rig_benches.capabilities:
        pytest.skip(f"bench {rig_benches.name!r} has no faults")
    with rig_booted("an ordeal") as rig, console_watched(rig) as console:
        board = Ordeal(rig, console, taken(rig, _read(rig)))
        taken(rig, _all_of(board, rig_flashed))
    return board


async def _all_of(board: Ordeal, flashed: FlashedBoard) -> None:
    await board.suffer("the link is lost in mid-stream, three times", board.link_loss)
    await board.suffer("the central is gone for a moment", board.short_absence)
    await board.suffer("the central leaves without STOP", board.forgotten)
    await board.suffer("an electrode comes off, and is badly placed", board.electrodes)
    await board.suffer("the inputs are far beyond full scale", board.saturated)
    await board.suffer("the front end is lost in mid-stream", board.front_end_lost)
    await board.suffer("the front end is another part", board.front_end_wrong)
    await board.suffer("the power is cut in mid-stream", board.brown_out, restarts=True)
    if "reset" in board.rig.capabilities:
        await board.suffer("the firmware hangs, until a reset", board.hang, restarts=True)
    another = another_application(flashed.image.application)
    await board.suffer(
        "the link is lost in the middle of an update",
        board.update_broken_off(another),
        restarts=True,
    )


@pytest.mark.lasts(60)
@pytest.mark.needs("faults")
@pytest.mark.figures("robustness.recovery_failures")
def test_the_board_recovers_from_every_fault(ordeal: Ordeal, rig_record: RigRecorder) -> None:
    rig_record.results.attempts += ordeal.made
    rig_record(
        "robustness.recovery_failures",
        len(ordeal.failures),
        "1",
        uncertainty=0.0,
        n=len(ordeal.made),
        note="; ".join(ordeal.failures),
    )


@pytest.mark.needs("faults")
@pytest.mark.lasts(20)
@pytest.mark.figures("robustness.reconnect_time")
def test_the_next_stream_comes_soon_after_a_broken_link(
    ordeal: Ordeal, rig_record: RigRecorder
) -> None:
    times_s = ordeal.reconnect_s
    if not times_s:
        raise BoardFault("the board did not stream again after its link broke")
    mean_s = math.fsum(times_s) / len(times_s)
    spread_s = (math.fsum((t - mean_s) ** 2 for t in times_s) / max(len(times_s) - 1, 1)) ** 0.5
    rig_record(
        "robustness.reconnect_time",
        mean_s,
        "s",
        uncertainty=spread_s / len(times_s) ** 0.5,
        n=len(times_s),
        conditions={"advertising_interval_ms": ordeal.rig.board.radio.advertising_interval_ms},
    )


@pytest.mark.needs("faults")
@pytest.mark.lasts(3)
@pytest.mark.figures("robustness.afe_lost_time")
def test_a_lost_front_end_is_told(ordeal: Ordeal, rig_record: RigRecorder) -> None:
    if not ordeal.afe_lost_s:
        raise BoardFault("the board did not tell that its front end was lost: no AFE_LOST")
    rig_record(
        "robustness.afe_lost_time",
        max(ordeal.afe_lost_s),
        "s",
        uncertainty=0.5e-3 * ordeal.rig.board.radio.efficient_interval_ms,
        n=len(ordeal.afe_lost_s),
    )


@pytest.mark.needs("faults")
@pytest.mark.lasts(30)
@pytest.mark.figures("robustness.silent_losses", "robustness.loss_at_30")
async def test_no_frame_is_lost_silently(
    rig: Bench, rig_flashed: FlashedBoard, rig_record: RigRecorder
) -> None:
    found = await lossy(rig)
    rig_record(
        "robustness.silent_losses",
        found.silent,
        "1",
        uncertainty=0.0,
        n=found.frames,
        note="; ".join(found.told),
    )
    part = found.loss_at_30
    rig_record(
        "robustness.loss_at_30",
        part,
        "1",
        uncertainty=(part * (1 - part) / found.loss_frames) ** 0.5,
        n=found.loss_frames,
    )


@pytest.mark.lasts(15)
@pytest.mark.figures("robustness.wrong_answers")
async def test_every_command_is_answered_once_and_rightly(
    rig: Bench, rig_flashed: FlashedBoard, rig_record: RigRecorder
) -> None:
    answers = await misbehave(rig)
    rig_record(
        "robustness.wrong_answers",
        len(answers.wrong),
        "1",
        uncertainty=0.0,
        n=answers.expected,
        note="; ".join(answers.wrong[:5]),
    )


@pytest.mark.lasts(80)
@pytest.mark.needs("reset")
@pytest.mark.figures("robustness.heap_growth")
async def test_the_heap_does_not_grow(
    rig: Bench, rig_flashed: FlashedBoard, rig_record: RigRecorder
) -> None:
    few, many = [await heap_after(rig, rounds) for rounds in (_FEW, _MANY)]
    rounds = _MANY - _FEW
    rig_record(
        "robustness.heap_growth",
        (many - few) / rounds,
        "B",
        uncertainty=_BY_CHANCE_B / rounds,
        n=rounds,
        conditions={"few_rounds": _FEW, "in_use_after_few_bytes": few},
    )


@pytest.mark.lasts(_ALONE_S)
@pytest.mark.figures("robustness.unasked_restarts")
async def test_a_board_that_is_left_alone_does_not_restart(
    rig: Bench, rig_flashed: FlashedBoard, rig_record: RigRecorder
) -> None:
    from eegrig.hil.suites.stretches.security.owner import ConsoleWatch
    from eegrig.host.console.console import Console

    with Console.open(rig.console) as console:
        watch = ConsoleWatch(console)
        await watch.lines()
        await asyncio.sleep(_ALONE_S)
        restarts, trouble = await watch.restarts()
    rig_record(
        "robustness.unasked_restarts",
        restarts,
        "1",
        uncertainty=0.0,
        n=1,
        conditions={"seconds": _ALONE_S},
        note=f"it restarted {restarts} times in {_ALONE_S:g} s" if restarts else trouble,
    )


@pytest.mark.lasts(20)
@pytest.mark.needs("faults")
@pytest.mark.figures("robustness.drift_error")
async def test_a_clock_that_drifts_is_seen(
    rig: Bench, rig_flashed: FlashedBoard, rig_record: RigRecorder
) -> None:
    seen = await drift_seen(rig, _DRIFT_PPM)
    rig_record(
        "robustness.drift_error",
        seen.seen - seen.made,
        "1",
        uncertainty=seen.uncertainty,
        n=seen.n,
        conditions={"drift_ppm": _DRIFT_PPM, "seen_by": seen.by},
    )
    if abs(seen.seen - seen.made) > 0.5 * seen.made + 3 * seen.uncertainty:
        raise BoardFault(
            f"conversions came {1e6 * seen.made:.0f} ppm faster, and {seen.by} shows "
            f"{1e6 * seen.seen:.0f} ppm"
        )


@pytest.mark.lasts(9)
@pytest.mark.needs("faults", "power")
async def test_a_leak_shows_in_the_power(rig: Bench, rig_flashed: FlashedBoard) -> None:
    assert rig.faults is not None

    async def captured() -> PowerCapture:
        await rig.power.start()
        await asyncio.sleep(_LEAK_S)
        return await rig.power.stop()

    await asyncio.sleep(_SETTLE_S)
    before = await captured()
    rig.faults.leak(_LEAK_A)
    after = await captured()
    rig.faults.leak(0.0)
    more_w = after.power_w() - before.power_w()
    least_w = 0.5 * _LEAK_A * rig.board.supply.mcu_v
    if more_w < least_w:
        raise InfrastructureError(
            f"a leak of {1e3 * _LEAK_A:g} mA adds {1e3 * more_w:.3g} mW at the battery, at least "
            f"{1e3 * least_w:.3g} mW follow from it: check the power meter"
        )
