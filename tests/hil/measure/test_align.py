from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import linalg

from eegrig.hil.bench import Waveform
from eegrig.hil.measure.align import Alignment, AlignmentError, align, expected
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
    applied = eeg_like(rng, 4000.0, 9.0)
    recorded, truth = convert(applied, RATE, first_s, 1500, error_ppm)
    recorded = 0.9 * recorded + rng.normal(size=recorded.shape) * 0.14e-6
    alignment = align(recorded, RATE, applied)
    assert worst_ns(alignment, truth) < WITHIN_NS
    assert alignment.period_ns == pytest.approx(4e6 * (1 + error_ppm * 1e-6), rel=2e-6)
    assert alignment.correlation > 0.999


@pytest.mark.parametrize(
    ("wave_rate", "rate"), [(2000.0, 250.0), (16000.0, 250.0), (4000.0, 500.0), (8000.0, 1000)]
)
def test_other_rates(rng, wave_rate, rate):
    applied = eeg_like(rng, wave_rate, 6.0, n_channels=2)
    recorded, truth = convert(applied, rate, 1.0, round(4 * rate))
    assert worst_ns(align(recorded, rate, applied), truth) < WITHIN_NS


def test_the_stated_uncertainties_are_the_scatter(rng):
    """In the middle of the recording the time, and the period; they do not depend on each other."""
    applied = eeg_like(rng, 2000.0, 5.0, n_channels=2)
    clean, truth = convert(applied, RATE, 1.0, 500)
    found = []
    for _ in range(50):
        alignment = align(clean + rng.normal(size=clean.shape) * 2e-6, RATE, applied)
        assert alignment.centre_frame == 249.5
        centre_ns = alignment.start_ns + 249.5 * alignment.period_ns
        found.append((centre_ns - np.interp(249.5, np.arange(500), truth), alignment))
    errors_ns = [error for error, _ in found]
    periods_ns = [alignment.period_ns for _, alignment in found]
    for values, name in ((errors_ns, "uncertainty_ns"), (periods_ns, "period_uncertainty_ns")):
        stated = np.mean([getattr(alignment, name) for _, alignment in found])
        assert np.std(values) == pytest.approx(stated, rel=0.3), name
    assert abs(np.corrcoef(errors_ns, periods_ns)[0, 1]) < 0.4


def test_the_stated_uncertainties_are_the_cramer_rao_bounds(rng):
    """Of a sine of amplitude A in noise s, its gain and offset free, no fit knows its phase better.

    Its time is known to s sqrt(2 / n) / (A w); its period to that times sqrt(12) / n.
    """
    time = np.arange(16000) / 2000.0
    applied = Waveform(0, 2000.0, ("E",), 50e-6 * np.sin(2 * np.pi * 10 * time)[None])
    n, noise_v = 1000, 1e-6
    at_s = 1.0 + np.arange(n) / RATE
    recorded = 50e-6 * np.sin(2 * np.pi * 10 * at_s)[None] + rng.normal(size=(1, n)) * noise_v
    near = (990_000_000, 1_010_000_000)
    for gain in (1.0, 3.0):
        found = align(gain * recorded, RATE, applied, response=as_is, search_ns=near)
        bound_s = noise_v * np.sqrt(2 / n) / (50e-6 * 2 * np.pi * 10)
        assert found.uncertainty_ns == pytest.approx(bound_s * 1e9, rel=0.15)
        assert found.period_uncertainty_ns == pytest.approx(
            bound_s * 1e9 * np.sqrt(12) / n, rel=0.15
        )


class Sines:
    """Two channels of ten hertz, of which every derivative is known; `n` samples from `begin_s`."""

    def __init__(self, n, begin_s):
        time, omega = np.arange(4000) / 2000.0, 2 * np.pi * 10
        played = np.stack([np.sin(omega * time), 3 * np.cos(omega * time)])
        self.applied = Waveform(0, 2000.0, ("E", "F"), played)
        at_s = begin_s + np.arange(n) / RATE
        self.clean = np.stack([np.sin(omega * at_s), 3 * np.cos(omega * at_s)])
        slopes = omega * np.stack([np.cos(omega * at_s), -3 * np.sin(omega * at_s)])
        none, one = np.zeros(n), np.ones(n)
        free = [np.r_[self.clean[0], none], np.r_[one, none]]
        free += [np.r_[none, self.clean[1]], np.r_[none, one]]
        self.common = [slopes.ravel(), (slopes * (np.arange(n) - (n - 1) / 2)).ravel()]
        self.free = np.stack(free, axis=1)
        self.near = (round(begin_s * 1e9) - 5_000_000, round(begin_s * 1e9) + 5_000_000)

    def aligned(self, noise):
        recorded = self.clean + noise
        return align(recorded, RATE, self.applied, response=as_is, search_ns=self.near)

    def rest(self, noise):
        """Return what a linear fit of everything leaves of noise."""
        return left_of(noise.ravel(), np.column_stack([self.free, *self.common]))


def left_of(values, columns):
    return values - columns @ np.linalg.lstsq(columns, values, rcond=None)[0]


NAMES = ("uncertainty_ns", "period_uncertainty_ns")


@pytest.mark.parametrize("begin_s", [0.5, 0.51, 0.53])
def test_with_few_samples_the_uncertainty_counts_what_the_fit_has_used(rng, begin_s):
    """Ten samples of two channels, a third of a cycle, against one linear least-squares fit.

    Each channel's gain and offset are free, time and period are common: of twenty samples the
    figure counts the two.
    """
    sines = Sines(10, begin_s)
    for _ in range(3):
        noise = rng.normal(size=(2, 10)) * 1e-4
        found, rest = sines.aligned(noise), sines.rest(noise)
        noise_v = np.sqrt(rest @ rest / 18)
        for column, name in zip(sines.common, NAMES, strict=True):
            left = left_of(column, sines.free)
            expected_ns = noise_v / np.sqrt(left @ left) * 1e9
            assert getattr(found, name) == pytest.approx(expected_ns, rel=0.01), name


@pytest.mark.parametrize(("n", "lines"), [(64, 9), (200, 25)])
def test_with_many_samples_each_channels_noise_counts_where_its_slope_is(rng, n, lines):
    """The variance of a linear form, with each channel's own covariance.

    It is the periodogram's of what the fit leaves, averaged round the circle over an eighth of its
    lines: of noise that wanders much less than of white at the sine's frequency.
    """
    sines = Sines(n, 0.5)
    noise = rng.normal(size=(2, n)).cumsum(axis=1) * [[1e-5], [2e-5]]
    found, rest = sines.aligned(noise), sines.rest(noise).reshape(2, n)
    around = np.arange(lines) - lines // 2
    for column, name in zip(sines.common, NAMES, strict=True):
        left = left_of(column, sines.free).reshape(2, n)
        variance = 0.0
        for own, wandering in zip(left, rest, strict=True):
            raw = np.abs(np.fft.fft(wandering)) ** 2 / n
            height = [raw[(line + around) % n].mean() for line in range(n)]
            variance += own @ linalg.circulant(np.fft.ifft(height).real) @ own
        variance *= 2 * n / (2 * n - 2)
        expected_ns = np.sqrt(variance) / np.sum(left**2) * 1e9
        assert getattr(found, name) == pytest.approx(expected_ns, rel=1e-3), name


def test_times_are_whole_nanoseconds_nearest_to_the_line():
    line = Alignment(100.4, 3.3, 0.0, 1.0, 1.0, 1.0)
    times = line.times_ns(np.array([0, 1, 2, 5]))
    assert times.tolist() == [100, 104, 107, 117]
    assert times.dtype == np.int64


@pytest.mark.parametrize("error_ppm", [48_000.0, -48_000.0])
def test_a_clock_up_to_five_percent_off_is_followed_where_the_signal_is_slow(rng, error_ppm):
    applied = eeg_like(rng, 2000.0, 14.0, band_hz=(0.5, 3.0))
    recorded, truth = convert(applied, RATE, 2.0, 1500, error_ppm)
    assert worst_ns(align(recorded, RATE, applied), truth) < WITHIN_NS


@pytest.mark.parametrize("sign", [1, -1])
def test_no_clock_is_taken_to_be_more_than_five_percent_off(rng, sign):
    applied = eeg_like(rng, 2000.0, 14.0, band_hz=(0.5, 3.0))
    recorded, _ = convert(applied, RATE, 2.0, 1500, sign * 60_000.0)
    assert align(recorded, RATE, applied).period_ns == pytest.approx(4e6 * (1 + sign * 0.05))


def test_a_clock_two_percent_off_is_followed_through_a_signal_as_fast_as_eeg(rng):
    """Over two seconds it is off by 20 ms at either end; over four it would lose a cycle."""
    applied = eeg_like(rng, 4000.0, 14.0)
    recorded, truth = convert(applied, RATE, 2.0, 2000, 20_000.0)
    assert worst_ns(align(recorded, RATE, applied), truth) < WITHIN_NS


def test_a_recording_may_begin_with_more_than_a_second_of_nothing(rng):
    applied = eeg_like(rng, 4000.0, 10.0)
    quiet = applied.volts.copy()
    quiet[:, : 4000 * 3] = quiet[:, 4000 * 3 : 4000 * 3 + 1]
    applied = replace(applied, volts=quiet)
    recorded, truth = convert(applied, RATE, 1.8, 1500)
    recorded = recorded + rng.normal(size=recorded.shape) * 0.14e-6
    assert worst_ns(align(recorded, RATE, applied), truth) < WITHIN_NS


@pytest.mark.parametrize(
    ("on", "unit"),
    [(slice(None), 1.0), (slice(0, 1), 1.0), (slice(3, 4), 1.0), (slice(0, 1), 1e-6)],
)
def test_a_blink_elsewhere_does_not_attract_the_recording(rng, on, unit):
    """Ten thousand times the signal, before the recording begins; and a step of the offset after.

    In whatever unit: what is small is so beside the rest.
    """
    applied = eeg_like(rng, 4000.0, 12.0)
    volts = applied.volts.copy()
    volts[on, 2000:4000] += 100e-3 * np.hanning(2000)
    volts[:, 40000:] += 50e-3
    applied = replace(applied, volts=unit * volts)
    recorded, truth = convert(applied, RATE, 2.5, 1500)
    assert worst_ns(align(recorded, RATE, applied), truth) < WITHIN_NS


def test_a_quiet_stretch_elsewhere_does_not_attract_the_recording(rng):
    """A thousandth of the signal, longer than what is looked for first."""
    applied = eeg_like(rng, 4000.0, 12.0)
    level = applied.volts.mean(axis=1, keepdims=True)
    volts = applied.volts.copy()
    volts[:, 2000:14000] = level + 1e-3 * (volts[:, 2000:14000] - level)
    applied = replace(applied, volts=volts)
    recorded, truth = convert(applied, RATE, 4.5, 1500)
    assert worst_ns(align(recorded, RATE, applied), truth) < WITHIN_NS


def test_a_waveform_may_be_constant_where_the_recording_is_not(rng):
    applied = eeg_like(rng, 4000.0, 10.0)
    volts = applied.volts.copy()
    volts[:, :12000] = volts[:, 12000:12001]
    recorded, truth = convert(replace(applied, volts=volts), RATE, 3.5, 1200)
    found = align(recorded, RATE, replace(applied, volts=volts))
    assert worst_ns(found, truth) < WITHIN_NS


def test_every_channel_counts_with_its_own_gain_and_offset(rng):
    applied = eeg_like(rng, 4000.0, 8.0)
    recorded, truth = convert(applied, RATE, 1.0, 1000, 100.0)
    recorded = recorded * [[0.5], [1.0], [1.5], [2.0]] + [[1.0], [-2.0], [0.0], [0.1]]
    found = align(recorded, RATE, applied)
    assert worst_ns(found, truth) < 1000
    assert found.period_ns == pytest.approx(4e6 * 1.0001, rel=1e-8)


def test_the_correlation_is_of_all_channels_together(rng):
    """One channel of two is of something else, as strong: about half of it is what was applied."""
    applied = eeg_like(rng, 2000.0, 8.0, n_channels=2)
    other = eeg_like(rng, 2000.0, 8.0, n_channels=2)
    recorded = convert(applied, RATE, 1.0, 1000)[0]
    recorded[1] = convert(other, RATE, 1.0, 1000)[0][1]
    found = align(recorded, RATE, applied, least_correlation=0.3)
    shown = expected(applied, found.times_ns(np.arange(1000)), RATE)
    ours, theirs = (v - v.mean(axis=1, keepdims=True) for v in (recorded, shown))
    assert found.correlation == pytest.approx(np.corrcoef(ours.ravel(), theirs.ravel())[0, 1])
    assert 0.3 < found.correlation < 0.7


def test_half_a_correlation_is_enough_and_less_is_not_unless_it_is_asked_for(rng):
    applied = eeg_like(rng, 2000.0, 4.0, n_channels=2)
    clean, _truth = convert(applied, RATE, 1.0, 500)
    noise = rng.normal(size=clean.shape) * 10e-6
    better, worse = clean + 1.5 * noise, clean + 1.9 * noise
    assert 0.5 < align(better, RATE, applied).correlation < 0.6
    with pytest.raises(AlignmentError, match=r"correlation 0\.4\d\)"):
        align(worse, RATE, applied)
    assert 0.4 < align(worse, RATE, applied, least_correlation=0.4).correlation < 0.5
    with pytest.raises(AlignmentError, match=r"correlation 0\.5\d\)"):
        align(better, RATE, applied, least_correlation=0.9)


def test_frames_count_from_the_boards_first_and_not_from_the_recordings(rng):
    applied = eeg_like(rng, 4000.0, 10.0)
    recorded, truth = convert(applied, RATE, 1.0, 1500)
    frames = np.arange(500, 2000)
    found = align(recorded, RATE, applied, frames=frames)
    assert found.centre_frame == pytest.approx(500 + 749.5)
    assert found.start_ns == pytest.approx(truth[0] - 500 * 4e6, abs=WITHIN_NS)


def test_a_search_finds_the_repetition_it_is_told_to_to_a_sample():
    """Ten hertz repeat every 100 ms; a search of no length still has a sample to either side."""
    time = np.arange(40000) / 4000.0
    volts = 50e-6 * np.stack([np.sin(2 * np.pi * 10 * time), np.cos(2 * np.pi * 10 * time)])
    applied = Waveform(10**9, 4000.0, ("A", "B"), volts)
    recorded, truth = convert(applied, RATE, 3.3, 500)
    for repetition_ns in (0, 100_000_000, -1_000_000_000):
        at_ns = round(truth[0]) + repetition_ns
        for early_ns, late_ns in ((0, 0), (3_000_000, -3_000_000), (-30_000_000, 30_000_000)):
            search = (min(at_ns + early_ns, at_ns), max(at_ns + late_ns, at_ns))
            found = align(recorded, RATE, applied, search_ns=search)
            assert worst_ns(found, truth + repetition_ns) < WITHIN_NS


@pytest.mark.parametrize("away_ns", [-200_000_000, 200_000_000])
def test_a_search_keeps_to_where_it_is_told_though_the_recording_fits_better_elsewhere(
    rng, away_ns
):
    """A sine that repeats itself every 100 ms, in a fifth of EEG, which does not."""
    eeg = eeg_like(rng, 4000.0, 10.0, n_channels=2, band_hz=(0.3, 30.0))
    turn = 2 * np.pi * 10 * np.arange(40000) / 4000.0
    sines = 50e-6 * np.stack([np.sin(turn), np.cos(turn)])
    applied = replace(eeg, volts=eeg.volts + sines)
    recorded, truth = convert(applied, RATE, 3.3, 500)
    assert worst_ns(align(recorded, RATE, applied), truth) < WITHIN_NS
    at_ns = round(truth[0]) + away_ns
    found = align(recorded, RATE, applied, search_ns=(at_ns - 20_000_000, at_ns + 20_000_000))
    assert worst_ns(found, truth + away_ns) < 5_000_000


@pytest.mark.parametrize("search_s", [(-5.0, -1.0), (20.0, 30.0)])
def test_a_search_outside_of_the_waveform_is_refused(rng, search_s):
    applied = eeg_like(rng, 4000.0, 8.0)
    recorded, _ = convert(applied, RATE, 1.0, 1000)
    search = tuple(applied.start_ns + round(s * 1e9) for s in search_s)
    with pytest.raises(AlignmentError, match="does not cover the time that was searched"):
        align(recorded, RATE, applied, search_ns=search)


def test_the_recording_may_fill_the_waveform_from_end_to_end(rng):
    """A recording as long as what is shown, and one that is longer by a frame."""
    applied = eeg_like(rng, 2000.0, 4.0)
    recorded = applied.volts[:, ::8]
    for _ in range(4):  # noise moves either end beyond the waveform by a little
        noisy = recorded + rng.normal(size=recorded.shape) * 0.14e-6
        found = align(noisy, RATE, applied, response=as_is)
        assert worst_ns(found, applied.start_ns + np.arange(1000) * 4e6) < WITHIN_NS
    for frames, said in ((499, None), (500, None), (501, "longer one")):
        part = replace(applied, volts=applied.volts[:, : 8 * 499 + 1])
        if said is None:
            assert (
                worst_ns(
                    align(recorded[:, :frames], RATE, part, response=as_is),
                    applied.start_ns + np.arange(frames) * 4e6,
                )
                < 1000
            )
        else:
            with pytest.raises(AlignmentError, match=said):
                align(recorded[:, :frames], RATE, part, response=as_is)


@pytest.mark.parametrize(("points", "enough"), [(15, False), (16, True)])
def test_sixteen_points_are_the_least_that_a_waveform_can_be_told_by(points, enough):
    applied = Waveform(0, 2000.0, ("E",), np.sin(np.arange(points))[None])
    times = np.array([0, 500_000])
    if enough:
        shown = expected(applied, times, RATE, response=as_is)
        assert shown[0] == pytest.approx(np.sin([0, 1]))
    else:
        with pytest.raises(AlignmentError, match=r"is 0\.0075 s long, too short"):
            expected(applied, times, RATE, response=as_is)


@pytest.mark.parametrize("wave_rate", [1000.0, 2000.0, 4000.0, 16000.0])
def test_what_lies_between_the_points_is_shown_to_four_parts_in_a_million(wave_rate):
    """A cubic spline through h is good to (w h)^4 / 384: of a quarter of the rate, with 32 points.

    A waveform with fewer points than eight per output sample is taken as it is.
    """
    n = round(wave_rate)
    tone_hz = 62.5
    sine = np.sin(2 * np.pi * tone_hz * np.arange(n) / wave_rate)
    applied = Waveform(0, wave_rate, ("E",), sine[None])
    times = np.arange(100_000_000, 900_000_000, 333_333)
    shown = expected(applied, times, RATE, response=as_is)[0]
    step_s = max(1 / (8 * RATE), 1 / wave_rate)
    bound = (2 * np.pi * tone_hz * step_s) ** 4 / 384
    worst = np.abs(shown - np.sin(2 * np.pi * tone_hz * times * 1e-9)).max()
    assert 0.5 * bound < worst < bound


def test_the_last_and_the_first_instant_of_a_waveform_are_in_it():
    applied = Waveform(7, 2000.0, ("E",), np.arange(32.0)[None])
    last_ns = 7 + 31 * 500_000
    shown = expected(applied, np.array([7, last_ns]), RATE, response=as_is)
    assert shown[0] == pytest.approx([0.0, 31.0])
    for outside in (6, last_ns + 1):
        with pytest.raises(AlignmentError, match="reaches beyond"):
            expected(applied, np.array([1_000_007, outside]), RATE, response=as_is)
    none = expected(applied, np.zeros(0, np.int64), RATE, response=as_is)
    assert none.shape == (1, 0)


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
    applied, other = (eeg_like(rng, 2000.0, 6.0, n_channels=2) for _ in range(2))
    recorded, _ = convert(other, RATE, 1.0, 1000)
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


def test_a_constant_waveform_is_refused(rng):
    applied = eeg_like(rng, 2000.0, 3.0)
    recorded, _ = convert(applied, RATE, 1.0, 300)
    for level_v in (0.0, 0.3):
        silent = replace(applied, volts=np.full_like(applied.volts, level_v))
        with pytest.raises(AlignmentError, match="constant; play a signal that varies"):
            align(recorded, RATE, silent)


@pytest.mark.parametrize(("frames", "enough"), [(3, False), (4, True)])
def test_four_frames_are_the_least_that_can_be_found(rng, frames, enough):
    applied = eeg_like(rng, 2000.0, 3.0)
    recorded, truth = convert(applied, RATE, 1.0, frames)
    near = (round(truth[0]) - 1_000_000, round(truth[0]) + 1_000_000)
    if enough:
        found = align(recorded, RATE, applied, search_ns=near)
        assert found.start_ns == pytest.approx(truth[0], abs=WITHIN_NS)
    else:
        with pytest.raises(AlignmentError, match="longer stretch"):
            align(recorded, RATE, applied, search_ns=near)


def test_shapes_that_do_not_belong_together_are_refused(rng):
    applied = eeg_like(rng, 4000.0, 10.0)
    with pytest.raises(ValueError, match="do not belong together"):
        align(np.zeros((3, 100)), RATE, applied)
    with pytest.raises(ValueError, match="do not belong together"):
        align(np.zeros((4, 100)), RATE, applied, frames=np.arange(99))


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
