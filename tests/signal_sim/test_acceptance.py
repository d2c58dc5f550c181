"""The simulator against published figures, as populations over seeds.

The bands come from published decoding results and public recordings: SSVEP accuracy by window
(Nakanishi 2015, and the wearable set of Sensors 2021 21:1256 for dry electrodes), the exoskeleton
recordings (Kalunga), P300 within-session AUC (MOABB), blinks (EEGLAB's sample set), skin noise
(Huigen 2002), body and device currents (Metting van Rijn 1990). The decoders are the standard ones,
written here in a few lines, so that a band tests the signal and not a library.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import butter, sosfiltfilt, welch

from eegrig import signal_sim
from eegrig.signal_sim import Event
from eegrig.signal_sim.body import PRESETS

Floats = NDArray[np.float64]
SEEDS = range(12)


@dataclass(frozen=True)
class Trials:
    """A run of a scene: samples, stimuli."""

    samples: Floats
    stimuli: list[Event]
    rate_hz: float
    channels: tuple[str, ...]


def run(name: str, seed: int, seconds: float) -> Trials:
    source = signal_sim.scene(name, seed=seed)
    samples = source.read(round(seconds * source.rate_hz))
    stimuli = [e for e in source.events(0, seconds - 1) if e.kind == "stimulus"]
    return Trials(samples, stimuli, source.rate_hz, source.channels)


def band(samples: Floats, low_hz: float, high_hz: float, rate_hz: float) -> Floats:
    sos = butter(4, [low_hz, high_hz], btype="band", fs=rate_hz, output="sos")
    return np.asarray(sosfiltfilt(sos, samples, axis=-1))


@cache
def references(frequencies_hz: tuple[float, ...], rate_hz: float, n_times: int) -> Floats:
    """Orthonormal sines and cosines of three harmonics: (n_targets, n_times, 6)."""
    time_s = np.arange(n_times) / rate_hz
    bases = []
    for frequency_hz in frequencies_hz:
        waves = [
            wave(2 * np.pi * h * frequency_hz * time_s)
            for h in (1, 2, 3)
            for wave in (np.sin, np.cos)
        ]
        columns = np.stack(waves, axis=1)
        bases.append(np.linalg.qr(columns - columns.mean(axis=0))[0])
    return np.stack(bases)


def cca(window: Floats, bases: Floats) -> Floats:
    """Largest canonical correlation of a window with each target's references."""
    own = np.linalg.qr((window - window.mean(axis=1, keepdims=True)).T)[0]
    return np.asarray(np.linalg.svd(own.T @ bases, compute_uv=False)[:, 0])


NAKANISHI = (9.25, 11.25, 13.25, 9.75, 11.75, 13.75, 10.25, 12.25, 14.25, 10.75, 12.75, 14.75)
WINDOWS_S = (1.0, 2.0, 4.0)


@cache
def speller_accuracy(name: str) -> Floats:
    """Accuracy in percent, shape (n_seeds, n_windows): three rounds of twelve targets each."""
    rows = []
    for seed in SEEDS:
        trials = run(name, seed, 182)
        filtered = band(trials.samples, 6, 80, trials.rate_hz)
        stimuli = [e for e in trials.stimuli if e.stop_s < 181.8]
        hits = []
        for window_s in WINDOWS_S:
            length = round(window_s * trials.rate_hz)
            bases = references(NAKANISHI, trials.rate_hz, length)
            right = 0
            for event in stimuli:
                first = round((event.onset_s + 0.135) * trials.rate_hz)
                guess = int(np.argmax(cca(filtered[:, first : first + length], bases)))
                right += guess == event.detail["target"]
            hits.append(100 * right / len(stimuli))
        rows.append(hits)
    return np.array(rows)


def test_band_1_twelve_targets_on_gel() -> None:
    accuracy = speller_accuracy("ssvep-speller")
    at_1_s, at_2_s, at_4_s = accuracy.mean(axis=0)
    assert 45 <= at_1_s <= 70
    assert 75 <= at_2_s <= 90
    assert 88 <= at_4_s <= 97
    assert 15 <= accuracy[:, 0].std(ddof=1) <= 25


def test_band_2_dry_electrodes_cost_half_the_accuracy() -> None:
    dry = speller_accuracy("ssvep-speller-dry")[:, 0].mean()
    assert 20 <= dry <= 40
    assert dry < 0.62 * speller_accuracy("ssvep-speller")[:, 0].mean()


LIGHTS = (13.0, 17.0, 21.0)


@dataclass(frozen=True)
class ThreeLights:
    """Accuracies in percent over seeds, confusions at 3 s, and the spectrum at Oz."""

    cca: float
    filter_bank: float
    oz: float
    confusion: Floats
    exponents: Floats
    harmonics: Floats
    fundamental: Floats


@cache
def three_lights() -> ThreeLights:
    hits = np.zeros(3)
    total = 0
    confusion = np.zeros((3, 3))
    exponents, harmonics, fundamentals = [], [], []
    for seed in SEEDS:
        trials = run("ssvep-exoskeleton", seed, 24 * 8 + 2)
        rate_hz = trials.rate_hz
        oz = trials.channels.index("Oz")
        plain = band(trials.samples, 6, 45, rate_hz)
        bank = [band(trials.samples, 8 * m, 88, rate_hz) for m in range(1, 6)]
        second, three = round(rate_hz), round(3 * rate_hz)
        for event in trials.stimuli[:24]:
            target = event.detail["target"]
            first = round((event.onset_s + 1.0) * rate_hz)
            window = slice(first, first + second)
            bases = references(LIGHTS, rate_hz, second)
            hits[0] += np.argmax(cca(plain[:, window], bases)) == target
            scores = sum(
                (m**-1.25 + 0.25) * cca(bank[m - 1][:, window], bases) ** 2 for m in range(1, 6)
            )
            hits[1] += np.argmax(scores) == target
            hits[2] += np.argmax(cca(plain[oz : oz + 1, window], bases)) == target
            long = cca(plain[:, first : first + three], references(LIGHTS, rate_hz, three))
            confusion[target, np.argmax(long)] += 1
            total += 1
        frequency, density = welch(trials.samples[oz], rate_hz, nperseg=round(4 * rate_hz))
        fitted = ((frequency >= 2) & (frequency <= 7)) | ((frequency >= 14) & (frequency <= 40))
        slope = np.polyfit(np.log(frequency[fitted]), np.log(density[fitted]), 1)[0]
        exponents.append(-slope)
        broad = (frequency >= 1) & (frequency <= 40)
        rms_v = np.sqrt(density[broad].sum() * frequency[1])
        own, size = _harmonics(trials, oz)
        harmonics += own
        fundamentals += [v / rms_v for v in size]
    return ThreeLights(
        *(100 * hits / total),
        confusion,
        np.array(exponents),
        np.array(harmonics),
        np.array(fundamentals),
    )


def _harmonics(trials: Trials, row: int) -> tuple[list[Floats], list[float]]:
    """h2/h1 and h3/h1 of the response averaged over trials, and its fundamental in volts."""
    found, sizes = [], []
    length = round(3 * trials.rate_hz)
    time_s = np.arange(length) / trials.rate_hz
    for target, frequency_hz in enumerate(LIGHTS):
        firsts = [
            round((e.onset_s + 1.5) * trials.rate_hz)
            for e in trials.stimuli[:24]
            if e.detail["target"] == target
        ]
        # Windows start at whole samples: turn each to the light's own phase before averaging.
        turns = []
        for first in firsts:
            window = trials.samples[row, first : first + length] * np.hanning(length) * 2
            onset_s = trials.stimuli[0].onset_s  # all onsets are whole multiples of the trial
            late_s = first / trials.rate_hz - onset_s
            turns.append(
                [
                    np.mean(window * np.exp(-2j * np.pi * h * frequency_hz * (time_s + late_s))) * 2
                    for h in (1, 2, 3)
                ]
            )
        first_h, second_h, third_h = np.abs(np.mean(turns, axis=0))
        found.append(np.array([second_h, third_h]) / first_h)
        sizes.append(float(first_h))
    return found, sizes


def test_band_3_three_lights_against_the_mastoid() -> None:
    lights = three_lights()
    assert 55 <= lights.cca <= 70
    assert 70 <= lights.filter_bank <= 88
    assert 48 <= lights.oz <= 62
    towards_13_hz = lights.confusion[1:, 0].sum()
    other = lights.confusion[1, 2] + lights.confusion[2, 1] + lights.confusion[0, 1:].sum()
    assert towards_13_hz > 2 * other


def test_band_4_spectrum_at_oz() -> None:
    lights = three_lights()
    assert 0.8 <= np.median(lights.exponents) <= 1.3
    second, third = np.median(lights.harmonics, axis=0)
    assert 0.3 <= second <= 0.7
    assert 0.0 <= third <= 0.3
    assert 0.08 <= np.median(lights.fundamental) <= 0.4


def auc(labels: NDArray[np.int64], scores: Floats) -> float:
    ranks = np.empty(len(scores))
    ranks[np.argsort(scores)] = np.arange(1, len(scores) + 1)
    positives = int(labels.sum())
    above = ranks[labels == 1].sum() - positives * (positives + 1) / 2
    return float(above / (positives * (len(labels) - positives)))


def p300_auc(name: str, seed: int) -> float:
    """Five-fold AUC of a shrunk linear discriminant on epochs of 0.7 s, 36 values a second."""
    trials = run(name, seed, 400)
    filtered = band(trials.samples, 0.5, 20, trials.rate_hz)
    firsts = [round(e.onset_s * trials.rate_hz) for e in trials.stimuli]
    epochs = np.stack(
        [filtered[:, f : f + 175].reshape(8, 25, 7).mean(axis=2).ravel() for f in firsts]
    )
    labels = np.array([e.detail["target"] for e in trials.stimuli])
    fold = np.arange(len(labels)) * 5 // len(labels)
    areas = []
    for k in range(5):
        train, y = epochs[fold != k], labels[fold != k]
        means = [train[y == c].mean(axis=0) for c in (0, 1)]
        spread = np.vstack([train[y == c] - means[c] for c in (0, 1)])
        covariance = 0.9 * spread.T @ spread / len(spread)
        covariance += 0.1 * np.trace(covariance) / 0.9 / len(covariance) * np.eye(len(covariance))
        weights = np.linalg.solve(covariance, means[1] - means[0])
        areas.append(auc(labels[fold == k], epochs[fold == k] @ weights))
    return float(np.mean(areas))


@pytest.mark.parametrize("name", ["oddball", "oddball-auditory"])
def test_band_5_p300_single_flash(name: str) -> None:
    assert 0.74 <= np.mean([p300_auc(name, seed) for seed in range(10)]) <= 0.90


def test_band_6_blinks() -> None:
    leads = ["Fpz", "F3", "Fz", "F4", "C3", "Cz", "C4", "Oz", "O1", "O2"]
    peaks, ratios = [], []
    for seed in SEEDS:
        source = signal_sim.play(
            signal_sim.Blinks(), channels=leads, rate_hz=250, seed=seed, reference="linked-mastoids"
        )
        samples = source.read(120 * 250)
        for event in source.events(0, 119):
            first = round(event.onset_s * 250)
            blink = samples[:, first : first + 55]
            top = blink[:, np.argmax(blink[0])]
            peaks.append(top[0])
            ratios.append(top / top[0])
    rest = np.median(ratios, axis=0)[1:]
    assert 100e-6 <= np.median(peaks) <= 300e-6
    assert all(0.3 <= r <= 0.45 for r in rest[:3])
    assert all(0.1 <= r <= 0.2 for r in rest[3:6])
    assert all(abs(r) < 0.05 for r in rest[6:])


@pytest.mark.parametrize("preset", ["gel", "gel-prepared", "semi-dry", "dry", "ear-dry", "tattoo"])
def test_band_7_electrode_noise_on_skin(preset: str) -> None:
    scene = replace(signal_sim.load_scene("eyes-closed"), electrodes=PRESETS[preset])
    noise_v = np.concatenate([signal_sim.scene(scene, seed=s).bank.noise_v for s in range(60)])
    good = noise_v[noise_v < PRESETS[preset].bad_factor * PRESETS[preset].noise_v * 0.6]
    assert 1e-6 <= np.median(good) <= 20e-6


def test_band_7_a_dry_cap_loses_a_sixth_of_its_contacts() -> None:
    def lost(preset: str) -> float:
        scene = replace(signal_sim.load_scene("eyes-closed"), electrodes=PRESETS[preset])
        players = [signal_sim.scene(scene, seed=s) for s in range(100)]
        return sum(len(p.bank.bad) for p in players) / sum(len(p.bank.leads) for p in players)

    assert lost("dry") == pytest.approx(0.16, abs=0.04)
    assert lost("gel") == pytest.approx(0.03, abs=0.02)


def test_band_8_mains_on_body_and_device() -> None:
    currents_a = [signal_sim.scene("resting", seed=s).bank.device_current_a for s in range(40)]
    assert min(currents_a) >= 0.3e-9
    assert max(currents_a) <= 2e-9
    for name in signal_sim.scene_names():
        scene = signal_sim.load_scene(name)
        assert scene.fnirs or 0.01 <= scene.mains.earth_v <= 2.2
