"""Fixtures the suites share."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from eegrig.hil.suites.one_sigma import OneSigma, one_sigma_slower
from eegrig.hil.suites.streams import Session, shorted, stream
from eegrig.host.wire.constants import Profile

if TYPE_CHECKING:
    from pathlib import Path

    from eegrig.hil.bench import Bench
    from eegrig.hil.figures.results import Results
    from eegrig.hil.flashed_board import FlashedBoard
    from eegrig.host.recording.stream_recording import StreamRecording


@pytest.fixture(scope="session")
def efficient_session(
    rig: Bench, rig_flashed: FlashedBoard, rig_seconds: float, rig_results: Results, rig_out: Path
) -> Session:
    """Streaming in the efficient profile; its recording is kept as ``recording.bdf``."""
    session = rig.run(stream(rig, Profile.EFFICIENT, rig_seconds))
    session.recording.write_bdf(rig_out / "recording.bdf")
    if session.parameters is not None:
        parameters = dataclasses.asdict(session.parameters)
        rig_results.link = {k: v for k, v in parameters.items() if v is not None}
    return session


@pytest.fixture(scope="session")
def shorted_recording(rig: Bench, rig_flashed: FlashedBoard) -> StreamRecording:
    """Record what the front end's inputs show when they are shorted."""
    return rig.run(shorted(rig))


@pytest.fixture(scope="session")
def low_latency_session(rig: Bench, rig_flashed: FlashedBoard, rig_seconds: float) -> Session:
    """Streaming in the low-latency profile."""
    return rig.run(stream(rig, Profile.LOW_LATENCY, rig_seconds))


@pytest.fixture(scope="session")
def one_sigma(rig: Bench, rig_flashed: FlashedBoard, rig_seconds: float) -> OneSigma | None:
    """Take it all again with the processor one sigma slower; None on a bench of hardware."""
    return rig.run(one_sigma_slower(rig, rig_seconds))
