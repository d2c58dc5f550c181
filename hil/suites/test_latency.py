"""Latency: from the electrode to the callback on the host."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from eegrig.hil.figures import traces
from eegrig.hil.measure.processor import widened
from eegrig.hil.measure.stream.latency import PACKETS_NEEDED, Latency, latencies, summarise

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from eegrig.hil.session.recorder import RigRecorder
    from eegrig.hil.suites.stretches.one_sigma import OneSigma
    from eegrig.hil.suites.stretches.slower import Slower
    from eegrig.hil.suites.stretches.streams import Session

pytestmark = pytest.mark.needs("source")


def _taken(session: Session) -> tuple[NDArray[np.float64], Latency]:
    """Return the latency of each frame in seconds, and what there is to say of all."""
    known = session.frames < session.recording.electrodes.n_frames
    frames, arrival_ns = session.frames[known], session.arrival_ns[known]
    alignment = session.align(frames)
    latency_s = latencies(arrival_ns, alignment.times_ns(frames))
    figures = summarise(
        latency_s,
        arrival_ns=arrival_ns,
        time_uncertainty_s=alignment.uncertainty_ns * 1e-9,
    )
    return latency_s, figures


def _measure(
    session: Session,
    slower: Slower[Session] | None,
    rig_record: RigRecorder,
    rig_out: Path,
    profile: str,
    prefix: str,
) -> None:
    recording = session.recording.electrodes
    latency_s, figures = _taken(session)
    conditions: dict[str, str | float] = {
        "profile": profile,
        "interval_ms": (session.parameters.interval_ms if session.parameters else None) or 0.0,
        "group_delay_ms": recording.stream.group_delay_s * 1e3,
    }
    lost, clipped = recording.counters.frames_lost, session.clipped
    slow = None if slower is None else slower.map(lambda session: _taken(session)[1])
    for name in ("mean", "p50", "p95", "p99", "max"):
        value_s = getattr(figures, f"{name}_s")
        uncertainty_s = getattr(figures, f"{name}_uncertainty_s", None)
        slowed = dict(conditions)
        if slow is not None:
            slow_s = None if slow.result is None else getattr(slow.result, f"{name}_s")
            uncertainty_s = None if slow_s is None else widened(uncertainty_s, value_s, slow_s)
            slowed |= slow.conditions
            if slow_s is not None:
                slowed["slower_latency_ms"] = round(1e3 * slow_s, 3)
        rig_record(
            f"{prefix}.{name}",
            value_s,
            "s",
            uncertainty=uncertainty_s,
            n=figures.n,
            lost=lost,
            saturated=clipped,
            window_ok=figures.n_packets >= PACKETS_NEEDED[name],
            conditions=slowed,
            note=f"{slow}: {slow.failure}" if slow is not None and slow.failure else "",
        )
    traces.save(rig_out, f"latency_{profile}", latency_s=latency_s.astype(np.float32))


@pytest.mark.figures("latency.<statistic>")
def test_low_latency_profile(
    low_latency_session: Session,
    one_sigma: OneSigma | None,
    rig_record: RigRecorder,
    rig_out: Path,
) -> None:
    slower = None if one_sigma is None else one_sigma.low_latency
    _measure(low_latency_session, slower, rig_record, rig_out, "low_latency", "latency")


@pytest.mark.figures("latency.efficient.<statistic>")
def test_efficient_profile(
    efficient_session: Session,
    one_sigma: OneSigma | None,
    rig_record: RigRecorder,
    rig_out: Path,
) -> None:
    slower = None if one_sigma is None else one_sigma.efficient
    _measure(efficient_session, slower, rig_record, rig_out, "efficient", "latency.efficient")
