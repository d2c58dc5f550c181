"""One picture of a source: what it looks like, what it is made of, and where."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from eegrig.signal_sim.events import Event
from eegrig.signal_sim.montage import POSITIONS, canonical
from eegrig.signal_sim.pictures.canvas import own_style, save
from eegrig.signal_sim.pictures.topography import draw_head
from eegrig.signal_sim.stream import FloatArray, Source

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot"]

_SHOWN_S = 10.0
_SPECTRUM_S = 60.0
_DRIFT_HZ = 0.3
_FEW = 6
"""Events of one name that are written out; more of them are only coloured."""
_COLOURS = {"artefact": "tab:red", "stimulus": "tab:green", "waveform": "tab:purple"}


@own_style()
def plot(source: Source, path: Path, *, title: str, start_s: float = 0.0) -> None:
    """Draw traces, spectrum and topography of a source into a picture file.

    Parameters
    ----------
    source : Source
        Read from its current position, which must be its beginning for the events to be right.
    path : Path
        ``.png``, ``.svg`` or ``.pdf``.
    title : str
        Above the picture.
    start_s : float
        Where the traces begin.

    Raises
    ------
    ValueError
        Matplotlib knows no such picture format.
    SignalError
        The file cannot be written.
    """
    from matplotlib.figure import Figure
    from scipy.signal import welch

    rate_hz = source.rate_hz
    source.read(round(start_s * rate_hz))
    samples = source.read(round(_SPECTRUM_S * rate_hz))
    shown = samples[:, : round(_SHOWN_S * rate_hz)]
    figure = Figure(figsize=(11, 6), layout="constrained")
    figure.suptitle(title)
    left, right = np.asarray(figure.subfigures(1, 2, width_ratios=[2, 1]))
    events = source.events(start_s, start_s + _SHOWN_S)
    optical = source.unit == "A"
    _draw_traces(left.subplots(), shown, source, start_s, events)
    places = [name for name in source.channels if canonical(name) in POSITIONS]
    upper, lower = (right.subplots(2, 1)) if len(places) >= 3 else (right.subplots(), None)
    frequency, density = welch(samples, rate_hz, nperseg=min(samples.shape[1], round(4 * rate_hz)))
    wanted = (frequency >= 0.5) & (frequency <= min(100.0, 0.5 * rate_hz))
    scale = samples.mean(axis=1, keepdims=True) if optical else np.full((len(samples), 1), 1e-6)
    upper.loglog(frequency[wanted], (density / scale**2).T[wanted], linewidth=0.8)
    upper.set_xlabel("frequency / Hz")
    upper.set_ylabel("relative / Hz" if optical else "µV²/Hz")
    upper.grid(alpha=0.3, which="both")
    if lower is not None:
        rows = [source.channels.index(name) for name in places]
        band = (frequency >= 8) & (frequency <= 13)
        rms_uv = np.sqrt(density[rows][:, band].sum(axis=1) * frequency[1]) * 1e6
        draw_head(lower, places, rms_uv, "8-13 Hz / µVrms")
    save(figure, path, dpi=90)


def _draw_traces(
    axes: Axes, samples: FloatArray, source: Source, start_s: float, events: list[Event]
) -> None:
    time_s = start_s + np.arange(samples.shape[1]) / source.rate_hz
    if source.unit == "A":
        traces, unit = 1e3 * (samples / samples.mean(axis=1, keepdims=True) - 1), "‰"
    else:
        traces, unit = 1e6 * _without_drift(samples, source.rate_hz), "µV"
    # A distance that most of the signal keeps to; what is larger runs over its neighbours.
    step = float(_round_up(2 * np.median(np.quantile(np.abs(traces), 0.98, axis=1))))
    for row, trace in enumerate(traces):
        axes.plot(time_s, np.clip(trace, -1.5 * step, 1.5 * step) - row * step, linewidth=0.6)
    axes.set_yticks([-row * step for row in range(len(traces))], source.channels)
    axes.set_ylim(-(len(traces) - 0.2) * step, 1.0 * step)
    axes.set_xlim(time_s[0], time_s[-1])
    above = "" if source.unit == "A" else f", above {_DRIFT_HZ:g} Hz"
    axes.set_xlabel(f"time / s    (lines are {step:g} {unit} apart{above})")
    counts = Counter(event.name for event in events)
    for event in events:
        if event.kind == "state":
            at_s = max(event.onset_s, start_s)
            axes.text(at_s, 1.02 * step, event.name, fontsize=8, color="tab:blue", clip_on=False)
            continue
        colour = _COLOURS.get(event.kind, "tab:gray")
        if event.duration_s > 0:
            axes.axvspan(event.onset_s, event.stop_s, color=colour, alpha=0.12, linewidth=0)
        else:
            axes.axvline(event.onset_s, color=colour, linewidth=0.8, alpha=0.6)
        if event.onset_s >= start_s and counts[event.name] <= _FEW:
            axes.text(event.onset_s, 0.75 * step, event.name, fontsize=6, color=colour, rotation=30)


def _without_drift(samples: FloatArray, rate_hz: float) -> FloatArray:
    from scipy.signal import butter, sosfiltfilt

    sos = butter(2, _DRIFT_HZ, btype="highpass", fs=rate_hz, output="sos")
    filtered = sosfiltfilt(sos, samples - np.median(samples, axis=1, keepdims=True), axis=1)
    return np.asarray(filtered)


def _round_up(value: float) -> float:
    """Return the next of 1, 2, 5, 10, 20 ... at or above `value`."""
    if value <= 0:
        return 1.0
    decade = 10.0 ** np.floor(np.log10(value))
    return float(next(m * decade for m in (1.0, 2.0, 5.0, 10.0) if m * decade >= value))
