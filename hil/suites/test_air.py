"""Air: what the board sends when nobody listens, and what the link really is."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from eegrig.boards.ports import board_runtime
from eegrig.boards.traffic import link_interval_ms
from eegrig.hil.suites.stretches.streams import linked
from eegrig.host.wire.packet import frames_per_packet

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eegrig.boards import Board
    from eegrig.hil.bench import Bench
    from eegrig.hil.flashed_board import FlashedBoard
    from eegrig.hil.session.recorder import RigRecorder
    from eegrig.hil.suites.stretches.streams import Session

_LISTEN_S = 12.0
_DELAY_S = 5e-3
"""Mean of the random delay of an advertising event, 0 to 10 ms (Core Specification, Volume 6,
Part B, 4.4.2.2.1)."""
_SAME_EVENT_S = 5e-3  # an event is heard once for each of its three channels at most


async def _heard_s(rig: Bench, seconds: float) -> NDArray[np.float64]:
    """Return when the board was heard advertising, event by event, in seconds."""
    from bleak import BleakScanner

    times: list[float] = []
    name = rig.board.radio.name

    def on_advertisement(device: object, _data: object) -> None:
        now_s = rig.clock.now_ns() * 1e-9
        if getattr(device, "name", None) == name and (
            not times or now_s - times[-1] > _SAME_EVENT_S
        ):
            times.append(now_s)

    async with BleakScanner(on_advertisement, backend=rig.radio.scanner_backend):
        await asyncio.sleep(seconds)
    return np.array(times)


@pytest.mark.quick
@pytest.mark.lasts(30)
@pytest.mark.figures("air.advertising_error")
async def test_it_advertises_as_often_as_it_should_at_first_and_after_a_connection(
    rig: Bench, rig_flashed: FlashedBoard, rig_record: RigRecorder
) -> None:
    expected_s = rig.board.radio.advertising_interval_ms * 1e-3 + _DELAY_S
    found = []
    for occasion in ("after a reset", "after a connection"):
        gaps_s = np.diff(await _heard_s(rig, _LISTEN_S))
        if gaps_s.size < 2:
            pytest.fail(f"{occasion} it was heard {gaps_s.size + 1} times in {_LISTEN_S:g} s")
        # One that is missed makes two gaps one: the middle one is of those that are whole.
        spread = float(gaps_s.std(ddof=1)) / gaps_s.size**0.5
        found.append((float(np.median(gaps_s)) / expected_s - 1, spread / expected_s, occasion))
        async with linked(rig, rig.board.radio.efficient_interval_ms) as link:
            await link.ping()
    error, uncertainty, occasion = max(found, key=lambda each: abs(each[0]))
    rig_record(
        "air.advertising_error",
        error,
        "1",
        uncertainty=uncertainty,
        n=round(2 * _LISTEN_S / expected_s),
        note=f"every {(1 + error) * expected_s * 1e3:.0f} ms {occasion}",
    )


@pytest.mark.figures("air.packet_rate_error", "air.interval_error")
def test_packets_and_events_are_as_many_as_was_asked_for(
    rig_board: Board, efficient_session: Session, rig_record: RigRecorder
) -> None:
    session = efficient_session
    info, parameters = session.recording.info, session.parameters
    mtu = min(rig_board.radio.mtu, parameters.mtu if parameters is not None else math.inf)
    full = frames_per_packet(round(mtu) - 3, info.n_channels)
    counters = session.recording.electrodes.counters
    rig_record(
        "air.packet_rate_error",
        counters.packets * full / max(counters.frames, 1) - 1,
        "1",
        uncertainty=1 / max(counters.packets, 1),  # the last one is not full
        n=counters.packets,
        note=f"{counters.frames / max(counters.packets, 1):.3g} frames in a packet, {full} fit",
    )
    if parameters is None or parameters.interval_ms is None:
        return
    asked_ms = link_interval_ms(
        rig_board, board_runtime(rig_board), info.sample_rate_sps, "efficient"
    )
    rig_record(
        "air.interval_error",
        parameters.interval_ms / asked_ms - 1,
        "1",
        uncertainty=0.0,
        n=1,
        conditions={"interval_ms": parameters.interval_ms, "asked_ms": asked_ms},
    )
