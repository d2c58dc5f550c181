"""A recording as a BDF+C file whose digital values are the front end's own codes."""

from __future__ import annotations

import datetime
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eegrig.boards.errors import ConfigError
from eegrig.boards.whole_file import write_whole

__all__ = ["Annotation", "HeaderRange", "header_range", "write_bdf"]

_LABEL_SIZE = 16
_FIELD_SIZE = 8
# How many codes at each rail may be given up to find an end that the header can state exactly.
_SPARE_CODES = 255
PADDING_TEXT = "BAD_PADDING"
"""What stands where the file's last record is longer than the recording."""
_TIME_DIGITS = 7  # a tenth of a microsecond
_RATE_ERROR = 0.2e-6
DEFAULT_START = datetime.datetime(1985, 1, 1)


@dataclass(frozen=True, slots=True)
class Annotation:
    """A time-stamped remark.

    Attributes
    ----------
    onset_s : float
        Seconds since the first sample.
    duration_s : float or None
    text : str
    """

    onset_s: float
    duration_s: float | None
    text: str


@dataclass(frozen=True, slots=True)
class HeaderRange:
    """Digital and physical ends of a signal, as a BDF header states them.

    Attributes
    ----------
    digital : tuple of int
        Lowest and highest code.
    physical_uv : tuple of float
        What they are in microvolts; each is exact in the header's eight characters.
    """

    digital: tuple[int, int]
    physical_uv: tuple[float, float]

    @property
    def lsb_v(self) -> float:
        """Volts per code, as a reader of the file computes it."""
        low, high = self.physical_uv
        return (high - low) / (self.digital[1] - self.digital[0]) * 1e-6


def header_range(lsb_fv: int, bits: int = 24) -> HeaderRange:
    """Return ends with which one code in the file is one code of the front end.

    Parameters
    ----------
    lsb_fv : int
        One code in femtovolts.
    bits : int
        Width of a code, at most 24.

    Returns
    -------
    HeaderRange

    Notes
    -----
    A header has eight characters for each physical end. Stating the rounded ends of all codes
    would shift every sample by up to two codes (187499.98 uV cannot be written). So each end moves
    inwards, by at most 255 codes, to the voltage closest to a number of eight characters: within
    half a code for any LSB, a tenth for those of an ADS1299 at 4.5 V. Given up are 2^-15 of the
    range at the rails, where the front end saturates.
    """
    half = 1 << (bits - 1)
    spare = min(_SPARE_CODES, half // 256)
    low = min(range(-half, -half + spare + 1), key=lambda code: _rounding_fv(code, lsb_fv))
    high = min(range(half - 1, half - 2 - spare, -1), key=lambda code: _rounding_fv(code, lsb_fv))
    return HeaderRange((low, high), (_stated_uv(low, lsb_fv), _stated_uv(high, lsb_fv)))


def _stated_uv(code: int, lsb_fv: int) -> float:
    """Return the voltage of a code as eight characters can say it."""
    uv = code * lsb_fv / 1e9
    whole = len(f"{int(uv):d}") + (uv < 0 and int(uv) == 0)
    return round(uv, max(0, _FIELD_SIZE - 1 - whole))


def _rounding_fv(code: int, lsb_fv: int) -> float:
    return abs(_stated_uv(code, lsb_fv) * 1e9 - code * lsb_fv)


def write_bdf(
    path: Path,
    codes: NDArray[np.int32],
    *,
    labels: Sequence[str],
    rate_sps: float,
    lsb_fv: int,
    equipment: str,
    dimension: str = "uV",
    annotations: Sequence[Annotation] = (),
    additional: Sequence[str] = (),
    patient: str = "X",
    start: datetime.datetime = DEFAULT_START,
) -> None:
    """Write a BDF+C file; the same arguments give the same bytes.

    Parameters
    ----------
    path : Path
    codes : ndarray of int32, shape (n_channels, n_times)
        The front end's codes.
    labels : sequence of str
        Channel names, written as they are.
    rate_sps : float
        Need not be a whole number: a record's duration, which states it, has six decimals, so a
        reader finds it within 1 ppm.
    lsb_fv : int
        One code in femtovolts (or 1e-15 of whatever `dimension` is a millionth of).
    equipment : str
        What it was recorded with, for the header.
    dimension : str
        Unit of the physical values, for the header.
    annotations : sequence of Annotation
    additional : sequence of str
        More for the header's recording field.
    patient : str
        Code of the person, for the header.
    start : datetime
        When the first sample was taken, to the microsecond.

    Raises
    ------
    ConfigError
        If the recording is empty, or a name does not fit the format.

    Notes
    -----
    What the last record is longer than the recording is filled with the last sample and marked
    ``BAD_PADDING``: nothing was lost there.
    """
    # Imported here: it costs as much as a whole command line that does not record.
    from edfio import Bdf, BdfSignal, EdfAnnotation, Patient, Recording

    n_times = codes.shape[1]
    if n_times == 0:
        raise ConfigError(f"{path}: a recording without samples cannot be written")
    ends = header_range(lsb_fv)
    notes = list(annotations)
    n_record, record_s = _record(n_times, rate_sps)
    rate_sps = n_record / record_s
    rest = -n_times % n_record
    if rest:
        codes = np.pad(codes, ((0, 0), (0, rest)), mode="edge")
        notes.append(Annotation(n_times / rate_sps, rest / rate_sps, PADDING_TEXT))
    notes.sort(key=lambda note: note.onset_s)
    try:
        signals = [
            BdfSignal.from_digital(
                np.clip(row, *ends.digital).astype(np.int32),
                rate_sps,
                label=check_label(label),
                physical_dimension=dimension,
                physical_range=ends.physical_uv,
                digital_range=ends.digital,
            )
            for label, row in zip(labels, codes, strict=True)
        ]
        file = Bdf(
            signals,
            patient=Patient(code=_subfield(patient)),
            recording=Recording(
                startdate=start.date(),
                equipment_code=_subfield(equipment),
                additional=[_subfield(text) for text in additional],
            ),
            starttime=start.time(),
            data_record_duration=record_s,
            annotations=[
                EdfAnnotation(round(n.onset_s, _TIME_DIGITS), _seconds(n.duration_s), _text(n.text))
                for n in notes
            ],
        )
    except ValueError as error:
        raise ConfigError(f"{path}: {error}") from error
    written = io.BytesIO()
    file.write(written)
    write_whole(path, _exactly_timed(written.getvalue(), start.microsecond))


def _text(text: str) -> str:
    """Return an annotation without the control characters that end one in the file."""
    return "".join(char if char.isprintable() else " " for char in text)


def _seconds(duration_s: float | None) -> float | None:
    return None if duration_s is None else round(duration_s, _TIME_DIGITS)


def _record(n_times: int, rate_sps: float) -> tuple[int, float]:
    """Return samples and seconds of a record: little padding first, then the rate as it is.

    A duration below 10 s has six decimals in the header's eight characters. Of records that do
    equally, the one nearest to a second is taken.
    """
    counts = range(max(1, math.ceil(rate_sps / 2)), max(1, math.floor(2 * rate_sps)) + 1)

    def fault(count: int) -> tuple[int, bool, float, float]:
        seconds = round(count / rate_sps, 6)
        error = abs(count / seconds / rate_sps - 1) if seconds else math.inf
        return -n_times % count, error > _RATE_ERROR, abs(seconds - 1), error

    best = min(counts, key=fault)
    return best, round(best / rate_sps, 6)


def _exactly_timed(file: bytes, microsecond: int) -> bytearray:
    """Return a BDF+C file whose records begin at the times that they have, digit by digit.

    edfio writes the time of record k as a product of floats ("3.2644719999999996" for 3.264472),
    and a reader that compares decimals, as edfio itself does, finds gaps between such records. The
    exact number is never the longer one: it gets zeros at its end.
    """
    fixed = bytearray(file)
    n_header, n_records, n_signals = int(file[184:192]), int(file[236:244]), int(file[252:256])
    duration = Decimal(file[244:252].decode().strip())
    counts_at = 256 + 216 * n_signals
    sizes = [3 * int(file[counts_at + 8 * i : counts_at + 8 * i + 8]) for i in range(n_signals)]
    at = n_header + sum(sizes[:-1])  # the annotations come last
    for k in range(n_records):
        end = fixed.index(b"\x14", at)
        exact = f"{k * duration + Decimal(microsecond).scaleb(-6):+.6f}"
        while len(exact) > end - at and exact[-1] in "0.":
            exact = exact[:-1]
        fixed[at:end] = exact.ljust(end - at, "0").encode()
        at += sum(sizes)
    return fixed


def check_label(label: str) -> str:
    """Return a channel name that fits a BDF header.

    Raises
    ------
    ConfigError
        If it does not.
    """
    if not label or len(label) > _LABEL_SIZE or not label.isascii() or not label.isprintable():
        raise ConfigError(
            f"channel name {label!r} cannot be written to a BDF file: "
            f"1 to {_LABEL_SIZE} ASCII characters"
        )
    return label


def _subfield(text: str) -> str:
    """Return text as a subfield of the header: no spaces, ASCII, "X" for nothing."""
    return "_".join(text.encode("ascii", "replace").decode().split()) or "X"
