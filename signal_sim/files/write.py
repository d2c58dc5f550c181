"""A source written to a file, with its ground truth beside it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eegrig.boards.places import check_place
from eegrig.boards.whole_file import whole_files
from eegrig.boards.wording import nearest
from eegrig.signal_sim.errors import SignalError
from eegrig.signal_sim.files.edf import EdfWriter, Scaling, header_value
from eegrig.signal_sim.files.npz import write_npz
from eegrig.signal_sim.stream import FloatArray, Source
from eegrig.signal_sim.truth import ground_truth

__all__ = ["FORMATS", "Written", "write"]

FORMATS = (".bdf", ".edf", ".npz")
"""What can be written, by the end of the file's name."""

_BLOCK = 65536
_BDF_HALF_UV = 187_500.0
"""Range of the 24-bit front end at gain 24, to either side: 0.0224 uV per code."""
_EDF_HALF_UV = 3276.7
"""0.1 uV per code, to either side of a channel's own offset."""


@dataclass(frozen=True)
class Written:
    """What was written.

    Attributes
    ----------
    path, truth_path : Path
        The signal and its ground truth.
    n_times : int
        Samples in the file.
    clipped : dict of str to int
        Samples that did not fit the file's range, by channel.
    """

    path: Path
    truth_path: Path
    n_times: int
    clipped: dict[str, int]


def write(
    source: Source,
    path: str | Path,
    seconds: float,
    *,
    name: str = "signal",
    progress: Callable[[float], None] | None = None,
) -> Written:
    """Write a stretch of a source to a file, from where the source stands.

    BDF has 0.0224 uV per code over +-187.5 mV; EDF has 0.1 uV per code over +-3.3 mV around each
    channel's offset, which stands in its physical range.

    Parameters
    ----------
    source : Source
        Read from its current position, which must be its beginning for the events to be right.
    path : path_like
        A ``.bdf``, ``.edf`` or ``.npz`` file; ``.truth.json`` is written beside it.
    seconds : float
        Length; EDF and BDF round it up to whole records.
    name : str
        What is played.
    progress : callable or None
        Called with the fraction done.

    Returns
    -------
    Written

    Raises
    ------
    SignalError
        Unknown format, or a length that is not positive.
    boards.errors.OutputError
        A place that cannot be written to. Nothing is left there then.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        msg = (
            f"{path}: cannot write {suffix or 'a file without an ending'}{nearest(suffix, FORMATS)}"
        )
        raise SignalError(msg)
    if not (np.isfinite(seconds) and seconds > 0):
        msg = f"{seconds} seconds: give a positive length"
        raise SignalError(msg)
    truth_path = path.with_suffix(".truth.json")
    for place in (path, truth_path):
        check_place(place)
    n_times = max(1, round(seconds * source.rate_hz))
    with whole_files(path, truth_path) as (new_signal, new_truth):
        if suffix == ".npz":
            truth = ground_truth(source, n_times, name=name)
            blocks = _blocks(source, n_times, _BLOCK, progress)
            write_npz(new_signal, source, n_times, blocks, truth)
            clipped: dict[str, int] = {}
        else:
            n_times, clipped = _write_edf(source, new_signal, suffix, n_times, progress)
            truth = ground_truth(source, n_times, name=name)
        truth["clipped"] = clipped
        new_truth.write_text(json.dumps(truth, indent=1) + "\n", encoding="utf-8")
    return Written(path, truth_path, n_times, clipped)


def _write_edf(
    source: Source,
    path: Path,
    suffix: str,
    n_times: int,
    progress: Callable[[float], None] | None,
) -> tuple[int, dict[str, int]]:
    start = source.state()
    scalings = _scalings(source, suffix)
    source.restore(start)
    with path.open("wb") as file:
        writer = EdfWriter(
            file,
            bits=24 if suffix == ".bdf" else 16,
            channels=source.channels,
            scalings=scalings,
            rate_hz=source.rate_hz,
            n_times=n_times,
            events=source.events(0.0, n_times / source.rate_hz),
            reference=str(getattr(getattr(source, "scene", None), "reference", "unknown")),
        )
        step = max(1, _BLOCK // writer.samples_per_record) * writer.samples_per_record
        for block in _blocks(source, writer.n_times, step, progress):
            writer.write(block)
    return writer.n_times, writer.clipped


def _scalings(source: Source, suffix: str) -> list[Scaling]:
    """Return the range of each channel, from its first second."""
    first = source.read(max(1, round(source.rate_hz)))
    found = []
    for row in first:
        if source.unit == "A":
            top = header_value(4.0 * float(row.max()) / 1e-9)
            found.append(Scaling("nA", 1e-9, 0.0, top))
        elif suffix == ".bdf":
            found.append(Scaling("uV", 1e-6, -_BDF_HALF_UV, _BDF_HALF_UV))
        else:
            centre_uv = round(float(np.median(row)) * 1e6)
            low, high = (
                header_value(centre_uv - _EDF_HALF_UV),
                header_value(centre_uv + _EDF_HALF_UV),
            )
            found.append(Scaling("uV", 1e-6, low, high))
    return found


def _blocks(
    source: Source, n_times: int, step: int, progress: Callable[[float], None] | None
) -> Iterator[FloatArray]:
    for at in range(0, n_times, step):
        yield source.read(min(step, n_times - at))
        if progress is not None:
            progress(min(1.0, (at + step) / n_times))
