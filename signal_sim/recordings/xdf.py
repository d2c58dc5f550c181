"""XDF, what LabRecorder writes, through pyxdf (the extra ``eegrig[recordings]``)."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from signal_sim.errors import RecordingError
from signal_sim.events import Event
from signal_sim.recordings.loaded import Loaded, volts_per_unit

if TYPE_CHECKING:
    from signal_sim.stream import FloatArray

__all__ = ["load"]

_LONGEST_STEP = 1.5
"""Steps between time stamps longer than this, in sample intervals, are a gap."""


def load(path: Path) -> Loaded:
    """Open the one EEG stream of an XDF file; its marker streams become events.

    Channels without a unit are taken as microvolts, as the LSL meta-data convention has it.

    Raises
    ------
    RecordingError
        pyxdf is not installed or cannot read it, there is no EEG stream or more than one, or it
        has gaps.
    """
    try:
        pyxdf: Any = import_module("pyxdf")
    except ModuleNotFoundError:
        msg = f"{path}: reading XDF needs pyxdf: install eegrig[recordings]"
        raise RecordingError(msg) from None
    try:
        with path.open("rb") as file:
            streams, _ = pyxdf.load_xdf(file, verbose=False)
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        msg = f"{path}: pyxdf cannot read it ({reason})"
        raise RecordingError(msg) from error
    signals = [s for s in streams if _rate_hz(s) > 0 and s["info"]["type"][0].upper() == "EEG"]
    if len(signals) != 1:
        names = ", ".join(s["info"]["name"][0] for s in signals) or "none"
        msg = f"{path}: it must hold one stream of type EEG, and holds {len(signals)} ({names})"
        raise RecordingError(msg)
    stream = signals[0]
    rate_hz = _rate_hz(stream)
    stamps_s = np.asarray(stream["time_stamps"], dtype=np.float64)
    samples = np.asarray(stream["time_series"], dtype=np.float64).T
    steps = np.diff(stamps_s) * rate_hz
    if steps.size and steps.max() > _LONGEST_STEP:
        at_s = stamps_s[int(np.argmax(steps))] - stamps_s[0]
        msg = f"{path}: the recording has a gap at {at_s:.3f} s: export a continuous one"
        raise RecordingError(msg)
    labels, scales = _channels(stream, samples.shape[0])
    rows = [row for row, scale in enumerate(scales) if scale is not None]

    def read(channel: int, first: int, last: int) -> FloatArray:
        scale = scales[rows[channel]]
        return np.asarray(samples[rows[channel], first:last] * (0.0 if scale is None else scale))

    return Loaded(
        labels=tuple(labels[row] for row in rows),
        rates_hz=(rate_hz,) * len(rows),
        lengths=(samples.shape[1],) * len(rows),
        read=read,
        events=tuple(sorted(_markers(streams, float(stamps_s[0]) if stamps_s.size else 0.0))),
    )


def _rate_hz(stream: Any) -> float:
    return float(stream["info"]["nominal_srate"][0])


def _channels(stream: Any, n_channels: int) -> tuple[list[str], list[float | None]]:
    """Return labels and volts per unit of a stream's channels; None where it is no voltage."""
    desc = (stream["info"].get("desc") or [None])[0] or {}
    table = ((desc.get("channels") or [None])[0] or {}).get("channel") or []
    labels, scales = [], []
    for row in range(n_channels):
        about = table[row] if row < len(table) else {}
        labels.append((about.get("label") or [f"EEG{row + 1}"])[0] or f"EEG{row + 1}")
        unit = (about.get("unit") or ["microvolts"])[0] or "microvolts"
        scales.append(volts_per_unit(unit))
    return labels, scales


def _markers(streams: Any, zero_s: float) -> list[Event]:
    events = []
    for stream in streams:
        if _rate_hz(stream) != 0:
            continue
        for stamp_s, value in zip(stream["time_stamps"], stream["time_series"], strict=True):
            onset_s = float(stamp_s) - zero_s
            if onset_s >= 0:
                events.append(Event(onset_s, 0.0, str(value[0])))
    return events
