"""Clock: how fast the board's runs, and what a minute of streaming shows that seconds do not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from eegrig.hil.measure.stream.clock import drift, jitter_s, late

if TYPE_CHECKING:
    from eegrig.hil.session.recorder import RigRecorder
    from eegrig.hil.suites.stretches.minute import Minute

_TICK_S = 1e-6 / 12**0.5  # device time is in microseconds


@pytest.mark.figures("clock.drift", "clock.rate_error", "clock.jitter")
def test_the_clock_of_the_board_is_right(
    minute_of_streaming: Minute, rig_record: RigRecorder
) -> None:
    streamed = minute_of_streaming
    lost = streamed.counters.frames_lost
    told = drift(streamed.ready_ns, streamed.arrival_ns)
    rig_record("clock.drift", told.error, "1", uncertainty=told.uncertainty, n=told.n)
    last = streamed.first_frame + streamed.n_frames - 1
    by_frames = drift(
        np.rint(last * (1e9 / streamed.rate_sps)).astype(np.int64), streamed.arrival_ns
    )
    rig_record(
        "clock.rate_error",
        by_frames.error,
        "1",
        uncertainty=by_frames.uncertainty,
        n=by_frames.n,
        conditions={"rate_sps": streamed.rate_sps},
    )
    rig_record(
        "clock.jitter",
        jitter_s(streamed.first_frame, streamed.device_ns),
        "s",
        uncertainty=_TICK_S,
        n=told.n,
        lost=lost,
    )


@pytest.mark.figures("latency.late_packets", "bandwidth.frame_loss_minute")
def test_no_packet_of_a_minute_is_late_or_lost(
    minute_of_streaming: Minute, rig_record: RigRecorder
) -> None:
    streamed = minute_of_streaming
    found = drift(streamed.ready_ns, streamed.arrival_ns)
    period_s = float(np.median(streamed.n_frames)) / streamed.rate_sps
    allowed_s = 2 * streamed.interval_s + period_s
    count = late(found.delay_s, allowed_s)
    rig_record(
        "latency.late_packets",
        count,
        "1",
        uncertainty=0.0,
        n=found.n,
        conditions={"allowed_ms": round(allowed_s * 1e3, 3)},
        note=f"packets come late: {count} of {found.n}, up to {found.delay_s.max() * 1e3:.0f} ms"
        if count
        else "",
    )
    counters = streamed.counters
    frames = counters.frames + counters.frames_lost
    rig_record(
        "bandwidth.frame_loss_minute",
        counters.frames_lost / frames,
        "1",
        uncertainty=0.0,
        n=frames,
        note="; ".join(
            f"{what}: {count} of {counters.packets}"
            for what, count in (
                ("packets do not arrive", counters.packets_lost),
                ("packets arrive twice", counters.duplicates),
                ("packets arrive late", counters.late),
                ("device time does not follow from the index", counters.time_jumps),
            )
            if count
        ),
    )
