"""EDF+ and BDF+ written record by record (https://www.edfplus.info/specs/edfplus.html).

edfio, which eegrig uses everywhere else, writes whole files only; a night would not fit the memory
a stream may take. The tests read these files back with edfio and MNE-Python.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, isfinite
from typing import BinaryIO

import numpy as np

from eegrig.signal_sim.errors import SignalError
from eegrig.signal_sim.events import Event
from eegrig.signal_sim.stream import FloatArray

__all__ = ["EdfWriter", "Scaling"]

_LONGEST_RECORD_S = 100


@dataclass(frozen=True)
class Scaling:
    """How a channel's samples become integers: the physical range of the file, in its unit."""

    unit: str
    per_unit: float
    low: float
    high: float


class EdfWriter:
    """An EDF+C or BDF+C file in the making.

    Parameters
    ----------
    file : BinaryIO
        Open for writing.
    bits : {16, 24}
        EDF or BDF.
    channels : sequence of str
        Labels.
    scalings : sequence of Scaling
        One for each channel.
    rate_hz : float
        Samples per second.
    n_times : int
        Samples that are wanted; the file holds whole records, so it may be a little longer.
    events : iterable of Event
        What becomes annotations.
    reference : str
        What the channels are measured against.

    Attributes
    ----------
    n_times : int
        Samples the file will hold.
    samples_per_record : int
        Samples of a record: `write` wants multiples of it.
    clipped : dict of str to int
        Samples outside the file's range, by channel.

    Raises
    ------
    SignalError
        A rate at which no record of at most 100 s holds whole samples.
    """

    def __init__(
        self,
        file: BinaryIO,
        *,
        bits: int,
        channels: Sequence[str],
        scalings: Sequence[Scaling],
        rate_hz: float,
        n_times: int,
        events: Iterable[Event],
        reference: str,
    ) -> None:
        rate = Fraction(rate_hz).limit_denominator(1_000_000)
        if rate.denominator > _LONGEST_RECORD_S:
            msg = f"{rate_hz:g} Hz does not fit EDF's records: use a rate such as {round(rate_hz)}"
            raise SignalError(msg)
        self.samples_per_record = rate.numerator
        self._record_s = rate.denominator
        self._n_records = ceil(n_times / self.samples_per_record)
        self.n_times = self._n_records * self.samples_per_record
        self.clipped: dict[str, int] = {}
        self._file = file
        self._bits = bits
        self._channels = tuple(channels)
        self._scalings = tuple(scalings)
        self._record = 0
        self._top = 2 ** (bits - 1) - 1
        self._annotations = self._by_record(events)
        width = bits // 8
        longest = max(len(text) for text in self._annotations)
        self._annotation_samples = ceil(longest / width)
        self._write_header(reference)

    def write(self, samples: FloatArray) -> None:
        """Append whole records of samples in volts (or amperes), shape (n_channels, n_times)."""
        n_records = samples.shape[1] // self.samples_per_record
        digital = np.empty(samples.shape, dtype="<i4")
        for row, scaling in enumerate(self._scalings):
            span = scaling.high - scaling.low
            middle = 0.5 * (scaling.high + scaling.low)
            # Codes -top ... top are the range; the lowest code of all stays unused.
            codes = (samples[row] / scaling.per_unit - middle) * (2 * self._top / span)
            outside = int(np.count_nonzero(np.abs(codes) > self._top + 0.5))
            if outside:
                name = self._channels[row]
                self.clipped[name] = self.clipped.get(name, 0) + outside
            digital[row] = np.clip(np.rint(codes), -self._top, self._top)
        records = digital.reshape(len(self._channels), n_records, self.samples_per_record)
        for record in range(n_records):
            self._file.write(self._packed(records[:, record]))
            text = self._annotations[self._record]
            self._file.write(text.ljust(self._annotation_samples * self._bits // 8, b"\x00"))
            self._record += 1

    def _packed(self, record: np.ndarray) -> bytes:
        if self._bits == 16:
            return record.astype("<i2").tobytes()
        # The low three of the four little-endian bytes.
        return record.reshape(-1).view(np.uint8).reshape(-1, 4)[:, :3].tobytes()

    def _by_record(self, events: Iterable[Event]) -> list[bytes]:
        """Return the time-stamped annotation lists (TAL) of each record."""
        lists: dict[int, list[bytes]] = defaultdict(list)
        for event in events:
            record = int(event.onset_s / self._record_s)
            if not 0 <= record < self._n_records:
                record = 0 if event.onset_s < 0 else self._n_records - 1
            length = b""
            if event.duration_s > 0 and isfinite(event.duration_s):
                length = f"\x15{event.duration_s:.6f}".encode()
            text = event.name.encode("utf-8", "replace")
            onset = f"+{max(event.onset_s, 0.0):.6f}".encode()
            lists[record].append(onset + length + b"\x14" + text + b"\x14\x00")
        return [
            f"+{k * self._record_s}".encode() + b"\x14\x14\x00" + b"".join(lists.get(k, []))
            for k in range(self._n_records)
        ]

    def _write_header(self, reference: str) -> None:
        kind = "BDF" if self._bits == 24 else "EDF"
        n_signals = len(self._channels) + 1
        version = b"\xffBIOSEMI" if kind == "BDF" else b"0       "
        head = [
            version,
            _field("X X X X", 80),
            _field("Startdate X X eegrig_sim simulated", 80),
            _field("01.01.85", 8),
            _field("00.00.00", 8),
            _field(str(256 * (n_signals + 1)), 8),
            _field(f"{kind}+C", 44),
            _field(str(self._n_records), 8),
            _field(str(self._record_s), 8),
            _field(str(n_signals), 4),
        ]
        top = str(self._top)
        columns: list[tuple[int, list[str]]] = [
            (16, [*self._channels, f"{kind} Annotations"]),
            (80, [*(["simulated electrode"] * len(self._channels)), ""]),
            (8, [*(s.unit for s in self._scalings), ""]),
            (8, [*(_number(s.low) for s in self._scalings), "-1"]),
            (8, [*(_number(s.high) for s in self._scalings), "1"]),
            (8, [*([f"-{top}"] * len(self._channels)), str(-self._top - 1)]),
            (8, [top] * n_signals),
            (80, [*([f"none, reference {reference}"[:80]] * len(self._channels)), ""]),
            (
                8,
                [
                    *([str(self.samples_per_record)] * len(self._channels)),
                    str(self._annotation_samples),
                ],
            ),
            (32, [""] * n_signals),
        ]
        head += [_field(value, width) for width, values in columns for value in values]
        self._file.write(b"".join(head))


def _field(text: str, width: int) -> bytes:
    data = text.encode("ascii", "replace")
    if len(data) > width:
        msg = f"{text!r} is too long for its {width} characters in an EDF header: shorten it"
        raise SignalError(msg)
    return data.ljust(width)


def _number(value: float) -> str:
    """Return a number in at most eight characters, exactly as the scaling uses it."""
    for digits in range(8, 0, -1):
        text = f"{value:.{digits}g}"
        if len(text) <= 8 and "e" not in text:
            return text
    return f"{round(value)}"


def header_value(value: float) -> float:
    """Return `value` as a header can hold it."""
    return float(_number(value))
