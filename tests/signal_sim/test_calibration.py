"""Calibration signals are the functions of time they say, to the last digit."""

from __future__ import annotations

import numpy as np
import pytest

from eegrig import signal_sim
from eegrig.signal_sim import SignalError, Tone, steps, tones

CHANNELS = ["A", "B"]


def test_sine() -> None:
    source = signal_sim.sine(
        50e-6, 10.0, channels=CHANNELS, rate_hz=250, phase_rad=0.5, offset_v=1e-3, only=["B"]
    )
    time_s = np.arange(6000) / 250
    samples = source.read(6000)
    assert not samples[0].any()
    expected = 1e-3 + 50e-6 * np.sin(2 * np.pi * 10 * time_s + 0.5)
    assert samples[1] == pytest.approx(expected, abs=1e-15)


def test_sine_is_exact_after_a_day() -> None:
    source = signal_sim.sine(1.0, 12.5, channels=["A"], rate_hz=1000)
    state = source.state()
    source.restore(state | {"start": 4096 * 21093})  # 24 h
    time_s = (4096 * 21093 + np.arange(100)) / 1000
    whole_turns = np.sin(2 * np.pi * (12.5 * time_s - np.floor(12.5 * time_s)))
    assert source.read(100)[0] == pytest.approx(whole_turns, abs=1e-9)


def test_square_is_the_recordings_beginning() -> None:
    samples = signal_sim.square(channels=["A"], rate_hz=250).read(1000)[0]
    assert np.ptp(samples) == pytest.approx(100e-6)
    assert np.array_equal(np.flatnonzero(np.diff(samples)), [249, 499, 749])
    assert samples[0] > 0


def test_triangle_has_its_slope() -> None:
    """12 mV/s: the fastest an EEG amplifier must follow."""
    source = signal_sim.triangle(0.5e-3, 6.0, channels=["A"], rate_hz=2000, offset_v=0.15)
    samples = source.read(2000)[0]
    assert np.abs(np.diff(samples)).max() * 2000 == pytest.approx(12e-3)
    assert np.ptp(samples) == pytest.approx(1e-3, rel=0.01)
    assert samples[0] == pytest.approx(0.15)
    assert samples.mean() == pytest.approx(0.15, abs=1e-6)


@pytest.mark.parametrize("rate_hz", [250, 256, 1000])
def test_impulses_are_one_sample_each_for_a_day(rate_hz: float) -> None:
    source = signal_sim.impulse(1e-3, 0.5, channels=["A"], rate_hz=rate_hz)
    samples = source.read(20 * int(rate_hz))[0]
    where = np.flatnonzero(samples)
    assert len(where) == 40
    assert np.all(np.diff(where) == rate_hz // 2)
    assert where[0] == rate_hz // 4


def test_chirp_sweeps() -> None:
    samples = signal_sim.chirp(1.0, 1.0, 100.0, 10.0, channels=["A"], rate_hz=1000).read(10_000)[0]
    crossings = np.flatnonzero(np.diff(np.signbit(samples)))
    spacing = np.diff(crossings)
    assert spacing[0] > 20 * spacing[-1]
    assert 500 / spacing[-10:].mean() == pytest.approx(100, rel=0.03)


def test_offset_and_silence() -> None:
    assert np.all(signal_sim.dc_offset(-0.3, channels=["A"], rate_hz=1).read(5) == -0.3)
    assert not signal_sim.silence(channels=["A"], rate_hz=1).read(5).any()


def test_common_mode_needs_the_imbalance() -> None:
    """IEC 80601-2-26's network, 10 kOhm beside 47 nF, in one lead at a time."""
    source = signal_sim.common_mode(
        np.sqrt(2), 50.0, channels=CHANNELS, rate_hz=1000, imbalance_ohm=10e3, imbalanced="A"
    )
    rms = source.read(10_000).std(axis=1)
    z = 1 / (1 / 10e3 + 2j * np.pi * 50 * 47e-9)
    z_in = 1 / (1e-9 + 2j * np.pi * 50 * 50e-12)
    assert rms[0] == pytest.approx(abs(z / (z + z_in)), rel=1e-6)
    assert rms[1] == 0
    with_cmrr = signal_sim.common_mode(1.0, channels=CHANNELS, rate_hz=1000, cmrr_db=100.0)
    assert with_cmrr.read(10_000).max() == pytest.approx(1e-5, rel=1e-3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda c: signal_sim.sine(1, 125, **c), "125 Hz cannot be made at 250 samples"),
        (lambda c: signal_sim.sine(-1, 10, **c), "amplitude_v is -1"),
        (lambda c: signal_sim.sine(float("nan"), 10, **c), "amplitude_v is nan"),
        (lambda c: signal_sim.sine(1, 0, **c), "frequency_hz is 0: give a positive number"),
        (lambda c: signal_sim.square(1, 10, only=["Z"], **c), "no channel 'Z'"),
        (lambda c: signal_sim.impulse(1, 1, width_s=2, **c), "within the period"),
        (lambda c: signal_sim.chirp(1, 1, 200, 1, **c), "200 Hz cannot be made"),
        (lambda c: signal_sim.dc_offset(float("inf"), **c), "offset_v is inf"),
        (
            lambda c: signal_sim.common_mode(1, imbalanced="Z", imbalance_ohm=1, **c),
            "no channel 'Z' to imbalance",
        ),
    ],
)
def test_mistakes_are_named(make: object, message: str) -> None:
    with pytest.raises(SignalError, match=message):
        make({"channels": CHANNELS, "rate_hz": 250})  # type: ignore[operator]


def test_replay_repeats_or_ends() -> None:
    from eegrig.signal_sim import Event, Replay

    array = np.arange(10.0)
    mark = Event(0.02, 0.0, "mark")
    looped = Replay(array, ["A"], 100, events=[mark])
    assert np.array_equal(looped.read(25)[0], np.arange(25) % 10)
    assert [(round(e.onset_s, 3), e.name) for e in looped.events(0, 0.25)] == [
        (0.02, "mark"), (0.1, "loop"), (0.12, "mark"), (0.2, "loop"), (0.22, "mark"),
    ]  # fmt: skip
    once = Replay(array, ["A"], 100, loop=False, events=[mark])
    assert np.array_equal(once.read(15)[0], [*range(10), 0, 0, 0, 0, 0])
    assert once.events(0, 10) == [mark]
    array[:] = -1
    assert Replay(np.ones(5), ["A"], 100).duration_s == 0.05
    assert looped.read(5)[0, 0] == 5  # it keeps its own copy


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((3, 5)), "shape"),
        (np.zeros((2, 0)), "empty"),
        (np.array([[0.0, np.nan], [0, 0]]), "channel 'A' has NaN"),
    ],
)
def test_replay_refuses(array: np.ndarray, message: str) -> None:
    with pytest.raises(SignalError, match=message):
        signal_sim.Replay(array, CHANNELS, 100)


def test_tones_are_of_each_channel_and_beside_its_offset():
    on = {"a": (Tone(1.0, 10.0), Tone(0.5, 20.0, np.pi / 2)), "c": (Tone(2.0, 3.0),)}
    source = tones(on, channels=("a", "b", "c"), rate_hz=1000.0, offsets_v={"b": 0.25})
    found = np.concatenate([source.read(7), source.read(9993)], axis=1)
    t = np.arange(10000) / 1000.0
    np.testing.assert_allclose(
        found[0], np.sin(20 * np.pi * t) + 0.5 * np.cos(40 * np.pi * t), atol=1e-9
    )
    np.testing.assert_array_equal(found[1], 0.25)
    np.testing.assert_allclose(found[2], 2 * np.sin(6 * np.pi * t), atol=1e-9)


def test_tones_on_no_channel_or_beyond_half_the_rate_are_refused():
    with pytest.raises(SignalError, match="no channel 'x'"):
        tones({"x": (Tone(1.0, 1.0),)}, channels=("a",), rate_hz=100.0)
    with pytest.raises(SignalError, match="cannot be made"):
        tones({"a": (Tone(1.0, 50.0),)}, channels=("a",), rate_hz=100.0)


def test_steps_follow_each_other_and_the_last_one_stays():
    source = steps((3.0, -1.0, 2.0), 0.5, channels=("a", "b"), rate_hz=10.0, only=("b",))
    np.testing.assert_array_equal(source.read(12)[1], [3] * 5 + [-1] * 5 + [2] * 2)
    np.testing.assert_array_equal(source.read(50), [[0.0] * 50, [2.0] * 50])
    with pytest.raises(SignalError, match="one level or more"):
        steps((), 1.0, channels=("a",), rate_hz=10.0)
