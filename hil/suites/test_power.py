"""Power: what each mode costs at the battery, and how long the battery lasts."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from eegrig.boards import load_part
from eegrig.hil.figures import traces
from eegrig.hil.measure.battery import battery_life
from eegrig.hil.measure.power import long_enough, mode_power, streaming_power
from eegrig.hil.session.presence import heard_ns
from eegrig.hil.suites.stretches.streams import linked

if TYPE_CHECKING:
    from pathlib import Path

    from eegrig.boards import Board
    from eegrig.hil.bench import Bench, PowerCapture
    from eegrig.hil.flashed_board import FlashedBoard
    from eegrig.hil.session.recorder import RigRecorder
    from eegrig.hil.suites.stretches.streams import Session

pytestmark = pytest.mark.needs("power")

_SECONDS = 20.0
_SETTLE_S = 2.0
_HEARD_S = 10.0


def _record_mode(
    rig_record: RigRecorder,
    rig_out: Path,
    mode: str,
    capture: PowerCapture,
    interval_ms: float | None,
    *,
    asked_s: float = _SECONDS,
    lost: int = 0,
) -> None:
    power = mode_power(capture)
    rig_record(
        f"power.{mode}",
        power.total_w,
        "W",
        uncertainty=power.total_uncertainty_w,
        n=power.n,
        lost=lost,
        saturated=capture.saturated,
        window_ok=long_enough(capture, asked_s, interval_ms=interval_ms),
        conditions={"battery_v": capture.battery_v, "seconds": round(capture.duration_s, 3)},
    )
    rig_record.results.assume_in(mode, capture.assumptions)
    interval_s = None if interval_ms is None else interval_ms * 1e-3
    traces.save_power(rig_out, mode, capture, interval_s=interval_s)


async def _capture(rig: Bench, seconds: float) -> PowerCapture:
    await asyncio.sleep(_SETTLE_S)
    await rig.power.start()
    await asyncio.sleep(seconds)
    return await rig.power.stop()


@pytest.mark.quick
@pytest.mark.lasts(22)
@pytest.mark.figures("power.advertising")
async def test_advertising(
    rig: Bench, rig_flashed: FlashedBoard, rig_record: RigRecorder, rig_out: Path
) -> None:
    capture = await _capture(rig, _SECONDS)
    await heard_ns(rig, _HEARD_S, "while its power was taken")  # one that hangs takes less
    _record_mode(rig_record, rig_out, "advertising", capture, None)


@pytest.mark.lasts(24)
@pytest.mark.figures("power.connected")
async def test_connected_and_idle(
    rig: Bench, rig_flashed: FlashedBoard, rig_record: RigRecorder, rig_out: Path
) -> None:
    interval_ms = rig.board.radio.efficient_interval_ms
    async with linked(rig, interval_ms) as link:
        capture = await _capture(rig, _SECONDS)
        await link.ping()  # it was there all the time
    _record_mode(rig_record, rig_out, "connected", capture, interval_ms)


@pytest.mark.lasts(28)
@pytest.mark.figures("power.sleep")
async def test_sleeping(
    rig: Bench, rig_flashed: FlashedBoard, rig_record: RigRecorder, rig_out: Path
) -> None:
    async with linked(rig, rig.board.radio.efficient_interval_ms) as link:
        await link.sleep(round(_SECONDS + 2 * _SETTLE_S))
    capture = await _capture(rig, _SECONDS)
    await heard_ns(rig, 2 * _SETTLE_S + _HEARD_S, "after its sleep")
    _record_mode(rig_record, rig_out, "sleep", capture, None)


@pytest.mark.figures(
    "power.streaming",
    "power.streaming.<group>",
    "power.per_channel",
    "power.non_afe",
    "energy.per_bit",
    "energy.per_sample",
    "battery.life",
)
def test_streaming(
    rig_board: Board,
    efficient_session: Session,
    rig_record: RigRecorder,
    rig_out: Path,
    rig_seconds: float,
) -> None:
    session = efficient_session
    capture = session.power
    recording = session.recording.electrodes
    interval_ms = session.parameters.interval_ms if session.parameters else None
    lost = recording.counters.frames_lost
    _record_mode(
        rig_record, rig_out, "streaming", capture, interval_ms, asked_s=rig_seconds, lost=lost
    )
    # What is derived from the capture has its flaws; a board that loses frames does not stream.
    flaws: dict[str, Any] = {
        "lost": lost,
        "saturated": capture.saturated,
        "window_ok": long_enough(capture, rig_seconds, interval_ms=interval_ms),
    }
    n_channels = recording.info.n_channels
    figures = streaming_power(
        capture,
        n_channels=n_channels,
        payload_bits=session.power_frames * n_channels * recording.info.bits,
        n_frames=session.power_frames,
        packet_frames=session.frames.size / np.unique(session.arrival_ns).size,
    )
    n = figures.power.n
    for group, watts in figures.power.groups_w.items():
        relative = capture.group_uncertainty.get(group, capture.uncertainty)
        part = f"power.streaming.{group}"
        rig_record(part, watts, "W", uncertainty=watts * relative, n=n, **flaws)
    rig_record(
        "power.per_channel",
        figures.per_channel_w,
        "W",
        uncertainty=figures.per_channel_uncertainty_w,
        n=n,
        **flaws,
    )
    if figures.non_afe_w is not None:
        rig_record(
            "power.non_afe",
            figures.non_afe_w,
            "W",
            uncertainty=figures.non_afe_uncertainty_w,
            n=n,
            **flaws,
        )
    rig_record(
        "energy.per_bit",
        figures.per_bit_j,
        "J",
        uncertainty=figures.per_bit_uncertainty_j,
        n=session.power_frames,
        **flaws,
    )
    rig_record(
        "energy.per_sample",
        figures.per_sample_j,
        "J",
        uncertainty=figures.per_sample_uncertainty_j,
        n=session.power_frames,
        **flaws,
    )
    power = figures.power
    life = battery_life(load_part(rig_board.battery.part), power.total_w, power.total_uncertainty_w)
    rig_record.results.assume(life.assumptions)
    rig_record(
        "battery.life",
        life.life_s,
        "s",
        uncertainty=life.uncertainty_s,
        n=n,
        provenance="modelled",
        **flaws,
    )


@pytest.mark.figures("power.streaming_low_latency")
def test_streaming_in_the_low_latency_profile(
    low_latency_session: Session, rig_record: RigRecorder, rig_out: Path, rig_seconds: float
) -> None:
    session = low_latency_session
    _record_mode(
        rig_record,
        rig_out,
        "streaming_low_latency",
        session.power,
        session.parameters.interval_ms if session.parameters else None,
        asked_s=rig_seconds,
        lost=session.recording.electrodes.counters.frames_lost,
    )
