"""A processor that is slower than its model: what figures say of it, and that it ends."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from eegrig.boards import load_board
from eegrig.boards.errors import BoardFault
from eegrig.hil.bench import Bench
from eegrig.hil.figures.results import Results
from eegrig.hil.flashed_board import flash_and_identify
from eegrig.hil.measure.stream.latency import latencies
from eegrig.hil.rig import open_benches
from eegrig.hil.run import RunRequest, run_suites
from eegrig.hil.suites.stretches.one_sigma import one_sigma_slower
from eegrig.hil.suites.stretches.slower import (
    Slower,
    SlowerBoard,
    booted_after,
    loss_on_slower,
    slower_board,
    together,
)
from eegrig.hil.suites.stretches.streams import fastest, stream
from eegrig.hil.virtual.micropython.cpu_time.cpu import CpuModel
from eegrig.host.wire.constants import Profile

from ..firmwares import flashed_bench, patched_firmware

SECONDS = 5.0


def run(out: Path, board: str, select: str, firmware: Path | None = None) -> Results:
    request = RunRequest(
        board=board, out=out, select=select, seconds=SECONDS, firmware_dir=firmware
    )
    run_suites(request, quiet=True, progress=False)
    return Results.load(out)


# ---- what figures say


def test_a_processor_that_is_one_sigma_slower_is_as_far_off_as_latency_states(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = run(tmp_path, "hairclip1", "test_low_latency_profile").figure("latency.mean")
    assert said is not None
    assert said.value is not None
    priced = CpuModel.of_image

    def slower(files: Any, runtime: Any, clock_hz: float) -> CpuModel:
        return priced(files, runtime, clock_hz / runtime.prices.spread)

    monkeypatch.setattr(CpuModel, "of_image", slower)
    with (
        open_benches("sim", load_board("hairclip1"), seed=1) as benches,
        benches.fresh("low-latency session", flashed=False) as rig,
    ):
        flash_and_identify(rig)
        session = rig.run(stream(rig, Profile.LOW_LATENCY, SECONDS))
    known = session.frames < session.recording.electrodes.n_frames
    times_ns = session.align(session.frames[known]).times_ns(session.frames[known])
    shift_s = float(latencies(session.arrival_ns[known], times_ns).mean()) - said.value
    # Without the processor's part the mean is known to 30 us.
    assert shift_s > 150e-6
    assert said.uncertainty == pytest.approx(shift_s, rel=0.25)
    assert said.conditions["slower_processor"] == 1.25


BUSY = """
from eeg import gatt
_stream = gatt.GattServer.stream
def stream(self, data):
    for _ in range({0}):
        pass
    _stream(self, data)
gatt.GattServer.stream = stream
"""


def test_a_firmware_that_has_hardly_time_loses_one_sigma_slower_and_says_so(tmp_path: Path) -> None:
    code = BUSY.format(3600) + "app.run()"
    firmware = patched_firmware(tmp_path, ("main.py", "app.run()", code))
    results = run(tmp_path / "out", "earpatch2", "fastest_rate", firmware)
    loss = results.figure("bandwidth.frame_loss_fastest")
    margin = results.figure("processor.margin")
    assert loss is not None
    assert margin is not None
    assert (loss.value, loss.verdict) == (0.0, "marginal")
    assert loss.uncertainty == loss.conditions["slower_loss"]
    assert "on a processor 1.2 times slower" in loss.note
    assert "holds up to a processor 1." in loss.note
    assert margin.value is not None
    assert 1.0 < margin.value < 1.2  # the good one's is at least 4


def test_a_loss_on_a_slower_processor_is_its_uncertainty_to_one_side() -> None:
    said = loss_on_slower(0.0, Slower(1.2, 0.15))
    assert said.uncertainty == 0.15
    assert said.note == "on a processor 1.2 times slower: 15 % are lost"
    assert said.conditions == {"slower_processor": 1.2, "slower_loss": 0.15}


def test_a_stretch_that_came_to_nothing_lost_everything_and_says_why() -> None:
    said = loss_on_slower(0.1, Slower(1.2, None, "it hung up"))
    assert said.uncertainty == pytest.approx(0.9)
    assert said.note == "on a processor 1.2 times slower: it hung up"


def test_of_two_stretches_both_have_to_come_to_something() -> None:
    good, bad = Slower(1.2, 3), Slower[int](1.2, None, "it hung up")
    assert together(good, good).map(sum).result == 6
    assert together(good, bad).failure == together(bad, good).failure == "it hung up"


def test_what_cannot_be_determined_of_a_stretch_is_its_failure() -> None:
    def undetermined(value: int) -> int:
        raise BoardFault("nothing to be seen\nin detail")

    assert Slower(1.2, 3).map(undetermined) == Slower(1.2, None, "nothing to be seen")


def test_a_bench_of_hardware_adds_nothing() -> None:
    rig = cast("Bench", SimpleNamespace(processor=None))
    coroutine = one_sigma_slower(rig, SECONDS)
    with pytest.raises(StopIteration) as ended:
        coroutine.send(None)
    assert ended.value.value is None
    said = loss_on_slower(0.1, None)
    assert (said.uncertainty, said.conditions, said.note) == (0.0, {}, "")


# ---- the board meanwhile


def test_it_is_slower_over_resets_until_the_context_ends() -> None:
    with flashed_bench(board="earpatch2") as (virtual, _):
        rig = virtual.bench

        async def boots_s() -> list[float]:
            times_s = [await booted_after(rig, rig.reset)]
            async with slower_board(rig) as start:
                board = await start(2.0)
                assert board.boot_s.result is not None
                times_s += [board.boot_s.result, await booted_after(rig, rig.reset)]
            return [*times_s, await booted_after(rig, rig.reset)]

        before, slower, again, after = rig.run(boots_s())
    assert slower == pytest.approx(2 * before, rel=0.1)
    assert again == pytest.approx(slower, rel=0.05)
    assert after == pytest.approx(before, rel=0.05)


def test_it_is_over_after_an_error_too() -> None:
    with flashed_bench(board="earpatch2") as (virtual, _):
        rig = virtual.bench

        async def fails() -> None:
            async with slower_board(rig) as start:
                await start(2.0)
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            rig.run(fails())
        assert virtual.board.is_up
        assert rig.run(booted_after(rig, rig.reset)) == pytest.approx(0.81, rel=0.05)


def test_what_a_board_does_not_manage_is_what_the_stretch_gave() -> None:
    with flashed_bench(board="earpatch2") as (virtual, _):
        rig = virtual.bench

        async def too_slow() -> tuple[SlowerBoard, Slower[Any]]:
            async with slower_board(rig) as start:
                board = await start(20.0)
                return board, await board.take(lambda: fastest(rig, 1.0))

        board, received = rig.run(too_slow())
    assert board.boot_s.result is None
    assert "did not advertise within 10 s" in received.failure
    assert received.result is None


def test_rules_that_a_slower_processor_breaks_are_not_the_boards() -> None:
    with flashed_bench(board="earpatch2") as (virtual, _):
        rig = virtual.bench
        assert rig.processor is not None
        assert rig.rules is not None
        before = rig.rules()

        async def too_slow() -> int:
            assert rig.processor is not None
            async with slower_board(rig) as start:
                await (await start(6.0)).take(lambda: fastest(rig, 1.0))
                return rig.processor.rules().count

        assert rig.run(too_slow()) > 0
        assert virtual.board.rules().count > 0
        assert rig.rules().count == before.count == 0
        assert rig.rules().exchanges < before.exchanges + 50


@pytest.mark.parametrize("factor", [0.0, -1.0, math.nan])
def test_a_processor_that_cannot_be_is_refused(factor: float) -> None:
    with flashed_bench(board="earpatch2") as (virtual, _):
        assert virtual.bench.processor is not None
        with pytest.raises(ValueError, match="give a positive factor"):
            virtual.bench.processor.restart(factor)
