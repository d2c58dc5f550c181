"""A front end with nothing but its filter: the truth that alignment and fidelity must find."""

from __future__ import annotations

import numpy as np

from eegrig.hil.bench import Waveform


def eeg_like(
    rng: np.random.Generator,
    rate_hz: float,
    seconds: float,
    n_channels: int = 4,
    band_hz: tuple[float, float] = (0.3, 100.0),
) -> Waveform:
    """1/f noise of 10 uV rms in a band, on electrode offsets of millivolts."""
    n = round(rate_hz * seconds)
    frequency = np.fft.rfftfreq(n, 1 / rate_hz)
    low_hz, high_hz = band_hz
    shape = np.where(frequency > low_hz, np.maximum(frequency, low_hz) ** -0.5, 0)
    shape *= frequency < high_hz
    line = rng.normal(size=(n_channels, frequency.size, 2)) @ np.array([1, 1j])
    volts = np.fft.irfft(shape * line, n, axis=1)
    volts *= 10e-6 / volts.std(axis=1, keepdims=True)
    return Waveform(
        start_ns=5_000_000_000,
        rate_hz=rate_hz,
        channels=tuple(f"E{i}" for i in range(n_channels)),
        volts=volts + rng.normal(size=(n_channels, 1)) * 5e-3,
    )


def convert(
    applied: Waveform, rate_hz: float, first_s: float, n_times: int, error_ppm: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """Return the conversions of a sinc3 front end, and when each was at the electrodes (ns).

    Three plain moving averages in cascade, as the chip does it, on a fast grid.
    """
    length = round(applied.rate_hz / rate_hz)
    averaged = applied.volts
    for _ in range(3):
        total = np.cumsum(averaged, axis=1)
        total = np.concatenate([np.zeros((total.shape[0], 1)), total], axis=1)
        averaged = (total[:, length:] - total[:, :-length]) / length
    # An output of the cascade is centred (3 * length - 3) / 2 inputs after the first it covers.
    centre_s = (np.arange(averaged.shape[1]) + (3 * length - 3) / 2) / applied.rate_hz
    at_s = first_s + np.arange(n_times) / rate_hz * (1 + error_ppm * 1e-6)
    recorded = np.array([np.interp(at_s, centre_s, channel) for channel in averaged])
    return recorded, applied.start_ns + at_s * 1e9
