"""Streams besides that of the electrodes: whether they arrive whole, and at their rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from eegrig.hil.session.recorder import RigRecorder
    from eegrig.hil.suites.streams import Session

_CLOCKS = 0.05  # two oscillators of different chips, each within 2.5 %


@pytest.mark.figures("stream.<kind>.frame_loss", "stream.<kind>.rate_error")
def test_every_other_stream_arrives_whole_and_at_its_rate(
    efficient_session: Session, rig_record: RigRecorder
) -> None:
    recording = efficient_session.recording
    others = [stream for stream in recording.streams.values() if stream is not recording.electrodes]
    if not others:
        pytest.skip("the board has no stream but that of its electrodes")
    for other in others:
        kind = other.stream.kind.name.lower()
        counters = other.counters
        frames = counters.frames + counters.frames_lost
        rig_record(
            f"stream.{kind}.frame_loss",
            counters.frames_lost / max(frames, 1),
            "1",
            uncertainty=0.0,
            n=frames,
            conditions={"rate_sps": other.stream.rate_sps, "channels": other.stream.n_channels},
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
