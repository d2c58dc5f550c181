"""Bandwidth: how much the link carries, and whether anything gets lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from eegrig.boards.errors import InfrastructureError
from eegrig.boards.link_layer import DATA_OCTETS_MIN
from eegrig.boards.ports import board_runtime
from eegrig.boards.traffic import link_capacity_bps
from eegrig.hil.figures import traces
from eegrig.hil.measure.stream.bandwidth import FrameLoss, frame_loss, goodput
from eegrig.hil.suites.stretches.slower import Slower, loss_on_slower, together
from eegrig.hil.suites.stretches.streams import (
    NOISY_AIR,
    linked,
    stream,
)
from eegrig.host.link.throughput import measure_throughput
from eegrig.host.wire.constants import Profile

if TYPE_CHECKING:
    from pathlib import Path

    from eegrig.hil.bench import Bench
    from eegrig.hil.flashed_board import FlashedBoard
    from eegrig.hil.session.recorder import RigRecorder
    from eegrig.hil.suites.stretches.fastest_rate import FastestRate
    from eegrig.hil.suites.stretches.one_sigma import OneSigma
    from eegrig.hil.suites.stretches.streams import Session
    from eegrig.host.link.board_link import LinkParameters

_LONG_MS = 50.0  # connection interval: many packets go in an event
_SHORTEST_MS = 7.5  # where only one does
_SECONDS = 5.0
_SETTLE_S = 0.5
_NOISY_SECONDS = 10.0


@pytest.mark.quick
@pytest.mark.lasts(8)
@pytest.mark.needs("link_control")
@pytest.mark.figures("bandwidth.goodput", "bandwidth.link_efficiency")
async def test_goodput_comes_close_to_what_the_link_layer_allows(
    rig: Bench, rig_flashed: FlashedBoard, rig_record: RigRecorder, rig_out: Path
) -> None:
    negotiated: list[LinkParameters | None] = []
    runtime = board_runtime(rig.board)
    one_at_a_time = runtime.bluetooth.acl_packets == 1
    async with linked(rig, _SHORTEST_MS if one_at_a_time else _LONG_MS) as link:
        carried = await measure_throughput(
            link,
            _SECONDS,
            settle_s=_SETTLE_S,
            before_stop=lambda: negotiated.append(rig.radio.link_parameters()),
        )
    (parameters,) = negotiated
    assert carried.counters.packets_lost == 0
    assert carried.counters.pattern_errors == 0
    assert carried.counters.duplicates == carried.counters.late == 0
    assert parameters is not None
    assert parameters.phy_rx is not None
    assert parameters.interval_ms is not None
    asked = rig.board.radio
    bound_bps = link_capacity_bps(
        replace(asked, phy=parameters.phy_rx, mtu=min(parameters.mtu, asked.mtu)),
        runtime,
        parameters.interval_ms,
        link_octets=parameters.max_tx_octets or DATA_OCTETS_MIN,
    )
    result = goodput(carried.arrival_ns, carried.payload_bytes)
    conditions = {
        "phy": parameters.phy_rx,
        "interval_ms": parameters.interval_ms,
        "mtu": parameters.mtu,
        # Of these parameters, by a formula: no figure of its own.
        "link_bound_bps": round(bound_bps),
    }
    rig_record(
        "bandwidth.goodput",
        result.best_bps,
        "bit/s",
        uncertainty=result.best_uncertainty_bps,
        n=result.n,
        conditions=conditions,
        window_ok=result.window_ok,
    )
    rig_record(
        "bandwidth.link_efficiency",
        result.mean_bps / bound_bps,
        "1",
        uncertainty=result.mean_uncertainty_bps / bound_bps,
        n=result.n,
        conditions=conditions,
        window_ok=result.window_ok,
    )
    traces.save(
        rig_out,
        "goodput",
        time_s=result.time_s,
        goodput_bps=result.window_bps,
        bound_bps=bound_bps,
    )


def _loss(*sessions: Session) -> FrameLoss:
    """Return the frames lost in some sessions together."""
    losses = [frame_loss(session.frames) for session in sessions]
    return FrameLoss(
        received=sum(loss.received for loss in losses),
        lost=sum(loss.lost for loss in losses),
        repeated=sum(loss.repeated for loss in losses),
    )


@pytest.mark.figures("bandwidth.frame_loss")
def test_no_frame_is_lost_while_streaming(
    efficient_session: Session,
    low_latency_session: Session,
    one_sigma: OneSigma | None,
    rig_record: RigRecorder,
) -> None:
    sessions = (efficient_session, low_latency_session)
    loss = _loss(*sessions)
    slower: Slower[float] | None = None
    if one_sigma is not None:
        both = together(one_sigma.efficient, one_sigma.low_latency)
        slower = both.map(lambda sessions: _loss(*sessions).fraction)
    slowed = loss_on_slower(loss.fraction, slower)
    rig_record(
        "bandwidth.frame_loss",
        loss.fraction,
        "1",
        uncertainty=slowed.uncertainty,
        n=loss.lost + loss.received,
        conditions={"profiles": "efficient, low-latency"} | slowed.conditions,
        note=slowed.note,
    )
    assert all(session.recording.intact for session in sessions)


@pytest.mark.quick
@pytest.mark.lasts(8)
@pytest.mark.needs("link_control")
@pytest.mark.figures("bandwidth.frame_loss_fastest")
def test_no_frame_is_lost_at_the_fastest_rate(
    fastest_rate: FastestRate,
    one_sigma: OneSigma | None,
    rig_record: RigRecorder,
) -> None:
    slowed = loss_on_slower(
        fastest_rate.loss, None if one_sigma is None else one_sigma.fastest_loss
    )
    margin = fastest_rate.margin
    rig_record(
        "bandwidth.frame_loss_fastest",
        fastest_rate.loss,
        "1",
        uncertainty=slowed.uncertainty,
        n=fastest_rate.n,
        conditions=fastest_rate.conditions | slowed.conditions,
        note="; ".join(filter(None, (slowed.note, "" if margin is None else str(margin)))),
    )


@pytest.mark.needs("link_control", "processor")
@pytest.mark.figures("processor.margin")
def test_a_slower_processor_keeps_up_at_the_fastest_rate(
    fastest_rate: FastestRate, rig_record: RigRecorder
) -> None:
    margin = fastest_rate.margin
    assert margin is not None
    rig_record(
        "processor.margin",
        margin.value,
        "1",
        uncertainty=margin.uncertainty,
        n=margin.n,
        conditions=fastest_rate.conditions,
        note=str(margin),
    )


@pytest.mark.lasts(15)
@pytest.mark.needs("faults")
@pytest.mark.figures("bandwidth.frame_loss_noisy")
async def test_no_frame_is_lost_with_packet_errors_on_the_air(
    rig: Bench, rig_flashed: FlashedBoard, one_sigma: OneSigma | None, rig_record: RigRecorder
) -> None:
    assert rig.faults is not None
    session = await stream(rig, Profile.EFFICIENT, _NOISY_SECONDS, packet_error_rate=NOISY_AIR)
    loss = frame_loss(session.frames)
    repeated = 0 if session.statistics is None else session.statistics.retransmissions
    if not repeated:
        raise InfrastructureError("the air was not noisy, nothing was sent twice: check the bench")
    slower = None if one_sigma is None else one_sigma.noisy
    slowed = loss_on_slower(
        loss.fraction,
        None if slower is None else slower.map(lambda session: _loss(session).fraction),
    )
    rig_record(
        "bandwidth.frame_loss_noisy",
        loss.fraction,
        "1",
        uncertainty=slowed.uncertainty,
        n=loss.received + loss.lost,
        conditions={"packet_error_rate": NOISY_AIR, "retransmissions": repeated}
        | slowed.conditions,
        note=slowed.note,
    )
