"""Streams besides that of the electrodes: whether they arrive whole, and at their rate."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from eegrig.hil.suites.slower import loss_on_slower

if TYPE_CHECKING:
    from eegrig.hil.plugin import RigRecorder
    from eegrig.hil.suites.one_sigma import OneSigma
    from eegrig.hil.suites.streams import Session

_CLOCKS = 0.05  # two oscillators of different chips, each within 2.5 %


def _loss(session: Session, stream_id: int) -> float:
    """Return which part of a stream's frames was lost."""
    counters = session.recording.streams[stream_id].counters
    return counters.frames_lost / max(counters.frames + counters.frames_lost, 1)


def test_every_other_stream_arrives_whole_and_at_its_rate(
    efficient_session: Session,
    one_sigma: OneSigma | None,
    rig_record: RigRecorder,
) -> None:
    recording = efficient_session.recording
    others = [stream for stream in recording.streams.values() if stream is not recording.electrodes]
    if not others:
        pytest.skip("the board has no stream but that of its electrodes")
    for other in others:
        kind = other.stream.kind.name.lower()
        counters = other.counters
        frames = counters.frames + counters.frames_lost
        loss = _loss(efficient_session, other.stream.stream_id)
        lost = partial(_loss, stream_id=other.stream.stream_id)
        slowed = loss_on_slower(loss, None if one_sigma is None else one_sigma.efficient.map(lost))
        rig_record(
            f"stream.{kind}.frame_loss",
            loss,
            "1",
            uncertainty=slowed.uncertainty,
            n=frames,
            conditions={"rate_sps": other.stream.rate_sps, "channels": other.stream.n_channels}
            | slowed.conditions,
            note=slowed.note,
        )
        first, last = other.blocks[0], other.blocks[-1]
        seconds = (last.device_ns - first.device_ns) * 1e-9
        rate_sps = (last.first_frame - first.first_frame) / seconds
        rig_record(
            f"stream.{kind}.rate_error",
            rate_sps / other.stream.rate_sps - 1,
            "1",
            uncertainty=1e-3 / seconds,
            n=frames,
        )
        assert counters.intact
        assert abs(rate_sps / other.stream.rate_sps - 1) < _CLOCKS
