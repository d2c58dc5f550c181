"""Fidelity: whether the recording equals what was at the electrodes, and what noise is added."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from eegrig.boards import load_part
from eegrig.hil.figures import traces
from eegrig.hil.measure.align import expected
from eegrig.hil.measure.fidelity import fidelity
from eegrig.hil.measure.noise import shorted_noise
from eegrig.hil.measure.showing import DOUBT, explained
from eegrig.hil.suites.stretches.streams import shorted_v

if TYPE_CHECKING:
    from pathlib import Path

    from eegrig.boards import Board
    from eegrig.hil.session.recorder import RigRecorder
    from eegrig.hil.suites.stretches.streams import Session
    from eegrig.host.recording.stream_recording import StreamRecording

_SETTLE_S = 1.0
_SHOWN_S = 8.0


@pytest.mark.needs("source")
@pytest.mark.figures("signal.gain_error", "signal.correlation")
def test_the_recording_equals_the_input(
    rig_board: Board,
    efficient_session: Session,
    shorted_recording: StreamRecording,
    rig_record: RigRecorder,
    rig_out: Path,
) -> None:
    recording = efficient_session.recording.electrodes
    rate_sps = recording.info.sample_rate_sps
    frames = np.flatnonzero(recording.received())[round(_SETTLE_S * rate_sps) :]
    samples_v = recording.samples()[:, frames]
    alignment = efficient_session.align(frames)
    ideal_v = expected(efficient_session.applied, alignment.times_ns(frames), rate_sps)
    fit = efficient_session.fit
    noise = shorted_noise(shorted_v(shorted_recording)[fit])
    result = fidelity(samples_v[fit], ideal_v[fit], noise=noise)
    lost, clipped = recording.counters.frames_lost, efficient_session.clipped
    for name, misses, values, uncertainties in (
        ("signal.gain_error", 0.0, result.gain_error, result.gain_uncertainty),
        # What chance takes beyond 1 is 1 to a reader.
        (
            "signal.correlation",
            1.0,
            np.clip(result.correlation, -1.0, 1.0),
            result.correlation_uncertainty,
        ),
    ):
        target = rig_board.targets.get(name)
        room = np.inf if target is None else abs(target.limit - misses)
        fine = np.flatnonzero(uncertainties <= DOUBT * room)
        faults = efficient_session.unfit | {
            recording.info.channels[fit[row]]: "is too quiet to tell it as finely as the limit"
            for row in np.flatnonzero(uncertainties > DOUBT * room)
        }
        worst = fine[np.argmax(np.abs(values[fine] - misses))] if fine.size else None
        rig_record(
            name,
            None if worst is None else float(values[worst]),
            "1",
            uncertainty=None if worst is None else float(uncertainties[worst]),
            n=frames.size,
            lost=lost,
            saturated=clipped,
            signal_fault=explained(faults),
            conditions={}
            if worst is None
            else {"channel": recording.info.channels[fit[int(worst)]]},
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


@pytest.mark.figures("signal.noise", "signal.noise_pp", "signal.noise_ratio")
def test_noise_of_shorted_inputs(
    rig_board: Board, shorted_recording: StreamRecording, rig_record: RigRecorder
) -> None:
    recording = shorted_recording
    info = recording.info
    samples_v = shorted_v(recording)
    noise = shorted_noise(samples_v)
    part = load_part(rig_board.afe.part)
    table_v = part.table("noise_rms").si(info.sample_rate_sps, info.gain)
    lost, clipped = recording.counters.frames_lost, bool(recording.clipped().any())
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
        saturated=clipped,
        conditions=conditions,
    )
    rig_record(
        "signal.noise_ratio",
        rms_v / table_v,
        "1",
        uncertainty=uncertainty_v / table_v,
        n=noise.n,
        lost=lost,
        saturated=clipped,
        conditions={"table_uv": table_v * 1e6},
    )
    peak = int(np.argmax(noise.peak_to_peak_v))
    rig_record(
        "signal.noise_pp",
        float(noise.peak_to_peak_v[peak]),
        "V",
        uncertainty=float(noise.peak_to_peak_uncertainty_v[peak]),
        n=noise.stretches,
        lost=lost,
        saturated=clipped,
        conditions=conditions | {"channel": info.channels[peak]},
    )
