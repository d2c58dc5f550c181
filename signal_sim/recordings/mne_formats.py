"""BrainVision, EEGLAB and FIF through MNE-Python (the extra ``eegrig[recordings]``)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eegrig.signal_sim.errors import RecordingError
from eegrig.signal_sim.events import Event
from eegrig.signal_sim.recordings.loaded import Loaded
from eegrig.signal_sim.recordings.overheard import overheard
from eegrig.signal_sim.recordings.undisturbed import undisturbed
from eegrig.signal_sim.recordings.units import text, volts_per_unit

if TYPE_CHECKING:
    from eegrig.signal_sim.stream import FloatArray

__all__ = ["load_brainvision", "load_eeglab", "load_fif"]

_VOLTAGE_TYPES = ("eeg", "eog", "ecg", "emg", "bio", "ecog", "seeg", "dbs")
_GAPS = ("boundary", "new segment", "bad_acq_skip")
"""How the formats mark that recording stopped and went on."""


def load_brainvision(path: Path) -> Loaded:
    """Open a BrainVision header (``.vhdr``) with the files it names.

    Raises
    ------
    RecordingError
        MNE-Python is not installed or cannot read it, or it has gaps.
    """
    loaded = _load(path, "read_raw_brainvision", _brainvision_units(path))
    return _whole(path, loaded)


_SAMPLE_BYTES = {"INT_16": 2, "INT_32": 4, "IEEE_FLOAT_32": 4}


def _whole(path: Path, loaded: Loaded) -> Loaded:
    """Return it, with a note if its data end within a sample: nothing says how long they were.

    Raises
    ------
    RecordingError
        They do, and stand channel by channel: which sample is whose then, nobody knows.
    """
    header = text(path.read_bytes())

    def entry(name: str) -> str:
        found = re.search(rf"(?mi)^{name}=(.*)$", header)
        return found[1].strip() if found else ""

    data = path.with_name(entry("DataFile").replace("$b", path.stem))
    width = _SAMPLE_BYTES.get(entry("BinaryFormat").upper())
    channels = entry("NumberOfChannels")
    if width is None or not channels.isdecimal() or not data.is_file():
        return loaded
    if data.stat().st_size % (width * max(int(channels), 1)) == 0:
        return loaded
    if entry("DataOrientation").upper() == "VECTORIZED":
        msg = f"{path}: truncated: {data.name} ends within a sample; copy it again"
        raise RecordingError(msg)
    note = f"{path.name}: {data.name} ends within a sample: it may be cut off"
    return replace(loaded, notes=(*loaded.notes, note))


def load_eeglab(path: Path) -> Loaded:
    """Open a continuous EEGLAB ``.set`` file.

    Raises
    ------
    RecordingError
        MNE-Python, or what it needs for MATLAB 7.3 files, is not installed or cannot read it, or
        it has gaps or epochs.
    """
    with path.open("rb") as file:
        in_hdf5 = file.read(10) == b"MATLAB 7.3"
    if in_hdf5:
        try:
            import_module("pymatreader")
            import_module("h5py")
        except ModuleNotFoundError:
            msg = (
                f"{path}: reading a MATLAB 7.3 file needs MNE-Python, pymatreader and h5py: "
                "install eegrig[recordings]"
            )
            raise RecordingError(msg) from None
    return _load(path, "read_raw_eeglab")


def load_fif(path: Path) -> Loaded:
    """Open a raw FIF file.

    Raises
    ------
    RecordingError
        MNE-Python is not installed or cannot read it, or it has gaps or epochs.
    """
    return _load(path, "read_raw_fif")


def _brainvision_units(path: Path) -> dict[int, str]:
    """Return the unit of each channel of a BrainVision header, by index, where one is named."""
    lines = re.findall(r"(?mi)^Ch(\d+)=[^,]*,[^,]*,[^,]*,([^,\r\n]+)", text(path.read_bytes()))
    return {int(number) - 1: unit.strip() for number, unit in lines if unit.strip()}


def _load(path: Path, reader: str, units: Mapping[int, str] | None = None) -> Loaded:
    try:
        with undisturbed():
            mne: Any = import_module("mne")
            with overheard("MNE-Python", "mne", path.name) as notes:
                raw: Any = getattr(mne.io, reader)(path, preload=False, verbose="warning")
    except ModuleNotFoundError as error:
        if error.name not in (None, "mne"):
            msg = f"{path}: MNE-Python cannot read it without {error.name}: install that"
            raise RecordingError(msg) from None
        msg = f"{path}: reading {path.suffix} needs MNE-Python: install eegrig[recordings]"
        raise RecordingError(msg) from None
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        msg = f"{path}: MNE-Python cannot read it ({reason})"
        raise RecordingError(msg) from error
    # Annotations count from the start of the measurement, which a cropped file's samples do not.
    zero_s = float(raw.first_time) if raw.info["meas_date"] is not None else 0.0
    events: list[Event] = []
    for mark in raw.annotations:
        onset_s, what = float(mark["onset"]) - zero_s, str(mark["description"])
        plain = what.lower().rstrip("/ ")
        if onset_s > 0 and any(plain.endswith(gap) for gap in _GAPS):
            msg = f"{path}: the recording has a gap at {onset_s:g} s: export a continuous one"
            raise RecordingError(msg)
        events.append(Event(max(0.0, onset_s), float(mark["duration"]), what or "annotation"))
    scales, unplayable = _scales(raw, units or {})
    picks = sorted(scales)

    def read(channel: int, first: int, last: int) -> FloatArray:
        data = raw.get_data(picks=[picks[channel]], start=first, stop=last, verbose="error")
        return np.asarray(data[0] * scales[picks[channel]], dtype=np.float64)

    return Loaded(
        labels=tuple(raw.ch_names[i] for i in picks),
        rates_hz=(float(raw.info["sfreq"]),) * len(picks),
        lengths=(int(raw.n_times),) * len(picks),
        read=read,
        events=tuple(sorted(events)),
        unplayable=unplayable,
        notes=tuple(notes),
    )


def _scales(raw: Any, units: Mapping[int, str]) -> tuple[dict[int, float], dict[str, str]]:
    """Return what makes volts of each channel's data, by index, and why others give none.

    MNE-Python takes a BrainVision channel in a unit it does not know, be it only another spelling
    of microvolts, as something else than EEG, in that unit.
    """
    scales: dict[int, float] = {}
    unplayable: dict[str, str] = {}
    for row, kind in enumerate(raw.get_channel_types()):
        unit = units.get(row)
        volts = volts_per_unit(unit) if unit is not None else None
        if kind in _VOLTAGE_TYPES:
            scales[row] = 1.0
        elif kind == "misc" and volts is not None:
            scales[row] = volts
        else:
            unplayable[raw.ch_names[row]] = (
                f"is of the kind {kind!r}, which is no voltage"
                if unit is None
                else f"is in {unit!r}, which is no voltage"
            )
    return scales, unplayable
