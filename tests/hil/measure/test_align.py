from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from eegrig.hil.bench import Waveform
from eegrig.hil.measure.align import AlignmentError, align, expected
from eegrig.hil.measure.response import as_is

from .front_end import convert, eeg_like

RATE = 250.0
WITHIN_NS = 20_000  # what latency figures are allowed to be off by is 50 us


def worst_ns(alignment, truth_ns):
    return np.abs(alignment.times_ns(np.arange(truth_ns.size)) - truth_ns).max()


@pytest.mark.parametrize("error_ppm", [0.0, 40.0, -5000.0, 5000.0])
@pytest.mark.parametrize("first_s", [1.0, 2.00137])
def test_electrode_times_are_found_through_filter_noise_gain_and_clock_error(
    rng, error_ppm, first_s
):
    applied = eeg_like(rng, 16000.0, 14.0)
    recorded, truth = convert(applied, RATE, first_s, 2500, error_ppm)
    recorded = 0.9 * recorded + rng.normal(size=recorded.shape) * 0.14e-6
    alignment = align(recorded, RATE, applied)
    assert worst_ns(alignment, truth) < WITHIN_NS
    assert alignment.period_ns == pytest.approx(4e6 * (1 + error_ppm * 1e-6), rel=2e-6)
    assert alignment.correlation > 0.999


@pytest.mark.parametrize(("wave_rate", "rate"), [(2000.0, 250.0), (4000.0, 500.0), (8000.0, 1000)])
def test_other_rates(rng, wave_rate, rate):
    applied = eeg_like(rng, wave_rate, 8.0)
    recorded, truth = convert(applied, rate, 1.0, round(5 * rate))
    assert worst_ns(align(recorded, rate, applied), truth) < WITHIN_NS


def test_the_stated_uncertainty_is_the_scatter(rng):
    applied = eeg_like(rng, 16000.0, 7.0)
    clean, truth = convert(applied, RATE, 1.0, 1000)
    errors, stated = [], []
    for _ in range(30):
        alignment = align(clean + rng.normal(size=clean.shape) * 2e-6, RATE, applied)
        centre = alignment.start_ns + alignment.centre_frame * alignment.period_ns
        errors.append(centre - np.interp(alignment.centre_frame, np.arange(1000), truth))
        stated.append(alignment.uncertainty_ns)
    assert np.std(errors) == pytest.approx(np.mean(stated), rel=0.5)


def test_a_recording_with_a_gap_keeps_its_time_base(rng):
    applied = eeg_like(rng, 4000.0, 30.0)
    recorded, truth = convert(applied, RATE, 1.0, 6000, 100.0)
    frames = np.concatenate([np.arange(700), np.arange(5000, 6000)])
    alignment = align(recorded[:, frames], RATE, applied, frames=frames + 12345)
    assert np.abs(alignment.times_ns(frames + 12345) - truth[frames]).max() < WITHIN_NS


def test_a_signal_that_repeats_itself_is_found_where_it_is_searched(rng):
    time = np.arange(40000) / 4000.0
    volts = 50e-6 * np.stack([np.sin(2 * np.pi * 10 * time), np.cos(2 * np.pi * 10 * time)])
    applied = Waveform(0, 4000.0, ("A", "B"), volts)
    recorded, truth = convert(applied, RATE, 3.3, 500)
    search = (round(truth[0] - 30e6), round(truth[0] + 30e6))
    alignment = align(recorded, RATE, applied, search_ns=search)
    assert worst_ns(alignment, truth) < WITHIN_NS


def test_a_recording_of_something_else_is_refused(rng):
    applied, other = eeg_like(rng, 4000.0, 10.0), eeg_like(rng, 4000.0, 10.0)
    recorded, _ = convert(other, RATE, 1.0, 1500)
    with pytest.raises(AlignmentError, match="does not show what was applied") as caught:
        align(recorded, RATE, applied)
    assert caught.value.exit_code == 1


def test_an_inverted_recording_is_refused(rng):
    applied = eeg_like(rng, 4000.0, 10.0)
    recorded, _ = convert(applied, RATE, 1.0, 1500)
    with pytest.raises(AlignmentError):
        align(-recorded, RATE, applied)


@pytest.mark.parametrize("seconds", [3.0, 0.02])
def test_a_waveform_that_does_not_hold_the_recording_is_refused(rng, seconds):
    applied = eeg_like(rng, 4000.0, 10.0)
    recorded, _ = convert(applied, RATE, 1.0, 1500)
    short = replace(applied, volts=applied.volts[:, : round(4000 * seconds)])
    with pytest.raises(AlignmentError, match="longer"):
        align(recorded, RATE, short)


def test_a_constant_recording_is_refused(rng):
    applied = eeg_like(rng, 4000.0, 10.0)
    with pytest.raises(AlignmentError):
        align(np.zeros((4, 1500)), RATE, applied)


def test_shapes_that_do_not_belong_together_are_refused(rng):
    applied = eeg_like(rng, 4000.0, 10.0)
    with pytest.raises(ValueError, match="do not belong together"):
        align(np.zeros((3, 100)), RATE, applied)


def test_expected_is_what_the_front_end_would_have_recorded(rng):
    applied = eeg_like(rng, 16000.0, 5.0)
    recorded, truth = convert(applied, RATE, 1.0, 500)
    ideal = expected(applied, np.rint(truth).astype(np.int64), RATE)
    assert np.abs(ideal - recorded).max() < 10e-9


def test_expected_without_a_filter_is_the_waveform_itself(rng):
    applied = eeg_like(rng, 2000.0, 2.0)
    times = applied.start_ns + np.arange(0, 4000, 8) * 500_000
    assert expected(applied, times, RATE, response=as_is) == pytest.approx(
        applied.volts[:, ::8], abs=1e-12
    )


def test_expected_beyond_the_waveform_is_refused(rng):
    applied = eeg_like(rng, 2000.0, 2.0)
    with pytest.raises(AlignmentError, match="beyond"):
        expected(applied, np.array([applied.start_ns]), RATE)
