"""Latency: from the electrode to the callback on the host."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from eegrig.hil.figures import traces
from eegrig.hil.measure.latency import PACKETS_NEEDED, latencies, summarise

if TYPE_CHECKING:
    from pathlib import Path

    from eegrig.hil.session.recorder import RigRecorder
    from eegrig.hil.suites.streams import Session

pytestmark = pytest.mark.needs("source")


def _measure(
    session: Session, rig_record: RigRecorder, rig_out: Path, profile: str, prefix: str
) -> None:
    recording = session.recording.electrodes
    known = session.frames < recording.n_frames
    frames = session.frames[known]
    alignment = session.align(frames)
    latency_s = latencies(session.arrival_ns[known], alignment.times_ns(frames))
    figures = summarise(
        latency_s,
        arrival_ns=session.arrival_ns[known],
        time_uncertainty_s=alignment.uncertainty_ns * 1e-9,
    )
    conditions = {
        "profile": profile,
        "interval_ms": (session.parameters.interval_ms if session.parameters else None) or 0.0,
        "group_delay_ms": recording.stream.group_delay_s * 1e3,
    }
    lost, clipped = recording.counters.frames_lost, session.clipped
    for name in ("mean", "p50", "p95", "p99", "max"):
        uncertainty = getattr(figures, f"{name}_uncertainty_s", None)
        rig_record(
            f"{prefix}.{name}",
            getattr(figures, f"{name}_s"),
            "s",
            uncertainty=uncertainty,
            n=figures.n,
            lost=lost,
            saturated=clipped,
            window_ok=figures.n_packets >= PACKETS_NEEDED[name],
            conditions=conditions,
        )
    traces.save(rig_out, f"latency_{profile}", latency_s=latency_s.astype(np.float32))


@pytest.mark.figures("latency.<statistic>")
def test_low_latency_profile(
    low_latency_session: Session, rig_record: RigRecorder, rig_out: Path
) -> None:
    _measure(low_latency_session, rig_record, rig_out, "low_latency", "latency")


@pytest.mark.figures("latency.efficient.<statistic>")
def test_efficient_profile(
    efficient_session: Session, rig_record: RigRecorder, rig_out: Path
) -> None:
    _measure(efficient_session, rig_record, rig_out, "efficient", "latency.efficient")
