"""The self-test: a good board passes, and each kind of bad one misses its figure."""

import numpy as np
import pytest

from eegrig.boards import load_board, load_part
from eegrig.host.recording.self_test import SQUARE_WAVE_HZ, judge_noise, judge_square_wave

BOARD = load_board("headband8")
RATE = 250.0
NOMINAL_V = BOARD.afe.vref_v / 2400


def square(amplitude: float = 1.0, frequency_hz: float = SQUARE_WAVE_HZ) -> np.ndarray:
    times = np.arange(1500) / RATE
    wave = 1 - 2 * (np.floor(times * 2 * frequency_hz) % 2)
    offsets = np.linspace(-1e-3, 1e-3, 8)[:, None]
    return wave * NOMINAL_V * amplitude + offsets


def noise(factor: float = 1.0) -> np.ndarray:
    table_v = load_part(BOARD.afe.part).table("noise_rms").si(RATE, BOARD.afe.gain)
    return np.random.default_rng(1).normal(0.0, table_v * factor, (8, 1000))


def test_the_nominal_square_wave_passes_whatever_the_offset():
    amplitude, frequency = judge_square_wave(square(), RATE, BOARD)
    assert amplitude.passed
    assert amplitude.value == pytest.approx(1.0)
    assert frequency.passed
    assert frequency.value == pytest.approx(SQUARE_WAVE_HZ, rel=0.005)


@pytest.mark.parametrize("amplitude", [0.0, 0.5, 0.97, 1.03, 2.0])
def test_one_channel_with_another_amplitude_fails_and_is_named(amplitude):
    samples_v = square()
    samples_v[5] = square(amplitude)[5]
    figure, _ = judge_square_wave(samples_v, RATE, BOARD)
    assert not figure.passed
    assert figure.channel == BOARD.afe.channels[5]


@pytest.mark.parametrize("frequency_hz", [0.0, 0.9, 1.1, 2.0])
def test_another_frequency_fails(frequency_hz):
    assert not judge_square_wave(square(1.0, frequency_hz), RATE, BOARD)[1].passed


@pytest.mark.parametrize(("factor", "passes"), [(1.0, True), (0.3, False), (3.0, False)])
def test_noise_is_held_against_the_parts_table(factor, passes):
    assert judge_noise(noise(factor), RATE, BOARD).passed is passes


def test_a_channel_that_is_stuck_fails():
    samples_v = noise()
    samples_v[2] = 0.0
    figure = judge_noise(samples_v, RATE, BOARD)
    assert not figure.passed
    assert figure.channel == BOARD.afe.channels[2]
