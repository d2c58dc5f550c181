"""Photodiode currents carry the haemoglobin that was asked for."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import welch

from eegrig import signal_sim
from eegrig.signal_sim import SceneError
from eegrig.signal_sim.fnirs import EXTINCTION, Fnirs, FnirsPlayer, haemodynamic_step

STILL = {
    "cardiac_m": 0.0, "respiration_m": 0.0, "mayer_m": 0.0, "slow_m": 0.0, "response_spread": 0.0,
}  # fmt: skip


def concentrations(player: FnirsPlayer, samples: np.ndarray, pair: int) -> np.ndarray:
    """Invert the modified Beer-Lambert law for one pair: HbO and HbR in mol per litre."""
    spec = player._spec
    density = -np.log(samples / player.rest_current_a[:, None])[2 * pair : 2 * pair + 2]
    matrix = np.array([EXTINCTION[int(nm)] for nm in spec.wavelengths_nm])
    return np.linalg.solve(matrix * spec.separations_mm[pair] * spec.dpf, density)


def test_the_response_has_spms_shape() -> None:
    time_s = np.arange(0, 40, 0.01)
    impulse = np.gradient(haemodynamic_step(time_s), time_s)
    assert time_s[np.argmax(impulse)] == pytest.approx(5.0, abs=0.05)
    assert time_s[np.argmin(impulse)] == pytest.approx(15.0, abs=1.5)
    assert haemodynamic_step(time_s)[-1] == pytest.approx(1.0, abs=0.01)


def test_beer_lambert_gives_back_what_the_task_did() -> None:
    spec = Fnirs(**STILL, receiver_noise_a=0, current_a=1e-6)
    player = FnirsPlayer(spec, rate_hz=10, seed=1)
    samples = player.read(10 * 300)
    truth = FnirsPlayer(spec, rate_hz=10, seed=1).concentrations_m(0, 3000)
    for pair in (0, 2):
        found = concentrations(player, samples, pair)
        assert found == pytest.approx(truth[:, 2 * pair], abs=0.03e-6)
    first = next(e for e in player.events(0, 300) if e.name == "left hand")
    onset = round(first.onset_s * 10)
    right = concentrations(player, samples, 2)[:, onset : onset + 200]
    left = concentrations(player, samples, 0)[:, onset : onset + 200]
    assert right[0].max() == pytest.approx(0.8e-6, rel=0.1)
    assert right[1].min() == pytest.approx(-0.25e-6, rel=0.2)
    assert left[0].max() < 0.5 * right[0].max()
    assert 0.5 < (np.argmin(right[1]) - np.argmax(right[0])) / 10 < 2.5  # HbR lags


def test_short_pairs_see_the_skin_only() -> None:
    player = FnirsPlayer(Fnirs(**STILL), rate_hz=10, seed=1)
    truth = player.concentrations_m(0, 1000)
    assert not truth[:, [2, 3, 6, 7]].any()
    assert truth[:, [0, 1, 4, 5]].any()


def test_an_inverse_response_can_be_asked_for() -> None:
    player = FnirsPlayer(Fnirs(hbo_m=-0.3e-6, hbr_m=0.1e-6, **STILL), rate_hz=10, seed=1)
    truth = player.concentrations_m(0, 1000)
    assert truth[0].min() < -0.2e-6
    assert truth[0].max() < 0.1e-6


def test_pulse_breath_and_mayer_waves_are_there() -> None:
    spec = Fnirs(hbo_m=0.0, hbr_m=0.0)
    player = FnirsPlayer(spec, rate_hz=25, seed=3)
    hbo = concentrations(player, player.read(25 * 600), 0)[0]
    frequency, density = welch(hbo, 25, nperseg=25 * 100)

    def share(low_hz: float, high_hz: float) -> float:
        return float(density[(frequency >= low_hz) & (frequency <= high_hz)].sum())

    assert frequency[(frequency > 0.7)][np.argmax(density[frequency > 0.7])] == pytest.approx(
        1.1, abs=0.05
    )
    gap = share(0.5, 0.8)
    assert share(0.2, 0.36) > 10 * gap
    assert share(0.07, 0.13) > 10 * gap


def test_current_falls_with_distance_and_noise_is_shot_noise() -> None:
    spec = Fnirs(separations_mm=(20.0, 30.0), sides=("left", "left"), receiver_noise_a=0, **STILL)
    player = FnirsPlayer(spec, rate_hz=1000, seed=1)
    near, far = player.rest_current_a[0], player.rest_current_a[2]
    assert far == pytest.approx(10e-9)
    assert near / far == pytest.approx(np.exp(1.8))
    samples = player.read(4000)
    expected = np.sqrt(2 * 1.602e-19 * far * 500)
    assert samples[2].std() == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Fnirs(wavelengths_nm=(700.0,)), "no absorption known at 700 nm"),
        (lambda: Fnirs(separations_mm=(30.0,)), "1 separations_mm and 4 sides"),
        (lambda: Fnirs(sides=("up",) * 4), "sides are 'left' or 'right'"),
        (lambda: FnirsPlayer(Fnirs(), rate_hz=2, seed=0), "needs at least 5.5"),
        (
            lambda: FnirsPlayer(Fnirs(), rate_hz=10, seed=0, channels=["Fp1"]),
            "no optical channel 'Fp1'",
        ),
    ],
)
def test_mistakes_are_named(make: object, message: str) -> None:
    with pytest.raises(SceneError, match=message):
        make()  # type: ignore[operator]


def test_the_scene_opens_as_currents() -> None:
    source = signal_sim.open_source("fnirs-tapping", rate_hz=100, seed=2)
    assert source.unit == "A"
    assert source.channels[0] == "S1_D1 760"
    assert source.read(100).min() > 0
