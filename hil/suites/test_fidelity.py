"""Fidelity: whether the recording equals what was at the electrodes, and what noise is added."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from boards import load_part
from hil.measure.align import expected
from hil.measure.fidelity import fidelity
from hil.measure.noise import shorted_noise
from hil.report import traces
from hil.suites.streams import linked
from host.protocol import TestSignal
from host.recorder import record

if TYPE_CHECKING:
    from pathlib import Path

    from hil.bench import Bench
    from hil.plugin import RigRecorder
    from hil.setup import FlashedBoard
    from hil.suites.streams import Session

_NOISE_SECONDS = 40.0
_SETTLE_S = 1.0
_SHOWN_S = 8.0


@pytest.mark.needs("source")
@pytest.mark.figures("signal.gain_error", "signal.correlation")
def test_the_recording_equals_the_input(
    efficient_session: Session, rig_record: RigRecorder, rig_out: Path
) -> None:
    recording = efficient_session.recording
    rate_sps = recording.info.sample_rate_sps
    frames = np.flatnonzero(recording.received())[round(_SETTLE_S * rate_sps) :]
    samples_v = recording.samples_v()[:, frames]
    alignment = efficient_session.align(frames)
    ideal_v = expected(efficient_session.applied, alignment.times_ns(frames), rate_sps)
    result = fidelity(samples_v, ideal_v)
    gain_error, gain_uncertainty = result.worst_gain_error
    lost = recording.counters.frames_lost
    rig_record(
        "signal.gain_error", gain_error, "1", uncertainty=gain_uncertainty, n=frames.size, lost=lost
    )
    rig_record(
        "signal.correlation",
        result.worst_correlation,
        "1",
        uncertainty=(1 - result.worst_correlation**2) / np.sqrt(frames.size),
        n=frames.size,
        lost=lost,
    )
    shown = slice(0, round(_SHOWN_S * rate_sps))
    traces.save(
        rig_out,
        "eeg",
        time_s=frames[shown] / rate_sps,
        applied_v=ideal_v[:, shown],
        recorded_v=samples_v[:, shown],
        channels=np.array(recording.info.channels),
    )


@pytest.mark.figures("signal.noise")
async def test_noise_of_shorted_inputs(
    rig: Bench, rig_flashed: FlashedBoard, rig_record: RigRecorder
) -> None:
    async with linked(rig, rig.board.radio.efficient_interval_ms) as link:
        await link.test_signal(TestSignal.SHORTED)
        recording = await record(link, _NOISE_SECONDS + _SETTLE_S)
        await link.test_signal(TestSignal.NORMAL)
    info = recording.info
    samples_v = recording.samples_v()[:, round(_SETTLE_S * info.sample_rate_sps) :]
    noise = shorted_noise(samples_v)
    part = load_part(rig.board.afe.part)
    table_v = part.table("noise_rms").si(info.sample_rate_sps, info.gain)
    lost = recording.counters.frames_lost
    worst = int(np.argmax(noise.rms_v))
    rms_v, uncertainty_v = float(noise.rms_v[worst]), float(noise.rms_uncertainty_v[worst])
    conditions = {
        "gain": info.gain,
        "rate_sps": info.sample_rate_sps,
        "channel": info.channels[worst],
    }
    rig_record(
        "signal.noise",
        rms_v,
        "V",
        uncertainty=uncertainty_v,
        n=noise.n,
        lost=lost,
        conditions=conditions,
    )
    rig_record(
        "signal.noise_ratio",
        rms_v / table_v,
        "1",
        uncertainty=uncertainty_v / table_v,
        n=noise.n,
        lost=lost,
        conditions={"table_uv": table_v * 1e6},
    )
    peak = int(np.argmax(noise.peak_to_peak_v))
    rig_record(
        "signal.noise_pp",
        float(noise.peak_to_peak_v[peak]),
        "V",
        uncertainty=float(noise.peak_to_peak_uncertainty_v[peak]),
        n=noise.n,
        lost=lost,
        conditions=conditions,
    )
