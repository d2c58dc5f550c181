"""What a recording says of its rate, against clocks and links whose truth is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from eegrig.host.streaming.device_clock import DeviceClock
from eegrig.host.streaming.time_base import TimeBase, time_base

NOMINAL_SPS = 250.0


@dataclass(frozen=True)
class Session:
    """A board whose clock is `ppm` fast, over a link with connection events."""

    ppm: float
    seconds: float
    n_frames: int = 9
    interval_s: float = 0.015
    retries: float = 0.1

    @property
    def rate_sps(self) -> float:
        return NOMINAL_SPS * (1 + self.ppm * 1e-6)

    def run(
        self, seed: int, *, told_interval: bool = True, time_jumps: int = 0
    ) -> tuple[TimeBase, float]:
        """Return what is found, and the true host time of frame 0 in nanoseconds."""
        rng = np.random.default_rng(seed)
        last = np.arange(1, int(self.seconds * NOMINAL_SPS) // self.n_frames + 1) * self.n_frames
        start_s, phase_s = rng.uniform(0, 10), rng.uniform(0, self.interval_s)
        ready_s = start_s + last / self.rate_sps
        event = np.ceil((ready_s - phase_s) / self.interval_s)
        event += rng.geometric(1 - self.retries, last.size) - 1
        arrival_s = np.maximum.accumulate(event) * self.interval_s + phase_s
        arrival_s = np.maximum.accumulate(arrival_s + rng.exponential(0.5e-3, last.size))
        arrival_ns = np.rint(arrival_s * 1e9).astype(np.int64)
        clock = DeviceClock()
        for frame, ns in zip(last, arrival_ns, strict=True):
            clock.add(round(frame * 1e9 / NOMINAL_SPS), int(ns))
        fit = clock.fit()
        assert fit is not None
        interval_ms = self.interval_s * 1e3 if told_interval else None
        found = time_base(
            last, arrival_ns, NOMINAL_SPS, fit, interval_ms=interval_ms, time_jumps=time_jumps
        )
        return found, start_s * 1e9


@pytest.mark.parametrize("ppm", [-4800.0, -300.0, 2500.0])
@pytest.mark.parametrize(("n_frames", "interval_s"), [(9, 0.015), (14, 0.0175), (9, 0.1)])
def test_half_a_percent_is_found_to_a_few_ppm_in_five_minutes(ppm, n_frames, interval_s) -> None:
    session = Session(ppm, 300, n_frames, interval_s)
    for seed in range(5):
        base, first_ns = session.run(seed)
        assert base.fitted
        assert base.rate_sps == pytest.approx(session.rate_sps, rel=10e-6)
        # Events stay where they were, from the first frame to the last.
        at_end = round(first_ns + 299e9)
        assert base.frame_at(at_end) == pytest.approx(299 * session.rate_sps, abs=2.0)
        assert base.to_host_ns(base.frame_at(at_end)) == pytest.approx(at_end, abs=1000)


def test_the_uncertainty_is_about_what_the_fits_are_off_by() -> None:
    off = []
    for seed in range(60):
        rng = np.random.default_rng(seed + 1000)
        session = Session(
            float(rng.uniform(-5000, 5000)),
            float(rng.choice([20, 60, 200])),
            int(rng.choice([2, 9, 14, 15, 38])),
            float(rng.choice([0.0075, 0.015, 0.05, 0.1])),
        )
        base, _ = session.run(seed)
        assert base.fitted_sps is not None
        assert base.uncertainty is not None
        off.append(abs(base.fitted_sps / session.rate_sps - 1) / base.uncertainty)
    assert np.median(off) < 1.0
    assert np.quantile(off, 0.9) < 2.5
    assert max(off) < 6.0
    assert np.median(off) > 0.05  # nor is it so large that it says nothing


@pytest.mark.parametrize("told_interval", [True, False])
def test_a_clock_in_step_with_the_link_is_not_called_exact(told_interval) -> None:
    """Packets of 60 ms over events of 15 ms: at 20 ppm the wait hardly changes in 30 s."""
    session = Session(20.0, 30, 15, 0.015)
    base, _ = session.run(1, told_interval=told_interval)
    assert not base.fitted
    assert base.rate_sps == NOMINAL_SPS
    assert base.uncertainty is not None
    assert base.uncertainty > 100e-6
    assert base.reason.startswith("nominal: the arrivals do not contradict it")


def test_without_the_interval_the_arrivals_must_do_and_are_trusted_less() -> None:
    session = Session(-4800.0, 60, 14, 0.0175)
    told, _ = session.run(2)
    alone, _ = session.run(2, told_interval=False)
    assert alone.fitted
    assert alone.fitted_sps == told.fitted_sps
    assert told.uncertainty is not None
    assert alone.uncertainty is not None
    assert alone.uncertainty >= told.uncertainty


def test_a_few_packets_tell_nothing() -> None:
    base, _ = Session(-4800.0, 0.5).run(3)
    assert (base.fitted, base.fitted_sps, base.uncertainty) == (False, None, None)
    assert base.rate_sps == NOMINAL_SPS
    assert "too few packets" in base.reason


def test_arrivals_that_show_no_connection_event_tell_nothing_of_the_clock() -> None:
    last = np.arange(1, 1001)
    arrival_ns = np.rint(last * 4.02e6).astype(np.int64)  # events are 7.5 ms apart or more
    clock = DeviceClock()
    for frame, ns in zip(last, arrival_ns, strict=True):
        clock.add(round(frame * 1e9 / NOMINAL_SPS), int(ns))
    fit = clock.fit()
    assert fit is not None
    assert fit.rate_error == pytest.approx(0.005)
    base = time_base(last, arrival_ns, NOMINAL_SPS, fit)
    assert (base.rate_sps, base.uncertainty) == (NOMINAL_SPS, None)


def test_conversions_that_were_not_counted_make_the_fit_worthless() -> None:
    base, _ = Session(-4800.0, 60).run(4, time_jumps=2)
    assert not base.fitted
    assert "missed conversions 2 times" in base.reason


def test_a_rate_no_clock_is_off_by_is_not_believed() -> None:
    base, _ = Session(-100_000.0, 60).run(5)
    assert not base.fitted
    assert "more than any clock is off" in base.reason


def test_the_first_frame_is_dated_by_the_packets_delayed_least() -> None:
    for ppm in (0.0, -4800.0):
        base, first_ns = Session(ppm, 60).run(6)
        assert -0.2e6 <= base.first_frame_ns - first_ns < 3e6
