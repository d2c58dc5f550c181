"""Sine fits, and what they say about a converter (IEEE 1057 and IEEE 1241)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["SineFit", "enob_ieee1241", "fit_sine"]

_ITERATIONS = 12


@dataclass(frozen=True)
class SineFit:
    """``offset + amplitude * cos(2 pi frequency t + phase)``, with what it leaves.

    Attributes
    ----------
    frequency_hz, amplitude_v, phase_rad, offset_v : float
        Parameters of the fit; the phase holds for the first sample.
    frequency_uncertainty_hz, amplitude_uncertainty_v : float
        Standard uncertainties, from the residual; the frequency's is 0 where it was given.
    residual_v : float
        Rms of what is left (noise and distortion), in volts.
    n : int
        Samples.
    """

    frequency_hz: float
    amplitude_v: float
    phase_rad: float
    offset_v: float
    frequency_uncertainty_hz: float
    amplitude_uncertainty_v: float
    residual_v: float
    n: int

    @property
    def sinad_db(self) -> float:
        """Ratio of signal to noise and distortion in decibels (IEEE 1241-2010, section 9.3)."""
        return float(20.0 * np.log10(self.amplitude_v / np.sqrt(2.0) / self.residual_v))


def fit_sine(
    recorded_v: NDArray[np.float64], rate_hz: float, frequency_hz: float | None = None
) -> SineFit:
    """Fit a sine: three parameters at a known frequency, else four.

    IEEE 1057-2017, annexes A and B: linear least squares for cosine, sine and offset; with the
    frequency unknown, a fourth column is the derivative by frequency, and the fit is repeated from
    the largest line of the spectrum until the frequency stays. The record need not hold a whole
    number of cycles; five or more make the parameters independent.

    Parameters
    ----------
    recorded_v : ndarray, shape (n_times,)
        In volts.
    rate_hz : float
        Sample rate in hertz.
    frequency_hz : float, optional
        Where it is known.

    Raises
    ------
    ValueError
        If there are fewer than eight samples or the frequency is not below half the rate.
    """
    n = recorded_v.size
    if recorded_v.ndim != 1 or n < 8:
        raise ValueError(f"a sine fit wants eight samples or more of one channel, got {n}")
    time = np.arange(n) / rate_hz
    known = frequency_hz is not None
    frequency = frequency_hz if frequency_hz is not None else _largest_line(recorded_v, rate_hz)
    if not 0 < frequency < rate_hz / 2:
        raise ValueError(f"frequency {frequency} Hz is not between 0 and {rate_hz / 2} Hz")

    for _ in range(1 if known else _ITERATIONS):
        phase = 2.0 * np.pi * frequency * time
        cosine, sine = np.cos(phase), np.sin(phase)
        columns = [cosine, sine, np.ones(n)]
        if not known:
            # Derivative by frequency at the last amplitudes; the first round has none yet.
            a, b = _linear(columns, recorded_v)[:2]
            columns.append(2.0 * np.pi * time * (b * cosine - a * sine))
        solution = _linear(columns, recorded_v)
        if not known:
            step = float(np.clip(solution[3], -rate_hz / n, rate_hz / n))
            frequency += step
            if abs(step) < 1e-12 * rate_hz:
                break
    design = np.stack(columns, axis=1)
    residual = recorded_v - design @ solution
    variance = float(residual @ residual) / (n - design.shape[1])
    covariance = variance * np.linalg.pinv(design.T @ design)
    a, b, offset = solution[:3]
    amplitude = float(np.hypot(a, b))
    direction = np.array([a, b]) / amplitude if amplitude > 0 else np.array([1.0, 0.0])
    return SineFit(
        frequency_hz=float(frequency),
        amplitude_v=amplitude,
        phase_rad=float(np.arctan2(-b, a)),
        offset_v=float(offset),
        frequency_uncertainty_hz=0.0 if known else float(np.sqrt(covariance[3, 3])),
        amplitude_uncertainty_v=float(np.sqrt(direction @ covariance[:2, :2] @ direction)),
        residual_v=float(np.sqrt(np.mean(residual**2))),
        n=n,
    )


def enob_ieee1241(fit: SineFit, full_scale_v: float) -> float:
    """Return the effective number of bits of IEEE 1241-2010, section 9.4.

    ``log2(full scale / (residual * sqrt(12)))``, noise and distortion together. TI's data sheets
    print another "ENOB", ``SNR / 6.02`` without distortion, which is 0.29 bit higher by definition;
    never compare the two.

    Parameters
    ----------
    fit : SineFit
        Fit of a large sine.
    full_scale_v : float
        Whole input range of the converter, from most negative to most positive, in volts.
    """
    return float(np.log2(full_scale_v / (fit.residual_v * np.sqrt(12.0))))


def _linear(
    columns: list[NDArray[np.float64]], recorded_v: NDArray[np.float64]
) -> NDArray[np.float64]:
    design = np.stack(columns, axis=1)
    size = np.sqrt(np.sum(design**2, axis=0))
    size[size == 0] = 1.0
    solution, *_ = np.linalg.lstsq(design / size, recorded_v, rcond=None)
    scaled: NDArray[np.float64] = solution / size
    return scaled


def _largest_line(recorded_v: NDArray[np.float64], rate_hz: float) -> float:
    """Return the frequency of the largest spectral line, by a parabola through its logarithm."""
    n = recorded_v.size
    power = np.abs(np.fft.rfft((recorded_v - recorded_v.mean()) * np.hanning(n))) ** 2 + 1e-300
    peak = int(np.clip(np.argmax(power), 1, power.size - 2))
    below, at, above = np.log(power[peak - 1 : peak + 2])
    bend = below - 2.0 * at + above
    shift = 0.5 * (below - above) / bend if bend < 0 else 0.0
    return float((peak + np.clip(shift, -0.5, 0.5)) * rate_hz / n)
