"""XDF, what LabRecorder writes, through pyxdf (the extra ``eegrig[recordings]``)."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eegrig.signal_sim.errors import RecordingError
from eegrig.signal_sim.events import Event
from eegrig.signal_sim.recordings.loaded import Loaded
from eegrig.signal_sim.recordings.overheard import overheard
from eegrig.signal_sim.recordings.stamps import TimeBase, break_in, time_base
from eegrig.signal_sim.recordings.undisturbed import undisturbed
from eegrig.signal_sim.recordings.units import volts_per_unit

if TYPE_CHECKING:
    from eegrig.signal_sim.stream import FloatArray

__all__ = ["load"]

_SAME_RATE = 2e-4
"""Rates that differ by less are one rate: oscillators are that far apart (assumed)."""

_OWN_DOING = "Segments and clock-segments differ"
"""pyxdf says so of every stream whose stamps it was asked to leave alone."""


def load(path: Path) -> Loaded:
    """Open the one EEG stream of an XDF file; its marker streams become events.

    The stamps are taken as they were recorded: pyxdf's smoothing would spread a gap over the whole
    recording, and move every marker. Channels without a unit are taken as microvolts, as the LSL
    meta-data convention has it.

    Raises
    ------
    RecordingError
        pyxdf is not installed or cannot read it, there is no EEG stream or more than one, or it
        has gaps.
    """
    try:
        with undisturbed():
            pyxdf: Any = import_module("pyxdf")
    except ModuleNotFoundError:
        msg = f"{path}: reading XDF needs pyxdf: install eegrig[recordings]"
        raise RecordingError(msg) from None

    def streams_of(*, synchronize: bool) -> tuple[Any, list[str]]:
        try:
            heard = overheard("pyxdf", "pyxdf", path.name, ignore=(_OWN_DOING,))
            with undisturbed(), path.open("rb") as file, heard as notes:
                streams, _ = pyxdf.load_xdf(
                    file,
                    synchronize_clocks=synchronize,
                    dejitter_timestamps=False,
                    verbose=False,
                )
        except Exception as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            msg = f"{path}: pyxdf cannot read it ({reason})"
            raise RecordingError(msg) from error
        return streams, notes

    streams, notes = streams_of(synchronize=False)
    stream = _eeg(path, streams)
    stamps_s = np.asarray(stream["time_stamps"], dtype=np.float64)
    samples = np.asarray(stream["time_series"], dtype=np.float64).T
    if stamps_s.size < 2:
        msg = f"{path}: the recording is empty"
        raise RecordingError(msg)
    broken = break_in(stamps_s)
    if broken is not None:
        at_s, by_s = broken
        what = "has a gap" if by_s > 0 else "has a clock that goes back"
        msg = (
            f"{path}: the recording {what} at {at_s:.3f} s, of {abs(by_s):.3g} s: "
            "export a continuous one"
        )
        raise RecordingError(msg)
    if any(len(s.get("clock_values", ())) for s in streams):
        # Streams of several computers: their clocks are brought together for the markers.
        streams, notes = streams_of(synchronize=True)
        stream = _eeg(path, streams)
        stamps_s = np.asarray(stream["time_stamps"], dtype=np.float64)
        if break_in(stamps_s) is not None:
            notes.append(f"{path.name}: the clocks' differences jump: markers may be off by that")
    base = time_base(stamps_s)
    rate_hz, remark = _rate_hz(stream, base)
    notes += [f"{path.name}: {remark}"] if remark else []
    labels, scales, unplayable = _channels(stream, samples.shape[0])
    rows = sorted(scales)

    def read(channel: int, first: int, last: int) -> FloatArray:
        return np.asarray(samples[rows[channel], first:last] * scales[rows[channel]])

    return Loaded(
        labels=tuple(labels[row] for row in rows),
        rates_hz=(rate_hz,) * len(rows),
        lengths=(samples.shape[1],) * len(rows),
        read=read,
        events=tuple(sorted(_markers(streams, stream, base, rate_hz))),
        unplayable=unplayable,
        notes=tuple(notes),
    )


def _eeg(path: Path, streams: Any) -> Any:
    """Return the one stream of samples of type EEG."""
    signals = [
        s
        for s in streams
        if s["info"]["type"][0].upper() == "EEG" and s["info"]["channel_format"][0] != "string"
    ]
    if len(signals) != 1:
        names = ", ".join(s["info"]["name"][0] for s in signals) or "none"
        msg = f"{path}: it must hold one stream of type EEG, and holds {len(signals)} ({names})"
        raise RecordingError(msg)
    return signals[0]


def _nominal_hz(stream: Any) -> float:
    return float(stream["info"]["nominal_srate"][0])


def _rate_hz(stream: Any, base: TimeBase) -> tuple[float, str]:
    """Return the rate to play at, and what there is to say about it."""
    nominal_hz = _nominal_hz(stream)
    real_hz = 1.0 / base.period_s
    if nominal_hz > 0 and abs(real_hz / nominal_hz - 1) <= max(_SAME_RATE, 5 * base.uncertainty):
        return nominal_hz, ""
    # As many digits as are known, so that it can be resampled.
    real_hz = float(f"{real_hz:.5g}")
    if not nominal_hz > 0:
        return real_hz, f"it names no rate; by its time stamps it is {real_hz:g} Hz"
    percent = 100 * (real_hz / nominal_hz - 1)
    return real_hz, (
        f"its time stamps say {real_hz:g} Hz, not the nominal {nominal_hz:g} Hz "
        f"({percent:+.2g} %): played at {real_hz:g} Hz"
    )


def _channels(stream: Any, n_channels: int) -> tuple[list[str], dict[int, float], dict[str, str]]:
    """Return a stream's labels, volts per unit by row, and why other channels give no volts."""
    desc = (stream["info"].get("desc") or [None])[0] or {}
    table = ((desc.get("channels") or [None])[0] or {}).get("channel") or []
    labels: list[str] = []
    scales: dict[int, float] = {}
    unplayable: dict[str, str] = {}
    for row in range(n_channels):
        about = table[row] if row < len(table) else {}
        labels.append((about.get("label") or [f"EEG{row + 1}"])[0] or f"EEG{row + 1}")
        unit = (about.get("unit") or ["microvolts"])[0] or "microvolts"
        volts = volts_per_unit(unit)
        if volts is None:
            unplayable[labels[-1]] = f"is in {unit!r}, which is no voltage"
        else:
            scales[row] = volts
    return labels, scales, unplayable


def _markers(streams: Any, signal: Any, base: TimeBase, rate_hz: float) -> list[Event]:
    """Return the markers at the samples they were set at, in seconds at the rate played."""
    events = []
    for stream in streams:
        if stream is signal or _nominal_hz(stream) != 0:
            continue
        for stamp_s, value in zip(stream["time_stamps"], stream["time_series"], strict=True):
            onset_s = (float(stamp_s) - base.start_s) / base.period_s / rate_hz
            if onset_s >= -0.5 * base.period_s:
                events.append(Event(max(0.0, onset_s), 0.0, str(value[0])))
    return events
