"""Boards whose runtime has one packet under way at a time: what that cost, and what it costs now.

The stock NUCLEO_WB55 binary (MicroPython 1c3c201149) waits in a notification until the second
processor has reported the packet before completed, and runs no callback meanwhile. A firmware that
fetches frames in callbacks loses those that come meanwhile, and when it then sends what it has
before the gap, every packet holds one frame: it never recovers. Run on that binary with a
controller that reports at the next connection event, 8 channels at 250 SPS, it read so many frames
of 750 in three seconds. What today's firmware delivers at these intervals: `test_any_interval.py`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest

from eegrig.boards import load_board
from eegrig.boards.ports import board_runtime
from eegrig.boards.traffic import link_interval_ms
from eegrig.hil.flashed_board import flash_and_identify
from eegrig.hil.virtual.bench import VirtualBench
from eegrig.host.recording.recorder import record
from eegrig.host.recording.recording import Recording
from eegrig.host.wire.constants import Profile

from ..firmwares import connected, patched_firmware

BOARD = "nucleo-wb55-ads1299"

# What firmware did before: frames fetched in a callback, and what is there sent at every gap.
IN_CALLBACKS = (
    ("eeg/callback_acquisition.py", "_PATIENCE = const(64)", "_PATIENCE = const(0)"),
    (
        "eeg/callback_acquisition.py",
        "            self._due = self._capacity\n        self._expected",
        "        self._expected",
    ),
)


@dataclass(frozen=True)
class Counted:
    """What the stock binary read of 750 frames, and in how many packets."""

    profile: Profile
    interval_ms: float
    frames: int
    packets: int


COUNTED = (
    Counted(Profile.EFFICIENT, 30, 750, 84),
    Counted(Profile.EFFICIENT, 50, 67, 59),
    Counted(Profile.EFFICIENT, 100, 30, 30),
    Counted(Profile.LOW_LATENCY, 7.5, 750, 375),
    Counted(Profile.LOW_LATENCY, 15, 226, 200),
)


def _streamed(
    virtual: VirtualBench, profile: Profile, interval_ms: float, seconds: float
) -> Recording:
    async def main() -> Recording:
        async with connected(virtual, interval_ms=interval_ms) as link:
            return await record(link, seconds, profile=profile)

    return virtual.bench.run(main())


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VirtualBench]:
    firmware = patched_firmware(tmp_path_factory.mktemp("before"), *IN_CALLBACKS)
    package = firmware / "eeg"
    (package / "callback_acquisition.py").replace(package / "interrupt_acquisition.py")
    with VirtualBench(load_board(BOARD), firmware_dir=firmware) as virtual:
        flash_and_identify(virtual.bench)
        yield virtual


@pytest.fixture(scope="module")
def now() -> Iterator[VirtualBench]:
    with VirtualBench(load_board(BOARD)) as virtual:
        flash_and_identify(virtual.bench)
        yield virtual


@pytest.mark.parametrize("counted", COUNTED, ids=lambda c: f"{c.profile.name}-{c.interval_ms:g}")
def test_firmware_that_fetches_in_callbacks_collapses_as_on_the_stock_binary(
    before: VirtualBench, counted: Counted
) -> None:
    recording = _streamed(before, counted.profile, counted.interval_ms, 3.0)
    assert recording.electrodes.counters.packets == pytest.approx(counted.packets, rel=0.15)
    received = recording.electrodes.received()
    if counted.frames == 750:
        assert received.all()
        return
    # The first packets find nothing under way; from then on it is one frame a packet.
    late = received[250:].sum() * 1.5
    assert late == pytest.approx(counted.frames, rel=0.15)


@pytest.mark.parametrize("profile", Profile)
def test_it_recovers_when_the_interval_is_short_again(now: VirtualBench, profile: Profile) -> None:
    bench = now.bench
    board = bench.board
    good_ms = link_interval_ms(board, board_runtime(board), 250, "efficient")

    async def main() -> Recording:
        async with connected(now, interval_ms=100.0) as link:
            mended = False

            def shorten(at_s: float) -> None:
                nonlocal mended
                if at_s > 4.0 and not mended:
                    mended = True
                    now.loop.create_task(bench.radio.set_link(phy=2, interval_ms=good_ms))

            start_s = now.loop.time()
            recording = await record(
                link, 8.0, profile=profile, on_block=lambda _: shorten(now.loop.time() - start_s)
            )
            assert mended
            return recording

    received = bench.run(main()).electrodes.received()
    assert not received[:900].all()
    assert received[1000 + 500 :].all()


@pytest.mark.parametrize("profile", Profile)
def test_packet_errors_cost_nothing_from_two_seconds_after_they_are_gone(
    now: VirtualBench, profile: Profile
) -> None:
    """Seven packets of ten spoilt is more than the link can ride out; one in ten is not."""
    bench = now.bench
    assert bench.faults is not None

    async def main(rate: float) -> Recording:
        async with connected(now, interval_ms=17.5) as link:
            start_s = now.loop.time()

            def noise(at_s: float) -> None:
                bench.faults.packet_error_rate(rate if 1.0 < at_s < 5.0 else 0.0)

            return await record(
                link, 9.0, profile=profile, on_block=lambda _: noise(now.loop.time() - start_s)
            )

    spoilt = bench.run(main(0.7)).electrodes.received()
    assert not spoilt[250:1250].all()
    assert spoilt[1250 + 500 :].all()
    assert bench.run(main(0.1)).electrodes.received().all()


def test_a_controller_that_reports_later_costs_no_frame_at_the_boards_own_intervals() -> None:
    """A packet completed when it is acknowledged takes two events: they are short enough."""
    board = load_board(BOARD)
    runtime = board_runtime(board)
    with VirtualBench(board) as virtual:
        peripheral = virtual.board.peripheral
        peripheral.acl = dataclasses.replace(peripheral.acl, completed="acknowledged")
        flash_and_identify(virtual.bench)
        efficient_ms = link_interval_ms(board, runtime, 250, "efficient")
        low_latency_ms = link_interval_ms(board, runtime, 250, "low_latency")
        assert _streamed(virtual, Profile.EFFICIENT, efficient_ms, 4.0).electrodes.received().all()
        assert (
            _streamed(virtual, Profile.LOW_LATENCY, low_latency_ms, 4.0).electrodes.received().all()
        )


def test_the_radio_is_heard_while_a_link_is_too_slow(now: VirtualBench) -> None:
    """A STOP is answered although a notification is always under way."""
    recording = _streamed(now, Profile.LOW_LATENCY, 100.0, 2.0)
    assert np.count_nonzero(recording.electrodes.received()) > 100
