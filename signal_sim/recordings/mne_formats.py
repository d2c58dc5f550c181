"""BrainVision and EEGLAB through MNE-Python (the extra ``eegrig[recordings]``)."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from signal_sim.errors import RecordingError
from signal_sim.events import Event
from signal_sim.recordings.loaded import Loaded

if TYPE_CHECKING:
    from signal_sim.stream import FloatArray

__all__ = ["load_brainvision", "load_eeglab"]

_VOLTAGE_TYPES = ("eeg", "eog", "ecg", "emg", "bio", "ecog", "seeg", "dbs")
_GAPS = ("boundary", "new segment")
"""How the two formats mark that recording stopped and went on."""


def load_brainvision(path: Path) -> Loaded:
    """Open a BrainVision header (``.vhdr``) with the files it names.

    Raises
    ------
    RecordingError
        MNE-Python is not installed or cannot read it, or it has gaps.
    """
    return _load(path, "read_raw_brainvision")


def load_eeglab(path: Path) -> Loaded:
    """Open a continuous EEGLAB ``.set`` file.

    Raises
    ------
    RecordingError
        MNE-Python is not installed or cannot read it, or it has gaps or epochs.
    """
    return _load(path, "read_raw_eeglab")


def _load(path: Path, reader: str) -> Loaded:
    try:
        mne: Any = import_module("mne")
    except ModuleNotFoundError:
        msg = f"{path}: reading {path.suffix} needs MNE-Python: install eegrig[recordings]"
        raise RecordingError(msg) from None
    try:
        raw: Any = getattr(mne.io, reader)(path, preload=False, verbose="error")
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        msg = f"{path}: MNE-Python cannot read it ({reason})"
        raise RecordingError(msg) from error
    events: list[Event] = []
    for mark in raw.annotations:
        onset_s, text = float(mark["onset"]), str(mark["description"])
        plain = text.lower().rstrip("/ ")
        if onset_s > 0 and any(plain.endswith(gap) for gap in _GAPS):
            msg = f"{path}: the recording has a gap at {onset_s:g} s: export a continuous one"
            raise RecordingError(msg)
        events.append(Event(max(0.0, onset_s), float(mark["duration"]), text or "annotation"))
    picks = [i for i, kind in enumerate(raw.get_channel_types()) if kind in _VOLTAGE_TYPES]

    def read(channel: int, first: int, last: int) -> FloatArray:
        data = raw.get_data(picks=[picks[channel]], start=first, stop=last, verbose="error")
        return np.asarray(data[0], dtype=np.float64)

    return Loaded(
        labels=tuple(raw.ch_names[i] for i in picks),
        rates_hz=(float(raw.info["sfreq"]),) * len(picks),
        lengths=(int(raw.n_times),) * len(picks),
        read=read,
        events=tuple(sorted(events)),
    )
