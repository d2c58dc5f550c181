"""Streams besides that of the electrodes: whether they arrive whole, and at their rate."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest

from eegrig.hil.measure.stream.rate import rate_error
from eegrig.hil.suites.stretches.slower import loss_on_slower

if TYPE_CHECKING:
    from eegrig.hil.session.recorder import RigRecorder
    from eegrig.hil.suites.stretches.one_sigma import OneSigma
    from eegrig.hil.suites.stretches.streams import Session

_CLOCKS = 0.05  # two oscillators of different chips, each within 2.5 %


def _loss(session: Session, stream_id: int) -> float:
    """Return which part of a stream's frames was lost."""
    counters = session.recording.streams[stream_id].counters
    return counters.frames_lost / max(counters.frames + counters.frames_lost, 1)


@pytest.mark.figures("stream.<kind>.frame_loss", "stream.<kind>.rate_error")
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
        rate = rate_error(
            np.array([block.first_frame for block in other.blocks]),
            np.array([block.device_ns for block in other.blocks]),
            other.stream.rate_sps,
        )
        rig_record(
            f"stream.{kind}.rate_error",
            rate.error,
            "1",
            uncertainty=rate.uncertainty,
            n=rate.n,
        )
        assert counters.intact
        assert abs(rate.error) < _CLOCKS
