"""Fixtures the suites share: each on a bench of its own, so it does not matter who asks first."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from eegrig.hil.session.stretch import taken
from eegrig.hil.suites.stretches.electrodes import Rejection, imbalanced_rejection
from eegrig.hil.suites.stretches.every_rate import (
    LONG_S,
    NOISE_S,
    SHORT_S,
    Driven,
    channels_driven,
    noise_at_rates,
    responses,
)
from eegrig.hil.suites.stretches.fastest_rate import FastestRate, fastest_rate_of
from eegrig.hil.suites.stretches.minute import Minute, minute
from eegrig.hil.suites.stretches.modes import Walk, walk
from eegrig.hil.suites.stretches.one_sigma import OneSigma, one_sigma_slower
from eegrig.hil.suites.stretches.states import States, walk_states
from eegrig.hil.suites.stretches.streams import NOISE_SECONDS, SETTLE_S, Session, shorted, stream
from eegrig.host.wire.constants import Profile

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from eegrig.hil.bench import Bench
    from eegrig.hil.figures.results import Results
    from eegrig.hil.flashed_board import FlashedBoard
    from eegrig.hil.measure.quality.tones import ToneFit
    from eegrig.hil.suites.stretches.stimuli import Taken
    from eegrig.host.recording.stream_recording import StreamRecording

    Booted = Callable[[str], AbstractContextManager[Bench]]

_TO_CONNECT_S = 3.0  # found, connected, negotiated


def pytest_rig_lasts(config: pytest.Config, fixture: str) -> float | None:
    """Return how long a shared session is."""
    recording_s = float(config.getoption("--rig-seconds"))
    lasting = {
        "efficient_session": recording_s + 2 * SETTLE_S + _TO_CONNECT_S,
        "low_latency_session": recording_s + 2 * SETTLE_S + _TO_CONNECT_S,
        "one_sigma": 4 * (min(recording_s, 4.0) + 2 * SETTLE_S + _TO_CONNECT_S),
        "fastest_rate": 5 * (2.0 + _TO_CONNECT_S),
        "every_mode": 40.0,
        "power_states": 160.0,
        "minute_of_streaming": 66.0 + _TO_CONNECT_S,
        "channels_at_rates": LONG_S + 5 * SHORT_S + _TO_CONNECT_S,
        "shorted_at_rates": 3 * NOISE_S + _TO_CONNECT_S,
        "response_at_rates": 3 * 11.0 + _TO_CONNECT_S,
        "rejections_imbalanced": 16 * 5.0 + _TO_CONNECT_S,
        "shorted_recording": NOISE_SECONDS + SETTLE_S + _TO_CONNECT_S,
    }
    return lasting.get(fixture)


@pytest.fixture(scope="session")
def efficient_session(
    rig_booted: Booted, rig_seconds: float, rig_results: Results, rig_out: Path
) -> Session:
    """Streaming in the efficient profile; its recording is kept as ``recording.bdf``."""
    with rig_booted("efficient session") as rig:
        session = taken(rig, stream(rig, Profile.EFFICIENT, rig_seconds))
    session.recording.write_bdf(rig_out / "recording.bdf")
    if session.parameters is not None:
        parameters = dataclasses.asdict(session.parameters)
        rig_results.link = {k: v for k, v in parameters.items() if v is not None}
    return session


@pytest.fixture(scope="session")
def shorted_recording(rig_booted: Booted) -> StreamRecording:
    """Record what the front end's inputs show when they are shorted."""
    with rig_booted("shorted recording") as rig:
        return taken(rig, shorted(rig))


@pytest.fixture(scope="session")
def channels_at_rates(rig_booted: Booted) -> list[Driven]:
    """Drive each channel with sines of its own, at every rate, up and down."""
    with rig_booted("channels at rates") as rig:
        return taken(rig, channels_driven(rig))


@pytest.fixture(scope="session")
def shorted_at_rates(rig_booted: Booted) -> list[Taken]:
    """Record shorted inputs at every rate, up and down."""
    with rig_booted("shorted at rates") as rig:
        return taken(rig, noise_at_rates(rig))


@pytest.fixture(scope="session")
def response_at_rates(rig_booted: Booted) -> list[tuple[Taken, ToneFit]]:
    """Play sines all over the band to all channels, at every rate."""
    with rig_booted("response at rates") as rig:
        return taken(rig, responses(rig))


@pytest.fixture(scope="session")
def rejections_imbalanced(rig_booted: Booted) -> list[Rejection]:
    """Put a common mode on all electrodes, one of which has a network in its lead."""
    with rig_booted("rejections imbalanced") as rig:
        return taken(rig, imbalanced_rejection(rig))


@pytest.fixture(scope="session")
def low_latency_session(rig_booted: Booted, rig_seconds: float) -> Session:
    """Streaming in the low-latency profile."""
    with rig_booted("low-latency session") as rig:
        return taken(rig, stream(rig, Profile.LOW_LATENCY, rig_seconds))


@pytest.fixture(scope="session")
def one_sigma(rig_booted: Booted, rig_seconds: float) -> OneSigma | None:
    """Take it all again with the processor one sigma slower; None on a bench of hardware."""
    with rig_booted("one sigma slower") as rig:
        return taken(rig, one_sigma_slower(rig, rig_seconds))


@pytest.fixture(scope="session")
def fastest_rate(rig_booted: Booted, one_sigma: OneSigma | None) -> FastestRate:
    """Stream at the highest rate on offer, and find how slow a processor keeps up with it."""
    slower = None if one_sigma is None else one_sigma.fastest_loss
    with rig_booted("fastest rate") as rig:
        return taken(rig, fastest_rate_of(rig, slower))


@pytest.fixture(scope="session")
def every_mode(rig_booted: Booted, rig_flashed: FlashedBoard) -> Walk:
    """Stream at every rate, in every profile and with every test signal, after each other."""
    with rig_booted("every mode") as rig:
        return taken(rig, walk(rig, rig_flashed))


@pytest.fixture(scope="session")
def minute_of_streaming(rig_booted: Booted) -> Minute:
    """Stream for a minute and some in the low-latency profile."""
    with rig_booted("a minute of streaming") as rig:
        return taken(rig, minute(rig))


@pytest.fixture(scope="session")
def power_states(rig_booted: Booted) -> States:
    """Take the power of each state after each other one."""
    with rig_booted("power states") as rig:
        return taken(rig, walk_states(rig))
