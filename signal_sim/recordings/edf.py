"""EDF, EDF+, BDF and BDF+ through edfio."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from signal_sim.errors import RecordingError
from signal_sim.events import Event
from signal_sim.recordings.loaded import Loaded, volts_per_unit

if TYPE_CHECKING:
    from signal_sim.stream import FloatArray

__all__ = ["load"]


def load(path: Path) -> Loaded:
    """Open an EDF or BDF file.

    Raises
    ------
    RecordingError
        It is truncated, has gaps (EDF+D, BDF+D) or is no EDF or BDF.
    """
    import edfio

    _check_length(path)
    try:
        if path.suffix.lower() == ".bdf":
            file: Any = edfio.read_bdf(path)
        else:
            file = edfio.read_edf(path)
        annotations = file.annotations
    except (ValueError, OSError, IndexError, KeyError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        msg = f"{path}: not a readable EDF or BDF file ({reason})"
        raise RecordingError(msg) from error
    scale = [volts_per_unit(signal.physical_dimension) for signal in file.signals]
    signals = [(signal, volts) for signal, volts in zip(file.signals, scale, strict=True) if volts]

    def read(channel: int, first: int, last: int) -> FloatArray:
        signal, volts = signals[channel]
        digital = np.asarray(signal.digital)[first:last].astype(np.float64)
        low, high = signal.physical_range
        dig_low, dig_high = signal.digital_range
        gain = (high - low) / (dig_high - dig_low)
        return np.asarray((digital - dig_low) * (gain * volts) + low * volts, dtype=np.float64)

    return Loaded(
        labels=tuple(signal.label for signal, _ in signals),
        rates_hz=tuple(float(signal.sampling_frequency) for signal, _ in signals),
        lengths=tuple(
            signal.samples_per_data_record * file.num_data_records for signal, _ in signals
        ),
        read=read,
        events=tuple(
            Event(max(0.0, a.onset), a.duration or 0.0, a.text or "annotation", "marker")
            for a in annotations
        ),
    )


def _check_length(path: Path) -> None:
    """Hold the size of the file against what its header says.

    The header of EDF and BDF is ASCII in fixed columns (www.edfplus.info/specs/edf.html): bytes
    184-191 its own length, 192-235 ``EDF+C``/``EDF+D``, 236-243 records, 252-255 signals; then
    per signal, the samples in a record in the eight-byte fields after 216 bytes each.
    """
    data = _head(path, 256)
    if len(data) < 256:
        msg = f"{path}: truncated: {len(data)} bytes, an EDF or BDF header has at least 256"
        raise RecordingError(msg)
    if data[192:197] in (b"EDF+D", b"BDF+D"):
        msg = (
            f"{path}: the recording has gaps ({data[192:197].decode()}): "
            "export it as a continuous file, with the gaps filled and annotated"
        )
        raise RecordingError(msg)
    try:
        header_bytes = int(data[184:192])
        records = int(data[236:244])
        signals = int(data[252:256])
        fields = _head(path, header_bytes)[256 + 216 * signals : 256 + 224 * signals]
        samples = sum(int(fields[8 * i : 8 * i + 8]) for i in range(signals))
    except ValueError as error:
        msg = f"{path}: not an EDF or BDF file (its header has no numbers where they belong)"
        raise RecordingError(msg) from error
    width = 3 if data[0] == 0xFF else 2
    expected = header_bytes + records * samples * width
    actual = path.stat().st_size
    if records < 0 or actual < expected:
        msg = f"{path}: truncated: {actual} bytes of {expected}; copy it again or repair its header"
        raise RecordingError(msg)


def _head(path: Path, n_bytes: int) -> bytes:
    with path.open("rb") as file:
        return file.read(n_bytes)
