"""Every source does what its parameters say, over seeds."""

from __future__ import annotations

from itertools import pairwise

import mne
import numpy as np
import pytest
from scipy.signal import hilbert, welch

from eegrig import signal_sim
from eegrig.signal_sim import SceneError
from eegrig.signal_sim.montage import POSITIONS, canonical

RATE_HZ = 250.0


def played(
    *sources: signal_sim.generators.SourceSpec,
    channels: list[str],
    seconds: float,
    seed: int = 0,
    rate_hz: float = RATE_HZ,
) -> tuple[np.ndarray, signal_sim.Source]:
    source = signal_sim.play(*sources, channels=channels, rate_hz=rate_hz, seed=seed)
    return source.read(round(seconds * rate_hz)), source


def band_rms(
    samples: np.ndarray, low_hz: float, high_hz: float, rate_hz: float = RATE_HZ
) -> np.ndarray:
    """Rms in a band by MNE's own estimate."""
    density, frequency = mne.time_frequency.psd_array_welch(
        samples, rate_hz, low_hz, high_hz, n_fft=round(4 * rate_hz), verbose="error"
    )
    return np.sqrt(np.trapezoid(density, frequency, axis=-1))


@pytest.mark.parametrize("exponent", [0.5, 1.0, 1.5, 2.0])
def test_background_has_slope_and_rms(exponent: float) -> None:
    spec = signal_sim.Background(exponent=exponent, exponent_spread=0, rms_v=7e-6, rms_spread=0)
    samples = np.concatenate(
        [played(spec, channels=["Fp1", "Cz", "Oz"], seconds=120, seed=s)[0] for s in range(4)]
    )
    frequency, density = welch(samples, RATE_HZ, nperseg=2000)
    fitted = (frequency >= 1) & (frequency <= 40)
    slope = np.polyfit(np.log(frequency[fitted]), np.log(density.mean(axis=0)[fitted]), 1)[0]
    assert -slope == pytest.approx(exponent, abs=0.08)
    assert np.sqrt((band_rms(samples, 1, 40) ** 2).mean()) == pytest.approx(7e-6, rel=0.06)


def test_background_gets_steeper_and_stronger_to_the_front() -> None:
    spec = signal_sim.Background(
        exponent_front=1.8, rms_front_v=12e-6, rms_v=6e-6, exponent_spread=0, rms_spread=0
    )
    samples, _ = played(spec, channels=["Fpz", "Oz"], seconds=300)
    front, back = band_rms(samples, 1, 40)
    assert front == pytest.approx(12e-6, rel=0.15)
    assert back == pytest.approx(6e-6, rel=0.1)
    front_low, back_low = band_rms(samples, 1, 5) / band_rms(samples, 20, 40)
    assert front_low > 2 * back_low


def test_neighbours_share_their_background() -> None:
    samples, _ = played(signal_sim.Background(), channels=["O1", "Oz", "Fp1"], seconds=60)
    correlation = np.corrcoef(np.diff(samples))
    assert correlation[0, 1] > 0.8
    assert abs(correlation[0, 2]) < 0.5


@pytest.mark.parametrize(
    ("frequency_hz", "bandwidth_hz"),
    [(2.0, 2.0), (6.0, 3.0), (10.0, 2.0), (20.0, 8.0), (40.0, 15.0)],
)
def test_a_rhythm_has_its_peak_and_its_rms(frequency_hz: float, bandwidth_hz: float) -> None:
    spec = signal_sim.Rhythm(
        frequency_hz=frequency_hz, bandwidth_hz=bandwidth_hz, rms_v=10e-6, topography="Oz"
    )
    samples, _ = played(spec, channels=["Oz", "Fpz"], seconds=300)
    assert samples[0].std() == pytest.approx(10e-6, rel=0.1)
    assert samples[1].std() < 0.1 * samples[0].std()
    frequency, density = welch(samples[0], RATE_HZ, nperseg=500)
    centre_hz = (frequency * density).sum() / density.sum()
    assert centre_hz == pytest.approx(frequency_hz, rel=0.15)


def test_bursts_take_the_fraction_of_time_asked_for() -> None:
    spec = signal_sim.Rhythm(duty=0.3, burst_s=1.0)
    samples, source = played(spec, channels=["Oz"], seconds=600)
    bursts = [e for e in source.events(0, 600) if e.name == "rhythm burst"]
    assert sum(e.duration_s for e in bursts) / 600 == pytest.approx(0.3, abs=0.05)
    inside = np.zeros(samples.shape[1], dtype=bool)
    for burst in bursts:
        inside[round(burst.onset_s * RATE_HZ) : round(burst.stop_s * RATE_HZ)] = True
    assert samples[0, inside].std() > 5e-6
    assert samples[0, ~inside].std() < 0.05 * samples[0, inside].std()


def test_some_people_have_no_alpha() -> None:
    spec = signal_sim.Rhythm(absent=0.3)
    without = [not played(spec, channels=["Oz"], seconds=0.1, seed=s)[0].any() for s in range(100)]
    assert np.mean(without) == pytest.approx(0.3, abs=0.1)


def test_alpha_comes_with_closed_eyes() -> None:
    source = signal_sim.scene("resting", channels=["Oz", "Cz"], seed=4)
    halves = [source.read(round(30 * RATE_HZ)) for _ in range(8)]
    # The first second of each half is the change.
    opened = np.mean([band_rms(h[:, 250:], 8, 13)[0] for h in halves[0::2]])
    closed = np.mean([band_rms(h[:, 250:], 8, 13)[0] for h in halves[1::2]])
    assert 1.7 < closed / opened < 3.5


@pytest.mark.parametrize("rate_per_min", [4, 15])
def test_blinks_come_at_their_rate_and_size(rate_per_min: float) -> None:
    spec = signal_sim.Blinks(
        rate_per_min=rate_per_min, amplitude_v=200e-6, amplitude_spread=0, person_spread=0
    )
    counts, peaks = [], []
    for seed in range(8):
        samples, source = played(spec, channels=["Fpz"], seconds=300, seed=seed)
        blinks = [e for e in source.events(0, 300) if e.stop_s < 300]
        counts.append(len(blinks) / 5)
        peaks.append(samples.max())
    assert np.mean(counts) == pytest.approx(rate_per_min, rel=0.2)
    assert peaks == pytest.approx([200e-6] * 8, rel=0.02)


def test_a_saccade_holds_the_gaze_and_turns_round_on_the_other_side() -> None:
    samples, source = played(
        signal_sim.Saccades(vertical=0), channels=["F7", "F8", "Oz"], seconds=60
    )
    left, right, back = samples
    assert np.corrcoef(left, right)[0, 1] < -0.99
    assert np.abs(back).max() < 0.05 * np.abs(right).max()
    jumps = [e for e in source.events(0, 60) if e.name == "saccade"]
    assert 10 <= len(jumps) <= 32
    spans = [(a.stop_s, b.onset_s) for a, b in pairwise(jumps)]
    for start_s, stop_s in spans:
        held = right[int(start_s * RATE_HZ) + 2 : int(stop_s * RATE_HZ)]
        assert np.ptp(held) < 1e-12 if held.size else True


def test_a_heart_beats_at_its_rate() -> None:
    samples, source = played(signal_sim.Heart(rate_per_min=70), channels=["T7", "T8"], seconds=300)
    beats = [e.onset_s for e in source.events(0, 300)]
    intervals_s = np.diff(beats)
    assert 60 / intervals_s.mean() == pytest.approx(70, rel=0.03)
    assert intervals_s.std() / intervals_s.mean() == pytest.approx(0.04, abs=0.015)
    peak = round(beats[5] * RATE_HZ)
    assert abs(np.argmax(samples[1, peak - 20 : peak + 20]) - 20) <= 1


def test_muscle_bursts_are_where_the_truth_says() -> None:
    spec = signal_sim.Muscle(tonic_v=0.5e-6, burst_v=40e-6, bursts_per_min=20)
    samples, source = played(spec, channels=["T7", "T8"], seconds=120, rate_hz=1000)
    inside = np.zeros(samples.shape[1], dtype=bool)
    for burst in source.events(0, 120):
        inside[round(burst.onset_s * 1000) : round(burst.stop_s * 1000)] = True
    assert samples[:, inside].std() > 10 * samples[:, ~inside].std()
    frequency, density = welch(samples[0], 1000, nperseg=1000)
    assert density[(frequency > 30) & (frequency < 280)].sum() > 0.85 * density.sum()


def test_muscle_density_does_not_depend_on_the_rate_and_what_is_lost_is_said() -> None:
    spec = signal_sim.Muscle(tonic_v=10e-6, bursts_per_min=0, spread=0)
    slow, source = played(spec, channels=["T7"], seconds=120)
    fast, quiet = played(spec, channels=["T7"], seconds=120, rate_hz=1000)
    assert band_rms(slow, 40, 90)[0] == pytest.approx(band_rms(fast, 40, 90, 1000)[0], rel=0.1)
    assert fast.std() == pytest.approx(10e-6, rel=0.05)
    assert "67 % of its power) is lost" in source.notes[0]
    assert quiet.notes == ()
    with pytest.raises(SceneError, match="emg: a band from 20 to 300 Hz"):
        signal_sim.play(spec, channels=["T7"], rate_hz=40)


def test_each_gesture_moves_its_own_muscles() -> None:
    spec = signal_sim.Gestures(spread=0, burst_v=50e-6)
    channels = ["T7", "T8", "Fpz", "EMG1"]
    samples, source = played(spec, channels=channels, seconds=100, rate_hz=1000)
    seen = set()
    for cue in source.events(0, 95):
        first = round((cue.onset_s + cue.detail["reaction_s"] + 0.2) * 1000)
        rms = samples[:, first : first + 1000].std(axis=1) > 20e-6
        assert (
            tuple(rms)
            == {
                "clench": (True, True, False, True),
                "frown": (False, False, True, False),
                "left": (True, False, False, False),
                "right": (False, True, False, False),
            }[cue.name]
        )
        seen.add(cue.name)
    assert len(seen) == 4


@pytest.mark.parametrize("target_hz", [9.25, 14.75])
def test_ssvep_has_its_amplitude_delay_and_harmonics(target_hz: float) -> None:
    spec = signal_sim.Ssvep(
        frequencies_hz=(target_hz,), amplitude_v=3e-6, amplitude_spread=0, trial_spread=0,
        harmonics=(0.5, 0.2), onset_v=0, trial_s=6, rest_s=2,
    )  # fmt: skip
    sizes = []
    for seed in range(6):
        samples, source = played(spec, channels=["Oz"], seconds=8.5, seed=seed)
        onset = round(source.events(0, 8)[0].onset_s * RATE_HZ)
        assert np.abs(samples[0, : onset + round(0.13 * RATE_HZ)]).max() < 1e-12
        time_s = np.arange(1000) / RATE_HZ
        settled = samples[0, onset + 450 : onset + 1450]
        sizes.append(
            [
                2 * abs(np.mean(settled * np.exp(-2j * np.pi * h * target_hz * time_s)))
                for h in (1, 2, 3)
            ]
        )
    first, second, third = np.mean(sizes, axis=0)
    assert first == pytest.approx(3e-6, rel=0.03)
    assert second / first == pytest.approx(0.5, rel=0.5)  # its field is another
    assert third < second


def test_phase_coded_targets_differ_by_their_phase() -> None:
    spec = signal_sim.Ssvep(
        frequencies_hz=(10.0, 10.0), phases_pi=(0.0, 0.5), amplitude_spread=0, trial_spread=0,
        harmonics=(), onset_v=0, trial_s=4, rest_s=1, order="sequence",
    )  # fmt: skip
    samples, source = played(spec, channels=["Oz"], seconds=11)
    phases = []
    for event in source.events(0, 10)[:2]:
        first = round((event.onset_s + 2) * RATE_HZ)
        wave = samples[0, first : first + 250]
        phases.append(np.angle(np.mean(wave * np.exp(-2j * np.pi * 10 * np.arange(250) / RATE_HZ))))
    assert (phases[1] - phases[0]) % (2 * np.pi) == pytest.approx(np.pi / 2, abs=0.01)


def test_p3_follows_targets_only_and_is_parietal() -> None:
    spec = signal_sim.Oddball(person_spread=0, p3_jitter_s=0, trial_spread=0.1)
    means = {"target": [], "standard": []}
    for seed in range(4):
        samples, source = played(spec, channels=["Fpz", "Pz", "Oz"], seconds=300, seed=seed)
        for event in source.events(0, 298):
            first = round(event.onset_s * RATE_HZ)
            means[event.name].append(samples[:, first : first + 200])
    assert len(means["target"]) / 1192 == pytest.approx(0.2, abs=0.03)
    target, standard = (np.mean(means[name], axis=0) for name in ("target", "standard"))
    peak_s = np.argmax(target[1]) / RATE_HZ
    assert peak_s == pytest.approx(0.371, abs=0.04)
    assert target[1].max() == pytest.approx(10e-6, rel=0.15)
    assert standard[1, 75:].max() < 1e-6
    assert target[0].max() < 0.3 * target[1].max()
    assert standard[2, 15:35].min() < -2e-6  # N1 at the occiput


def test_imagery_fades_the_opposite_side() -> None:
    spec = signal_sim.MotorImagery(fade_spread=0, person_spread=0, mu_v=8e-6)
    ratios = {"left hand": [], "right hand": []}
    for seed in range(3):
        samples, source = played(spec, channels=["C3", "C4"], seconds=280, seed=seed)
        envelope = np.abs(hilbert(samples)) ** 2
        for event in source.events(0, 275):
            first = round((event.onset_s + 1) * RATE_HZ)
            ratios[event.name].append(envelope[:, first : first + 750].mean(axis=1))
    for name, faded, kept in (("left hand", 1, 0), ("right hand", 0, 1)):
        power = np.mean(ratios[name], axis=0)
        assert power[faded] < 0.6 * power[kept]


def test_spindles_have_rate_frequency_and_place() -> None:
    spec = signal_sim.Spindles(spread=0)
    counts = []
    for seed in range(4):
        samples, source = played(spec, channels=["Cz", "Fpz"], seconds=600, seed=seed)
        spindles = source.events(0, 595)
        counts.append(len(spindles) / 10)
        assert samples[0].max() == pytest.approx(15e-6, rel=0.05)
        assert np.abs(samples[1]).max() < 0.5 * samples[0].max()
        for spindle in spindles:
            assert 0.5 <= spindle.duration_s <= 3
            cut = samples[0, round(spindle.onset_s * 250) : round(spindle.stop_s * 250)]
            turns = np.count_nonzero(np.diff(np.sign(cut))) / 2 / spindle.duration_s
            assert turns == pytest.approx(13.8, abs=1.5)
    assert np.mean(counts) == pytest.approx(3.4, rel=0.15)


def test_slow_waves_and_k_complexes_reach_their_criteria() -> None:
    samples, source = played(signal_sim.SlowWaves(), channels=["Fz"], seconds=300)
    sizes = [
        np.ptp(samples[0, round(e.onset_s * 250) : round(e.stop_s * 250)])
        for e in source.events(0, 295)
    ]
    assert np.mean(np.array(sizes) > 75e-6) > 0.9
    spans = source.events(0, 300)
    assert sum(e.duration_s for e in spans) / 300 > 0.2
    samples, source = played(signal_sim.KComplexes(), channels=["FCz"], seconds=600)
    for event in source.events(0, 595):
        first = round(event.onset_s * 250)
        wave = samples[0, first : first + 400]
        assert np.ptp(wave) > 75e-6
        assert np.argmin(wave) / 250 == pytest.approx(0.55, abs=0.05)


def test_absence_is_three_hertz_spike_and_wave() -> None:
    samples, source = played(signal_sim.SpikeWave(), channels=["Fz"], seconds=300)
    seizures = [e for e in source.events(0, 300) if e.stop_s < 299]
    assert len(seizures) >= 3
    for seizure in seizures:
        assert 2 <= seizure.duration_s <= 30
        first, last = round((seizure.onset_s + 0.5) * 250), round((seizure.stop_s - 0.5) * 250)
        cut = samples[0, first:last]
        assert 90e-6 < np.ptp(cut) < 600e-6
        frequency, density = welch(cut, 250, nperseg=min(len(cut), 500))
        low = (frequency > 1.5) & (frequency < 5)
        assert 2.4 <= frequency[low][np.argmax(density[low])] <= 4.0


def test_distances_on_the_head_are_those_of_a_real_one() -> None:
    real = {"colin27_1005", "standard_1005"} & set(mne.channels.get_builtin_montages())
    montage = mne.channels.make_standard_montage(min(real))  # the first has replaced the second
    places = montage.get_positions()["ch_pos"]
    names = [n for n in POSITIONS if n in places and n not in ("A1", "A2", "M1", "M2")]
    assert len(names) > 60
    pairs = np.triu_indices(len(names), 1)

    def distances(points: np.ndarray) -> np.ndarray:
        return np.linalg.norm(points[:, None] - points[None], axis=-1)[pairs]

    theirs = distances(np.array([places[name] for name in names]))
    ours = distances(np.array([POSITIONS[name] for name in names]))
    assert np.corrcoef(ours, theirs)[0, 1] > 0.97


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("EEG Fp1", "Fp1"), ("EEG FP1-REF", "Fp1"), ("fz", "Fz"), ("T3", "T7"), ("eeg t6-le", "P8"),
        ("Oz.", "Oz"), ("PO7", "PO7"), ("Resp", "Resp"),
    ],
)  # fmt: skip
def test_labels_become_plain_names(label: str, name: str) -> None:
    assert canonical(label) == name


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: signal_sim.Rhythm(rms_v=-1e-6), "rhythm: rms_v is -1e-06: give from 0"),
        (lambda: signal_sim.Rhythm(rms_v=float("nan")), "rms_v is nan: give a finite number"),
        (lambda: signal_sim.Rhythm(frequency_hz=0), "give from 0.1 to 500 Hz"),
        (lambda: signal_sim.Oddball(modality="smell"), "modality is 'smell'"),
        (lambda: signal_sim.Ssvep(frequencies_hz=()), "frequencies_hz is empty"),
        (lambda: signal_sim.Ssvep(phases_pi=(0.0,)), "1 phases_pi for 12 targets"),
        (lambda: signal_sim.Gestures(gestures=("wink",)), "1 gestures and 4 sets"),
        (
            lambda: signal_sim.play(
                signal_sim.Rhythm(topography="occiptal"), channels=["Oz"], rate_hz=250
            ),
            "did you mean 'occipital'",
        ),
        (
            lambda: signal_sim.play(signal_sim.Ssvep(), channels=["Oz"], rate_hz=30),
            "needs at least 37 samples per second",
        ),
        (
            lambda: signal_sim.play(signal_sim.Rhythm(), channels=["Oy"], rate_hz=250),
            "no electrode 'Oy' on the head",
        ),
    ],
)  # fmt: skip
def test_mistakes_are_named(make: object, message: str) -> None:
    with pytest.raises(SceneError, match=message):
        make()  # type: ignore[operator]
