"""What drives the electrodes: matching by name, one time axis, a record of what was applied."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eegrig.boards.errors import ConfigError, InfrastructureError
from eegrig.hil.bench import AppliedEvent
from eegrig.hil.virtual.afe.source import VirtualSignalSource
from tests.hil.virtual.afe.played import Made, Uneventful


class Ramp(Uneventful):
    """Sample n of channel c is n + 1000000 c microvolts."""

    def __init__(self, channels, rate_hz):
        self.channels = tuple(channels)
        self.rate_hz = rate_hz
        self.next = 0

    def read(self, n_times):
        n = self.next + np.arange(n_times)
        self.next += n_times
        return (n + 1e6 * np.arange(len(self.channels))[:, None]) * 1e-6


class StillClock:
    def __init__(self, time_ns=0):
        self.time_ns = time_ns

    def now_ns(self):
        return self.time_ns

    def call_at_ns(self, when_ns, callback, *args):
        raise NotImplementedError


def test_channels_are_matched_by_name_in_the_boards_order():
    clock = StillClock()
    source = VirtualSignalSource(clock, ("C3", "O1"), 1000.0)
    source.play(Ramp(("O1", "Cz", "c3"), 1000.0))
    assert source.samples(0, 1)[:, 0] == pytest.approx([2.0, 0.0])


def test_a_source_without_an_electrode_of_the_board_is_refused():
    source = VirtualSignalSource(StillClock(), ("C3", "O1"), 1000.0)
    with pytest.raises(ConfigError, match="lacks the board's electrodes O1; it has C3, Cz"):
        source.play(Ramp(("C3", "Cz"), 1000.0))
    assert not source.samples(0, 5).any()


def test_samples_lie_on_the_clock_from_the_moment_of_play():
    clock = StillClock(5_000_000_000)
    source = VirtualSignalSource(clock, ("C3",), 1000.0)
    clock.time_ns += 10_400_000
    source.play_made(Made(lambda rate_hz: Ramp(("C3",), rate_hz)))
    applied = source.applied(5_009_000_000, 5_013_000_000)
    assert applied.start_ns == 5_009_000_000
    assert applied.rate_hz == 1000.0
    assert applied.volts[0] * 1e6 == pytest.approx([0, 0, 0, 1])  # sample 0 lies at 11 ms


def test_what_was_read_ahead_is_forgotten_when_something_else_is_played():
    clock = StillClock()
    source = VirtualSignalSource(clock, ("C3",), 1000.0)
    changes = []
    source.on_change = changes.append
    source.play_made(Made(lambda rate_hz: Ramp(("C3",), rate_hz)))
    assert source.samples(0, 100)[0, 99] * 1e6 == pytest.approx(99)
    clock.time_ns = 50_000_000
    source.play_made(Made(lambda rate_hz: Ramp(("C3",), rate_hz)))
    assert source.samples(49, 52)[0] * 1e6 == pytest.approx([49, 0, 1])
    clock.time_ns = 60_000_000
    source.stop()
    assert source.samples(59, 61)[0] * 1e6 == pytest.approx([9, 0])
    assert changes == [0, 50_000_000, 60_000_000]


def test_a_new_rate_begins_the_signal_anew():
    clock = StillClock()
    source = VirtualSignalSource(clock, ("C3",), 1000.0)
    source.play_made(Made(lambda rate_hz: Ramp(("C3",), rate_hz)))
    source.samples(0, 10)
    clock.time_ns = 1_000_000_000
    source.want_rate(4000.0, 2000.0)
    assert source.rate_hz == 4000.0
    assert source.applied(1_000_000_000, 1_001_000_000).volts[0] * 1e6 == pytest.approx(
        [0, 1, 2, 3]
    )
    # What was applied before that, at another rate, is not in the same waveform.
    assert source.applied(0, 1_001_000_000).start_ns == 1_000_000_000


def test_a_source_of_a_fixed_rate_is_used_as_it_is_or_refused_when_too_slow():
    source = VirtualSignalSource(StillClock(), ("C3",), 2000.0)
    source.play(Ramp(("C3",), 1500.0))
    source.want_rate(2000.0, 1000.0)
    assert source.rate_hz == 1500.0
    with pytest.raises(ConfigError, match="gives 1500 samples per second, but the board needs at"):
        source.want_rate(8000.0, 4000.0)


def test_a_source_that_gives_too_little_is_refused():
    class Short(Ramp):
        def read(self, n_times):
            return super().read(n_times - 1)

    source = VirtualSignalSource(StillClock(), ("C3",), 1000.0)
    source.play(Short(("C3",), 1000.0))
    with pytest.raises(ConfigError, match=r"returned \(1, 9\) when asked for \(1, 10\)"):
        source.samples(0, 10)


def test_history_is_bounded_and_says_so():
    source = VirtualSignalSource(StillClock(), ("C3",), 1000.0, history_s=1.0)
    source.play_made(Made(lambda rate_hz: Ramp(("C3",), rate_hz)))
    for stop in range(500, 20_000, 500):
        source.samples(stop - 500, stop)
    kept = source.applied(19_000_000_000, 19_500_000_000)
    assert kept.volts[0, 0] * 1e6 == pytest.approx(19_000)
    assert source._buffer.shape[1] < 5000
    with pytest.raises(InfrastructureError, match="older than 1 s are gone"):
        source.applied(0, 1_000_000)


def test_history_is_kept_as_long_as_is_asked_for():
    source = VirtualSignalSource(StillClock(), ("C3",), 1000.0, history_s=1.0)
    source.play_made(Made(lambda rate_hz: Ramp(("C3",), rate_hz)))
    source.keep(30.0)
    source.keep(2.0)
    for stop in range(500, 20_000, 500):
        source.samples(stop - 500, stop)
    assert source.applied(0, 19_500_000_000).volts[0] * 1e6 == pytest.approx(np.arange(19_500))


def test_an_empty_stretch_is_an_error():
    source = VirtualSignalSource(StillClock(), ("C3",), 1000.0)
    with pytest.raises(InfrastructureError, match="no samples were applied"):
        source.applied(100, 200)


def test_description_says_what_is_played():
    source = VirtualSignalSource(StillClock(), ("C3",), 1000.0)
    assert source.description == "nothing (0 V)"
    source.play(Ramp(("C3",), 1000.0))
    assert source.description == "Ramp"
    source.play_made(Made(lambda rate_hz: Ramp(("C3",), rate_hz), "scene ramp"))
    assert source.description == "scene ramp"


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 3000), st.integers(1, 700)), min_size=1, max_size=8))
def test_samples_do_not_depend_on_how_they_are_asked_for(stretches):
    source = VirtualSignalSource(StillClock(), ("C3",), 1000.0)
    source.play_made(Made(lambda rate_hz: Ramp(("C3",), rate_hz)))
    for first, n_times in stretches:
        got = source.samples(first, first + n_times)[0] * 1e6
        assert np.allclose(got, np.arange(first, first + n_times), atol=1e-6)


class Happening(Ramp):
    """Something happens every second."""

    def events(self, start_s, stop_s):
        return [
            SimpleNamespace(onset_s=float(n), duration_s=0.5, name=f"event {n}")
            for n in range(int(np.ceil(start_s)), int(np.ceil(stop_s)))
        ]


def test_events_lie_on_the_clock_from_the_moment_of_play():
    clock = StillClock(7_000_000_000)
    source = VirtualSignalSource(clock, ("C3",), 1000.0)
    assert source.events(0, 100_000_000_000) == []
    clock.time_ns += 500_000_000
    source.play_made(Made(lambda rate_hz: Happening(("C3",), rate_hz)))
    assert source.events(0, 9_000_000_000) == [
        AppliedEvent(7_500_000_000, 0.5, "event 0"),
        AppliedEvent(8_500_000_000, 0.5, "event 1"),
    ]
    clock.time_ns += 1_000_000_000
    source.want_rate(2000.0, 1000.0)  # the signal begins anew
    assert source.events(9_000_000_000, 9_600_000_000) == [
        AppliedEvent(9_500_000_000, 0.5, "event 1")
    ]
    source.stop()
    assert source.events(0, 100_000_000_000) == []
