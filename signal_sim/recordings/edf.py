"""EDF, EDF+, BDF and BDF+.

The layout is that of https://www.edfplus.info/specs/edf.html, of its EDF+ page, and of BioSemi's
24-bit variant (https://www.biosemi.com/faq/file_format.htm). Files found in the wild depart from
it: units in Latin-1, record counts of -1, EDF+ without time stamps. What is meant is read where it
is plain, and said in a note where it is a choice.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from eegrig.signal_sim.errors import RecordingError
from eegrig.signal_sim.events import Event
from eegrig.signal_sim.recordings.loaded import Loaded
from eegrig.signal_sim.recordings.units import text, volts_per_unit

if TYPE_CHECKING:
    from eegrig.signal_sim.stream import FloatArray

__all__ = ["load"]

_FIXED = 256
"""Bytes of the header's first part, and of what each signal adds."""
_ANNOTATIONS = ("EDF Annotations", "BDF Annotations")


@dataclass(frozen=True)
class _Signal:
    """One signal of a file; `first` is where its samples begin in a record."""

    label: str
    unit: str
    low: float
    high: float
    digital_low: float
    digital_high: float
    n_samples: int
    first: int

    @property
    def fault(self) -> str | None:
        """Why it gives no volts, if it gives none."""
        if volts_per_unit(self.unit) is None:
            return f"is in {self.unit!r}, which is no voltage"
        if self.high == self.low or not self.digital_high > self.digital_low:
            return "has no range to scale its samples by"
        return None if self.n_samples > 0 else "has no samples"


@dataclass(frozen=True)
class _Header:
    """What a file says of itself."""

    path: Path
    kind: str
    bytes_per_sample: int
    header_bytes: int
    n_records: int
    record_s: float
    signals: tuple[_Signal, ...]

    @property
    def plus(self) -> bool:
        """Whether it is EDF+ or BDF+."""
        return self.kind[3:4] == "+"

    @property
    def record_bytes(self) -> int:
        """Length of a record."""
        return sum(signal.n_samples for signal in self.signals) * self.bytes_per_sample

    @property
    def too_narrow(self) -> bool:
        """Whether signals are said to have values that samples of this width cannot hold."""
        # Twice as many: 16 bits are also written as 0 to 65535, and as -32768 to 32768.
        most = 2 ** (8 * self.bytes_per_sample)
        played = [s for s in self.signals if s.label not in _ANNOTATIONS]
        return any(max(abs(s.digital_low), abs(s.digital_high)) > most for s in played)


def load(path: Path) -> Loaded:
    """Open an EDF or BDF file: its first byte says which, whatever it is called.

    Raises
    ------
    RecordingError
        It is truncated, has gaps or is no EDF or BDF.
    """
    header = _header(path)
    n_records, notes = _count(header)
    width = header.bytes_per_sample
    shape = (n_records, header.record_bytes)
    data = (
        np.memmap(path, dtype=np.uint8, mode="r", offset=header.header_bytes, shape=shape)
        if n_records
        else np.zeros(shape, dtype=np.uint8)
    )
    stamps_s, events = _annotations(header, data)
    notes += _time_keeping(header, stamps_s)
    signals = [s for s in header.signals if s.fault is None and s.label not in _ANNOTATIONS]

    def read(channel: int, first: int, last: int) -> FloatArray:
        signal = signals[channel]
        n = signal.n_samples
        begin, end = first // n, -(-last // n)
        at = signal.first * width
        records = np.ascontiguousarray(data[begin:end, at : at + n * width])
        digital = _integers(records, width)[first - begin * n : last - begin * n]
        volts = volts_per_unit(signal.unit) or 0.0
        gain = (signal.high - signal.low) / (signal.digital_high - signal.digital_low)
        return np.asarray((digital - signal.digital_low) * (gain * volts) + signal.low * volts)

    return Loaded(
        labels=tuple(signal.label for signal in signals),
        rates_hz=tuple(signal.n_samples / header.record_s for signal in signals),
        lengths=tuple(signal.n_samples * n_records for signal in signals),
        read=read,
        events=tuple(sorted(events)),
        unplayable={
            signal.label: signal.fault
            for signal in header.signals
            if signal.fault is not None and signal.label not in _ANNOTATIONS
        },
        notes=tuple(notes),
    )


def _header(path: Path) -> _Header:
    with path.open("rb") as file:
        head = file.read(_FIXED)
        if len(head) < _FIXED:
            msg = f"{path}: truncated: {len(head)} bytes, an EDF or BDF header has at least 256"
            raise RecordingError(msg)
        try:
            n_signals = int(head[252:256])
            rest = file.read(_FIXED * max(n_signals, 0))
            header_bytes = int(head[184:192])
            record_s = _number(head[244:252])
            n_records = int(head[236:244].strip(b" \x00") or b"-1")
            if n_signals < 1 or header_bytes < _FIXED * (n_signals + 1):
                raise ValueError
            signals = _signals(rest, n_signals)
        except ValueError as error:
            msg = f"{path}: not an EDF or BDF file (its header has no numbers where they belong)"
            raise RecordingError(msg) from error
    bdf = head[0] == 0xFF
    kind = head[192:197].decode("latin-1") if head[195:196] == b"+" else "BDF" if bdf else "EDF"
    header = _Header(path, kind, 3 if bdf else 2, header_bytes, n_records, record_s, signals)
    if not record_s > 0 or not header.record_bytes:
        msg = f"{path}: its records have no duration or no samples: there is no signal in it"
        raise RecordingError(msg)
    if header.too_narrow:
        msg = (
            f"{path}: its first byte says {8 * header.bytes_per_sample}-bit samples, and its "
            "header has values that need more: if it is a BDF file, its first byte has to be 255"
        )
        raise RecordingError(msg)
    return header


def _signals(columns: bytes, n_signals: int) -> tuple[_Signal, ...]:
    """Return the signals of a header, whose fields stand column by column."""

    def field(before: int, width: int, row: int) -> bytes:
        at = n_signals * before + row * width
        return columns[at : at + width]

    found: list[_Signal] = []
    first = 0
    for row in range(n_signals):
        n_samples = int(field(216, 8, row))
        if n_samples < 0:
            raise ValueError
        label = text(field(0, 16, row))
        # The ranges of annotations mean nothing, and some writers leave them out.
        low, high, digital_low, digital_high = (
            0.0 if label in _ANNOTATIONS else _number(field(at, 8, row))
            for at in (104, 112, 120, 128)
        )
        unit = text(field(96, 8, row))
        found.append(_Signal(label, unit, low, high, digital_low, digital_high, n_samples, first))
        first += n_samples
    return tuple(found)


def _number(field: bytes) -> float:
    value = float(text(field).replace(",", "."))
    if not isfinite(value):
        raise ValueError
    return value


def _count(header: _Header) -> tuple[int, list[str]]:
    """Return how many records there are, held against the size of the file."""
    path, actual = header.path, header.path.stat().st_size
    there = max(0, actual - header.header_bytes) // header.record_bytes
    if header.n_records < 0 or (header.n_records == 0 and there):
        note = (
            f"{path.name} was not closed by its recorder: {there} records of {header.record_s:g} s "
            "by its size"
        )
        return there, [note]
    if there < header.n_records:
        expected = header.header_bytes + header.n_records * header.record_bytes
        msg = f"{path}: truncated: {actual} bytes of {expected}; copy it again or repair its header"
        raise RecordingError(msg)
    if there > header.n_records:
        more = there - header.n_records
        return header.n_records, [
            f"{path.name} holds {more} records more than its header says: they are not played"
        ]
    return there, []


def _integers(records: np.ndarray, width: int) -> FloatArray:
    if width == 2:
        return records.view("<i2").ravel().astype(np.float64)
    low, middle, high = records.reshape(-1, 3).T
    digital = low | middle.astype(np.int32) << 8 | high.view(np.int8).astype(np.int32) << 16
    return np.asarray(digital, dtype=np.float64)


def _annotations(header: _Header, data: np.ndarray) -> tuple[list[float], list[Event]]:
    r"""Return each record's time stamp, where it has one, and the events, from the first sample.

    Time-stamped annotation lists: ``+onset[\x15duration]\x14text\x14...\x00``; the first one
    of a record has an empty text and tells when the record begins.
    """
    stamps_s: list[float] = []
    events: list[Event] = []
    width = header.bytes_per_sample
    first_list = True
    for signal in header.signals:
        if signal.label not in _ANNOTATIONS:
            continue
        at = signal.first * width
        lists = np.ascontiguousarray(data[:, at : at + signal.n_samples * width])
        for record in lists:
            stamp_s = None
            for item in record.tobytes().split(b"\x00"):
                when, *texts = item.split(b"\x14")
                start, _, length = when.partition(b"\x15")
                try:
                    onset_s, duration_s = float(start), float(length or 0)
                except ValueError:
                    continue
                if not isfinite(onset_s):
                    continue
                if stamp_s is None and texts and not texts[0]:
                    stamp_s = onset_s
                    texts = texts[1:]
                # After the last text there is one more separator.
                events += [
                    Event(onset_s, max(0.0, duration_s), text(name), "marker")
                    for name in texts[:-1]
                    if name
                ]
            if first_list and stamp_s is not None:
                stamps_s.append(stamp_s)
        first_list = False
    zero_s = stamps_s[0] if stamps_s else 0.0
    moved = [Event(max(0.0, e.onset_s - zero_s), e.duration_s, e.name, e.kind) for e in events]
    return stamps_s, moved


def _time_keeping(header: _Header, stamps_s: list[float]) -> list[str]:
    """Return what has to be said about when the records began.

    Raises
    ------
    RecordingError
        The recording stopped and went on.
    """
    if not header.plus:
        return []
    name = header.path.name
    if len(stamps_s) < header.n_records or not stamps_s:
        return [
            f"{name} is {header.kind} without time stamps in its records: they are played one "
            "after the other, and what it notes may be missing"
        ]
    played = [s.n_samples for s in header.signals if s.label not in _ANNOTATIONS]
    shortest_s = header.record_s / max([1, *played])
    steps_s = np.diff(stamps_s) - header.record_s
    jumps = np.flatnonzero(np.abs(steps_s) > max(0.5 * shortest_s, 1e-3 * header.record_s))
    if not jumps.size:
        return []
    at_s = (int(jumps[0]) + 1) * header.record_s
    where = f"at {at_s:g} s by {steps_s[jumps[0]]:+g} s"
    if header.kind.endswith("D"):
        msg = (
            f"{header.path}: the recording has gaps ({header.kind}): {jumps.size}, the first "
            f"{where}: export it as a continuous file, with the gaps filled and annotated"
        )
        raise RecordingError(msg)
    return [f"the time stamps in {name} jump ({where}), though it says it is without gaps"]
