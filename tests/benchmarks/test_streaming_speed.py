"""How much faster than real time the whole chain streams: electrodes to host callback."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from eegrig.boards import load_board
from eegrig.hil.flashed_board import flash_and_identify
from eegrig.hil.pages.stored import StoredFigure
from eegrig.hil.signal_factory import SignalFactory
from eegrig.hil.suites.stretches.streams import linked
from eegrig.hil.virtual.bench import VirtualBench
from eegrig.host.wire.constants import Profile
from tests.benchmarks.conftest import Finding
from tests.benchmarks.gate import plain_events_per_s, processor_s

_SECONDS = 30.0


@pytest.fixture(scope="module")
def bench() -> Iterator[VirtualBench]:
    board = load_board("headband8")
    source = SignalFactory("resting", board, seed=1)
    with VirtualBench(board, seed=1, make_source=source) as virtual:
        flash_and_identify(virtual.bench)
        yield virtual


@pytest.mark.parametrize("profile", list(Profile), ids=lambda profile: profile.name.lower())
def test_streaming_8_channels_at_250_sps(
    benchmark: Callable[..., object],
    bench: VirtualBench,
    profile: Profile,
    finding: Finding,
) -> None:
    rig = bench.bench
    radio = rig.board.radio
    interval_ms = (
        radio.efficient_interval_ms
        if profile is Profile.EFFICIENT
        else radio.low_latency_interval_ms
    )
    times_s: list[float] = []
    processor: list[float] = []
    plain: list[float] = []

    async def stream() -> None:
        plain.append(plain_events_per_s())
        async with linked(rig, interval_ms) as link:
            await link.start(profile)
            end_ns = rig.clock.now_ns() + round(_SECONDS * 1e9)
            begin_s, busy_s = time.perf_counter(), processor_s()
            n_packets = 0
            while rig.clock.now_ns() < end_ns:
                n_packets += len(await link.receive())
            times_s.append(time.perf_counter() - begin_s)
            processor.append(processor_s() - busy_s)
            assert n_packets > 0
            await link.stop()

    benchmark.pedantic(lambda: rig.run(stream()), rounds=5, warmup_rounds=1)  # type: ignore[attr-defined]
    best, median = _SECONDS / min(times_s), _SECONDS / sorted(times_s)[len(times_s) // 2]
    name = profile.name.lower()
    finding(
        f"streaming, {name.replace('_', '-')}: {best:.0f} times real time at best, "
        f"{median:.0f} in the median of {len(times_s)}",
        {
            f"streaming.{name}.best": StoredFigure.of(best, "1"),
            f"streaming.{name}.median": StoredFigure.of(median, "1"),
            f"streaming.{name}.processor": StoredFigure.of(_SECONDS / min(processor), "1"),
            "plain.events": StoredFigure.of(max(plain) * 1e-6, "1"),
        },
    )
